import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type HomeNetwork, startHomeNetwork } from '../../electron/home-network/index.ts';
import { createMsrpEngine } from '../../electron/msrp/engine.ts';
import type { MessageSink, MsrpSession } from '../../electron/msrp/port.ts';
import { fromUtf8 } from '../../shared/base/bytes.ts';
import { encodeCpim } from '../../shared/protocol/cpim/cpim.ts';
import { makeCpim } from '../../shared/protocol/cpim/cpim-message.ts';
import { encodeImdn, IMDN_TYPE } from '../../shared/protocol/imdn/imdn.ts';
import type { SipRequest, SipResponse } from '../../shared/protocol/sip/message.ts';
import { networkDatabases } from '../harness/network-databases.ts';
import { SipPeer } from '../harness/sip-peer.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { Capture, captureHindrance } from '../harness/tshark.ts';
import { Wire } from '../harness/wire.ts';

const hindrance = captureHindrance();
const BOB = 'sip:bob@home1.example';
const ALICE = 'sip:alice@home1.example';
const DELIVERED = fromUtf8(
  encodeCpim(
    makeCpim({
      ...{ from: BOB, to: ALICE, dateTime: '2026-11-20T10:00:01.000Z', imdnMessageId: 'n1' },
      ...{ contentType: IMDN_TYPE, contentDisposition: 'notification' },
      content: encodeImdn({
        ...{ messageId: 'f1', dateTime: '2026-11-20T10:00:00.000Z', recipientUri: BOB, originalRecipientUri: BOB },
        ...{ disposition: 'delivery', status: 'delivered' },
      }),
    }),
  ),
);
const FT = '*;+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.filetransfer";require;explicit';
const SIZE = 1_000_000;
/** octets after which Bob's device disappears */
const CUT = 300_000;
const OCTETS = randomBytes(SIZE);
const HASH = createHash('sha1')
  .update(OCTETS)
  .digest('hex')
  .toUpperCase()
  .replace(/..(?=.)/g, '$&:');

describe.skipIf(hindrance !== null)('what the network pushes as tshark sees it', () => {
  const folder = temporaryFolder();
  const closing: (() => Promise<unknown>)[] = [];
  let network: HomeNetwork;
  let wire: Wire;
  let bob: SipPeer;
  const file = Buffer.alloc(SIZE);

  beforeAll(async () => {
    const capture = await Capture.start(join(folder, 'wire.pcapng'));
    network = await startHomeNetwork({
      ...{ host: '127.0.0.1', port: 0, domain: 'home1.example', databases: networkDatabases(join(folder, 'network')) },
      policy: { forbiddenWords: ['contraband'] },
      users: ['alice', 'bob'].map((user) => ({ user, password: 'secret', displayName: '' })),
    });
    closing.push(() => network.close());
    const alice = await peer('alice');
    await alice.register();
    expect((await alice.ask('MESSAGE', BOB, { body: 'one', headers: [['Content-Type', 'text/plain']] })).status).toBe(202);
    await upload(alice);
    expect((await alice.ask('MESSAGE', BOB, { body: 'contraband', headers: [['Content-Type', 'text/plain']] })).status).toBe(403);
    await alice.close();

    bob = await peer('bob');
    await bob.register();
    bob.answer(await bob.request('MESSAGE'), 200, 'OK');
    const first = await bob.request('INVITE');
    let gone: () => void = () => undefined;
    const isGone = new Promise<void>((resolve) => {
      gone = resolve;
    });
    const end = await msrpEnd({
      write: (offset, octets) => {
        file.set(octets, offset);
        if (offset + octets.length > CUT) gone();
      },
    });
    accept(bob, first, end.session);
    await isGone;
    await end.close();
    bob.answer(await bob.request('BYE', 10_000), 200, 'OK');

    await bob.register();
    const second = await bob.request('INVITE');
    const start = Number(/a=file-range:(\d+)-/.exec(fromUtf8(second.body))?.[1]) - 1;
    const rest = await msrpEnd({ write: (offset, octets) => file.set(octets, start + offset) });
    accept(bob, second, rest.session);
    bob.answer(await bob.request('BYE', 10_000), 200, 'OK');

    // she has gone: what he tells her of it waits
    expect((await bob.ask('MESSAGE', ALICE, { body: DELIVERED, headers: [['Content-Type', 'message/cpim']] })).status).toBe(202);
    const later = await peer('alice');
    await later.register();
    later.answer(await later.request('MESSAGE', 10_000), 200, 'OK');
    wire = await Wire.from(capture, network.address.port);
  }, 120_000);
  afterAll(async () => {
    for (const close of closing.reverse()) await close();
  });

  async function peer(user: string): Promise<SipPeer> {
    const account = network.accounts.find((each) => each.user === user);
    if (account === undefined) throw new Error(`no account ${user}`);
    const connected = await SipPeer.connect(network.address, account);
    closing.push(() => connected.close());
    return connected;
  }

  async function msrpEnd(sink: Partial<MessageSink> = {}): Promise<{ readonly session: MsrpSession; close(): Promise<void> }> {
    const engine = createMsrpEngine();
    closing.push(() => engine.close());
    await engine.listen({ host: '127.0.0.1', port: 0 });
    const whole: MessageSink = { write: () => undefined, complete: () => undefined, abort: () => undefined, ...sink };
    return { session: engine.createSession({ onMessage: () => whole, onClosed: () => undefined }), close: () => engine.close() };
  }

  const pathIn = ({ body }: SipRequest | SipResponse) => /^a=path:(\S+)/m.exec(fromUtf8(body))?.[1] as string;
  const description = ({ localUri }: MsrpSession, lines: readonly string[]) =>
    [
      ...['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0'],
      ...[`m=message ${/:(\d+)\//.exec(localUri)?.[1]} TCP/MSRP *`, 'a=accept-types:*', `a=path:${localUri}`, ...lines, ''],
    ].join('\r\n');

  async function upload(alice: SipPeer): Promise<void> {
    const own = await msrpEnd();
    const selector = `a=file-selector:name:"walk.mp4" type:video/mp4 size:${SIZE} hash:sha-1:${HASH}`;
    const invite = alice.build('INVITE', BOB, {
      headers: [
        ['Contact', `<${alice.contactUri}>`],
        ['Accept-Contact', FT],
        ['Contribution-ID', 'c-1'],
        ['Content-Type', 'application/sdp'],
      ],
      body: description(own.session, ['a=sendonly', 'a=setup:actpass', selector, 'a=file-transfer-id:Wk9N6fcrE0N05Nq2q5orHVaoCrr5l8PR']),
    });
    alice.send(invite);
    const ok = await alice.final(invite);
    alice.send(alice.inDialog(invite, ok, 'ACK', 1));
    await own.session.connect({ role: 'active', remotePath: [pathIn(ok)] });
    await own.session.send({ contentType: 'video/mp4', source: OCTETS, successReport: true });
    alice.send(alice.inDialog(invite, ok, 'BYE', 2));
  }

  function accept(device: SipPeer, invite: SipRequest, session: MsrpSession): void {
    void session.connect({ role: 'passive', remotePath: [pathIn(invite)] }).catch(() => undefined);
    device.answer(invite, 200, 'OK', {
      headers: [
        ['Contact', `<${device.contactUri}>`],
        ['Content-Type', 'application/sdp'],
      ],
      body: description(session, ['a=recvonly', 'a=setup:passive']),
    });
  }

  test('R-PF-25: a message is delivered with the deferred tag', async () => {
    expect(await wire.count('sip.Method=="MESSAGE" && sip.Accept-Contact contains "oma.cpm.deferred" && sip.to.user=="bob"')).toBe(1);
  });

  test('R-AD-07 R-PF-33: the delivery of a file goes on after what had arrived, at the device that had accepted it', async () => {
    const resumed = 'sip.Method=="INVITE" && sdp.media_attr matches "file-range:[2-9]"';
    expect(await wire.count(`${resumed} && sip.Accept-Contact contains "${bob.instance}"`)).toBe(1);
    // of the MSRP that was cut off the last packet is no whole message
    expect(await wire.count('_ws.malformed || _ws.expert.severity == "error"')).toBe(0);
    expect(file.equals(OCTETS)).toBe(true);
  });

  test('R-PF-32 R-PF-13 R-AD-05 R-V20-20: the network invites his device to the file that it keeps, once he has signed in', async () => {
    const [connection] = (await wire.connectionsOf('bob')) as [number];
    const signedIn = await wire.first(`${wire.from(connection)} && sip.Method=="REGISTER"`);
    const [taken] = await wire.frames('sip.Method=="INVITE" && sip.r-uri.user=="bob"');
    const offered = await wire.frames(
      `${wire.to(connection)} && sip.Method=="INVITE" && sip.Accept-Contact contains "oma.cpm.filetransfer" && sip.P-Asserted-Identity contains "alice@home1.example"`,
    );
    // what she had sent before is offered, and what had not arrived once more
    expect(offered).toHaveLength(2);
    expect(Number(taken)).toBeLessThan(signedIn);
    expect(offered.every((frame) => frame > signedIn)).toBe(true);
    expect(await wire.count('sdp.media_attr contains "file-selector:name:\\"walk.mp4\\"" && sip.Method=="INVITE"')).toBe(3);
    expect(file.equals(OCTETS)).toBe(true);
  });

  test('R-PF-06: what the operator does not let through is refused with 403, and goes no further', async () => {
    expect(await wire.count('sip.Method=="MESSAGE" && sip contains "contraband"')).toBe(1);
    expect(await wire.count('sip.Status-Code==403 && sip.CSeq.method=="MESSAGE"')).toBe(1);
  });

  test('R-PF-15: the delivery notification for somebody who has gone is answered 202, and comes after her next sign-in', async () => {
    const [first, second] = (await wire.connectionsOf('alice')) as [number, number];
    const about = 'sip.Method=="MESSAGE" && sip contains "<delivered/>"';
    const [sent, came, ...others] = await wire.frames(about);
    expect(others).toEqual([]);
    expect(await wire.count(`${wire.to(first)} && ${about}`)).toBe(0);
    expect(await wire.frames(`${wire.to(second)} && ${about}`)).toEqual([came]);
    const signedIn = await wire.first(`${wire.from(second)} && sip.Method=="REGISTER"`);
    expect([Number(sent) < signedIn, Number(came) > signedIn]).toEqual([true, true]);
    // of the text, and of the notification
    expect(await wire.count('sip.Status-Code==202 && sip.CSeq.method=="MESSAGE"')).toBe(2);
  });
});
