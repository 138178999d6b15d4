import { describe, expect, test } from 'vitest';
import { MESSAGE_STATUSES, type MessageEvent, type MessageStatus, nextMessageStatus } from '../../../shared/model/states/message-status.ts';
import { nextRegistrationState, type RegistrationState } from '../../../shared/model/states/registration-state.ts';
import {
  isFinalTransferState,
  nextTransferState,
  TRANSFER_STATES,
  type TransferEvent,
  type TransferState,
} from '../../../shared/model/states/transfer-state.ts';

const OUTGOING: readonly MessageStatus[] = MESSAGE_STATUSES.filter((status) => status !== 'received' && status !== 'read');
const MESSAGE_EVENTS: readonly MessageEvent[] = ['attempt', 'postponed', 'accepted', 'delivered', 'displayed', 'failed', 'retry'];

describe('the status of a message', () => {
  test('once the network has it, no event takes it back to where it was not sent', () => {
    for (const status of ['sent', 'delivered', 'displayed'] as const) {
      for (const event of MESSAGE_EVENTS) {
        const next = nextMessageStatus(status, event);
        expect(['queued', 'sending']).not.toContain(next);
        if (status !== 'sent') expect(next === 'failed').toBe(false);
      }
    }
  });

  test('displayed is the end, delivered only becomes displayed', () => {
    for (const event of MESSAGE_EVENTS) {
      expect(nextMessageStatus('displayed', event)).toBe('displayed');
      expect(nextMessageStatus('delivered', event)).toBe(event === 'displayed' ? 'displayed' : 'delivered');
    }
  });

  test('an event that comes twice changes nothing the second time', () => {
    for (const status of OUTGOING) {
      for (const event of MESSAGE_EVENTS) {
        const once = nextMessageStatus(status, event);
        expect(nextMessageStatus(once, event)).toBe(once);
      }
    }
  });

  test('a notification overtakes the answer to the message', () => {
    expect(nextMessageStatus('sending', 'delivered')).toBe('delivered');
    expect(nextMessageStatus('delivered', 'accepted')).toBe('delivered');
    expect(nextMessageStatus('failed', 'displayed')).toBe('displayed');
  });

  test('an incoming one can only be read, an outgoing one never', () => {
    for (const status of ['received', 'read'] as const) {
      expect(nextMessageStatus(status, 'read')).toBe('read');
      for (const event of MESSAGE_EVENTS) expect(() => nextMessageStatus(status, event)).toThrow(TypeError);
    }
    for (const status of OUTGOING) expect(() => nextMessageStatus(status, 'read')).toThrow(TypeError);
  });
});

const TRANSFER_EVENTS: readonly TransferEvent[] = [
  'prepared',
  'offer',
  'postponed',
  'accept',
  'started',
  'all-sent',
  'all-received',
  'verified',
  'mismatch',
  'declined',
  'expired',
  'cancelled',
  'lost',
  'failed',
  'pause',
  'resume',
  'retry',
  'offered-again',
  'confirmed',
];

const step = (state: TransferState, event: TransferEvent): TransferState | null => {
  try {
    return nextTransferState(state, event);
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(TypeError);
    return null;
  }
};

describe('the state of a transfer', () => {
  test('every state can be left or is an end, and every state can be reached', () => {
    const reached = new Set<TransferState>(['preparing', 'offered']);
    for (let before = 0; before !== reached.size; ) {
      before = reached.size;
      for (const state of [...reached]) {
        for (const event of TRANSFER_EVENTS) {
          const next = step(state, event);
          if (next !== null) reached.add(next);
        }
      }
    }
    expect([...reached].sort()).toEqual([...TRANSFER_STATES].sort());
    for (const state of TRANSFER_STATES) {
      const left = TRANSFER_EVENTS.some((event) => (step(state, event) ?? state) !== state);
      expect(left || isFinalTransferState(state), state).toBe(true);
    }
  });

  test('only what was verified is done, and only a mismatch is quarantined', () => {
    for (const state of TRANSFER_STATES) {
      for (const event of TRANSFER_EVENTS) {
        const next = step(state, event);
        if (next === 'done' && state !== 'done') expect(['verified', 'confirmed']).toContain(event);
        if (next === 'quarantined' && state !== 'quarantined') expect(event).toBe('mismatch');
      }
    }
  });
});

describe('the state of a registration', () => {
  const error = { code: 'link.lost', detail: 'reset' } as const;

  test('trouble keeps the time at which it began over every further try', () => {
    let state: RegistrationState = { kind: 'registered', since: 1, expiresAt: 9 };
    state = nextRegistrationState(state, { kind: 'failed', error, nextTryAt: 20 }, 10);
    expect(state).toMatchObject({ kind: 'waiting', since: 10, failures: 0 });
    state = nextRegistrationState(state, { kind: 'connect', asked: false }, 20);
    state = nextRegistrationState(state, { kind: 'failed', error, nextTryAt: 40 }, 30);
    expect(state).toMatchObject({ kind: 'waiting', since: 10, failures: 1 });
    state = nextRegistrationState(state, { kind: 'connect', asked: false }, 40);
    state = nextRegistrationState(state, { kind: 'registered', expiresAt: 99 }, 50);
    expect(state).toEqual({ kind: 'registered', since: 50, expiresAt: 99 });
  });

  test('another network clears the failures and keeps the time; signing out keeps nothing', () => {
    let state: RegistrationState = { kind: 'waiting', since: 10, error, nextTryAt: 900, failures: 7 };
    state = nextRegistrationState(state, { kind: 'unsettled', error, nextTryAt: 22 }, 20);
    expect(state).toMatchObject({ kind: 'waiting', since: 10, failures: 0, nextTryAt: 22 });
    state = nextRegistrationState(state, { kind: 'signed-out' }, 30);
    expect(state).toEqual({ kind: 'signed-out', since: 30 });
    expect(nextRegistrationState(state, { kind: 'connect', asked: false }, 40)).toEqual({ kind: 'connecting', since: 40, failures: 0 });
  });

  test('a try that the person asked for, and that fails, leaves the next wait as long as it was', () => {
    const waiting: RegistrationState = { kind: 'waiting', since: 10, error, nextTryAt: 900, failures: 3 };
    const failures = (asked: boolean) => {
      const connecting = nextRegistrationState(waiting, { kind: 'connect', asked }, 20);
      const failed = nextRegistrationState(connecting, { kind: 'failed', error, nextTryAt: 40 }, 30);
      return failed.kind === 'waiting' ? failed.failures : null;
    };
    expect([failures(true), failures(false)]).toEqual([3, 4]);
  });

  test('a refresh keeps the time since which the account is reachable', () => {
    const state = nextRegistrationState({ kind: 'registered', since: 1, expiresAt: 9 }, { kind: 'registered', expiresAt: 19 }, 5);
    expect(state).toEqual({ kind: 'registered', since: 1, expiresAt: 19 });
  });
});
