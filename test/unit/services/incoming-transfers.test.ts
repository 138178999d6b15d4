import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import type { SessionHandlers } from '../../../electron/msrp/port.ts';
import { encodeFileInvitation, fileMedia } from '../../../electron/services/transfers/invitation.ts';
import type { StoredTransfer } from '../../../electron/store/port.ts';
import { ParleyError } from '../../../shared/base/errors.ts';
import { makeOrigin } from '../../../shared/protocol/sdp/file-offer.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';
import { incomingInvite, sinkOf, stage } from './stage.ts';

const root = temporaryFolder();
const CONTENT = new TextEncoder().encode('hello');
const sha256 = createHash('sha256').update(CONTENT).digest('hex');
const FILE = { direction: 'out', imdnId: 'm1', name: 'a.txt', type: 'text/plain', size: 5, sizeKnown: true, hash: { sha1: null, sha256 } };

let number = 0;
let world: ReturnType<typeof stage>;
beforeEach(() => {
  number += 1;
  world = stage(join(root, String(number)));
});

function invitation(file: Partial<typeof FILE> = {}, transferId = 'ft1') {
  const transfer = { ...FILE, ...file } as unknown as StoredTransfer;
  const place = {
    protocol: 'TCP/MSRP',
    address: '127.0.0.1',
    port: 2856,
    path: ['msrp://127.0.0.1:2856/abcdefghijklmnopqrst;tcp'],
  } as const;
  const media = [fileMedia(transfer, { fileTransferId: transferId, place })];
  const { contentType, body } = encodeFileInvitation(
    { origin: makeOrigin('127.0.0.1', 1), name: '-', address: '127.0.0.1', media },
    [{ fileTransferId: transferId, imdnId: transfer.imdnId, sentAt: 1 }],
    { address: 'sip:bob@example.com', to: 'sip:alice@example.com' },
  );
  return incomingInvite(contentType, body);
}

async function offered() {
  const call = invitation();
  await world.service.invited(call.invite);
  expect(world.transfer().state).toBe('offered');
  return call;
}

async function sendAll(handlers: SessionHandlers): Promise<void> {
  const sink = sinkOf(handlers);
  await sink.write(0, CONTENT);
  await sink.complete(CONTENT.length);
}

async function until(state: string): Promise<void> {
  await expect.poll(() => world.transfer().state, { timeout: 5000, interval: 5 }).toBe(state);
}

describe('an offer that its sender takes back', () => {
  test('while the card is being written closes it at once', async () => {
    const call = invitation();
    world.before((method) => {
      if (method === 'receiveOffer') call.cancel();
    });
    await world.service.invited(call.invite);
    expect(world.transfer().state).toBe('cancelled');
    expect(() => world.service.accept(1)).toThrow(expect.objectContaining({ code: 'request.invalid-state' }));
    expect(world.clock.nextIn).toBeNull();
  });

  test('while it is being accepted is cancelled, and no failure of ours', async () => {
    const call = await offered();
    world.before((method) => {
      if (method === 'applyTransfer') call.cancel();
    });
    world.service.accept(1);
    await until('cancelled');
    expect(call.said).toEqual(['180']);
  });
});

describe('an answer', () => {
  test('is written down before it leaves', async () => {
    const call = await offered();
    world.before(() => call.said.push('written'));
    await world.service.decline(1);
    expect(call.said).toEqual(['180', 'written', '603']);
  });

  test('to an offer whose prompt is gone brings the card to its end', async () => {
    const call = await offered();
    world.before(() => {
      throw new ParleyError('internal', 'once');
    });
    call.cancel();
    await world.settled();
    world.before(() => undefined);
    await world.service.cancel(1);
    expect(world.transfer().state).toBe('expired');
    await expect(world.service.decline(1)).rejects.toMatchObject({ code: 'request.invalid-state' });
  });

  test('taken back by the person before the session is there tells the sender not to ask again', async () => {
    const call = await offered();
    world.before((method) => {
      if (method === 'applyTransfer') void world.service.cancel(1);
    });
    world.service.accept(1);
    await until('cancelled');
    expect(call.said).toEqual(['180', '603']);
  });

  test('is not asked for a second time by an invitation that crosses it', async () => {
    await offered();
    const second = invitation({}, 'ft2');
    world.onConnect(sendAll);
    world.before((method) => {
      if (method === 'receiveOffer') queueMicrotask(() => world.service.accept(1));
    });
    await world.service.invited(second.invite);
    await until('done');
    expect(second.said).toEqual(['486']);
  });
});

describe('trouble with the own disk', () => {
  test('is what the person hears of, also when the sender has gone because of it', async () => {
    const call = await offered();
    mkdirSync(join(world.folders.partial, '1.part'), { recursive: true });
    world.onConnect(async (handlers) => {
      const sink = sinkOf(handlers);
      await expect.poll(() => attempt(() => sink.write(0, CONTENT))).toBe('file.unwritable');
      call.bye();
      sink.abort({ code: 'file.unwritable', detail: 'as the engine tells it' });
    });
    world.service.accept(1);
    await until('failed');
    expect(world.calls.message(1).error?.code).toBe('file.unwritable');
  });

  test('before the session is there refuses the invitation for good, with the right code', async () => {
    const call = await offered();
    rmSync(world.folders.partial, { recursive: true });
    writeFileSync(world.folders.partial, 'in the way');
    world.service.accept(1);
    await until('failed');
    expect(world.calls.message(1).error?.code).toBe('file.unwritable');
    expect(call.said).toEqual(['180', '488']);
  });

  test('what filled the disk goes before its end is written down, which is repeated until there is room', async () => {
    await offered();
    const partial = join(world.folders.partial, '1.part');
    world.onConnect(async (handlers) => {
      const sink = sinkOf(handlers);
      await sink.write(0, CONTENT.subarray(0, 3));
      sink.abort(new ParleyError('file.disk-full', 'ENOSPC'));
    });
    let refusals = 0;
    let wasThere: boolean | null = null;
    world.before((method, argument) => {
      if (method !== 'applyTransfer' || (argument as { event: string }).event !== 'failed') return;
      wasThere ??= existsSync(partial);
      refusals += 1;
      if (refusals < 3) throw new ParleyError('store.full', 'SQLITE_FULL');
    });
    world.service.accept(1);
    await expect.poll(() => refusals).toBe(1);
    expect(wasThere).toBe(false);
    await world.clock.advance(1000);
    await world.clock.advance(2000);
    await until('failed');
    expect(world.calls.message(1).error?.code).toBe('file.disk-full');
  });

  test('a download folder that vanished while the file arrived is made again', async () => {
    await offered();
    world.onConnect(async (handlers) => {
      rmSync(world.folders.downloads, { recursive: true });
      await sendAll(handlers);
    });
    world.service.accept(1);
    await until('done');
    expect(readFileSync(join(world.folders.downloads, 'a.txt'), 'utf8')).toBe('hello');
  });
});

test('a file that is offered again after it was quarantined can be accepted, and cancelled, anew', async () => {
  const first = await offered();
  world.onConnect(async (handlers) => {
    const sink = sinkOf(handlers);
    await sink.write(0, new TextEncoder().encode('hallo'));
    await Promise.resolve(sink.complete(5)).catch(() => undefined);
  });
  world.service.accept(1);
  await until('quarantined');
  expect(world.calls.outboxReady(world.clock.now(), 5)).toMatchObject([{ kind: 'notification', disposition: 'failed', about: 'm1' }]);
  const second = invitation({}, 'ft2');
  await world.service.invited(second.invite);
  expect(world.transfer().state).toBe('offered');
  let arrived: () => void = () => undefined;
  world.onConnect(async () => new Promise<void>((resolve) => (arrived = resolve)));
  world.service.accept(1);
  await expect.poll(() => second.said).toContain('200');
  // the first one ends only now
  first.bye();
  await world.settled();
  await world.service.cancel(1);
  arrived();
  await until('cancelled');
  expect(second.said).toEqual(['180', '200', 'BYE']);
});

describe('a restart', () => {
  /** what a kill in the middle leaves: `content` in the partial file, and the transfer under way */
  async function killedWith(content: string): Promise<void> {
    await offered();
    const partialPath = join(world.folders.partial, '1.part');
    world.calls.applyTransfer({ transferId: 1, event: 'accept', now: 1, fields: { partialPath } });
    world.calls.applyTransfer({ transferId: 1, event: 'started', now: 1 });
    writeFileSync(partialPath, content);
    world.calls.outboxRecover(2);
    await world.service.recover();
  }

  test('finds a file that had come whole, of which its sender was told: it gets its place, and delivered is owed', async () => {
    await killedWith('hello');
    expect(world.transfer()).toMatchObject({ state: 'done', transferred: 5, finalPath: join(world.folders.downloads, 'a.txt') });
    expect(readFileSync(join(world.folders.downloads, 'a.txt'), 'utf8')).toBe('hello');
    expect(existsSync(join(world.folders.partial, '1.part'))).toBe(false);
    expect(world.calls.outboxReady(world.clock.now(), 5)).toMatchObject([{ kind: 'notification', disposition: 'delivered' }]);
  });

  test.each([
    ['hel', 3],
    ['hallo', 4],
  ])('R-AD-07: leaves one interrupted of which there is only %j, and goes on behind octet %d', async (content, there) => {
    await killedWith(content);
    expect(world.transfer()).toMatchObject({ state: 'interrupted', transferred: there });
    expect(existsSync(join(world.folders.downloads, 'a.txt'))).toBe(false);
  });
});

test('stopping ends the prompts and leaves no timer behind', async () => {
  const call = await offered();
  world.service.stop();
  await world.service.idle();
  expect(call.said).toEqual(['180', '480']);
  expect(world.clock.nextIn).toBeNull();
});

function attempt(act: () => unknown): string {
  try {
    act();
    return '';
  } catch (thrown) {
    return (thrown as ParleyError).code;
  }
}
