import { randomFillSync } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type HomeNetwork, startHomeNetwork } from '../../electron/home-network/index.ts';
import { FilePeer } from '../harness/file-peer.ts';
import { LargePeer } from '../harness/large-peer.ts';
import { SocketMember } from '../harness/socket-member.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { Capture, captureHindrance } from '../harness/tshark.ts';
import { Wire } from '../harness/wire.ts';

const hindrance = captureHindrance();
const DOMAIN = 'parley.example';
const INVITE = 'sip.Method=="INVITE" && sip.Accept-Contact contains "oma.cpm.filetransfer" && !sip.to.tag';
const PATIENCE = 20_000;
const SIZE = 50_000;

describe.skipIf(hindrance !== null)('a file into a group that talks, as tshark sees it', () => {
  const folder = temporaryFolder();
  let network: HomeNetwork;
  let wire: Wire;
  /** identity of the group */
  let identity: string;
  /** display filters: what left for the devices that take files, and what came from the one that sends */
  let [bob, carol, mallory] = ['', '', ''];
  let toCarol: string;

  beforeAll(async () => {
    const capture = await Capture.start(join(folder, 'wire.pcapng'));
    const members = ['mallory', 'bob', 'carol'];
    network = await startHomeNetwork({
      ...{ host: '127.0.0.1', port: 0, domain: DOMAIN },
      users: members.map((user) => ({ user, password: `${user}-secret`, displayName: user })),
      groups: [
        { name: 'club', members },
        { name: 'readers', members, refusesFiles: true },
      ],
    });
    const accountOf = (user: string) => network.accounts.find((each) => each.user === user) as HomeNetwork['accounts'][number];
    // the devices in the groups are not those that do files
    const [club, readers, listener] = [
      await SocketMember.register(network, 'mallory'),
      await SocketMember.register(network, 'mallory'),
      await SocketMember.register(network, 'bob'),
    ];
    for (const each of [club, readers]) each.accepts = false;
    await club.join(`sip:club@${DOMAIN}`);
    identity = club.group ?? '';
    await listener.joined;
    listener.accepts = false;
    await readers.join(`sip:readers@${DOMAIN}`);

    const sender = await FilePeer.start(accountOf('mallory'));
    const taker = await LargePeer.start(accountOf('bob'), ['filetransfer']);
    // a device that takes texts in message/cpim alone
    const texts = await LargePeer.start(accountOf('carol'), ['filetransfer']);
    const { send, invite } = sender.offer(identity, { name: 'plan.png', size: SIZE, type: 'image/png' });
    await send(randomFillSync(Buffer.alloc(SIZE)));
    await invite.end();
    const asks = (peer: LargePeer) =>
      peer.sip.next((message) => message.kind === 'request' && message.method === 'INVITE' && isFile(message.headers), PATIENCE);
    const [toTaker, toTexts] = [await asks(taker), await asks(texts)];
    if (toTaker.kind !== 'request' || toTexts.kind !== 'request') throw new Error('no INVITE');
    taker.accept(toTaker, {});
    const answer = texts.accept(toTexts, {}, [], 'a=accept-types:message/cpim');
    toCarol = `tcp.dstport==${/^m=message (\d+)/m.exec(answer)?.[1]}`;
    for (const peer of [taker, texts]) peer.sip.answer(await peer.sip.request('BYE', PATIENCE), 200, 'OK');
    await sender.offer(readers.group ?? '', { name: 'refused.bin', size: SIZE }).invite.answer;

    [bob, carol] = [taker, texts].map(({ sip }) => `tcp.dstport==${sip.socket.localPort}`) as [string, string];
    mallory = `tcp.dstport==${network.address.port}`;
    await sender.close();
    for (const peer of [taker, texts]) await peer.vanish();
    for (const member of [club, readers, listener]) await member.close();
    wire = await Wire.from(capture, network.address.port);
  }, 120_000);
  afterAll(() => network?.close());

  test('R-CF-01: a file that is sent to the identity of a group is offered to each participant by an INVITE with the file tag', async () => {
    expect(await wire.signalling(`${mallory} && ${INVITE}`, 'sip.r-uri')).toContainEqual([identity]);
    for (const each of [bob, carol]) {
      const rows = await wire.signalling(`${each} && ${INVITE} && sip.Contact contains "isfocus"`, 'sip.contact.user', 'sip.from.user');
      expect(rows).toEqual([[/^sip:([^@]+)@/.exec(identity)?.[1], 'mallory']]);
      expect(await wire.count(`${each} && ${INVITE} && sdp.media_attr contains "file-selector:"`)).toBe(1);
    }
  });

  test('R-CF-02: who does not list the type is sent none of it', async () => {
    expect(await wire.count(`${carol} && sip.Method=="BYE"`)).toBe(1);
    expect(await wire.packets(`msrp.method=="SEND" && msrp.content.type && ${toCarol}`, 'frame.number')).toEqual([]);
  });

  test('R-CF-03: no INVITE of the focus has a list of recipients', async () => {
    for (const each of [bob, carol]) expect(await wire.count(`${each} && ${INVITE} && sip contains "resource-lists"`)).toBe(0);
  });

  test('R-CF-04 R-CF-05: a group that takes no files answers 403, and says that the function is not allowed', async () => {
    const refused = `tcp.srcport==${network.address.port} && sip.Status-Code==403 && sip.CSeq.method=="INVITE"`;
    expect(await wire.count(`${refused} && sip.Warning contains "122 Function not allowed"`)).toBe(1);
  });

  test('no packet is malformed', async () => {
    expect(await wire.malformed()).toBe(0);
  });
});

function isFile(headers: readonly { readonly name: string; readonly value: string }[]): boolean {
  return headers.some(({ name, value }) => name === 'Accept-Contact' && value.includes('filetransfer'));
}
