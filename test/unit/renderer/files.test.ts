import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fileKind } from '../../../renderer/features/files/file-kind.ts';
import { OfferChoices, openOffers } from '../../../renderer/features/files/offers.svelte.ts';
import { Progress } from '../../../renderer/features/files/progress.svelte.ts';
import { splitName, transferCard } from '../../../renderer/features/files/transfer-card.ts';
import { newsOfFile } from '../../../renderer/features/files/transfer-news.ts';
import type { Wait } from '../../../renderer/features/files/waiting.svelte.ts';
import type { Message } from '../../../shared/model/message.ts';
import type { TransferState } from '../../../shared/model/states/transfer-state.ts';
import type { Transfer } from '../../../shared/model/transfer.ts';

const SIZE = 64_000_000;

function transfer(state: TransferState, more: Partial<Transfer> = {}): Transfer {
  return {
    id: 7,
    direction: 'in',
    state,
    name: 'report.pdf',
    type: 'application/pdf',
    size: SIZE,
    transferred: 0,
    pull: false,
    sizeKnown: true,
    invitation: null,
    thumbnail: false,
    verifiedBy: null,
    legs: null,
    error: null,
    previewable: false,
    savedAs: null,
    ...more,
  };
}

const event = (transferred: number) => ({
  transferId: 7,
  messageId: 1,
  conversationId: 1,
  transferred,
  size: SIZE,
  rate: 38e6,
  secondsLeft: 2,
});
const card = (state: TransferState, more: Partial<Transfer> = {}) =>
  transferCard(transfer(state, more), new Progress().of(transfer(state, more)), 'Bob');

describe('progress', () => {
  it('never goes backwards, whatever order events and states come in', () => {
    const amount = fc.integer({ min: 0, max: SIZE * 2 });
    fc.assert(
      fc.property(fc.array(fc.record({ amount, stored: fc.boolean() })), (steps) => {
        const progress = new Progress();
        let stored = 0;
        let before = 0;
        for (const step of steps) {
          if (step.stored) stored = Math.max(stored, Math.min(step.amount, SIZE));
          else progress.apply(event(step.amount));
          progress.observe(transfer('transferring', { transferred: stored }));
          const { transferred } = progress.of(transfer('transferring', { transferred: stored }));
          expect(transferred).toBeGreaterThanOrEqual(before);
          expect(transferred).toBeLessThanOrEqual(SIZE);
          before = transferred;
        }
      }),
    );
  });

  it('starts anew with a new try', () => {
    const progress = new Progress();
    progress.apply(event(SIZE));
    progress.observe(transfer('queued', { direction: 'out' }));
    expect(progress.of(transfer('transferring'))).toEqual({ transferred: 0, rate: 0, secondsLeft: null });
  });
});

describe('the file card', () => {
  const states: [TransferState, 'in' | 'out', string, string[], Partial<Transfer>?][] = [
    ['preparing', 'out', 'Preparing', ['cancel']],
    ['queued', 'out', 'Waiting for the connection to Bob', ['cancel']],
    ['offering', 'out', 'Waiting for Bob to accept', ['cancel']],
    ['offered', 'in', 'Bob offers this file', ['accept', 'decline']],
    ['accepting', 'in', 'Waiting for Bob to send', ['cancel']],
    ['finishing', 'out', 'Waiting for Bob to confirm', ['cancel']],
    ['verifying', 'in', 'Checking the content', []],
    ['done', 'out', 'Sent', []],
    ['done', 'in', 'Verified', ['open', 'show', 'saveAs'], { verifiedBy: 'sha-1', savedAs: 'report.pdf' }],
    ['done', 'in', 'Received, without a check sum to compare', ['open', 'show', 'saveAs'], { savedAs: 'report.pdf' }],
    ['queued', 'in', 'Waiting for the connection to Bob', ['cancel'], { pull: true }],
    ['offering', 'in', 'Waiting for Bob to choose a file', ['cancel'], { pull: true }],
    ['offering', 'out', 'Waiting for Bob to continue', ['cancel'], { transferred: 1 }],
    ['offered', 'out', 'Bob asks for this file', ['give', 'decline'], { pull: true }],
    ['offered', 'out', 'Bob asks for a file', ['give', 'decline'], { pull: true, name: '' }],
    ['accepting', 'out', 'Waiting for Bob to receive', ['cancel'], { pull: true }],
    ['accepting', 'in', 'Waiting for Bob to continue', ['cancel'], { transferred: 1 }],
    ['declined', 'in', 'Declined by Bob', ['retry', 'remove'], { pull: true }],
    ['declined', 'out', 'Declined', [], { pull: true }],
    ['expired', 'in', 'Bob did not answer in time', ['retry', 'remove'], { pull: true }],
    ['expired', 'out', 'The request has ended', [], { pull: true }],
    ['cancelled', 'in', 'Cancelled', ['retry', 'remove'], { pull: true }],
    ['cancelled', 'out', 'Cancelled', [], { pull: true }],
    ['declined', 'out', 'Declined by Bob', ['retry', 'remove']],
    ['declined', 'in', 'Declined', []],
    ['expired', 'out', 'Bob did not answer in time', ['retry', 'remove']],
    ['expired', 'in', 'The offer has ended', []],
    ['cancelled', 'out', 'Cancelled', ['retry', 'remove']],
  ];
  it.each(states)('of a file that is %s (%s) says: %s', (state, direction, line, actions, more = {}) => {
    const kind = state === 'offered' && more.pull !== true ? 'PDF document · ' : '';
    expect(card(state, { direction, ...more })).toMatchObject({ line: `${kind}64.0 MB · ${line}`, actions });
  });

  it('that was given says who asked for it', () => {
    expect(card('done', { direction: 'out', pull: true }).line).toBe('64.0 MB · Sent, as Bob asked');
  });

  it.each([
    ['plan.pdf', 'application/pdf', 'PDF document'],
    ['hill.JPEG', 'image/jpeg', 'Image (JPEG)'],
    ['hill.png.exe', 'image/png', 'Program (EXE)'],
    ['survey.bin', 'application/octet-stream', 'BIN file'],
    ['hill', 'image/png', 'Image'],
    ['.profile', 'text/plain', 'Text'],
    ['plan', 'application/pdf', 'PDF document'],
    ['constructor', 'constructor/x', ''],
    ['x.constructor', '', ''],
  ])('R-FTR-01: %j of the type %j is told in plain words: %j', (name, type, kind) => {
    expect(fileKind({ name, type })).toBe(kind);
    const start = kind === '' ? '' : `${kind} · `;
    expect(card('offered', { name, type }).line).toBe(`${start}64.0 MB · Bob offers this file`);
  });

  it('says how far, how fast and how long while octets flow', () => {
    const progress = new Progress();
    progress.apply(event(12_400_000));
    const shown = transferCard(transfer('transferring'), progress.of(transfer('transferring')), 'Bob');
    expect(shown.line).toBe('12.4 of 64.0 MB · 38 MB/s · 2 s left');
    expect(shown.fraction).toBeCloseTo(0.194, 3);
    expect(shown.actions).toEqual(['pause', 'cancel']);
  });

  it('says why it waits: its turn, the connection, or the next try', () => {
    const queued = transfer('queued', { direction: 'out' });
    const line = (wait: Wait): string => transferCard(queued, new Progress().of(queued), 'Bob', { wait }).line;
    expect(line({ kind: 'turn', before: 0 })).toBe('64.0 MB · Waiting: next in turn');
    expect(line({ kind: 'turn', before: 1 })).toBe('64.0 MB · Waiting: 1 file before it');
    expect(line({ kind: 'turn', before: 2 })).toBe('64.0 MB · Waiting: 2 files before it');
    expect(line({ kind: 'offline' })).toBe('64.0 MB · Waiting for the connection');
    expect(line({ kind: 'retry', at: Date.now() })).toMatch(/^64\.0 MB · Trying again at \d+/);
  });

  it('names no whole and shows no bar as long as the size is not known', () => {
    const more = { pull: true, size: 0, sizeKnown: false, transferred: 400_000 };
    expect(card('transferring', more)).toMatchObject({ line: '400 kB', fraction: null });
    expect(card('paused', more)).toMatchObject({ line: 'Paused after 400 kB', fraction: null });
    expect(card('offering', { ...more, transferred: 0 }).line).toBe('Waiting for Bob to choose a file');
  });

  it('that is one of several leaves who offers it, and the answer, to all of them', () => {
    const offered = transfer('offered', { invitation: 'x' });
    expect(transferCard(offered, new Progress().of(offered), 'Bob', { together: true })).toMatchObject({
      line: 'PDF document · 64.0 MB',
      actions: [],
    });
  });

  it('that is paused says how far it came, whose doing it was where that is known, and goes on', () => {
    expect(card('paused', { transferred: 32_000_000 })).toMatchObject({
      line: 'Paused after 32.0 of 64.0 MB',
      fraction: 0.5,
      actions: ['resume', 'cancel'],
    });
    const error = { code: 'msrp.stopped', detail: '' } as const;
    expect(card('paused', { error }).line).toBe('Paused · The other side stopped the transfer');
  });

  it('keeps what differs in quarantine and offers nothing to open', () => {
    const shown = card('quarantined', { error: { code: 'file.hash-mismatch', detail: '' }, savedAs: 'x' });
    expect(shown).toMatchObject({ line: 'Differs from what was announced · Kept in quarantine', tone: 'failed', actions: ['remove'] });
  });

  it('says why it failed and how far it came', () => {
    const error = { code: 'file.disk-full' as const, detail: 'ENOSPC' };
    expect(card('failed', { direction: 'out', error }).line).toBe('Not transferred · There is not enough space on the disk');
    expect(card('interrupted', { direction: 'out', transferred: 32_000_000, error: { code: 'msrp.lost', detail: '' } })).toMatchObject({
      line: 'Interrupted after 32.0 of 64.0 MB · The connection for the file was lost',
      actions: ['resume', 'cancel'],
    });
  });

  it('that the other side stopped says who did, and can be asked for again', () => {
    const error = { code: 'msrp.stopped', detail: '' } as const;
    expect(card('interrupted', { direction: 'in', error }).line).toBe('Stopped by Bob');
    expect(card('interrupted', { direction: 'in', transferred: 32_000_000, error })).toMatchObject({
      line: 'Stopped by Bob after 32.0 of 64.0 MB',
      fraction: 0.5,
      actions: ['resume', 'cancel'],
    });
  });

  it('says so when the other side reported that a file of which all had left did not arrive', () => {
    const done = transfer('done', { direction: 'out' });
    const error = { code: 'peer.unavailable', detail: '' } as const;
    expect(transferCard(done, new Progress().of(done), 'Bob', { reported: error })).toMatchObject({
      line: '64.0 MB · Bob reported that it did not arrive',
      tone: 'failed',
      actions: ['retry', 'remove'],
    });
  });

  it('says how many of several have it, where it goes to each by himself', () => {
    const legs = (done: number) => ({ direction: 'out', transferred: 32_000_000, legs: { total: 3, done } }) as const;
    expect(card('transferring', legs(0))).toMatchObject({ line: '32.0 of 64.0 MB', actions: ['pause', 'cancel'] });
    expect(card('transferring', legs(1))).toMatchObject({ line: '1 of 3 received · 32.0 of 64.0 MB', fraction: 0.5 });
    expect(card('offering', legs(2))).toMatchObject({ line: '64.0 MB · 2 of 3 received · Waiting for the others', tone: 'waiting' });
    expect(card('done', legs(2))).toMatchObject({ line: '64.0 MB · 2 of 3 received', tone: 'failed', actions: [] });
    expect(card('done', legs(3))).toMatchObject({ line: '64.0 MB · 3 of 3 received', tone: 'good' });
  });

  it('opens what is saved only', () => {
    expect(card('done', { verifiedBy: 'sha-1' })).toMatchObject({ line: '64.0 MB · Verified', actions: [] });
  });

  it('has a full bar for an empty file', () => {
    expect(card('transferring', { size: 0 }).fraction).toBe(1);
  });
});

describe('files that are offered together', () => {
  const offer = (id: number, more: Partial<Transfer>): Message =>
    ({ id, transfer: transfer('offered', { id, invitation: 'x', ...more }) }) as Message;

  it('are those of one invitation that still wait, and more than one of them', () => {
    const offers = openOffers([
      offer(1, {}),
      offer(2, { invitation: 'y' }),
      offer(3, {}),
      offer(4, { state: 'accepting' }),
      offer(5, { invitation: null }),
      offer(6, { pull: true, direction: 'out' }),
    ]);
    expect([...offers].map(([invitation, all]) => [invitation, all.map(({ id }) => id)])).toEqual([['x', [1, 3]]]);
  });

  it('are all chosen until one is left out', () => {
    const choices = new OfferChoices();
    choices.toggle(3);
    expect([1, 3].map((id) => choices.isChosen(id))).toEqual([true, false]);
    choices.toggle(3);
    expect(choices.isChosen(3)).toBe(true);
  });
});

describe('what is told of a file without looking at it', () => {
  const message = (state: TransferState, more: Partial<Transfer> = {}): Message => ({ transfer: transfer(state, more) }) as Message;

  it('is a state that lasts, once, and never a per cent', () => {
    expect(newsOfFile(message('transferring'), message('transferring', { transferred: 5 }), 'Bob')).toBeNull();
    expect(newsOfFile(message('transferring'), message('verifying'), 'Bob')).toBeNull();
    expect(newsOfFile(message('verifying'), message('done', { verifiedBy: 'sha-1' }), 'Bob')).toBe('report.pdf: 64.0 MB · Verified');
    expect(newsOfFile(message('offering', { direction: 'out' }), message('declined', { direction: 'out' }), 'Bob')).toBe(
      'report.pdf: 64.0 MB · Declined by Bob',
    );
  });
});

describe('a name that is shortened in its middle', () => {
  it('keeps its extension', () => {
    expect(splitName('a very long report of the year.pdf')).toEqual({ start: 'a very long report of the ', end: 'year.pdf' });
    expect(splitName('a.b')).toEqual({ start: '', end: 'a.b' });
    expect(splitName('no extension at all')).toEqual({ start: 'no extension at', end: ' all' });
  });

  it('is not torn where it is written from right to left', () => {
    expect(splitName('תמונה יפה.txt')).toEqual({ start: 'תמונה יפה', end: '.txt' });
    expect(splitName('صورة')).toEqual({ start: 'صورة', end: '' });
  });

  it('is whole when put together, and never splits a character', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (name) => {
        const { start, end } = splitName(name);
        expect(start + end).toBe(name);
        expect(start).not.toMatch(/[\uD800-\uDBFF]$/);
      }),
    );
  });
});
