import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fromUtf8 } from '../../shared/base/bytes.ts';
import { killDeferral } from '../harness/deferral-kills.ts';
import { DeferralSender } from '../harness/deferral-sender.ts';
import { NetworkProcess } from '../harness/network-process.ts';
import { SipPeer } from '../harness/sip-peer.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';

const KILLS = 8;
const folder = temporaryFolder();

/** `npm run bench -- deferral-kills` does it 200 times */
test(`R-PF-23 the home network is killed ${KILLS} times while it defers and delivers texts and files: nothing that it accepted is lost or shown twice`, async () => {
  const killed = await killDeferral(folder, { kills: KILLS, seed: 5 });
  console.log(`${killed.accepted} accepted, ${killed.repeated} repeated after a kill, ${killed.interrupted} kills under way`);
  expect(killed).toMatchObject({ kills: KILLS, lost: 0, missing: [], shownTwice: 0, repeatedAlive: 0, left: [], quickCheck: 'ok' });
  expect(killed.large).toBeGreaterThan(0);
  expect(killed.files).toBeGreaterThan(0);
  expect(killed.interrupted).toBeGreaterThan(0);
}, 180_000);

test('R-PF-23 what goes to a group is on disk for who has a device, too: killed after its sender was answered and before he was, the network brings it later', async () => {
  const args = ['--users', 'ann,ben', '--password', 'secret', '--group', 'club=ann,ben', '--data', join(folder, 'group')];
  const peer = async ({ announced }: NetworkProcess, user: string): Promise<SipPeer> => {
    const account = announced.accounts.find((each) => each.user === user);
    if (account === undefined) throw new Error(`no account ${user}`);
    const connected = await SipPeer.connect(announced.address, account);
    await connected.register();
    return connected;
  };
  const first = await NetworkProcess.start(args);
  const [ann, ben] = [await peer(first, 'ann'), await peer(first, 'ben')];
  const sender = await DeferralSender.start(ann, 'sip:club@parley.example');
  await sender.send({ id: 'm1', kind: 'pager', text: 'the minutes', octets: Buffer.alloc(0) });
  await sender.send({ id: 'f1', kind: 'file', text: 'plan.bin', octets: Buffer.alloc(2_000, 'plan ') });
  expect(fromUtf8((await ben.request('MESSAGE')).body)).toContain('the minutes');
  expect(fromUtf8((await ben.request('INVITE')).body)).toContain('plan.bin');
  await first.kill();
  for (const end of [sender, ann, ben]) await end.close();

  const second = await NetworkProcess.start(args);
  const again = await peer(second, 'ben');
  const message = await again.request('MESSAGE', 15_000);
  expect(fromUtf8(message.body)).toContain('the minutes');
  again.answer(message, 200, 'OK');
  expect(fromUtf8((await again.request('INVITE', 15_000)).body)).toContain('plan.bin');
  await again.close();
  await second.stop();
}, 60_000);
