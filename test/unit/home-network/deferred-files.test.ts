import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import type { HomeNetwork } from '../../../electron/home-network/index.ts';
import { fromUtf8 } from '../../../shared/base/bytes.ts';
import { encodeCpim } from '../../../shared/protocol/cpim/cpim.ts';
import { makeCpim } from '../../../shared/protocol/cpim/cpim-message.ts';
import { encodeImdn, IMDN_TYPE } from '../../../shared/protocol/imdn/imdn.ts';
import { DeferralSender, type Sent } from '../../harness/deferral-sender.ts';
import type { SipPeer } from '../../harness/sip-peer.ts';
import { BOB } from './call.ts';
import { IN_MEMORY, registered, start } from './start.ts';

const senders: DeferralSender[] = [];
afterEach(async () => {
  for (const sender of senders.splice(0)) await sender.close();
});

const FILE: Sent = { id: 'f1', kind: 'file', text: 'ridge.bin', octets: Buffer.alloc(5_000, 'ridge ') };

/** Alice has sent it, and the network has taken it. */
async function kept(home: HomeNetwork): Promise<SipPeer> {
  const alice = await registered(home, 'alice');
  const sender = await DeferralSender.start(alice, BOB);
  senders.push(sender);
  await sender.send(FILE);
  return alice;
}

it('R-PF-12 a file of which its recipient says that he has it, after a kill that kept the network from writing it down, is not offered again', async () => {
  const home = await start({ databases: IN_MEMORY });
  const alice = await kept(home);
  const bob = await registered(home, 'bob');
  const invite = await bob.request('INVITE');
  const about = { messageId: FILE.id, dateTime: '2026-11-20T10:00:00.000Z', recipientUri: BOB, originalRecipientUri: BOB };
  const notice = makeCpim({
    ...{ from: BOB, to: 'sip:alice@home1.example', dateTime: '2026-11-20T10:00:01.000Z', imdnMessageId: 'n1' },
    ...{ contentType: IMDN_TYPE, contentDisposition: 'notification' },
    content: encodeImdn({ ...about, disposition: 'delivery', status: 'delivered' }),
  });
  const told = bob.ask('MESSAGE', 'sip:alice@home1.example', {
    headers: [['Content-Type', 'message/cpim']],
    body: fromUtf8(encodeCpim(notice)),
  });
  alice.answer(await alice.request('MESSAGE'), 200, 'OK');
  expect((await told).status).toBe(200);
  bob.answer(invite, 480, 'Already here');
  await bob.register();
  await wait(100);
  expect(bob.inbox.filter((message) => message.kind === 'request' && message.method === 'INVITE')).toEqual([]);
});
