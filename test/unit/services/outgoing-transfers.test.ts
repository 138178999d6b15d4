import { writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { hashFile } from '../../../electron/msrp/file-source.ts';
import { GIVE_UP_MS } from '../../../electron/services/outbox.ts';
import { SentMark } from '../../../electron/services/transfers/sent-mark.ts';
import type { FinalAnswer } from '../../../electron/sip/port.ts';
import type { OutboxItem } from '../../../electron/store/port.ts';
import { fromUtf8 } from '../../../shared/base/bytes.ts';
import { ParleyError } from '../../../shared/base/errors.ts';
import { makeFileAnswer, takenLine } from '../../../shared/protocol/sdp/file-offer.ts';
import type { MsrpMedia } from '../../../shared/protocol/sdp/msrp-media.ts';
import { decodeSdp, encodeSdp } from '../../../shared/protocol/sdp/sdp.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';
import { openWith } from '../store/fixture.ts';
import { stage } from './stage.ts';

const root = temporaryFolder();
let number = 0;
let world: ReturnType<typeof stage>;
let path: string;
beforeEach(() => {
  number += 1;
  const folder = join(root, String(number));
  world = stage(folder);
  path = join(folder, 'a.txt');
  writeFileSync(path, 'hello');
});

const applied = (argument: unknown) => (argument as { event?: string }).event;
const answer = (status: number): FinalAnswer => ({ status, reason: '', headers: [], contentType: null, body: new Uint8Array() });

async function pick(): Promise<void> {
  const { modifiedAt } = await hashFile(path);
  openWith(world.calls);
  await world.service.send(1, 'f1', { path, name: 'a.txt', type: 'text/plain', size: 5, modifiedAt });
}

async function until(state: string): Promise<void> {
  await expect.poll(() => world.transfer().state, { timeout: 5000, interval: 5 }).toBe(state);
}

async function queued(): Promise<Extract<OutboxItem, { kind: 'file' }>> {
  await pick();
  await until('queued');
  await world.settled();
  return world.calls.outboxReady(world.clock.now(), 1)[0] as Extract<OutboxItem, { kind: 'file' }>;
}

describe('a cancel', () => {
  test.each(['prepared', 'offer', 'postponed'] as const)('that comes while "%s" is written down is not lost', async (event) => {
    world.answers(async () => answer(480));
    world.before((method, argument) => {
      if (method === 'applyTransfer' && applied(argument) === event) void world.service.cancel(1);
    });
    if (event === 'prepared') await pick();
    else await world.service.offer(await queued(), world.link);
    await until('cancelled');
    await world.settled();
    expect(world.transfer().state).toBe('cancelled');
    expect(world.invites).toHaveLength(event === 'postponed' ? 1 : 0);
    expect(world.calls.outboxReady(world.clock.now() + 1e9, 5)).toEqual([]);
  });
});

describe('closing the app', () => {
  test('while a file is hashed does not cancel it: the next start goes on', async () => {
    await pick();
    world.service.stop();
    await world.service.idle();
    expect(world.transfer().state).toBe('preparing');
  });

  test('while an offer is about to leave keeps it in the outbox', async () => {
    const item = await queued();
    const offering = world.service.offer({ ...item, transfer: { ...item.transfer, hash: null } }, world.link);
    world.service.stop();
    await offering;
    expect(world.transfer().state).toBe('queued');
  });
});

test('a disk without room for what was hashed is waited for, and nobody is left with a rejection', async () => {
  let refusals = 2;
  world.before((method) => {
    if (method === 'applyTransfer' && refusals-- > 0) throw new ParleyError('store.full', 'SQLITE_FULL');
  });
  await pick();
  await expect.poll(() => world.clock.nextIn).toBe(1000);
  await world.clock.advance(1000);
  await world.clock.advance(2000);
  await until('queued');
});

test('a store that is closed meanwhile is a line in the log', async () => {
  world.before((method) => {
    if (method === 'applyTransfer') throw new ParleyError('store.closed', 'closed');
  });
  await pick();
  await world.service.idle();
  expect(world.log.at(-1)).toMatch(/closed/);
});

test('a file that is prepared while others wait for it goes with them, and each goes once', async () => {
  world.answers(async () => answer(603));
  const { modifiedAt } = await hashFile(path);
  const { id: conversationId } = openWith(world.calls);
  const ids = ['slow', 'quick', 'brief'].map((name) => {
    const rows = world.calls.composeFile({
      ...{
        conversationId,
        imdnId: `${name}-0123456789`,
        contributionId: name,
        path,
        name,
        type: 'text/plain',
        size: 5,
        modifiedAt,
        now: 10,
      },
    });
    return rows.message.transfer?.id as number;
  });
  const prepared = (transferId = 0) =>
    world.calls.applyTransfer({ transferId, event: 'prepared', now: 11, fields: { sha1: 'a'.repeat(40), sha256: 'b'.repeat(64) } });
  const head = () => world.calls.outboxReady(world.clock.now(), 1)[0] as Extract<OutboxItem, { kind: 'file' }>;
  prepared(ids[1]);
  prepared(ids[2]);
  const first = world.service.offer(head(), world.link);
  await world.settled();
  // the slow one comes first in the outbox, and is taken up while the others wait for it
  prepared(ids[0]);
  expect(head().transfer.id).toBe(ids[0]);
  const second = world.service.offer(head(), world.link);
  await world.clock.advance(2000);
  await Promise.all([first, second]);
  const offered = world.invites.flatMap(({ body }) => [...fromUtf8(body).matchAll(/file-selector:name:"(\w+)"/g)].map(([, name]) => name));
  expect(offered.sort()).toEqual(['brief', 'quick', 'slow']);
  expect(world.invites).toHaveLength(1);
});

test('nobody is asked about a file that has vanished since it was hashed', async () => {
  const item = await queued();
  await rm(path);
  await world.service.offer(item, world.link);
  expect(world.transfer().state).toBe('failed');
  expect(world.calls.message(1).error?.code).toBe('file.missing');
  expect(world.invites).toEqual([]);
});

test('an invitation that cannot be written fails the file instead of being tried for ever', async () => {
  const item = await queued();
  world.answers(() => Promise.reject(new ParleyError('request.invalid', 'control character')));
  await world.service.offer(item, world.link);
  expect(world.transfer().state).toBe('failed');
});

test('a person who cannot be reached for a day is not asked any more', async () => {
  const item = await queued();
  world.answers(async () => answer(480));
  await world.service.offer(item, world.link);
  expect(world.transfer().state).toBe('queued');
  await world.clock.advance(GIVE_UP_MS + 1);
  await world.service.offer(item, world.link);
  expect(world.transfer().state).toBe('expired');
});

describe('what is taken up again', () => {
  const body = (index: number) => fromUtf8((world.invites[index] as unknown as { body: Uint8Array }).body);

  async function reached(octets: number) {
    const item = await queued();
    world.calls.checkpointTransfer(1, octets);
    return { ...item, transfer: world.transfer() };
  }

  test('R-AD-07: is offered from the first octet that was not acknowledged, one at least, with a hash of the whole', async () => {
    world.answers(async () => answer(480));
    await world.service.offer(await reached(3), world.link);
    expect(body(0)).toContain('a=file-range:4-5\r\n');
    expect(body(0)).toMatch(/a=file-selector:.* size:5 hash:sha-1:/);
    world.calls.checkpointTransfer(1, 5);
    await world.service.offer({ ...(await item()), transfer: world.transfer() }, world.link);
    expect(body(1)).toContain('a=file-range:5-5\r\n');
  });

  const item = async () => world.calls.outboxReady(world.clock.now() + 1e7, 1)[0] as Extract<OutboxItem, { kind: 'file' }>;

  test('begins anew once where the range is refused, and is declined where the whole is', async () => {
    world.answers(async () => answer(488));
    await world.service.offer(await reached(3), world.link);
    expect(world.transfer()).toMatchObject({ state: 'queued', transferred: 0 });
    // whoever has another part of it asks for the rest himself meanwhile
    expect(world.calls.outboxReady(world.clock.now() + 2000, 1)).toEqual([]);
    await world.service.offer(await item(), world.link);
    expect(body(1)).not.toContain('a=file-range');
    expect(world.transfer().state).toBe('declined');
  });

  test('R-AD-07: begins anew once more after octets have flowed since', async () => {
    world.answers(async () => answer(488));
    await world.service.offer(await reached(3), world.link);
    for (const event of ['offer', 'started', 'lost'] as const) world.calls.applyTransfer({ transferId: 1, event, now: 1 });
    world.calls.checkpointTransfer(1, 2);
    await world.service.recover();
    await world.service.offer(await item(), world.link);
    expect(body(1)).toContain('a=file-range:3-5');
    expect(world.transfer()).toMatchObject({ state: 'queued', transferred: 0 });
  });

  test('R-AD-07: goes on behind what was acknowledged before a SIGKILL, whatever the store knew', async () => {
    await reached(1);
    for (const event of ['offer', 'started', 'lost'] as const) world.calls.applyTransfer({ transferId: 1, event, now: 1 });
    const mark = await SentMark.open(world.folders, 1);
    mark.note(4);
    await world.service.recover();
    expect(world.transfer()).toMatchObject({ state: 'queued', transferred: 4 });
    await mark.remove();
  });

  test('goes on by itself after a restart, but for what is paused', async () => {
    await queued();
    const apply = (event: 'offer' | 'started' | 'lost' | 'pause') => world.calls.applyTransfer({ transferId: 1, event, now: 1 });
    for (const event of ['offer', 'started', 'lost'] as const) apply(event);
    await world.service.recover();
    expect(world.transfer().state).toBe('queued');
    await world.service.pause(1);
    await world.service.recover();
    expect(world.transfer().state).toBe('paused');
    await world.service.resume(1);
    expect(world.transfer().state).toBe('queued');
    await expect(world.service.resume(1)).rejects.toMatchObject({ code: 'request.invalid-state' });
  });

  test('an offer that is paused while it waits for an answer is taken back, and waits for the person', async () => {
    const offering = world.service.offer(await queued(), world.link);
    await until('offering');
    await world.settled();
    await world.service.pause(1);
    await until('paused');
    void offering;
  });
});

test('R-FTR-06 a file above the limit is not asked for', async () => {
  const { id } = openWith(world.calls);
  (world.context.account as { maxFileSize: number }).maxFileSize = 10;
  const wish = { conversationId: id, clientId: 'p1', name: 'film.mp4', size: 11 };
  await expect(world.service.request(wish)).rejects.toMatchObject({ code: 'file.too-large' });
  expect(world.calls.outboxReady(world.clock.now() + 1e9, 5)).toEqual([]);
});

describe('a change by the other side in the dialog of two files that flow', () => {
  const place = {
    protocol: 'TCP/MSRP',
    address: '127.0.0.1',
    port: 2856,
    path: ['msrp://127.0.0.1:2856/their0123456789session;tcp'],
  } as const;
  const CHAT = ['m=message 2856 TCP/MSRP *', 'a=sendonly', 'a=path:msrp://127.0.0.1:2856/more0123456789;tcp', 'a=setup:actpass'];
  const FILE = ['a=accept-types:*', 'a=file-selector:name:"x.txt" type:text/plain size:5', 'a=file-transfer-id:theirs'];
  let theirs: ReturnType<typeof makeFileAnswer>;

  /** as the other side would say it anew, `port` by m-line */
  const says = (version: number, ports: readonly number[] = [], more: readonly string[] = []) => {
    const media = theirs.media.map((line, at) => ({ ...line, port: ports[at] ?? line.port }));
    return (
      fromUtf8(encodeSdp({ ...theirs, origin: { ...theirs.origin, version: String(version) }, media })) +
      more.map((line) => `${line}\r\n`).join('')
    );
  };

  async function flowing() {
    await pick();
    const { modifiedAt } = await hashFile(path);
    await world.service.send(1, 'f2', { path, name: 'b.txt', type: 'text/plain', size: 5, modifiedAt });
    await expect.poll(() => [1, 2].map((id) => world.transfer(id).state)).toEqual(['queued', 'queued']);
    world.answers(async (body) => {
      const offer = decodeSdp(findPart(body));
      const lines = new Map(offer.media.map((media, at) => [at, takenLine(media as MsrpMedia, { place, setup: 'active' })] as const));
      theirs = makeFileAnswer(offer, { origin: { user: 'bob', id: '1', version: '1', address: '127.0.0.1' }, address: '127.0.0.1', lines });
      return { ...answer(200), contentType: 'application/sdp', body: encodeSdp(theirs) };
    });
    world.onSend(
      ({ signal }) => new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason), { once: true })),
    );
    const item = world.calls.outboxReady(world.clock.now(), 1)[0] as Extract<OutboxItem, { kind: 'file' }>;
    await world.service.offer(item, world.link);
    await expect.poll(() => [1, 2].map((id) => world.transfer(id).state)).toEqual(['transferring', 'transferring']);
  }

  const findPart = (body: Uint8Array) => {
    const text = fromUtf8(body);
    return text.slice(text.indexOf('v=0'), text.includes('\r\n--') ? text.indexOf('\r\n--', text.indexOf('v=0')) + 2 : undefined);
  };
  const ports = (text = '') => [...text.matchAll(/^m=message (\d+)/gm)].map(([, port]) => Number(port));

  test('that says what it said leaves what flows alone, and is answered with what we said', async () => {
    await flowing();
    const [description, status] = world.reoffer(says(2));
    expect(status).toBe('200');
    expect(ports(description)).toEqual([2855, 2855]);
    expect(description).not.toMatch(/actpass|file-disposition/);
    await world.settled();
    expect([1, 2].map((id) => world.transfer(id).state)).toEqual(['transferring', 'transferring']);
  });

  test('R-FT-18: a line that it closes ends that file alone, as stopped by the other side', async () => {
    await flowing();
    expect(ports(world.reoffer(says(2, [0]))[0])).toEqual([0, 2855]);
    await expect.poll(() => world.transfer(1)).toMatchObject({ state: 'failed' });
    expect(world.calls.message(1).transfer?.error?.code).toBe('msrp.stopped');
    await world.settled();
    expect(world.transfer(2).state).toBe('transferring');
  });

  test('a file that it adds is not taken there; one line less, or no description, is no offer', async () => {
    await flowing();
    const [description, status] = world.reoffer(says(2, [], [...CHAT, ...FILE]));
    expect(status).toBe('200');
    expect(ports(description)).toEqual([2855, 2855, 0]);
    expect(description).toContain('a=file-transfer-id:theirs');
    expect(world.reoffer(says(3))).toEqual(['488']);
    expect(world.reoffer('v=0')).toEqual(['488']);
    await world.settled();
    expect([1, 2].map((id) => world.transfer(id).state)).toEqual(['transferring', 'transferring']);
  });
});
