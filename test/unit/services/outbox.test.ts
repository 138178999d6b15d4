import { describe, expect, test } from 'vitest';
import type { Link, ServiceContext } from '../../../electron/services/context.ts';
import { Notices } from '../../../electron/services/context.ts';
import { type Attempt, attemptFromError, GIVE_UP_MS, OutboxService, retryWait } from '../../../electron/services/outbox.ts';
import type { OutboxItem, Store } from '../../../electron/store/port.ts';
import { ManualClock, settle } from '../../harness/manual-clock.ts';

const LINK = {} as Link;

/** An outbox of one text, whose row is booked as the store would. */
function oneText(answers: (Attempt | Error)[]) {
  const clock = new ManualClock();
  const booked: { event: string; notBefore?: number | undefined }[] = [];
  let row: { notBefore: number; attempts: number } | null = { notBefore: 0, attempts: 0 };
  const store = {
    outboxReady: async (now: number) =>
      row && row.notBefore <= now ? [{ id: 7, kind: 'text', attempts: row.attempts, message: { storedAt: 1_000_000 } } as OutboxItem] : [],
    outboxNextAt: async () => row?.notBefore ?? null,
    outboxUpdate: async (update: { event: string; notBefore?: number }) => {
      booked.push({ event: update.event, ...(update.notBefore === undefined ? {} : { notBefore: update.notBefore - clock.now() }) });
      if (update.event === 'attempt' && row) row = { notBefore: Number.POSITIVE_INFINITY, attempts: row.attempts + 1 };
      else if (update.event === 'postponed' && row) row.notBefore = update.notBefore ?? 0;
      else row = null;
      return null;
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
  return { outbox, booked, run, setLink: (next: Link | null) => (link = next) };
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
    expect(retryWait(30)).toBe(600_000);
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
});
