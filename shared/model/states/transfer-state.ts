export const TRANSFER_STATES = [
  'preparing',
  'queued',
  'offering',
  'offered',
  'accepting',
  'transferring',
  'finishing',
  'verifying',
  'paused',
  'done',
  'declined',
  'expired',
  'cancelled',
  'interrupted',
  'quarantined',
  'failed',
] as const;

/**
 * The life of one file on its way (RFC 5547, MSRP):
 *
 *     we invite       preparing ─► queued ─► offering ──────┐
 *     we are invited  offered ─► accepting ─────────────────┤
 *                        ├─► declined                       ▼
 *                        └─► expired      ┌────────── transferring ──────────┐
 *                                         ▼                                  ▼
 *                                 finishing ─► done             verifying ─► done, quarantined (hash or size differs)
 *
 *     under way ─► interrupted (lost), paused (a person) ─► queued (`resume`) or accepting (the other side takes it up again)
 *
 * Octets may flow either way in either row: a push is sent by who invites, a pull by who is invited; whoever takes a transfer up again invites.
 * `preparing` hashes the file; `offering` waits for the other person; `finishing` (sender) waits for the last acknowledgement, `verifying`
 * (receiver) compares the hash.
 * done, declined, expired, cancelled, failed and quarantined are final, but for `retry` of one that we invited to and that did not arrive (of one
 * that is done: when the receiver tells that it could not keep it), for `offered-again`: the inviter's retry, which is the same message and
 * thus the same transfer, and for `accept` of one that the other side takes up again. `retry` begins at the first octet, `resume` where it
 * was. `confirmed` ends an outgoing one whose last acknowledgement was lost and whose receiver tells by a notification that it has the file.
 */
export type TransferState = (typeof TRANSFER_STATES)[number];

export type TransferEvent =
  | 'prepared'
  | 'offer'
  | 'postponed'
  | 'accept'
  | 'started'
  | 'all-sent'
  | 'all-received'
  | 'verified'
  | 'mismatch'
  | 'declined'
  | 'expired'
  | 'cancelled'
  | 'lost'
  | 'failed'
  | 'pause'
  | 'resume'
  | 'retry'
  | 'offered-again'
  | 'confirmed';

const TRANSITIONS: Record<TransferState, Partial<Record<TransferEvent, TransferState>>> = {
  preparing: { prepared: 'queued', cancelled: 'cancelled', failed: 'failed' },
  queued: {
    offer: 'offering',
    accept: 'accepting',
    resume: 'queued',
    pause: 'paused',
    'offered-again': 'offered',
    cancelled: 'cancelled',
    failed: 'failed',
    confirmed: 'done',
    verified: 'done',
  },
  offering: {
    accept: 'accepting',
    started: 'transferring',
    postponed: 'queued',
    pause: 'paused',
    confirmed: 'done',
    declined: 'declined',
    expired: 'expired',
    cancelled: 'cancelled',
    lost: 'interrupted',
    failed: 'failed',
  },
  offered: { accept: 'accepting', declined: 'declined', expired: 'expired', cancelled: 'cancelled', lost: 'expired', failed: 'failed' },
  accepting: { started: 'transferring', pause: 'paused', cancelled: 'cancelled', lost: 'interrupted', failed: 'failed' },
  transferring: {
    'all-sent': 'finishing',
    'all-received': 'verifying',
    pause: 'paused',
    cancelled: 'cancelled',
    lost: 'interrupted',
    failed: 'failed',
  },
  finishing: { verified: 'done', pause: 'paused', cancelled: 'cancelled', lost: 'interrupted', failed: 'failed' },
  verifying: { verified: 'done', mismatch: 'quarantined', failed: 'failed', lost: 'interrupted' },
  // verified: all of an incoming file had come when the process died
  interrupted: {
    resume: 'queued',
    retry: 'queued',
    pause: 'paused',
    accept: 'accepting',
    'offered-again': 'offered',
    verified: 'done',
    cancelled: 'cancelled',
    expired: 'expired',
    failed: 'failed',
    confirmed: 'done',
  },
  paused: {
    resume: 'queued',
    accept: 'accepting',
    'offered-again': 'offered',
    verified: 'done',
    cancelled: 'cancelled',
    expired: 'expired',
    failed: 'failed',
    confirmed: 'done',
  },
  declined: { retry: 'queued' },
  expired: { retry: 'queued', accept: 'accepting', 'offered-again': 'offered', confirmed: 'done' },
  cancelled: { retry: 'queued', 'offered-again': 'offered' },
  failed: { retry: 'queued', accept: 'accepting', 'offered-again': 'offered', confirmed: 'done' },
  done: { retry: 'queued' },
  quarantined: { 'offered-again': 'offered' },
};

const FINAL: ReadonlySet<TransferState> = new Set(['done', 'declined', 'expired', 'cancelled', 'failed', 'quarantined']);

export function isFinalTransferState(state: TransferState): boolean {
  return FINAL.has(state);
}

/** Nothing moves, and nothing will by itself but a resume. */
export function isAtRest(state: TransferState): boolean {
  return FINAL.has(state) || state === 'interrupted' || state === 'paused';
}

/** @throws TypeError for a pair that the picture above does not show */
export function nextTransferState(state: TransferState, event: TransferEvent): TransferState {
  const next = TRANSITIONS[state][event];
  if (next === undefined) throw new TypeError(`a transfer that is ${state} cannot be ${event}`);
  return next;
}
