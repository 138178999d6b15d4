import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createMsrpEngine, type EngineOptions } from '../../../electron/msrp/engine.ts';
import type { MessageSink, MsrpEngine } from '../../../electron/msrp/port.ts';
import { headerValue } from '../../../shared/protocol/msrp/headers.ts';
import { decodeMsrpUri } from '../../../shared/protocol/msrp/uri.ts';
import { Inbox, RawPeer } from './harness.ts';

const engines: MsrpEngine[] = [];
const closers: (() => void)[] = [];
afterEach(async () => {
  await Promise.all(engines.splice(0).map((made) => made.close()));
  for (const close of closers.splice(0)) close();
});

async function at(host: string, options: EngineOptions = {}): Promise<MsrpEngine> {
  const made = createMsrpEngine(options);
  engines.push(made);
  await made.listen({ host, port: 0 });
  return made;
}

const MESSAGE = { 'Message-ID': 'mess', 'Byte-Range': '1-2/2', 'Content-Type': 'text/plain' };

describe('IPv6', () => {
  it.each([false, true])(
    'listens on ::1, and says so with brackets in the path and without them in the address (TLS: %s)',
    async (offersTls) => {
      const place = await (await at('::1', { offersTls })).createSession(new Inbox()).announce();
      expect(place.address).toBe('::1');
      const scheme = offersTls ? 'msrps' : 'msrp';
      expect(place.path).toEqual([expect.stringMatching(new RegExp(String.raw`^${scheme}://\[::1\]:${place.port}/\w{20};tcp$`))]);
      await new Promise<void>((resolve, reject) => {
        const socket = connect(place.port, '::1', resolve);
        closers.push(() => socket.destroy());
        socket.once('error', reject);
      });
    },
  );

  it.each([
    ['::1', false],
    ['::1', true],
    ['0:0:0:0:0:0:0:1', false],
  ])('a message reaches [%s] and is answered, whoever connects (TLS: %s)', async (host, offersTls) => {
    const [left, right] = [await at(host, { offersTls }), await at(host)];
    for (const role of ['active', 'passive'] as const) {
      const inbox = new Inbox();
      const [a, b] = [left.createSession(new Inbox()), right.createSession(inbox)];
      const offered = await a.announce();
      const answered = await b.announce({ fingerprint: offered.fingerprint ?? null });
      await Promise.all([
        a.connect({ role, remotePath: answered.path, fingerprint: answered.fingerprint }),
        b.connect({ role: role === 'active' ? 'passive' : 'active', remotePath: offered.path }),
      ]);
      await a.send({ contentType: 'a/b', source: Buffer.from('six'), successReport: true });
      expect(inbox.messages.map(({ octets }) => octets.toString())).toEqual(['six']);
    }
  });

  it('CEMA: goes to the address of the m-line, and names the path', async () => {
    const far = await at('::1');
    const inbox = new Inbox();
    const [a, b] = [(await at('127.0.0.1')).createSession(new Inbox()), far.createSession(inbox)];
    const id = decodeMsrpUri(b.localUri).sessionId;
    const elsewhere = `msrp://192.0.2.1:2855/${id};tcp`;
    const via = { host: '::1', port: far.address.port };
    await Promise.all([
      a.connect({ role: 'active', remotePath: [elsewhere], via }),
      b.connect({ role: 'passive', remotePath: [a.localUri] }),
    ]);
    await a.send({ contentType: 'a/b', source: Buffer.from('by way of'), successReport: true });
    expect(inbox.messages).toHaveLength(1);
  });
});

describe('who is meant by To-Path', () => {
  it.each([
    ['as announced', (id: string, port: number) => `msrp://127.0.0.1:${port}/${id};tcp`],
    ['behind a gateway that rewrote host and port', (id: string) => `msrp://gateway.example:7777/${id};tcp`],
    ['with another spelling of scheme and transport', (id: string) => `MSRP://127.0.0.1:1/${id};TCP`],
    ['with a user and parameters', (id: string) => `msrp://alice@127.0.0.1:1/${id};tcp;x=y`],
    ['by IPv6', (id: string) => `msrp://[2001:db8::1]:1/${id};tcp`],
  ])('the session: %s', async (_, uri) => {
    const made = await at('127.0.0.1');
    const inbox = new Inbox();
    const id = decodeMsrpUri(made.createSession(inbox).localUri).sessionId as string;
    const far = await RawPeer.connect(made);
    far.send({ to: uri(id, made.address.port), headers: MESSAGE, body: 'hi' });
    await far.until(() => far.statuses().length === 1);
    expect([far.statuses(), inbox.messages.length]).toEqual([[200], 1]);
  });

  it.each([
    ['another case of the session id', (id: string) => `msrp://127.0.0.1:1/${id.toUpperCase()};tcp`],
    ['a part of it', (id: string) => `msrp://127.0.0.1:1/${id.slice(1)};tcp`],
    ['more than it', (id: string) => `msrp://127.0.0.1:1/x/${id};tcp`],
    ['no session', () => 'msrp://127.0.0.1:1;tcp'],
    ['no URI', (id: string) => id],
  ])('nobody, 481: %s', async (_, uri) => {
    const made = await at('127.0.0.1');
    const id = decodeMsrpUri(made.createSession(new Inbox()).localUri).sessionId as string;
    const far = await RawPeer.connect(made);
    far.send({ to: uri(id), headers: MESSAGE, body: 'hi' });
    await far.until(() => far.statuses().length === 1);
    expect(far.statuses()).toEqual([481]);
  });
});

describe('sizes of 64 bits', () => {
  async function receiving(): Promise<{ far: RawPeer; uri: string; writes: [number, number][] }> {
    const made = await at('127.0.0.1');
    const writes: [number, number][] = [];
    const sink: MessageSink = { write: (offset, octets) => void writes.push([offset, octets.length]), complete: () => {}, abort: () => {} };
    const session = made.createSession({ onMessage: () => sink, onClosed: () => {} });
    return { far: await RawPeer.connect(made), uri: session.localUri, writes };
  }

  it.each([
    ['behind 4 GiB', '4294967297-*/8589934592', 4_294_967_296],
    ['at the end of what a double counts', '9007199254740990-*/9007199254740991', 9_007_199_254_740_989],
  ])('octets are placed exactly: %s', async (_, range, offset) => {
    const { far, uri, writes } = await receiving();
    far.send({ to: uri, headers: { ...MESSAGE, 'Byte-Range': range }, body: 'hi', flag: '+' });
    await far.until(() => far.statuses().length === 1);
    expect([far.statuses(), writes]).toEqual([[200], [[offset, 2]]]);
  });

  it.each([
    '9007199254740993-*/*',
    '1-*/9007199254740993',
    '18446744073709551615-*/18446744073709551616',
    '1-99999999999999999999999999/*',
    '-1-2/2',
    '0-2/2',
    '3-1/2',
    '9-*/2',
    '1-2/1e3',
  ])('what cannot be counted is 400, and the connection goes on: %s', async (range) => {
    const { far, uri, writes } = await receiving();
    far.send({ id: 'bad1', to: uri, headers: { ...MESSAGE, 'Byte-Range': range }, body: 'hi' });
    far.send({ id: 'good', to: uri, headers: { ...MESSAGE, 'Message-ID': 'next' }, body: 'hi' });
    await far.until(() => far.statuses().length === 2);
    expect([far.statuses(), writes]).toEqual([[400, 200], [[0, 2]]]);
  });

  it('octets beyond what can be counted are 400 in the middle', async () => {
    const { far, uri, writes } = await receiving();
    far.send({ to: uri, headers: { ...MESSAGE, 'Byte-Range': '9007199254740991-*/*' }, body: 'hi', flag: '+' });
    await far.until(() => far.statuses().length === 1);
    expect([far.statuses(), writes]).toEqual([[400], []]);
  });

  it('a message of more than 4 GiB says so in each chunk', async () => {
    const { port, peer, close } = await RawPeer.accept();
    closers.push(close);
    const session = (await at('127.0.0.1')).createSession(new Inbox());
    const connected = session.connect({ role: 'active', remotePath: [`msrp://127.0.0.1:${port}/far;tcp`] });
    const far = await peer;
    await far.until(() => far.requests().length === 1);
    far.answer(far.requests()[0] as never, 200);
    await connected;
    const giveUp = new AbortController();
    let taken = 0;
    const source = {
      size: 6 * 2 ** 30,
      open: () => {},
      take: (limit: number) => (taken++ < 2 ? Buffer.alloc(limit) : null),
      release: () => {},
      close: () => {},
    };
    const sent = session.send({ contentType: 'a/b', source, successReport: false, chunkSize: 65_536, signal: giveUp.signal });
    sent.catch(() => {});
    await far.until(() => far.requests().length === 3);
    expect(
      far
        .requests()
        .slice(1)
        .map(({ head }) => headerValue(head, 'Byte-Range')),
    ).toEqual(['1-*/6442450944', '65537-*/6442450944']);
    giveUp.abort();
    await expect(sent).rejects.toMatchObject({ code: 'file.cancelled' });
    await far.until(() => far.requests().at(-1)?.flag === '#');
  });
});
