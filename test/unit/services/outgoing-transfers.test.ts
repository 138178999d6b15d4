import { writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { hashFile } from '../../../electron/msrp/file-source.ts';
import { GIVE_UP_MS } from '../../../electron/services/outbox.ts';
import type { FinalAnswer } from '../../../electron/sip/port.ts';
import type { OutboxItem } from '../../../electron/store/port.ts';
import { ParleyError } from '../../../shared/base/errors.ts';
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
