export const TRANSFER_STATES = [
  'preparing',
  'queued',
  'offering',
  'offered',
  'accepting',
  'transferring',
  'finishing',
  'verifying',
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
 *     outgoing  preparing ─► queued ─► offering ─► transferring ─► finishing ─► done
 *     incoming              offered ─► accepting ─► transferring ─► verifying ─► done
 *                              │                        │               └─► quarantined   (hash or size differs)
 *                              ├─► declined             ├─► interrupted ─► queued (outgoing, by retry)
 *                              └─► expired              └─► failed, cancelled
 *
 * `preparing` hashes the file; `offering` waits for the other person; `finishing` waits for the last acknowledgement.
 * done, declined, expired, cancelled, failed and quarantined are final, but for `retry` of an outgoing one that did not arrive (of one
 * that is done: when the receiver tells that it could not keep it), and
 * for `offered-again` of an incoming one: the sender's retry, which is the same message and thus the same transfer. `confirmed` ends an
 * outgoing one whose last acknowledgement was lost and whose receiver tells by a notification that it has the file.
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
  | 'retry'
  | 'offered-again'
  | 'confirmed';

const TRANSITIONS: Record<TransferState, Partial<Record<TransferEvent, TransferState>>> = {
  preparing: { prepared: 'queued', cancelled: 'cancelled', failed: 'failed' },
  queued: { offer: 'offering', cancelled: 'cancelled', failed: 'failed', confirmed: 'done' },
  offering: {
    started: 'transferring',
    postponed: 'queued',
    confirmed: 'done',
    declined: 'declined',
    expired: 'expired',
    cancelled: 'cancelled',
    lost: 'interrupted',
    failed: 'failed',
  },
  offered: { accept: 'accepting', declined: 'declined', expired: 'expired', cancelled: 'cancelled', lost: 'expired', failed: 'failed' },
  accepting: { started: 'transferring', cancelled: 'cancelled', lost: 'interrupted', failed: 'failed' },
  transferring: {
    'all-sent': 'finishing',
    'all-received': 'verifying',
    cancelled: 'cancelled',
    lost: 'interrupted',
    failed: 'failed',
  },
  finishing: { verified: 'done', cancelled: 'cancelled', lost: 'interrupted', failed: 'failed' },
  verifying: { verified: 'done', mismatch: 'quarantined', failed: 'failed', lost: 'interrupted' },
  // verified: all of an incoming file had come when the process died
  interrupted: {
    retry: 'queued',
    'offered-again': 'offered',
    verified: 'done',
    cancelled: 'cancelled',
    failed: 'failed',
    confirmed: 'done',
  },
  declined: { retry: 'queued' },
  expired: { retry: 'queued', 'offered-again': 'offered', confirmed: 'done' },
  cancelled: { retry: 'queued', 'offered-again': 'offered' },
  failed: { retry: 'queued', 'offered-again': 'offered', confirmed: 'done' },
  done: { retry: 'queued' },
  quarantined: { 'offered-again': 'offered' },
};

const FINAL: ReadonlySet<TransferState> = new Set(['done', 'declined', 'expired', 'cancelled', 'failed', 'quarantined']);

export function isFinalTransferState(state: TransferState): boolean {
  return FINAL.has(state);
}

/** @throws TypeError for a pair that the picture above does not show */
export function nextTransferState(state: TransferState, event: TransferEvent): TransferState {
  const next = TRANSITIONS[state][event];
  if (next === undefined) throw new TypeError(`a transfer that is ${state} cannot be ${event}`);
  return next;
}
