import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import type { SessionHandlers } from '../../../electron/msrp/port.ts';
import type { OutboxItem } from '../../../electron/store/port.ts';
import { utf8 } from '../../../shared/base/bytes.ts';
import { type ErrorCode, ParleyError } from '../../../shared/base/errors.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';
import { HEAD, incomingInvite, stage } from './stage.ts';

const root = temporaryFolder();
const SHA1 = (text: string) => (createHash('sha1').update(text).digest('hex').match(/../g) ?? []).join(':').toUpperCase();

let number = 0;
let world: ReturnType<typeof stage>;
beforeEach(() => {
  number += 1;
  world = stage(join(root, String(number)));
});

interface OfferedLine {
  readonly name?: string;
  readonly content?: string;
  readonly id?: string;
  readonly direction?: 'sendonly' | 'recvonly';
  readonly range?: string;
  readonly port?: number;
  readonly selector?: string;
  readonly types?: string;
}

/** An offer as another client writes it. */
function description(lines: readonly OfferedLine[], version = 1): string {
  const media = lines.map(
    ({ name = 'a.txt', content = 'hello', id = name, direction = 'sendonly', range, port = 2856, selector, types }) => [
      `m=message ${port} TCP/MSRP *`,
      `a=${direction}`,
      `a=accept-types:${types ?? 'message/cpim text/plain'}`,
      'a=accept-wrapped-types:*',
      `a=path:msrp://127.0.0.1:2856/${id}session0123456789;tcp`,
      'a=setup:actpass',
      `a=file-selector:${selector ?? `name:"${name}" type:text/plain size:${content.length} hash:sha-1:${SHA1(content)}`}`,
      `a=file-transfer-id:${id}`,
      ...(range ? [`a=file-range:${range}`] : []),
    ],
  );
  return ['v=0', `o=bob 1 ${version} IN IP4 127.0.0.1`, 's=-', 'c=IN IP4 127.0.0.1', 't=0 0', ...media.flat(), ''].join('\r\n');
}

async function invited(lines: readonly OfferedLine[]) {
  const call = incomingInvite('application/sdp', utf8(description(lines)));
  await world.service.invited(call.invite);
  return call;
}

/** What comes on the connections, in the order in which they are made. */
function sends(...contents: (string | null)[]): void {
  world.onConnect(async (handlers: SessionHandlers) => {
    const content = contents.shift() ?? null;
    if (content === null) return;
    await send(handlers, content);
  });
}

async function send(handlers: SessionHandlers, content: string, contentType = 'text/plain'): Promise<void> {
  const sink = handlers.onMessage({ ...HEAD, contentType, total: content.length });
  if ('refuse' in sink) throw new Error(`refused with ${sink.refuse}`);
  try {
    await sink.write(0, utf8(content));
  } catch (thrown) {
    // as the engine does
    sink.abort(thrown as ParleyError);
    return;
  }
  await sink.complete(content.length);
}

async function until(id: number, state: string): Promise<void> {
  await expect.poll(() => world.transfer(id).state, { timeout: 10_000, interval: 5 }).toBe(state);
}

const ports = (answer = '') => [...answer.matchAll(/^m=message (\d+)/gm)].map(([, port]) => Number(port));
const saved = (name: string) => readFileSync(join(world.folders.downloads, name), 'utf8');

describe('several files in one invitation', () => {
  const TWO = [{ name: 'a.txt' }, { name: 'b.txt', content: 'other' }] as const;

  test('R-FTR-03: are cards of their own that know of each other', async () => {
    await invited(TWO);
    expect([1, 2].map((id) => world.transfer(id).name)).toEqual(['a.txt', 'b.txt']);
    expect(world.transfer(1).invitation).not.toBeNull();
    expect(world.transfer(2).invitation).toBe(world.transfer(1).invitation);
  });

  test('R-FTR-03 R-FTR-07 R-FTR-14: the answer leaves when each is decided: what is refused has port 0 with its selector and id', async () => {
    const call = await invited(TWO);
    sends('hello');
    await world.service.decline(2);
    expect(call.said).toEqual(['180']);
    world.service.accept(1);
    await until(1, 'done');
    expect(call.said).toEqual(['180', '200']);
    expect(ports(call.answers[0])).toEqual([2855, 0]);
    expect(call.answers[0]?.match(/a=recvonly/g)).toHaveLength(2);
    expect(call.answers[0]).toContain('a=file-transfer-id:b.txt');
    expect(call.answers[0]).toContain('name:"b.txt" type:text/plain size:5');
    expect(world.transfer(2).state).toBe('declined');
    expect(saved('a.txt')).toBe('hello');
  });

  test('can be answered as soon as they are shown, and are shown once', async () => {
    const shown: number[] = [];
    world.context.notices.on(({ event, payload }) => {
      if (event !== 'message.changed') return;
      const { transfer } = payload as { transfer?: { id: number; state: string } };
      if (transfer?.state !== 'offered') return;
      shown.push(transfer.id);
      world.service.accept(transfer.id);
    });
    sends('hello', 'other');
    await invited(TWO);
    await until(1, 'done');
    await until(2, 'done');
    expect(shown).toEqual([1, 2]);
  });

  test('all accepted arrive each in its own session', async () => {
    const call = await invited(TWO);
    sends('hello', 'other');
    world.service.accept(2);
    world.service.accept(1);
    await until(1, 'done');
    await until(2, 'done');
    expect(ports(call.answers[0])).toEqual([2855, 2855]);
    expect([saved('a.txt'), saved('b.txt')]).toEqual(['hello', 'other']);
  });

  test('R-FTR-08: none of them wanted is 603', async () => {
    const call = await invited(TWO);
    await world.service.decline(1);
    await world.service.decline(2);
    await world.settled();
    expect(call.said).toEqual(['180', '603']);
  });

  test('one that nobody decides on expires by itself when another was accepted', async () => {
    const call = await invited(TWO);
    sends('hello');
    world.service.accept(1);
    await until(1, 'accepting');
    await world.clock.advance(170_000);
    await until(1, 'done');
    expect(world.transfer(2).state).toBe('expired');
    expect(ports(call.answers[0])).toEqual([2855, 0]);
  });

  test('nobody there at all is 480, which silences no other device', async () => {
    const call = await invited(TWO);
    await world.clock.advance(170_000);
    await until(2, 'expired');
    await world.settled();
    expect(call.said).toEqual(['180', '480']);
  });

  test('R-AD-12: taken back by their sender, or on another device, they close without a word', async () => {
    const call = await invited(TWO);
    world.service.accept(1);
    call.cancel();
    await until(1, 'cancelled');
    await until(2, 'cancelled');
    expect(world.calls.message(2).error).toBeNull();
    expect(call.answers).toEqual([]);
  });

  test('the end of one does not end the other', async () => {
    const call = await invited(TWO);
    let finish: () => void = () => undefined;
    let first = true;
    world.onConnect(async (handlers) => {
      if (first) handlers.onMessage(HEAD);
      else finish = () => void send(handlers, 'other');
      first = false;
    });
    world.service.accept(1);
    world.service.accept(2);
    await until(1, 'transferring');
    await world.service.cancel(1);
    await until(1, 'cancelled');
    expect(call.said).toEqual(['180', '200', 're-INVITE']);
    expect(ports(call.answers[1])).toEqual([0, 2855]);
    finish();
    await until(2, 'done');
    expect(call.said).not.toContain('BYE');
  });

  test('a file-transfer-id that stands twice is taken once; chat and audio lines beside files get port 0', async () => {
    const offer = `${description([{ id: 'same' }, { name: 'b.txt', id: 'same' }])}m=audio 4000 RTP/AVP 0\r\nm=message 2856 TCP/MSRP *\r\na=accept-types:text/plain\r\na=path:msrp://127.0.0.1:2856/chat0123456789abcdef;tcp\r\n`;
    const call = incomingInvite('application/sdp', utf8(offer));
    await world.service.invited(call.invite);
    expect(() => world.transfer(2)).toThrow();
    sends('hello');
    world.service.accept(1);
    await until(1, 'done');
    expect(ports(call.answers[0])).toEqual([2855, 0, 0]);
    expect(call.answers[0]).toContain('m=audio 0 RTP/AVP 0');
  });
});

describe('a dialog that is used again', () => {
  async function finished() {
    const call = await invited([{ name: 'a.txt' }]);
    sends('hello', 'other');
    world.service.accept(1);
    await until(1, 'done');
    await world.settled();
    return call;
  }

  test('R-FT-17: a new id on the line is another file, which is asked about and comes in a session of its own; the version rises', async () => {
    const call = await finished();
    call.reoffer(description([{ name: 'b.txt', content: 'other' }], 2));
    await expect.poll(() => world.transfer(2).state).toBe('offered');
    world.service.accept(2);
    await until(2, 'done');
    expect(call.said).toEqual(['180', '200', '180', '200']);
    const versions = call.answers.map((answer) => Number(/^o=\S+ \S+ (\d+)/m.exec(answer)?.[1]));
    expect(versions[1]).toBe((versions[0] ?? 0) + 1);
    expect(saved('b.txt')).toBe('other');
  });

  test('one that is not wanted is 603 and leaves the dialog to its sender', async () => {
    const call = await finished();
    call.reoffer(description([{ name: 'b.txt', content: 'other' }], 2));
    await expect.poll(() => world.transfer(2).state).toBe('offered');
    await world.service.decline(2);
    await expect.poll(() => call.said).toEqual(['180', '200', '180', '603']);
  });

  test('the same id and file is a repetition: nobody is asked, and the answer is the one from before', async () => {
    const call = await finished();
    call.reoffer(description([{ name: 'a.txt' }], 2));
    await expect.poll(() => call.said).toEqual(['180', '200', '200']);
    expect(() => world.transfer(2)).toThrow();
    expect(ports(call.answers[1])).toEqual([2855]);
  });

  test('the same id with another file is refused on its line', async () => {
    const call = await finished();
    call.reoffer(description([{ name: 'b.txt', content: 'other', id: 'a.txt' }], 2));
    await expect.poll(() => call.said).toEqual(['180', '200', '200']);
    expect(() => world.transfer(2)).toThrow();
    expect(ports(call.answers[1])).toEqual([0]);
  });

  test('R-FT-18: port 0 ends that line alone', async () => {
    const call = await invited([{ name: 'a.txt' }, { name: 'b.txt', content: 'other' }]);
    let finish: () => void = () => undefined;
    let first = true;
    world.onConnect(async (handlers) => {
      if (first) handlers.onMessage(HEAD);
      else finish = () => void send(handlers, 'other');
      first = false;
    });
    world.service.accept(1);
    world.service.accept(2);
    await until(1, 'transferring');
    call.reoffer(
      description(
        [
          { name: 'a.txt', port: 0 },
          { name: 'b.txt', content: 'other' },
        ],
        2,
      ),
    );
    await until(1, 'interrupted');
    expect(ports(call.answers[1])).toEqual([0, 2855]);
    finish();
    await until(2, 'done');
  });

  test('a second change is put off while the person thinks about the first', async () => {
    const call = await finished();
    call.reoffer(description([{ name: 'b.txt', content: 'other' }], 2));
    await expect.poll(() => world.transfer(2).state).toBe('offered');
    call.reoffer(description([{ name: 'c.txt', content: 'third' }], 3));
    expect(call.said.at(-1)).toBe('500');
  });

  test('nobody uses it, and it is ended', async () => {
    const call = await finished();
    await world.clock.advance(40_000);
    expect(call.said).toEqual(['180', '200', 'BYE']);
  });
});

describe('a file that goes on', () => {
  /** `have` octets came before it broke off */
  async function interrupted(have: string, content = 'hello world', code: ErrorCode = 'msrp.lost') {
    const call = await invited([{ name: 'a.txt', content }]);
    world.onConnect(async (handlers) => {
      const sink = handlers.onMessage({ ...HEAD, total: content.length });
      if ('refuse' in sink) throw new Error('refused');
      await sink.write(0, utf8(have));
      sink.abort({ code, detail: 'cut' });
      handlers.onClosed({ code, detail: 'cut' });
    });
    world.service.accept(1);
    await until(1, 'interrupted');
    await world.settled();
    call.bye();
    expect(world.transfer(1).transferred).toBe(have.length);
  }

  test('R-AD-07: is taken without a question from what is here, and the whole is verified', async () => {
    await interrupted('hello ');
    sends('world');
    const again = await invited([{ name: 'a.txt', content: 'hello world', id: 'new', range: '7-11' }]);
    await until(1, 'done');
    expect(again.said).toEqual(['200']);
    expect(again.answers[0]).toContain('a=file-range:7-11');
    expect(saved('a.txt')).toBe('hello world');
  });

  test('R-AD-07: what breaks off because the dialog is gone is no wish of this person', async () => {
    const call = await invited([{ name: 'a.txt', content: 'hello world' }]);
    world.onConnect(async (handlers) => {
      const sink = handlers.onMessage({ ...HEAD, total: 11 });
      if ('refuse' in sink) throw new Error('refused');
      await sink.write(0, utf8('hello '));
    });
    world.service.accept(1);
    await until(1, 'transferring');
    call.bye();
    await until(1, 'interrupted');
    expect(new Set(world.closed)).toEqual(new Set(['lost']));
  });

  test('R-AD-07: a session that is lost before the first octet leaves an interruption', async () => {
    await invited([{ name: 'a.txt', content: 'hello world' }]);
    world.onConnect((handlers) => handlers.onClosed({ code: 'msrp.lost', detail: 'closed by the other side' }));
    world.service.accept(1);
    await until(1, 'interrupted');
    expect(world.calls.message(1).error).toEqual({ code: 'msrp.lost', detail: 'closed by the other side' });
  });

  test('R-AD-09: what this person ends is told as a wish', async () => {
    await invited([{ name: 'a.txt', content: 'hello world' }]);
    world.onConnect((handlers) => void handlers.onMessage({ ...HEAD, total: 11 }));
    world.service.accept(1);
    await until(1, 'transferring');
    await world.service.pause(1);
    await until(1, 'paused');
    expect(world.closed).toEqual(['wished']);
  });

  test('R-AD-07: whose sender is gone before the answer waits for him, and is not taken for cancelled', async () => {
    await interrupted('hello ');
    const call = incomingInvite(
      'application/sdp',
      utf8(description([{ name: 'a.txt', content: 'hello world', id: 'new', range: '7-11' }])),
    );
    world.before((method, argument) => {
      if (method === 'applyTransfer' && (argument as { event: string }).event === 'accept') call.cancel();
    });
    await world.service.invited(call.invite);
    await until(1, 'interrupted');
    world.before(() => undefined);
    sends('world');
    await invited([{ name: 'a.txt', content: 'hello world', id: 'newer', range: '7-11' }]);
    await until(1, 'done');
  });

  test('R-AD-07: what waits to be asked for is asked for at once when its sender is there', async () => {
    await interrupted('hel');
    await world.service.resume(1);
    world.calls.applyTransfer({ transferId: 1, event: 'offer', now: 1 });
    world.calls.applyTransfer({ transferId: 1, event: 'postponed', now: 1, notBefore: world.clock.now() + 60_000 });
    expect(world.calls.outboxReady(world.clock.now(), 5)).toEqual([]);
    const again = await invited([{ name: 'a.txt', content: 'hello world', id: 'new', range: '7-11' }]);
    expect(again.said).toEqual(['488']);
    expect(world.calls.outboxReady(world.clock.now(), 5)).toHaveLength(1);
  });

  test('its sender may repeat what is here already', async () => {
    await interrupted('hello ');
    sends('lo world');
    await invited([{ name: 'a.txt', content: 'hello world', id: 'new', range: '4-11' }]);
    await until(1, 'done');
    expect(saved('a.txt')).toBe('hello world');
  });

  test('octets that were changed meanwhile are found by the hash', async () => {
    await interrupted('hello ');
    writeFileSync(join(world.folders.partial, '1.part'), 'jello ');
    sends('world');
    await invited([{ name: 'a.txt', content: 'hello world', id: 'new', range: '7-11' }]);
    await until(1, 'quarantined');
    expect(existsSync(join(world.folders.downloads, 'a.txt'))).toBe(false);
  });

  test('a range behind what is here is 488, and what is missing is asked for', async () => {
    await interrupted('hel');
    const again = await invited([{ name: 'a.txt', content: 'hello world', id: 'new', range: '7-11' }]);
    expect(again.said).toEqual(['488']);
    expect(world.transfer(1).state).toBe('queued');
  });

  test('one that its sender stopped is kept for whoever takes it up again: it may be paused', async () => {
    await interrupted('hello ', 'hello world', 'msrp.stopped');
    expect(world.calls.message(1).transfer?.error?.code).toBe('msrp.stopped');
    await world.service.resume(1);
    expect(world.transfer(1).state).toBe('queued');
  });

  test('both sides take it up at the same moment: the one who receives lets the other go first', async () => {
    await interrupted('hello ');
    await world.service.resume(1);
    let refuse: () => void = () => undefined;
    const refused = new Promise<void>((resolve) => {
      refuse = resolve;
    });
    world.answers(async () => {
      await refused;
      return { status: 480, reason: '', headers: [], contentType: null, body: new Uint8Array() };
    });
    const [item] = world.calls.outboxReady(world.clock.now(), 1);
    const asking = world.service.offer(item as Extract<OutboxItem, { kind: 'file' }>, world.link);
    await until(1, 'offering');
    const crossing = await invited([{ name: 'a.txt', content: 'hello world', id: 'again', range: '7-11' }]);
    expect(crossing.said).toEqual(['480']);
    refuse();
    await asking;
    await until(1, 'queued');
    // the sender's next try comes after 2 s
    await world.clock.advance(2500);
    expect(world.calls.outboxReady(world.clock.now(), 1)).toEqual([]);
    sends('world');
    await invited([{ name: 'a.txt', content: 'hello world', id: 'once more', range: '7-11' }]);
    await until(1, 'done');
    expect(saved('a.txt')).toBe('hello world');
    expect(world.calls.outboxReady(world.clock.now() + 1e9, 1)).toEqual([]);
  });

  test('one that the person paused stays paused', async () => {
    await interrupted('hello ');
    await world.service.pause(1);
    const again = await invited([{ name: 'a.txt', content: 'hello world', id: 'new', range: '7-11' }]);
    expect(again.said).toEqual(['480']);
    expect(world.transfer(1).state).toBe('paused');
  });

  test('a part of a file that nobody here knows is 488', async () => {
    const call = await invited([{ name: 'a.txt', range: '3-5' }]);
    expect(call.said).toEqual(['488']);
    expect(() => world.transfer(1)).toThrow();
  });

  test('a week later it is given up, and what came of it is gone', async () => {
    await interrupted('hello ');
    const partial = join(world.folders.partial, '1.part');
    utimesSync(partial, 0, 0);
    await world.clock.advance(8 * 24 * 3_600_000);
    await world.service.recover();
    expect(world.transfer(1).state).toBe('expired');
    expect(existsSync(partial)).toBe(false);
  });
});

describe('what a person does to a file that comes in', () => {
  test('a pause keeps what came, and ends the dialog', async () => {
    const call = await invited([{ name: 'a.txt' }]);
    world.onConnect(async (handlers) => {
      const sink = handlers.onMessage(HEAD);
      if (!('refuse' in sink)) await sink.write(0, utf8('hel'));
    });
    world.service.accept(1);
    await until(1, 'transferring');
    await expect.poll(() => statSync(join(world.folders.partial, '1.part')).size, { timeout: 5000 }).toBeGreaterThanOrEqual(0);
    await world.service.pause(1);
    await until(1, 'paused');
    expect(readFileSync(join(world.folders.partial, '1.part'), 'utf8')).toBe('hel');
    expect(call.said).toEqual(['180', '200', 'BYE']);
  });

  test('small files of people who are known are taken without a question, as the person wished; larger ones and strangers ask', async () => {
    const { settings } = world.context;
    (settings as { current: typeof settings.current }).current = { ...settings.current, autoAcceptUpTo: 5 };
    sends('hello');
    const call = await invited([{ name: 'a.txt' }, { name: 'b.txt', content: 'longer' }]);
    expect(world.transfer(2).state).toBe('offered');
    await world.service.decline(2);
    await until(1, 'done');
    expect(ports(call.answers[0])).toEqual([2855, 0]);
    const stranger = incomingInvite('application/sdp', utf8(description([{ name: 'c.txt' }])));
    const from = { from: 'sip:eve@example.com', originator: 'sip:eve@example.com', originatorName: 'Eve', callId: 'c2' };
    await world.service.invited({ ...stranger.invite, ...from });
    expect(world.transfer(3).state).toBe('offered');
  });

  test('R-FTR-06: a file above the limit is refused, and the person is told', async () => {
    (world.context as { account: unknown }).account = { ...world.context.account, maxFileSize: 4 };
    const call = await invited([{ name: 'a.txt' }]);
    expect(call.said).toEqual(['403']);
    expect(world.transfer(1).state).toBe('failed');
    expect(world.calls.message(1).error?.code).toBe('file.too-large');
  });

  test('a download folder that is gone and cannot be made gives way to the one before it', async () => {
    writeFileSync(join(root, String(number), 'in the way'), '');
    const folders = { ...world.folders, downloads: join(root, String(number), 'in the way', 'sub'), fallback: world.folders.downloads };
    mkdirSync(folders.fallback, { recursive: true });
    Object.assign(world.folders, folders);
    const fallback = folders.fallback;
    sends('hello');
    await invited([{ name: 'a.txt' }]);
    world.service.accept(1);
    await until(1, 'done');
    expect(readFileSync(join(fallback, 'a.txt'), 'utf8')).toBe('hello');
  });
});

describe('how a file comes', () => {
  const WRAPPED = 'From: <sip:bob@example.com>\r\nTo: <sip:alice@example.com>\r\n\r\nContent-Type: text/plain\r\n\r\nhello';

  test.each(['', 'x'])('of "%s" alone, raw and inside of message/cpim', async (content) => {
    const headers = WRAPPED.slice(0, -'hello'.length);
    await invited([{ name: 'a.txt', content }]);
    sends(content);
    world.service.accept(1);
    await until(1, 'done');
    await invited([{ name: 'b.txt', content, id: 'b' }]);
    world.onConnect((handlers) => send(handlers, headers + content, 'message/cpim'));
    world.service.accept(2);
    await until(2, 'done');
    expect([saved('a.txt'), saved('b.txt')]).toEqual([content, content]);
  });

  test.each(['holdconn', 'ACTIVE'])('from somebody whose a=setup is %s, to whom this end listens', async (setup) => {
    const call = incomingInvite('application/sdp', utf8(description([{ name: 'a.txt' }]).replace('a=setup:actpass', `a=setup:${setup}`)));
    await world.service.invited(call.invite);
    sends('hello');
    world.service.accept(1);
    await until(1, 'done');
    expect(call.answers[0]).toContain('a=setup:passive');
  });

  test('from somebody who says nothing that is known of who connects, it is refused', async () => {
    const call = incomingInvite('application/sdp', utf8(description([{ name: 'a.txt' }]).replace('a=setup:actpass', 'a=setup:nonsense')));
    await world.service.invited(call.invite);
    expect(call.said).toEqual(['488']);
    expect(() => world.transfer(1)).toThrow();
  });

  test.each([1, 7, 64, 1000])('inside of message/cpim, in pieces of %i octets: what is inside is the file, and counts', async (piece) => {
    await invited([{ name: 'a.txt' }]);
    const progress: number[] = [];
    world.context.notices.on((notice) => {
      if (notice.event === 'transfer.progress') progress.push(notice.payload.transferred);
    });
    world.onConnect(async (handlers) => {
      const sink = handlers.onMessage({ ...HEAD, contentType: 'message/cpim', total: WRAPPED.length });
      if ('refuse' in sink) throw new Error('refused');
      for (let at = 0; at < WRAPPED.length; at += piece) await sink.write(at, utf8(WRAPPED.slice(at, at + piece)));
      await sink.complete(WRAPPED.length);
    });
    world.service.accept(1);
    await until(1, 'done');
    expect(saved('a.txt')).toBe('hello');
    expect(Math.max(...progress)).toBeLessThanOrEqual(5);
  });

  test.each([
    ['without an end of its headers', 'From: <sip:b@c>\r\n'.repeat(2000)],
    ['that ends within them', 'From: <sip:b@c>\r\n\r\nContent-Type: text/plain\r\n'],
    ['with content in base64', WRAPPED.replace('text/plain', 'text/plain\r\nContent-Transfer-Encoding: base64')],
  ])('a message/cpim %s fails', async (_, content) => {
    await invited([{ name: 'a.txt' }]);
    world.onConnect((handlers) => send(handlers, content, 'message/cpim').catch(() => undefined));
    world.service.accept(1);
    await until(1, 'failed');
    expect(existsSync(join(world.folders.downloads, 'a.txt'))).toBe(false);
  });

  test('without a size: as much as comes, which is the size then', async () => {
    await invited([{ name: 'a.txt', selector: 'name:"a.txt" type:text/plain' }]);
    expect(world.transfer(1).sizeKnown).toBe(false);
    sends('hello world');
    world.service.accept(1);
    await until(1, 'done');
    expect(world.transfer(1)).toMatchObject({ size: 11, sizeKnown: true, transferred: 11 });
  });

  test('without a size, above the limit: stopped there', async () => {
    (world.context as { account: unknown }).account = { ...world.context.account, maxFileSize: 4 };
    const call = await invited([{ name: 'a.txt', selector: 'name:"a.txt" type:text/plain' }]);
    world.onConnect(async (handlers) => {
      const sink = handlers.onMessage({ ...HEAD, total: null });
      if ('refuse' in sink) throw new Error('refused');
      try {
        await sink.write(0, utf8('hello'));
      } catch (thrown) {
        sink.abort(thrown as ParleyError);
      }
    });
    world.service.accept(1);
    await until(1, 'failed');
    expect(call.answers[0]).toContain('a=max-size:4');
    expect(world.calls.message(1).error?.code).toBe('peer.too-large');
  });
});

describe('R-FTR-04: a file that somebody asks for', () => {
  const PICKED = 'what was picked';

  async function picked(content = PICKED) {
    const path = join(root, String(number), 'mine.txt');
    writeFileSync(path, content);
    const { mtimeMs, size } = statSync(path);
    return { path, name: 'mine.txt', type: 'text/plain', size, modifiedAt: Math.floor(mtimeMs) };
  }

  test("is the person's to give: the answer names it in full, and its octets flow out", async () => {
    const call = await invited([{ direction: 'recvonly', selector: 'name:"notes.txt"' }]);
    expect(world.transfer(1)).toMatchObject({ direction: 'out', pull: true, state: 'offered', name: 'notes.txt', sizeKnown: false });
    expect(() => world.service.accept(1)).toThrow(expect.objectContaining({ code: 'request.invalid-state' }));
    await world.service.give(1, await picked());
    await until(1, 'done');
    expect(call.said).toEqual(['180', '200']);
    expect(call.answers[0]).toContain('a=sendonly');
    expect(call.answers[0]).toContain(`name:"mine.txt" type:text/plain size:${PICKED.length} hash:sha-1:${SHA1(PICKED)}`);
    await expect(world.service.give(1, await picked())).rejects.toMatchObject({ code: 'request.invalid-state' });
  });

  test('five at once: four flow, the fifth waits for its turn, as those that are offered do', async () => {
    const ends: (() => void)[] = [];
    world.onSend(() => new Promise((resolve) => ends.push(resolve)));
    const wanted = [1, 2, 3, 4, 5];
    await invited(wanted.map((at) => ({ direction: 'recvonly', selector: `name:"${at}.txt"`, id: `wish-${at}` })));
    const file = await picked();
    for (const id of wanted) await world.service.give(id, file);
    await expect.poll(() => ends.length).toBe(4);
    await expect.poll(() => world.service.queue).toEqual([5]);
    expect(world.transfer(5).state).toBe('accepting');
    ends[0]?.();
    await expect.poll(() => ends.length).toBe(5);
    expect(world.service.queue).toEqual([]);
    for (const end of ends) end();
    for (const id of wanted) await until(id, 'done');
  });

  test('is refused by the person with 603', async () => {
    const call = await invited([{ direction: 'recvonly', selector: 'name:"notes.txt"' }]);
    await world.service.decline(1);
    await world.settled();
    expect(call.said).toEqual(['180', '603']);
    expect(world.transfer(1).state).toBe('declined');
  });

  test('has to be the one that the selector describes; another one leaves the question open', async () => {
    const selector = `name:"mine.txt" type:text/plain size:${PICKED.length} hash:sha-1:${SHA1(PICKED)}`;
    const call = await invited([{ direction: 'recvonly', selector }]);
    await expect(world.service.give(1, await picked('what was p1cked'))).rejects.toMatchObject({ code: 'file.not-asked-for' });
    await expect(world.service.give(1, await picked('short'))).rejects.toMatchObject({ code: 'file.not-asked-for' });
    expect(call.said).toEqual(['180']);
    await world.service.give(1, await picked());
    await until(1, 'done');
  });

  test('that the asker could not take is 488', async () => {
    const call = await invited([{ direction: 'recvonly', selector: 'name:"notes.txt"', types: 'image/png' }]);
    await world.service.give(1, await picked());
    await until(1, 'failed');
    await world.settled();
    expect(call.said).toEqual(['180', '488']);
  });

  /** an own push of that file to the very peer */
  async function pushed(state: 'done' | 'lost' | 'pause' | 'cancelled') {
    const file = await picked();
    const conversation = world.calls.openConversation({ peer: 'sip:bob@example.com', title: 'Bob', cpmConversationId: 'x', now: 1 });
    const rows = world.calls.composeFile({ ...file, conversationId: conversation.id, imdnId: 'p1', contributionId: 'c', now: 1 });
    const transferId = rows.message.transfer?.id as number;
    const hash = createHash('sha1').update(PICKED).digest('hex');
    const sha256 = createHash('sha256').update(PICKED).digest('hex');
    const events = state === 'done' ? (['started', 'all-sent', 'verified'] as const) : (['started', state] as const);
    world.calls.applyTransfer({ transferId, event: 'prepared', now: 1, fields: { sha1: hash, sha256 } });
    for (const event of ['offer', ...events] as const) world.calls.applyTransfer({ transferId, event, now: 1 });
    return transferId;
  }
  const WISH = `name:"mine.txt" type:text/plain size:${PICKED.length} hash:sha-1:${SHA1(PICKED)}`;

  test('R-AD-07: the rest of one that was sent and broke off leaves without a question', async () => {
    const id = await pushed('lost');
    const call = await invited([{ direction: 'recvonly', selector: WISH, range: `6-${PICKED.length}` }]);
    await until(id, 'done');
    expect(call.said).toEqual(['200']);
    expect(call.answers[0]).toContain(`a=file-range:6-${PICKED.length}`);
  });

  test.each([
    ['pause', '480', 'paused'],
    ['cancelled', '603', 'cancelled'],
  ] as const)('the rest of one that the person stopped (%s) does not', async (event, answer, state) => {
    const id = await pushed(event);
    const call = await invited([{ direction: 'recvonly', selector: WISH, range: `6-${PICKED.length}` }]);
    expect(call.said).toEqual([answer]);
    expect(world.transfer(id).state).toBe(state);
  });

  test('R-AD-07: when the rest of one that was pushed breaks off as well, the one who pushed it goes on', async () => {
    const id = await pushed('lost');
    world.onConnect(() => {
      throw new ParleyError('msrp.lost', 'cut');
    });
    await invited([{ direction: 'recvonly', selector: WISH, range: `6-${PICKED.length}` }]);
    await until(id, 'queued');
    expect(world.transfer(id).transferred).toBe(5);
    expect(world.calls.outboxReady(world.clock.now() + 2000, 5)).toHaveLength(1);
  });

  test('a range beyond the file is 488', async () => {
    await pushed('lost');
    const call = await invited([{ direction: 'recvonly', selector: WISH, range: '600-700' }]);
    expect(call.said).toEqual(['488']);
  });

  test('one that this very person was sent before is proposed, and not sent by itself; nobody else is told of it', async () => {
    const id = await pushed('done');
    const call = await invited([{ direction: 'recvonly', selector: `hash:sha-1:${SHA1(PICKED)}` }]);
    expect(call.said).toEqual(['180']);
    const wish = world.transfer(id + 1);
    expect(wish).toMatchObject({ pull: true, state: 'offered', name: 'mine.txt', size: PICKED.length });
    expect((await world.service.readyFile(wish.id)).path).toBe(wish.sourcePath);
    const other = incomingInvite(
      'application/sdp',
      utf8(description([{ direction: 'recvonly', selector: `hash:sha-1:${SHA1(PICKED)}`, id: 'o' }])),
    );
    await world.service.invited({ ...other.invite, from: 'sip:eve@example.com', originator: 'sip:eve@example.com', callId: 'c2' });
    expect(world.transfer(wish.id + 1)).toMatchObject({ name: '', sourcePath: null, sizeKnown: false });
  });
});
