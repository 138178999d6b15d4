import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { createMsrpEngine } from '../../../electron/msrp/engine.ts';
import type { MessageSink, MsrpSession } from '../../../electron/msrp/port.ts';
import { fromUtf8 } from '../../../shared/base/bytes.ts';
import { decodeCpim } from '../../../shared/protocol/cpim/cpim.ts';
import { decodeImdn } from '../../../shared/protocol/imdn/imdn.ts';
import { header, type SipRequest, type SipResponse } from '../../../shared/protocol/sip/message.ts';
import type { SipPeer } from '../../harness/sip-peer.ts';
import { headerOf, sipExample } from '../../vectors/example.ts';
import { FT } from './call.ts';
import { IN_MEMORY, registered, start } from './start.ts';

const FACTORY = 'sip:conference-factory@home1.example';
const CLUB = 'sip:climbing-club@home1.example';
const groups = [{ name: 'climbing-club', members: ['alice', 'bob', 'carol'] }];
const at = (user: string) => `sip:${user}@home1.example`;
const SIZE = 2000;
const OCTETS = new Uint8Array(SIZE).map((_, index) => index * 7);
const engines: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const engine of engines.splice(0)) await engine.close();
});

/** Somebody's end for octets. */
async function msrpEnd(sink: Partial<MessageSink> = {}): Promise<MsrpSession> {
  const engine = createMsrpEngine();
  engines.push(engine);
  await engine.listen({ host: '127.0.0.1', port: 0 });
  const whole: MessageSink = { write: () => undefined, complete: () => undefined, abort: () => undefined, ...sink };
  return engine.createSession({ onMessage: () => whole, onClosed: () => undefined });
}
const portOf = ({ localUri }: MsrpSession) => /:(\d+)\//.exec(localUri)?.[1];
const pathIn = (message: SipRequest | SipResponse) => /^a=path:(\S+)/m.exec(fromUtf8(message.body))?.[1] as string;

/** The octets of F18-04, but for where its sender is and where Bob is at home. */
function listInvite(alice: SipPeer, session: MsrpSession): SipRequest {
  const example = sipExample('F18-04.sip');
  const body = fromUtf8(example.body)
    .replace('bob@home2.example', 'bob@home1.example')
    .replace('m=message 30072', `m=message ${portOf(session)}`)
    .replace(/a=path:\S+/, `a=path:${session.localUri}`);
  const names = ['Accept-Contact', 'P-Preferred-Service', 'Conversation-ID', 'Contribution-ID', 'Require', 'Content-Type'];
  const kept = names.map((name) => [name, headerOf(example, name)] as const);
  return alice.build('INVITE', FACTORY, { headers: [['Contact', `<${alice.contactUri}>`], ...kept], body });
}

const CPIM = [
  ...['From: <sip:alice@home1.example>', `To: <${CLUB}>`, 'NS: imdn <urn:ietf:params:imdn>', 'imdn.Message-ID: f1'],
  ...['imdn.Disposition-Notification: positive-delivery, negative-delivery', '', 'Content-Type: text/plain', '', ''],
].join('\r\n');

function groupInvite(alice: SipPeer, session: MsrpSession, direction = 'sendonly', extra = ''): SipRequest {
  const sdp = [
    ...['v=0', 'o=alice 1 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0', `m=message ${portOf(session)} TCP/MSRP *`],
    ...[`a=${direction}`, 'a=accept-types:message/cpim image/png', `a=path:${session.localUri}`, 'a=setup:actpass'],
    ...[`a=file-selector:name:"plan.png" type:image/png size:${SIZE}`, 'a=file-transfer-id:Wk9N6fcrE0N05Nq2q5orHVaoCrr5l8PR', extra],
  ];
  const parts = ['--b', 'Content-Type: application/sdp', '', ...sdp.filter((line) => line !== ''), '', '--b'];
  return alice.build('INVITE', CLUB, {
    headers: [
      ['Contact', `<${alice.contactUri}>`],
      ['Accept-Contact', FT],
      ['Content-Type', 'multipart/mixed;boundary=b'],
    ],
    body: [...parts, 'Content-Type: message/cpim', '', CPIM, '--b--'].join('\r\n'),
  });
}

/** Alice's INVITE is taken: octets can flow. */
async function uploading(alice: SipPeer, session: MsrpSession, invite: SipRequest): Promise<SipResponse> {
  alice.send(invite);
  const ok = await alice.final(invite);
  expect(ok.status).toBe(200);
  alice.send(alice.inDialog(invite, ok, 'ACK', 1));
  await session.connect({ role: 'active', remotePath: [pathIn(ok)] });
  return ok;
}
const upload = (session: MsrpSession) => session.send({ contentType: 'image/png', source: OCTETS, successReport: true });

/** What the sender is told of those who have not got it. */
async function failures(alice: SipPeer, count: number): Promise<string[]> {
  const found: string[] = [];
  while (found.length < count) {
    const request = await alice.request('MESSAGE', 5_000);
    alice.answer(request, 200, 'OK');
    const { status, messageId, recipientUri } = decodeImdn(decodeCpim(request.body).content);
    found.push(`${recipientUri} ${messageId} ${status}`);
  }
  return found.sort();
}

describe('a file to several', () => {
  it('R-CF-01 R-CF-03: is taken once, as in F18-04, and goes to each by an INVITE of its own without the list', async () => {
    const network = await start();
    const [alice, bob, carol] = (await Promise.all(['alice', 'bob', 'carol'].map((user) => registered(network, user)))) as [
      SipPeer,
      SipPeer,
      SipPeer,
    ];
    const own = await msrpEnd();
    const invite = listInvite(alice, own);
    const ok = await uploading(alice, own, invite);
    expect(header(ok, 'Contact')).toMatch(/^<sip:cpm-conf-[\w.-]+@127\.0\.0\.1:\d+;transport=tcp>;isfocus;.*oma\.cpm\.filetransfer/);
    const answer = fromUtf8(ok.body);
    const selector = /^a=file-selector:.*$/m.exec(fromUtf8(invite.body))?.[0] as string;
    for (const line of [selector, 'a=recvonly', 'a=file-transfer-id:VQdA6xwmDsoErWoLr77RO0sbdpRQOK4t', 'a=setup:passive'])
      expect(answer).toContain(line.trim());
    await upload(own);
    alice.send(alice.inDialog(invite, ok, 'BYE', 2));

    for (const [user, peer] of [['bob', bob] as const, ['carol', carol] as const]) {
      const got = await peer.request('INVITE');
      const text = fromUtf8(got.body);
      expect([header(got, 'To'), header(got, 'Require'), header(got, 'Content-Type')]).toEqual([`<${at(user)}>`, null, 'application/sdp']);
      expect(header(got, 'P-Asserted-Identity')).toContain(at('alice'));
      expect(header(got, 'Contact')).toBe(header(ok, 'Contact'));
      expect(header(got, 'Contribution-ID')).toBe('f6c661ff-4d9b-4c00-aaf2-723118b5c573');
      expect(text).not.toMatch(/resource-lists|carol|bob/);
      for (const line of [selector, 'a=sendonly', 'a=file-disposition:render', 'a=accept-wrapped-types:*', 'a=setup:actpass'])
        expect(text).toContain(line.trim());
      const octets = new Uint8Array(SIZE);
      const end = await msrpEnd({ write: (offset, part) => octets.set(part, offset) });
      void end.connect({ role: 'passive', remotePath: [pathIn(got)] }).catch(() => undefined);
      answerWith(peer, got, end, ['a=accept-types:image/png']);
      peer.answer(await peer.request('BYE', 5_000), 200, 'OK');
      expect(octets).toEqual(OCTETS);
    }
  });

  function answerWith(peer: SipPeer, got: SipRequest, end: MsrpSession, lines: readonly string[]): void {
    const body = [
      ...['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0', `m=message ${portOf(end)} TCP/MSRP *`, 'a=recvonly'],
      ...[...lines, `a=path:${end.localUri}`, 'a=setup:passive', ''],
    ].join('\r\n');
    peer.answer(got, 200, 'OK', {
      headers: [
        ['Contact', `<${peer.contactUri}>`],
        ['Content-Type', 'application/sdp'],
      ],
      body,
    });
  }

  it.each([
    ['that keeps nothing', {}],
    ['that keeps what waits', { databases: IN_MEMORY }],
  ])(
    'R-CF-02: who does not take its type gets none of it, who declines neither, and its sender hears of both, from a network %s',
    async (_, options) => {
      const network = await start({ groups, ...options });
      const [alice, bob, carol] = (await Promise.all(['alice', 'bob', 'carol'].map((user) => registered(network, user)))) as [
        SipPeer,
        SipPeer,
        SipPeer,
      ];
      const own = await msrpEnd();
      await uploading(alice, own, groupInvite(alice, own));
      await upload(own);
      let isSent = false;
      const write = (): void => {
        isSent = true;
      };
      const end = await msrpEnd({ write });
      const got = await bob.request('INVITE');
      expect(header(got, 'To')).toBe(`<${CLUB}>`);
      answerWith(bob, got, end, ['a=accept-types:text/plain', 'a=accept-wrapped-types:text/plain']);
      bob.answer(await bob.request('BYE', 5_000), 200, 'OK');
      carol.answer(await carol.request('INVITE'), 603, 'Decline');
      expect(await failures(alice, 2)).toEqual([`${at('bob')} f1 failed`, `${at('carol')} f1 failed`]);
      expect(isSent).toBe(false);
    },
  );

  it('who is not there is told of at once, by what the head of a large message asks for', async () => {
    const network = await start({ groups });
    const alice = await registered(network, 'alice', '+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.msg"');
    const own = await msrpEnd();
    const invite = groupInvite(alice, own);
    const large = {
      ...invite,
      headers: invite.headers.map((field) =>
        field.name === 'Accept-Contact' ? { ...field, value: FT.replace('filetransfer', 'largemsg') } : field,
      ),
    };
    await uploading(alice, own, large);
    const source = new TextEncoder().encode(`${CPIM}${'long '.repeat(5000)}`);
    await own.send({ contentType: 'message/cpim', source, successReport: true });
    expect(await failures(alice, 2)).toEqual([`${at('bob')} f1 failed`, `${at('carol')} f1 failed`]);
  });

  it.each(['#', 'BYE', 'a lost connection'])('what its sender does not bring to its end reaches nobody: %s', async (how) => {
    const network = await start({ groups });
    const [alice, bob] = (await Promise.all(['alice', 'bob'].map((user) => registered(network, user)))) as [SipPeer, SipPeer];
    const own = await msrpEnd();
    const invite = groupInvite(alice, own);
    const ok = await uploading(alice, own, invite);
    const abort = new AbortController();
    let given = 0;
    const source = {
      size: SIZE,
      open: () => undefined,
      take: () => (given++ === 0 ? OCTETS.subarray(0, 500) : null),
      release: () => undefined,
      close: () => undefined,
    };
    const sending = own.send({ contentType: 'image/png', source, successReport: true, signal: abort.signal }).catch(() => undefined);
    await wait(200);
    if (how === '#') abort.abort();
    else if (how === 'BYE') alice.send(alice.inDialog(invite, ok, 'BYE', 2));
    else for (const engine of engines.splice(0)) await engine.close();
    await sending;
    if (how === 'a lost connection') await alice.request('BYE', 5_000);
    await wait(300);
    expect(bob.inbox).toEqual([]);
  });

  it.each([
    [488, 'a file that is asked for', 'recvonly', '', {}],
    [488, 'a part of a file', 'sendonly', 'a=file-range:1001-2000', {}],
    [403, 'more than the network carries', 'sendonly', '', { media: { maxFileSize: SIZE - 1 } }],
    [503, 'no room on the disk', 'sendonly', '', { bounds: { spoolOctets: SIZE - 1 } }],
    [503, 'no room for a session', 'sendonly', '', { bounds: { mediaSessions: 0 } }],
  ] as const)('%i to %s', async (status, _, direction, extra, options) => {
    const network = await start({ groups, ...options });
    const alice = await registered(network, 'alice');
    const invite = groupInvite(alice, await msrpEnd(), direction, extra);
    alice.send(invite);
    expect((await alice.final(invite)).status).toBe(status);
  });
});
