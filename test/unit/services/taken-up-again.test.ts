import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { GIVE_UP_MS } from '../../../electron/services/outbox.ts';
import type { FinalAnswer } from '../../../electron/sip/port.ts';
import type { OutboxItem } from '../../../electron/store/port.ts';
import { fromUtf8, utf8 } from '../../../shared/base/bytes.ts';
import { ParleyError } from '../../../shared/base/errors.ts';
import type { TransferEvent } from '../../../shared/model/states/transfer-state.ts';
import { makeFileAnswer, takenLine } from '../../../shared/protocol/sdp/file-offer.ts';
import type { MsrpMedia } from '../../../shared/protocol/sdp/msrp-media.ts';
import { decodeSdp, encodeSdp } from '../../../shared/protocol/sdp/sdp.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';
import { openWith } from '../store/fixture.ts';
import { HEAD, incomingInvite, stage } from './stage.ts';

// either side takes up what broke off: what one of them says while the other one's request is under way

const root = temporaryFolder();
const BOB = 'sip:bob@example.com';
const MIB = 1_048_576;

let number = 0;
let world: ReturnType<typeof stage>;
beforeEach(() => {
  number += 1;
  world = stage(join(root, String(number)));
});

type FileItem = Extract<OutboxItem, { kind: 'file' }>;

const digest = (algorithm: string, text: string) => createHash(algorithm).update(text).digest('hex');
const SHA1 = (text: string) => (digest('sha1', text).match(/../g) ?? []).join(':').toUpperCase();
const answer = (status: number): FinalAnswer => ({ status, reason: '', headers: [], contentType: null, body: new Uint8Array() });
const until = (id: number, state: string) => expect.poll(() => world.transfer(id).state, { timeout: 10_000, interval: 5 }).toBe(state);
const apply = (transferId: number, ...events: TransferEvent[]) => {
  for (const event of events) world.calls.applyTransfer({ transferId, event, now: world.clock.now() });
};
const waiting = (ms = 0) => world.calls.outboxReady(world.clock.now() + ms, 9) as FileItem[];
const says = (call: { readonly said: readonly string[] }, ...words: string[]) =>
  expect.poll(() => call.said, { interval: 5 }).toEqual(words);
const offered = (index: number) => fromUtf8((world.invites[index] as { body: Uint8Array }).body);

interface Line {
  readonly content: string;
  readonly range?: string;
  readonly direction?: 'sendonly' | 'recvonly';
}

let ids = 0;
/** An INVITE of the other side about `a.txt`. */
function inviting(...lines: readonly Line[]) {
  const media = lines.flatMap(({ content, range, direction = 'sendonly' }) => {
    const id = `id${++ids}`;
    return [
      'm=message 2856 TCP/MSRP *',
      `a=${direction}`,
      'a=accept-types:message/cpim text/plain',
      'a=accept-wrapped-types:*',
      `a=path:msrp://127.0.0.1:2856/${id}session0123456789;tcp`,
      'a=setup:actpass',
      `a=file-selector:name:"a.txt" type:text/plain size:${content.length} hash:sha-1:${SHA1(content)}`,
      `a=file-transfer-id:${id}`,
      ...(range ? [`a=file-range:${range}`] : []),
    ];
  });
  const sdp = ['v=0', 'o=bob 1 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0', ...media, ''].join('\r\n');
  return incomingInvite('application/sdp', utf8(sdp));
}

async function invited(...lines: readonly Line[]) {
  const call = inviting(...lines);
  await world.service.invited(call.invite);
  return call;
}

describe('one that came in part', () => {
  const CONTENT = 'hello world';

  /** @param have octets that are here of it when its session was lost */
  async function interrupted(have: number, content = CONTENT) {
    const call = await invited({ content });
    world.onConnect(async (handlers) => {
      const sink = handlers.onMessage({ ...HEAD, total: content.length });
      if ('refuse' in sink) throw new Error('refused');
      await sink.write(0, utf8(content.slice(0, have)));
      sink.abort({ code: 'msrp.lost', detail: 'cut' });
      handlers.onClosed({ code: 'msrp.lost', detail: 'cut' });
    });
    world.service.accept(1);
    await until(1, 'interrupted');
    await world.settled();
    call.bye();
  }

  /** the rest comes on the next connection */
  function rest(content: string): void {
    world.onConnect(async (handlers) => {
      const sink = handlers.onMessage({ ...HEAD, total: content.length });
      if ('refuse' in sink) throw new Error('refused');
      await sink.write(0, utf8(content));
      await sink.complete(content.length);
    });
  }

  const saved = () => readFileSync(join(world.folders.downloads, 'a.txt'), 'utf8');

  test('R-AD-07: whose sender would send more than a mebibyte of it once more is refused, and asked for the rest; twice', async () => {
    const content = 'x'.repeat(2 * MIB);
    await interrupted(MIB + 100, content);
    for (let time = 0; time < 2; time++) {
      const before = await invited({ content, range: `100-${content.length}` });
      expect(before.said).toEqual(['480']);
      expect(waiting().map(({ transfer }) => transfer.transferred)).toEqual([MIB + 100]);
    }
    rest(content.slice(99));
    // that was all its sender could do
    const again = await invited({ content, range: `100-${content.length}` });
    await until(1, 'done');
    expect(again.said).toEqual(['200']);
    expect(saved()).toBe(content);
    expect(waiting(GIVE_UP_MS)).toEqual([]);
  });

  test('R-AD-07: whose sender begins behind what is here is asked for the rest, and told to begin anew only where no more comes by that', async () => {
    const content = 'x'.repeat(2 * MIB);
    await interrupted(MIB + 1, content);
    for (const status of ['480', '480', '488']) {
      expect((await invited({ content, range: `${MIB + 100}-${content.length}` })).said).toEqual([status]);
      expect(waiting().map(({ transfer }) => transfer.transferred)).toEqual([MIB + 1]);
    }
  });

  test('a mebibyte once more is taken', async () => {
    const content = 'x'.repeat(2 * MIB);
    await interrupted(MIB + 99, content);
    rest(content.slice(99));
    await says(await invited({ content, range: `100-${content.length}` }), '200');
    await until(1, 'done');
  });

  test('that waits to be asked for and comes from its beginning is taken where next to nothing of it is here', async () => {
    await interrupted(6);
    await world.service.resume(1);
    rest(CONTENT);
    await says(await invited({ content: CONTENT }), '200');
    await until(1, 'done');
    expect(saved()).toBe(CONTENT);
    expect(waiting(GIVE_UP_MS)).toEqual([]);
  });

  test.each(['interrupted', 'queued'])(
    'that is %s and comes from its beginning is asked for at once where much of it is here',
    async (state) => {
      const content = 'x'.repeat(2 * MIB);
      await interrupted(MIB + 100, content);
      if (state === 'queued') {
        await world.service.resume(1);
        apply(1, 'offer');
        world.calls.applyTransfer({ transferId: 1, event: 'postponed', now: 1, notBefore: world.clock.now() + 60_000 });
      }
      expect(waiting()).toEqual([]);
      // not 488: its sender would take that for the end
      await says(await invited({ content }), '480');
      expect(waiting()).toHaveLength(1);
    },
  );

  test('is moved by one of two invitations that come at once', async () => {
    await interrupted(6);
    rest('world');
    const calls = [inviting({ content: CONTENT, range: '7-11' }), inviting({ content: CONTENT, range: '7-11' })];
    await Promise.all(calls.map(({ invite }) => world.service.invited(invite)));
    await until(1, 'done');
    expect(calls.map(({ said }) => said.filter((word) => word !== 'BYE'))).toEqual([['200'], ['480']]);
    expect(saved()).toBe(CONTENT);
  });

  test('twice in one offer is taken once', async () => {
    await interrupted(6);
    rest('world');
    const call = await invited({ content: CONTENT, range: '7-11' }, { content: CONTENT, range: '7-11' });
    await until(1, 'done');
    expect([...(call.answers[0] ?? '').matchAll(/^m=message (\d+)/gm)].map(([, port]) => port)).toEqual(['2855', '0']);
  });

  test('is taken back by its sender before the first octet: that is a loss, wherever it begins', async () => {
    await interrupted(6);
    const call = inviting({ content: CONTENT });
    world.before((method, argument) => {
      if (method === 'applyTransfer' && (argument as { event: string }).event === 'accept') call.cancel();
    });
    await world.service.invited(call.invite);
    await until(1, 'interrupted');
    await world.settled();
    world.before(() => undefined);
    rest(CONTENT);
    await invited({ content: CONTENT });
    await until(1, 'done');
  });

  test.each([488, 603, 404])('and whose rest is not given (%s) waits for its sender, with what is here', async (status) => {
    await interrupted(6);
    await world.service.resume(1);
    world.answers(async () => answer(status));
    await world.service.offer(waiting()[0] as FileItem, world.link);
    expect(world.transfer(1).state).toBe('interrupted');
    expect(statSync(world.transfer(1).partialPath as string).size).toBe(6);
    rest('world');
    await says(await invited({ content: CONTENT, range: '7-11' }), '200');
    await until(1, 'done');
  });

  test('is not asked for by a row of the outbox that its sender has overtaken', async () => {
    await interrupted(6);
    await world.service.resume(1);
    const [item] = waiting();
    rest('world');
    let overtaken: Promise<void> | undefined;
    world.before((method, argument) => {
      if (method === 'applyTransfer' && (argument as { event: string }).event === 'accept')
        overtaken = world.service.offer(item as FileItem, world.link);
    });
    await invited({ content: CONTENT, range: '7-11' });
    await until(1, 'done');
    await overtaken;
    await world.service.offer(item as FileItem, world.link);
    expect(world.transfer(1).state).toBe('done');
    expect(world.invites).toEqual([]);
    expect(existsSync(join(world.folders.downloads, 'a (1).txt'))).toBe(false);
  });
});

describe('one that was sent in part', () => {
  const CONTENT = 'what was picked';

  /** @returns transfers of files of that content, which broke off after their first octets, or have not been taken yet */
  function files(...broken: readonly boolean[]) {
    const path = join(root, String(number), 'a.txt');
    writeFileSync(path, CONTENT);
    const modifiedAt = Math.floor(statSync(path).mtimeMs);
    const { id: conversationId } = openWith(world.calls, BOB);
    return broken.map((isBroken, at) => {
      const file = { path, name: 'a.txt', type: 'text/plain', size: CONTENT.length, modifiedAt };
      const rows = world.calls.composeFile({ ...file, conversationId, imdnId: `p${at}`, contributionId: `c${at}`, now: 1 });
      const id = rows.message.transfer?.id as number;
      const fields = { sha1: digest('sha1', CONTENT), sha256: digest('sha256', CONTENT) };
      world.calls.applyTransfer({ transferId: id, event: 'prepared', now: 1, fields });
      if (isBroken) {
        apply(id, 'offer');
        world.calls.applyTransfer({ transferId: id, event: 'started', now: 1, fields: { fileTransferId: 'before' } });
        apply(id, 'lost');
      }
      return id;
    });
  }

  const untilEnded = ({ signal }: { signal?: AbortSignal }): Promise<void> =>
    new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason), { once: true }));
  const offer = async () => world.service.offer(waiting(1e7)[0] as FileItem, world.link);
  const pull = (range?: string): Line => ({ content: CONTENT, direction: 'recvonly', ...(range ? { range } : {}) });

  /** A 200 that takes those m-lines and gives port 0 to the others. */
  const taking =
    (...taken: readonly number[]) =>
    async (body: Uint8Array): Promise<FinalAnswer> => {
      const text = fromUtf8(body);
      const end = text.indexOf('\r\n--', text.indexOf('v=0'));
      const description = decodeSdp(utf8(text.slice(text.indexOf('v=0'), end < 0 ? undefined : end + 2)));
      const place = { protocol: 'TCP/MSRP', address: '127.0.0.1', port: 2856, path: ['msrp://127.0.0.1:2856/s0123456789;tcp'] } as const;
      const lines = new Map(taken.map((at) => [at, takenLine(description.media[at] as MsrpMedia, { place, setup: 'active' })] as const));
      const origin = { user: 'bob', id: '1', version: '1', address: '127.0.0.1' };
      const sdp = encodeSdp(makeFileAnswer(description, { origin, address: '127.0.0.1', lines }));
      return { ...answer(200), contentType: 'application/sdp', body: sdp };
    };

  test('R-AD-07: and gets port 0 beside others is offered once more by itself: the other side may be about to ask for it', async () => {
    const [before = 0, fresh = 0, taken = 0] = files(true, false, false);
    await world.service.recover();
    await world.clock.advance(3000);
    world.answers(taking(2));
    await offer();
    await until(taken, 'done');
    expect(world.transfer(fresh).state).toBe('declined');
    expect(world.transfer(before).state).toBe('queued');
    expect(waiting(2000)).toEqual([]);
    world.answers(async () => answer(603));
    await world.clock.advance(3000);
    await offer();
    expect(offered(1).match(/^m=message/gm)).toHaveLength(1);
    expect(world.transfer(before).state).toBe('declined');
  });

  test.each([488, 603])('R-AD-07: and is refused with others (%s) is offered once more by itself', async (status) => {
    const [before = 0, fresh = 0] = files(true, false);
    await world.service.recover();
    await world.clock.advance(3000);
    world.answers(async () => answer(status));
    await offer();
    expect([before, fresh].map((id) => world.transfer(id).state)).toEqual(['queued', 'declined']);
    await world.clock.advance(3000);
    await offer();
    expect(world.transfer(before).state).toBe('declined');
  });

  test('is not given up when nobody is there to take the rest', async () => {
    const [id = 0] = files(true);
    await world.service.recover();
    world.calls.checkpointTransfer(id, 5);
    world.answers(async () => answer(408));
    await offer();
    expect(world.transfer(id)).toMatchObject({ state: 'queued', transferred: 5 });
  });

  test.each([undefined, `6-${CONTENT.length}`])('is not asked for a second time (range %s) while it is being offered', async (range) => {
    const [id = 0] = files(true);
    await world.service.recover();
    let refuse: (answer: FinalAnswer) => void = () => undefined;
    world.answers(() => new Promise((resolve) => (refuse = resolve)));
    const offering = offer();
    await until(id, 'offering');
    await world.settled();
    const crossing = await invited(pull(range));
    expect(crossing.said).toEqual(['480']);
    refuse(answer(480));
    await offering;
    expect(world.transfer(id).state).toBe('queued');
    // no question to its person either
    expect(() => world.transfer(id + 1)).toThrow();
    await says(await invited(pull(range)), '200');
    await until(id, 'done');
  });

  test('is asked for by one whose invitation is taken back: that is a loss, wherever it begins', async () => {
    const [id = 0] = files(true);
    const call = inviting(pull());
    world.before((method, argument) => {
      if (method === 'applyTransfer' && (argument as { event: string }).event === 'accept') call.cancel();
    });
    await world.service.invited(call.invite);
    await until(id, 'queued');
  });

  test('is asked for anew by one who has lost what is thought to flow still', async () => {
    const [id = 0] = files(true);
    world.onSend(untilEnded);
    await invited(pull('3-15'));
    await until(id, 'transferring');
    world.onSend(async () => undefined);
    await says(await invited(pull('6-15')), '200');
    await until(id, 'done');
  });

  test('does not wait for its turn with a session that is closed', async () => {
    const all = files(true, true, true, true, true);
    const closers: (() => void)[] = [];
    world.onConnect((handlers) => void closers.push(() => handlers.onClosed({ code: 'msrp.lost', detail: 'gone' })));
    world.onSend(() => new Promise(() => undefined));
    world.answers(taking(0, 1, 2, 3, 4));
    await world.service.recover();
    await world.clock.advance(3000);
    await offer();
    await expect.poll(() => all.filter((id) => world.transfer(id).state === 'transferring')).toHaveLength(4);
    expect(world.service.queue).toHaveLength(1);
    const [last = 0] = world.service.queue;
    for (const close of closers) close();
    await until(last, 'queued');
    expect(world.service.queue).toEqual([]);
  });

  test('is not offered, and not failed, by a row of the outbox that its receiver has overtaken', async () => {
    const [id = 0] = files(true);
    await world.service.recover();
    const [item] = waiting(1e7);
    world.onSend(untilEnded);
    await invited(pull('6-15'));
    await until(id, 'transferring');
    let isOver = false;
    void world.service.offer(item as FileItem, world.link).then(() => {
      isOver = true;
    });
    await world.settled();
    // the outbox is not to ask again and again
    expect([isOver, world.transfer(id).state, world.invites.length]).toEqual([false, 'transferring', 0]);
    await world.service.pause(id);
    await expect.poll(() => isOver).toBe(true);
  });
});

test('a session that cannot be had just now is no word about the file: 480', async () => {
  const call = inviting({ content: 'hello' });
  await world.service.invited(call.invite);
  world.msrp.createSession = () => {
    throw new ParleyError('msrp.unreachable', 'no network');
  };
  world.service.accept(1);
  await until(1, 'interrupted');
  expect(call.said).toEqual(['180', '480']);
});
