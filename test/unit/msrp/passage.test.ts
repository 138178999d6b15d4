import { createHash, randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createPassage } from '../../../electron/msrp/passage.ts';
import type { MsrpEngine, MsrpSession } from '../../../electron/msrp/port.ts';
import { headerValue } from '../../../shared/protocol/msrp/headers.ts';
import { engine, Inbox, RawPeer } from './harness.ts';

const engines: MsrpEngine[] = [];
const closers: (() => void)[] = [];
afterEach(async () => {
  await Promise.all(engines.splice(0).map((made) => made.close()));
  for (const close of closers.splice(0)) close();
});

/** An anchor between two ends that are octets in the hands of the test: what `from` sends into `into` leaves to `to`. */
async function anchor(options = {}): Promise<{ into: MsrpSession; from: RawPeer; to: RawPeer; out: MsrpSession; failures: unknown[] }> {
  const made = await engine();
  engines.push(made);
  const { port, peer, close } = await RawPeer.accept();
  closers.push(close);
  const out = made.createSession(new Inbox());
  const failures: unknown[] = [];
  const into = made.createSession({
    onMessage: (head) => {
      const passage = createPassage(head, options);
      passage.sendOn(out).catch((thrown) => failures.push(thrown));
      return passage.sink;
    },
    onClosed: () => {},
  });
  const connected = out.connect({ role: 'active', remotePath: [`msrp://127.0.0.1:${port}/far;tcp`] });
  const to = await peer;
  await to.until(() => to.requests().length === 1);
  to.answer(to.requests()[0] as never, 200);
  await connected;
  to.frames.length = 0;
  const from = await RawPeer.connect(made);
  return { into, from, to, out, failures };
}

const FIELDS = { 'Message-ID': 'mess', 'Content-Type': 'image/png' };
const whole = (peer: RawPeer): Buffer => Buffer.concat(peer.requests().map(({ body }) => Buffer.from(body ?? [])));

describe('passage from session to session', () => {
  it('keeps id, type, disposition and wishes, and answers what the receiver answered', async () => {
    const { into, from, to } = await anchor();
    const headers = { ...FIELDS, 'Byte-Range': '1-5/5', 'Success-Report': 'yes', 'Content-Disposition': 'render', 'Content-ID': '<a@b>' };
    from.send({ id: 'aaaa', to: into.localUri, headers, body: 'hello' });
    await to.until(() => to.requests().length === 1);
    const [sent] = to.requests();
    const names = ['Message-ID', 'Byte-Range', 'Success-Report', 'Failure-Report', 'Content-Disposition', 'Content-ID', 'Content-Type'];
    expect(names.map((name) => headerValue(sent?.head as never, name))).toEqual(
      ['mess', '1-5/5', 'yes', 'yes', 'render', '<a@b>', 'image/png'], // the Content-Type last, as the grammar has it
    );
    expect(sent?.head.headers.at(-1)?.name).toBe('Content-Type');
    expect(from.requests('REPORT')).toEqual([]);
    to.answer(sent as never, 200);
    to.send({
      id: 'rrrr',
      to: sent?.head.fromPath[0] as string,
      method: 'REPORT',
      headers: { 'Message-ID': 'mess', 'Byte-Range': '1-5/5', Status: '000 200 OK' },
    });
    await from.until(() => from.requests('REPORT').length === 1);
    expect(headerValue(from.requests('REPORT')[0]?.head as never, 'Status')).toBe('000 200 OK');
  });

  it('holds back the last answer until the receiver has answered, and passes its refusal on', async () => {
    const { into, from, to, failures } = await anchor();
    from.send({ id: 'aaaa', to: into.localUri, headers: { ...FIELDS, 'Byte-Range': '1-5/5' }, body: 'hello' });
    await to.until(() => to.requests().length === 1);
    expect(from.statuses()).toEqual([]);
    to.answer(to.requests()[0] as never, 415);
    await from.until(() => from.statuses().length === 1);
    expect(from.statuses()).toEqual([415]);
    expect(failures).toMatchObject([{ code: 'msrp.refused' }]);
  });

  it('of unknown size: leaves with *, as it comes, and ends with $ and no octet more or less', async () => {
    const { into, from, to } = await anchor();
    from.send({ id: 'aaaa', to: into.localUri, headers: { ...FIELDS, 'Byte-Range': '1-*/*' }, body: 'one ', flag: '+' });
    await to.until(() => to.requests().length === 1);
    expect([headerValue(to.requests()[0]?.head as never, 'Byte-Range'), to.requests()[0]?.flag]).toEqual(['1-3/*', '+']);
    from.send({ id: 'bbbb', to: into.localUri, headers: { ...FIELDS, 'Byte-Range': '5-*/*' }, body: 'two', flag: '$' });
    await to.until(() => to.requests().at(-1)?.flag === '$');
    expect(whole(to).toString()).toBe('one two');
    expect(headerValue(to.requests().at(-1)?.head as never, 'Byte-Range')).toMatch(/-7\/7$/);
  });

  it.each(['1-0/0', '1-*/*'])('passes on a message of no octets (%s)', async (range) => {
    const { into, from, to } = await anchor();
    from.send({ id: 'aaaa', to: into.localUri, headers: { ...FIELDS, 'Byte-Range': range }, body: '' });
    await to.until(() => to.requests().length === 1);
    expect([headerValue(to.requests()[0]?.head as never, 'Byte-Range'), to.requests()[0]?.flag]).toEqual(['1-0/0', '$']);
    to.answer(to.requests()[0] as never, 200);
    await from.until(() => from.statuses().length === 1);
    expect(from.statuses()).toEqual([200]);
  });

  it('a message that ends before its announced size still ends with $', async () => {
    const { into, from, to } = await anchor();
    from.send({ id: 'aaaa', to: into.localUri, headers: { ...FIELDS, 'Byte-Range': '1-*/9' }, body: 'four', flag: '+' });
    await to.until(() => whole(to).length === 4);
    from.send({ id: 'bbbb', to: into.localUri, headers: { ...FIELDS, 'Byte-Range': '5-4/9' }, body: '', flag: '$' });
    await to.until(() => to.requests().at(-1)?.flag === '$');
    expect(whole(to).toString()).toBe('four');
  });

  it('drops repeated octets and refuses a gap with 413, ending the message there with #', async () => {
    const { into, from, to } = await anchor();
    const send = (id: string, range: string, body: string): void =>
      from.send({ id, to: into.localUri, headers: { ...FIELDS, 'Byte-Range': range }, body, flag: '+' });
    send('aaaa', '1-*/100', 'abcdef');
    send('bbbb', '4-*/100', 'defghi');
    await to.until(() => whole(to).length === 9);
    expect(whole(to).toString()).toBe('abcdefghi');
    send('cccc', '11-*/100', 'k');
    await from.until(() => from.statuses().includes(413));
    await to.until(() => to.requests().at(-1)?.flag === '#');
  });

  it('# of the sender is # to the receiver', async () => {
    const { into, from, to, failures } = await anchor();
    from.send({ id: 'aaaa', to: into.localUri, headers: { ...FIELDS, 'Byte-Range': '1-*/100' }, body: 'abc', flag: '+' });
    await to.until(() => whole(to).length === 3);
    from.send({ id: 'bbbb', to: into.localUri, headers: { ...FIELDS, 'Byte-Range': '4-*/100' }, body: '', flag: '#' });
    await to.until(() => to.requests().at(-1)?.flag === '#');
    expect(failures).toMatchObject([{ code: 'msrp.stopped' }]);
  });

  it('413 of the receiver is 413 to the sender, in the middle', async () => {
    const { into, from, to } = await anchor();
    from.send({ id: 'aaaa', to: into.localUri, headers: { ...FIELDS, 'Byte-Range': '1-*/100' }, body: 'abc', flag: '+' });
    await to.until(() => to.requests().length === 1);
    to.answer(to.requests()[0] as never, 413);
    await to.until(() => to.requests().at(-1)?.flag === '#');
    from.send({ id: 'bbbb', to: into.localUri, headers: { ...FIELDS, 'Byte-Range': '4-*/100' }, body: 'def', flag: '+' });
    await from.until(() => from.statuses().includes(413));
    from.send({ id: 'cccc', to: into.localUri, headers: { ...FIELDS, 'Byte-Range': '7-*/100' }, body: 'ghi', flag: '+' });
    await from.until(() => from.statuses().length === 3);
    expect(from.statuses()).toEqual([200, 413, 413]);
  });

  it('the loss of either side ends the message on the other', async () => {
    const one = await anchor();
    one.from.send({ id: 'aaaa', to: one.into.localUri, headers: { ...FIELDS, 'Byte-Range': '1-*/100' }, body: 'abc', flag: '+' });
    await one.to.until(() => whole(one.to).length === 3);
    one.from.socket.destroy();
    await one.to.until(() => one.to.requests().at(-1)?.flag === '#');

    const two = await anchor();
    two.from.send({ id: 'aaaa', to: two.into.localUri, headers: { ...FIELDS, 'Byte-Range': '1-*/100' }, body: 'abc', flag: '+' });
    await two.to.until(() => whole(two.to).length === 3);
    two.to.socket.destroy();
    await two.to.until(() => two.to.ended);
    while (two.failures.length === 0) await new Promise((resolve) => setImmediate(resolve));
    two.from.send({ id: 'bbbb', to: two.into.localUri, headers: { ...FIELDS, 'Byte-Range': '4-*/100' }, body: 'def', flag: '+' });
    await two.from.until(() => two.from.statuses().includes(413));
  });

  it('a receiver that does not read stops the sender within the capacity, and every octet arrives in order', async () => {
    const { into, to, from } = await anchor({ capacity: 262_144, chunkSize: 65_536 });
    const octets = randomBytes(24 << 20);
    to.socket.pause();
    const far = connect(from.socket.remotePort as number, '127.0.0.1');
    closers.push(() => far.destroy());
    let taken = 0;
    let done = false;
    const before = process.memoryUsage().arrayBuffers;
    far.on('data', () => {});
    far.write(
      `MSRP abcd SEND\r\nTo-Path: ${into.localUri}\r\nFrom-Path: msrp://127.0.0.1:9/raw;tcp\r\nMessage-ID: mess\r\nByte-Range: 1-*/${octets.length}\r\nContent-Type: a/b\r\n\r\n`,
    );
    for (let at = 0; at < octets.length; at += 65_536) far.write(octets.subarray(at, at + 65_536), () => (taken = at + 65_536));
    far.write('\r\n-------abcd$\r\n', () => (done = true));
    let last = -1;
    for (let same = 0; same < 20; same = taken === last ? same + 1 : 0) {
      last = taken;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(done).toBe(false);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 << 20);
    to.socket.resume();
    await to.until(() => {
      for (const frame of to.requests().slice(answeredTo)) to.answer(frame, 200);
      answeredTo = to.requests().length;
      return to.requests().at(-1)?.flag === '$';
    });
    const sha = (buffer: Buffer): string => createHash('sha256').update(buffer).digest('hex');
    expect(sha(whole(to))).toBe(sha(octets));
  });
  let answeredTo = 0;
});
