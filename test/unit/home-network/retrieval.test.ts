import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createMsrpEngine } from '../../../electron/msrp/engine.ts';
import type { MsrpSession } from '../../../electron/msrp/port.ts';
import { fromUtf8 } from '../../../shared/base/bytes.ts';
import { decodeDeferredInfo } from '../../../shared/protocol/deferred-info/deferred-info.ts';
import { type DeferredChoice, encodeDeferredRequest } from '../../../shared/protocol/lists/deferred-request.ts';
import { header, type SipRequest, type SipResponse } from '../../../shared/protocol/sip/message.ts';
import { cpimOf, FakeDeferral } from '../../harness/fake-deferral.ts';
import type { SipPeer } from '../../harness/sip-peer.ts';
import { exampleOctets, headerOf, sipExample } from '../../vectors/example.ts';
import { cancelOf } from './call.ts';
import { registered, start } from './start.ts';

const PSI = 'sip:CPMDeferredMsgHndlg@home1.example';
const COMPLETED = 'SIP;cause=200;text="Call completed"';
const engines: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const engine of engines.splice(0)) await engine.close();
});

async function network() {
  const deferral = new FakeDeferral();
  const network = await start({ deferral });
  return { deferral, network, alice: await registered(network, 'alice') };
}

interface End {
  readonly session: MsrpSession;
  /** what came, in its order */
  readonly texts: string[];
}

/** The client's end for octets. @param refuse texts that it does not take */
async function msrpEnd(refuse: (text: string) => boolean = () => false): Promise<End> {
  const engine = createMsrpEngine();
  engines.push(engine);
  await engine.listen({ host: '127.0.0.1', port: 0 });
  const texts: string[] = [];
  const session = engine.createSession({
    onMessage: () => {
      const parts: Buffer[] = [];
      return {
        write: (_, octets) => void parts.push(Buffer.from(octets)),
        complete: () => {
          const text = Buffer.concat(parts).toString();
          if (refuse(text)) throw new Error('not taken');
          texts.push(text.slice(text.lastIndexOf('\r\n') + 2));
        },
        abort: () => undefined,
      };
    },
    onClosed: () => undefined,
  });
  return { session, texts };
}

const portOf = ({ localUri }: MsrpSession) => /:(\d+)\//.exec(localUri)?.[1];
const pathIn = (message: SipRequest | SipResponse) => /^a=path:(\S+)/m.exec(fromUtf8(message.body))?.[1] as string;

/** F20-14 without choices, else F20-01 with them, but for where its device is. */
function invitation(
  peer: SipPeer,
  end: End | null,
  choices: readonly DeferredChoice[] | string | null,
  change = (body: string) => body,
): SipRequest {
  const example = sipExample(choices === null ? 'F20-14.sip' : 'F20-01.sip');
  let body = fromUtf8(example.body);
  if (end !== null)
    body = body.replace(/m=message \d+/, `m=message ${portOf(end.session)}`).replace(/a=path:\S+/, `a=path:${end.session.localUri}`);
  body = body.replaceAll('192.0.2.10', '127.0.0.1').replace(/Content-Length: \d+\r\n/, '');
  if (choices !== null && typeof choices !== 'string') {
    body = body.replace(/<\?xml[\s\S]*<\/resource-lists>\r\n/, fromUtf8(encodeDeferredRequest(choices)));
  } else if (choices !== null) body = body.replace(/<\?xml[\s\S]*<\/resource-lists>\r\n/, choices);
  const names = [
    'Accept-Contact',
    'Supported',
    'Session-Expires',
    'Allow',
    'User-Agent',
    ...(choices === null ? [] : ['Require']),
    'Content-Type',
  ];
  return peer.build('INVITE', PSI, {
    headers: [
      ['Contact', `<${peer.contactUri}>;+sip.instance="<${peer.instance}>"`],
      ...names.map((name) => [name, headerOf(example, name)] as const),
    ],
    body: change(body),
  });
}

/** INVITE, 200, ACK, octets, BYE: what came. */
async function fetched(peer: SipPeer, choices: readonly DeferredChoice[] | null, end?: End) {
  const own = end ?? (await msrpEnd());
  const invite = invitation(peer, own, choices);
  peer.send(invite);
  const ok = await peer.final(invite);
  if (ok.status !== 200) return { ok, texts: own.texts, bye: null };
  peer.send(peer.inDialog(invite, ok, 'ACK', 1));
  // where there is nothing to bring, BYE may be there first
  await own.session.connect({ role: 'active', remotePath: [pathIn(ok)] }).catch(() => undefined);
  const bye = await peer.request('BYE', 10_000);
  peer.answer(bye, 200, 'OK');
  return { ok, texts: own.texts, bye: header(bye, 'Reason') };
}

const choice = (uri: string, action: DeferredChoice['action'] = 'deliver'): DeferredChoice => ({ uri, action });

describe('fetching what waits', () => {
  it('R-DEF-22 R-PF1-07: F20 as it is written: one action each, two messages over MSRP, BYE', async () => {
    const { deferral, alice } = await network();
    const waiting = decodeDeferredInfo(sipExample('F19-03.sip').body).items;
    const texts = ['Call me when you are back.', 'Second survey, long text. '.repeat(120).trim()];
    const items = waiting.map(({ uri, kind, from, sent }, at) =>
      deferral.add('alice', {
        uri,
        kind: kind === 'file' ? 'large' : kind,
        from,
        sentAt: sent as number,
        imdnId: `id-${at}`,
        text: texts[at] ?? 'x',
      }),
    );
    const invite = invitation(alice, null, exampleList());
    alice.send(invite);
    const ok = await alice.final(invite);
    const expected = sipExample('F20-02.sip');
    for (const name of ['Require', 'Session-Expires', 'Supported']) expect(header(ok, name)).toBe(headerOf(expected, name));
    expect(header(ok, 'Contact')).toMatch(
      /^<sip:[^>]+;transport=tcp>;\+g\.3gpp\.icsi-ref="urn%3Aurn-7%3A3gpp-service\.ims\.icsi\.oma\.cpm\.deferred"$/,
    );
    expect(shape(fromUtf8(ok.body))).toBe(shape(fromUtf8(expected.body)));
    alice.send(alice.inDialog(invite, ok, 'ACK', 1));

    const [ours, theirs] = ['msrp://192.0.2.10:30080/MF4yWUv37wIpcjWJIn7t;tcp'.replace('192.0.2.10', '127.0.0.1'), pathIn(ok)];
    const plain = new PlainMsrp(ours, theirs);
    await plain.open();
    const first = await plain.next();
    expect(first.replace(/^MSRP \S+ SEND/, 'MSRP x SEND').replace(/\r\nMessage-ID: \S+/, '')).toBe(
      [
        ...['MSRP x SEND', `To-Path: ${ours}`, `From-Path: ${theirs}`],
        `Byte-Range: 1-${cpimOf({ ...items[0], text: texts[0] } as never).length}/${cpimOf({ ...items[0], text: texts[0] } as never).length}`,
        // the answer to the SEND says that it is there (F20-07), so no report beside it
        ...[
          'Success-Report: no',
          'Failure-Report: yes',
          'Content-Type: message/cpim',
          '',
          cpimOf({ ...items[0], text: texts[0] } as never),
          '',
        ],
      ].join('\r\n'),
    );
    expect(first).toContain('DateTime: 2026-03-01T18:02:11.000Z\r\n');
    expect(first).toContain('From: <sip:bob@home2.example>\r\n');
    expect(await plain.next()).toContain(texts[1]);
    const bye = await alice.request('BYE');
    alice.answer(bye, 200, 'OK');
    const last = sipExample('F20-12.sip');
    expect([bye.uri, header(bye, 'Reason'), header(bye, 'CSeq')]).toEqual([
      alice.contactUri,
      headerOf(last, 'Reason'),
      headerOf(last, 'CSeq'),
    ]);
    // interwork and store have nowhere to go in this network: both stay
    expect(deferral.settled.sort()).toEqual(['1 delivered', '2 delivered', '3 deleted']);
    expect([...deferral.items.keys()].sort()).toEqual([4, 5]);
    expect([...deferral.claims]).toEqual([]);
    plain.close();
  });

  it('R-DEF-03: everything, in its order, where the INVITE has no list', async () => {
    const { deferral, alice } = await network();
    for (let count = 0; count < 300; count++)
      deferral.add('alice', count % 50 === 7 ? { text: `${count} ${'long '.repeat(9_000)}` } : { text: `${count}` });
    const other = deferral.add('bob');
    const { texts, bye } = await fetched(alice, null);
    expect(texts.map((text) => Number.parseInt(text, 10))).toEqual([...Array(300).keys()]);
    expect(bye).toBe(COMPLETED);
    expect(deferral.settled).toHaveLength(300);
    expect([...deferral.items.keys()]).toEqual([other.id]);
    const { ok, bye: again } = await fetched(alice, null);
    expect([ok.status, again]).toEqual([200, COMPLETED]);
  });

  it('what is not there any more is left out and counted; where nothing is left it is 404', async () => {
    const { deferral, alice } = await network();
    const { uri } = deferral.add('alice');
    const bobs = deferral.add('bob');
    const { ok, texts } = await fetched(alice, [choice('sip:dm-gone@home1.example'), choice(uri), choice(bobs.uri, 'delete')]);
    expect(texts).toEqual(['text 1']);
    expect(header(ok, 'Warning')).toBe('399 home1.example "2 of these messages do not wait any more"');
    expect(deferral.settled).toEqual(['1 delivered']);
    expect((await fetched(alice, [choice(uri, 'delete')])).ok.status).toBe(404);
    expect([...deferral.items.keys()]).toEqual([bobs.id]);
  });

  it('an item that two devices ask for at once goes to one of them', async () => {
    const { deferral, network: home, alice } = await network();
    const phone = await registered(home, 'alice');
    const uris = Array.from({ length: 40 }, () => deferral.add('alice').uri);
    const both = await Promise.all(
      [alice, phone].map((peer) =>
        fetched(
          peer,
          uris.map((uri) => choice(uri)),
        ),
      ),
    );
    const all = both.flatMap(({ texts }) => texts);
    expect(all).toHaveLength(40);
    expect(new Set(all).size).toBe(40);
    expect(both.map(({ ok }) => ok.status).every((status) => status === 200 || status === 404)).toBe(true);
  });

  it('what is cut off in the middle waits again, and comes with the next session', async () => {
    const { deferral, alice } = await network();
    for (let count = 0; count < 500; count++) deferral.add('alice');
    let left = 100;
    const end: End = await msrpEnd(() => {
      left -= 1;
      if (left === 0) void end.session.close(true);
      return false;
    });
    const { texts, bye } = await fetched(alice, null, end);
    expect(bye).toMatch(/^SIP;cause=480/);
    await expect.poll(() => deferral.claims.size).toBe(0);
    expect(deferral.items.size).toBeGreaterThanOrEqual(400);
    const rest = await fetched(alice, null);
    expect(new Set([...texts, ...rest.texts]).size).toBe(500);
    expect(deferral.items.size).toBe(0);
  });

  it('BYE of the client ends it, and what it has not taken waits again', async () => {
    const { deferral, alice } = await network();
    deferral.add('alice');
    const end = await msrpEnd();
    const invite = invitation(alice, end, null);
    alice.send(invite);
    const ok = await alice.final(invite);
    alice.send(alice.inDialog(invite, ok, 'ACK', 1));
    expect(deferral.claims.size).toBe(1);
    const bye = alice.inDialog(invite, ok, 'BYE', 2);
    alice.send(bye);
    expect((await alice.final(bye)).status).toBe(200);
    await expect.poll(() => deferral.claims.size).toBe(0);
    expect(deferral.items.size).toBe(1);
  });

  it('a message that is refused stays, and the next ones come', async () => {
    const { deferral, alice } = await network();
    for (const text of ['one', 'two', 'three']) deferral.add('alice', { text });
    const { texts, bye } = await fetched(alice, null, await msrpEnd((text) => text.endsWith('two')));
    expect([texts, bye]).toEqual([['one', 'three'], COMPLETED]);
    expect([...deferral.items.keys()]).toEqual([2]);
    expect(deferral.claims.size).toBe(0);
  });

  it('files are handed over to be sent by an INVITE of their own to the device that asked', async () => {
    const { deferral, alice } = await network();
    const file = deferral.add('alice', { kind: 'file' });
    const { texts } = await fetched(alice, [choice(file.uri)]);
    expect(texts).toEqual([]);
    expect(deferral.files.map(({ id, device }) => [id, device.instance])).toEqual([[file.id, alice.instance]]);
  });

  it('ten thousand at once are deleted; one more is refused', async () => {
    const { deferral, alice } = await network();
    const uris = Array.from({ length: 10_000 }, () => deferral.add('alice').uri);
    const { ok } = await fetched(
      alice,
      uris.map((uri) => choice(uri, 'delete')),
    );
    expect(ok.status).toBe(200);
    expect(deferral.items.size).toBe(0);
    const { ok: refused } = await fetched(
      alice,
      [...uris, 'sip:x@h'].map((uri) => choice(uri, 'delete')),
    );
    expect([refused.status, header(refused, 'Warning')]).toEqual([413, '399 home1.example "at most 10000 messages"']);
  });

  const entry = (uri: string) => `<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists"><list>${uri}</list></resource-lists>\r\n`;
  it.each([
    [400, 'an action that is unknown', '<entry uri="sip:dm-1@home1.example?cpm_action=forward"/>'],
    [400, 'no action', '<entry uri="sip:dm-1@home1.example"/>'],
    [400, 'two actions for one', '<entry uri="sip:a@h?cpm_action=delete"/><entry uri="sip:a@h?cpm_action=store"/>'],
    [400, 'an empty list', ''],
    [400, 'a list that cannot be read', '<entry'],
  ])('%i to %s, and nothing is touched', async (status, _, entries) => {
    const { deferral, alice } = await network();
    deferral.add('alice', { uri: 'sip:dm-1@home1.example' });
    const invite = invitation(alice, await msrpEnd(), entry(entries));
    alice.send(invite);
    expect((await alice.final(invite)).status).toBe(status);
    expect([deferral.items.size, deferral.claims.size]).toEqual([1, 0]);
  });

  it.each([
    [488, 'nothing to receive with', (body: string) => body.replace('a=recvonly', 'a=sendonly')],
    [488, 'no message/cpim', (body: string) => body.replace('a=accept-types:message/cpim *', 'a=accept-types:text/plain')],
    [488, 'no MSRP', (body: string) => body.replace(/m=message (\d+) TCP\/MSRP/, 'm=audio $1 RTP/AVP')],
  ])('%i for %s', async (status, _, change) => {
    const { deferral, alice } = await network();
    deferral.add('alice');
    const invite = invitation(alice, await msrpEnd(), null, change);
    alice.send(invite);
    expect((await alice.final(invite)).status).toBe(status);
    expect(deferral.claims.size).toBe(0);
  });

  it('other requests and extensions to that address are refused, and what is taken back claims nothing', async () => {
    const { deferral, alice } = await network();
    deferral.add('alice');
    expect((await alice.ask('MESSAGE', PSI)).status).toBe(405);
    expect(header(await alice.ask('OPTIONS', PSI), 'Allow')).toContain('INVITE');
    const refused = await alice.ask('INVITE', PSI, { headers: [['Require', 'frobnicate']] });
    expect([refused.status, header(refused, 'Unsupported')]).toEqual([420, 'frobnicate']);
    const short = await alice.ask('INVITE', PSI, {
      headers: [...invitation(alice, null, null).headers.slice(6), { name: 'Session-Expires', value: '30' }].map(({ name, value }) => [
        name,
        value,
      ]),
      body: fromUtf8(invitation(alice, null, null).body),
    });
    expect([short.status, header(short, 'Min-SE')]).toEqual([422, '90']);
    const invite = invitation(alice, await msrpEnd(), null);
    alice.send(invite);
    alice.send(cancelOf(invite));
    const { status } = await alice.final(invite);
    if (status === 200) return;
    expect(status).toBe(487);
    await expect.poll(() => deferral.claims.size).toBe(0);
  });
});

function exampleList(): string {
  return /<\?xml[\s\S]*<\/resource-lists>\r\n/.exec(fromUtf8(sipExample('F20-01.sip').body))?.[0] as string;
}

/** A description without what is of one session. */
function shape(sdp: string): string {
  return sdp
    .replace(/o=.*/, 'o=')
    .replace(/(c=IN IP4) .*/, '$1')
    .replace(/m=message \d+/, 'm=message 0')
    .replace(/a=path:\S+/, 'a=path:')
    .trim();
}

/** MSRP by hand: F20-04 and F20-07 with the paths of this session. */
class PlainMsrp {
  readonly #paths: readonly string[];
  readonly #socket: Socket;
  #text = '';

  constructor(ours: string, theirs: string) {
    this.#paths = [theirs, ours];
    const { hostname, port } = new URL(theirs.replace('msrp:', 'http:'));
    this.#socket = connect(Number(port), hostname);
    this.#socket.on('data', (octets) => {
      this.#text += octets.toString('utf8');
    });
    this.#socket.on('error', () => undefined);
  }

  async open(): Promise<void> {
    await once(this.#socket, 'connect');
    const [theirs, ours] = this.#paths;
    const greeting = Buffer.from(exampleOctets('F20-04.msrp')).toString();
    this.#socket.write(greeting.replace(/To-Path: \S+/, `To-Path: ${theirs}`).replace(/From-Path: \S+/, `From-Path: ${ours}`));
    await expect.poll(() => this.#text).toMatch(/^MSRP \S+ 200/);
    this.#text = this.#text.slice(this.#text.indexOf('$\r\n') + 3);
  }

  /** The next SEND, up to its end line, which is answered. */
  async next(): Promise<string> {
    const end = /-------(\S+)[$+#]\r\n/;
    await expect.poll(() => this.#text).toMatch(end);
    const found = end.exec(this.#text) as RegExpExecArray;
    const message = this.#text.slice(0, found.index);
    this.#text = this.#text.slice(found.index + found[0].length);
    const [theirs, ours] = this.#paths;
    const answer = Buffer.from(exampleOctets('F20-07.msrp')).toString();
    const filled = answer.replace(/To-Path: \S+/, `To-Path: ${theirs}`).replace(/From-Path: \S+/, `From-Path: ${ours}`);
    const id = /^MSRP (\S+) 200/.exec(answer)?.[1] as string;
    this.#socket.write(filled.replaceAll(id, found[1] as string));
    return message;
  }

  close(): void {
    this.#socket.destroy();
  }
}
