import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Progress } from '../../../renderer/features/files/progress.svelte.ts';
import { splitName, transferCard } from '../../../renderer/features/files/transfer-card.ts';
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
  const states: [TransferState, 'in' | 'out', string, string[]][] = [
    ['preparing', 'out', 'Preparing', ['cancel']],
    ['queued', 'out', 'Waiting for the connection to Bob', ['cancel']],
    ['offering', 'out', 'Waiting for Bob to accept', ['cancel']],
    ['offered', 'in', 'Bob offers this file', ['accept', 'decline']],
    ['accepting', 'in', 'Waiting for Bob to send', ['cancel']],
    ['finishing', 'out', 'Waiting for Bob to confirm', ['cancel']],
    ['verifying', 'in', 'Checking the content', []],
    ['done', 'out', 'Sent', []],
    ['done', 'in', 'Verified', []],
    ['declined', 'out', 'Declined by Bob', ['retry', 'remove']],
    ['declined', 'in', 'Declined', []],
    ['expired', 'out', 'Bob did not answer in time', ['retry', 'remove']],
    ['expired', 'in', 'The offer has ended', []],
    ['cancelled', 'out', 'Cancelled', ['retry', 'remove']],
  ];
  it.each(states)('of a file that is %s (%s) says: %s', (state, direction, line, actions) => {
    expect(card(state, { direction })).toMatchObject({ line: `64.0 MB · ${line}`, actions });
  });

  it('says how far, how fast and how long while octets flow', () => {
    const progress = new Progress();
    progress.apply(event(12_400_000));
    const shown = transferCard(transfer('transferring'), progress.of(transfer('transferring')), 'Bob');
    expect(shown.line).toBe('12.4 of 64.0 MB · 38 MB/s · 2 s left');
    expect(shown.fraction).toBeCloseTo(0.194, 3);
    expect(shown.actions).toEqual(['cancel']);
  });

  it('keeps what differs in quarantine and offers nothing to open', () => {
    const shown = card('quarantined', { error: { code: 'file.hash-mismatch', detail: '' }, savedAs: 'x' });
    expect(shown).toMatchObject({ line: 'Differs from what was announced. Kept in quarantine.', tone: 'failed', actions: ['remove'] });
  });

  it('says why it failed and how far it came', () => {
    const error = { code: 'file.disk-full' as const, detail: 'ENOSPC' };
    expect(card('failed', { direction: 'out', error }).line).toBe('Not transferred. There is not enough space on the disk');
    expect(card('interrupted', { direction: 'out', transferred: 32_000_000, error: { code: 'msrp.lost', detail: '' } })).toMatchObject({
      line: 'Interrupted after 32.0 of 64.0 MB. The connection for the file was lost',
      actions: ['retry', 'cancel'],
    });
  });

  it('says so when the other side reported that a file of which all had left did not arrive', () => {
    const done = transfer('done', { direction: 'out' });
    const error = { code: 'peer.unavailable', detail: '' } as const;
    expect(transferCard(done, new Progress().of(done), 'Bob', error)).toMatchObject({
      line: '64.0 MB · Bob reported that it did not arrive',
      tone: 'failed',
      actions: ['retry', 'remove'],
    });
  });

  it('opens what is saved only', () => {
    expect(card('done', { savedAs: 'report.pdf' }).actions).toEqual(['open', 'show']);
  });

  it('has a full bar for an empty file', () => {
    expect(card('transferring', { size: 0 }).fraction).toBe(1);
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
