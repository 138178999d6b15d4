import { describe, expect, test } from 'vitest';
import type { Link, ServiceContext } from '../../../electron/services/context.ts';
import { Notices } from '../../../electron/services/context.ts';
import { type Attempt, attemptFromError, GIVE_UP_MS, OutboxService, retryWait } from '../../../electron/services/outbox.ts';
import type { OutboxItem, Store } from '../../../electron/store/port.ts';
import { ParleyError } from '../../../shared/base/errors.ts';
import { ManualClock, settle } from '../../harness/manual-clock.ts';

const LINK = {} as Link;

/** An outbox of one text, whose row is booked as the store would. */
function oneText(answers: (Attempt | Error)[]) {
  const clock = new ManualClock();
  const booked: { event: string; notBefore?: number | undefined }[] = [];
  let row: { notBefore: number; attempts: number } | null = { notBefore: 0, attempts: 0 };
  let full = 0;
  const store = {
    outboxTake: async ({ now }: { now: number }) => {
      if (!row || row.notBefore > now) return { items: [], changed: [], nextAt: row?.notBefore ?? null };
      const { attempts } = row;
      booked.push({ event: 'attempt' });
      row = { notBefore: Number.POSITIVE_INFINITY, attempts: attempts + 1 };
      return { items: [{ id: 7, kind: 'text', attempts, createdAt: 1_000_000 } as OutboxItem], changed: [], nextAt: null };
    },
    outboxUpdate: async (update: { event: string; notBefore?: number }) => {
      if (full > 0) {
        full -= 1;
        throw new ParleyError('store.full', 'SQLITE_FULL');
      }
      booked.push({ event: update.event, ...(update.notBefore === undefined ? {} : { notBefore: update.notBefore - clock.now() }) });
      if (update.event === 'postponed' && row) row.notBefore = update.notBefore ?? 0;
      else row = null;
      return {};
    },
  } as unknown as Store;
  let link: Link | null = LINK;
  const outbox = new OutboxService({ store, clock, notices: new Notices(), log: () => undefined } as unknown as ServiceContext, {
    link: () => link,
    offerFile: async () => undefined,
    send: async () => {
      const answer = answers.shift();
      if (!answer || answer instanceof Error) throw answer ?? new Error('nothing scripted');
      return answer;
    },
  });
  const run = async (milliseconds = 0) => {
    outbox.kick();
    for (let round = 0; round < 10; round++) await settle();
    if (milliseconds > 0) await clock.advance(milliseconds);
    for (let round = 0; round < 10; round++) await settle();
  };
  return {
    outbox,
    booked,
    run,
    clock,
    setLink: (next: Link | null) => (link = next),
    fillDisk: (refusals: number) => (full = refusals),
    wait: (until: number) => (row = { notBefore: until, attempts: 1 }),
  };
}

const UNAVAILABLE: Attempt = {
  kind: 'postponed',
  error: { code: 'peer.unavailable', detail: '480' },
  whenOnline: false,
  retryAfterMs: null,
};

describe('outbox', () => {
  test('each attempt is booked before it is made, each outcome after', async () => {
    const { run, booked } = oneText([{ kind: 'accepted' }]);
    await run();
    expect(booked).toEqual([{ event: 'attempt' }, { event: 'accepted' }]);
  });

  test('nothing leaves without a link; the link brings it out', async () => {
    const { run, booked, setLink } = oneText([{ kind: 'accepted' }]);
    setLink(null);
    await run(60_000);
    expect(booked).toEqual([]);
    setLink(LINK);
    await run();
    expect(booked.at(-1)).toEqual({ event: 'accepted' });
  });

  test('an unavailable person is asked again after 2, 4, 8 … seconds, by itself', async () => {
    const { run, booked } = oneText([UNAVAILABLE, UNAVAILABLE, { kind: 'accepted' }]);
    await run(2000);
    await run(4000);
    expect(booked).toEqual([
      { event: 'attempt' },
      { event: 'postponed', notBefore: 2000 },
      { event: 'attempt' },
      { event: 'postponed', notBefore: 4000 },
      { event: 'attempt' },
      { event: 'accepted' },
    ]);
    expect(retryWait({ attempts: 30, createdAt: 0 }, 86_400_000)).toBe(600_000);
    // a process that was killed over and over
    expect(retryWait({ attempts: 30, createdAt: 1000 }, 6000)).toBe(7000);
  });

  test('Retry-After comes before our own wait', async () => {
    const { run, booked } = oneText([{ ...UNAVAILABLE, retryAfterMs: 90_000 } as Attempt]);
    await run();
    expect(booked.at(-1)).toEqual({ event: 'postponed', notBefore: 90_000 });
  });

  test('a day without success is the end', async () => {
    const { run, booked } = oneText(Array.from({ length: 500 }, () => UNAVAILABLE));
    for (let passed = 0; passed <= GIVE_UP_MS + 600_000; passed += 600_000) await run(600_000);
    expect(booked.at(-1)).toEqual({ event: 'failed' });
    expect(booked.length).toBeGreaterThan(200);
  });

  test('a broken link is no fault of the message: it waits for the link, however long', () => {
    expect(attemptFromError({ code: 'link.lost', detail: '' })).toMatchObject({ kind: 'postponed', whenOnline: true });
    expect(attemptFromError({ code: 'link.timeout', detail: '' })).toMatchObject({ kind: 'postponed', whenOnline: false });
  });

  test('a message that cannot even be written fails, and does not hold back the ones behind it for a day', async () => {
    const { run, booked } = oneText([new ParleyError('request.invalid', 'control character in Conversation-ID')]);
    await run();
    expect(booked.at(-1)).toEqual({ event: 'failed' });
    expect(attemptFromError({ code: 'internal', detail: '' }).kind).toBe('failed');
  });

  test('an outcome that a full disk refuses is booked when there is room, and nothing is sent twice', async () => {
    const { run, booked, fillDisk } = oneText([{ kind: 'accepted' }]);
    fillDisk(3);
    await run(2000);
    expect(booked).toEqual([{ event: 'attempt' }]);
    await run(10_000);
    expect(booked).toEqual([{ event: 'attempt' }, { event: 'accepted' }]);
  });

  test('no wait is longer than a timer can be', async () => {
    const { run, clock, wait } = oneText([]);
    wait(clock.now() + 3_600_000);
    await run();
    expect(clock.nextIn).toBe(600_000);
  });

  test('a window that cannot be told does not stop a message halfway', async () => {
    const problems: unknown[] = [];
    const notices = new Notices((thrown) => problems.push(thrown));
    notices.on(() => {
      throw new Error('destroyed');
    });
    notices.tell('registration.changed', { kind: 'offline' });
    expect(problems).toHaveLength(1);
  });
});
