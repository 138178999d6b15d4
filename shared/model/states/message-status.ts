export const MESSAGE_STATUSES = ['queued', 'sending', 'sent', 'delivered', 'displayed', 'failed', 'received', 'read'] as const;

/**
 * The life of an outgoing message:
 *
 *     queued ──► sending ──► sent ──► delivered ──► displayed
 *        ▲          │  │       │
 *        └──────────┘  └──► failed ◄── (negative IMDN)
 *                             │
 *        ▲────── retry ───────┘
 *
 * `sent` means that the network took it (2xx), never more; `delivered` and `displayed` come from an IMDN only (RFC 5438).
 * A status never goes backwards: a late or repeated event leaves it as it is. An incoming message is `received`, then `read`.
 */
export type MessageStatus = (typeof MESSAGE_STATUSES)[number];

export type MessageEvent =
  /** the outbox took it up */
  | 'attempt'
  /** no answer, or one that is worth another try */
  | 'postponed'
  /** a 2xx */
  | 'accepted'
  /** IMDN delivered */
  | 'delivered'
  /** IMDN displayed */
  | 'displayed'
  /** an answer that another try will not change, or IMDN failed */
  | 'failed'
  /** the person asks for another try */
  | 'retry'
  /** the person saw an incoming message */
  | 'read';

const RANK: Record<MessageStatus, number> = {
  queued: 0,
  sending: 1,
  failed: 2,
  sent: 3,
  delivered: 4,
  displayed: 5,
  received: 0,
  read: 1,
};

/** @throws TypeError when the event can never happen to a message of that direction */
export function nextMessageStatus(status: MessageStatus, event: MessageEvent): MessageStatus {
  if (status === 'received' || status === 'read') {
    if (event !== 'read') throw new TypeError(`an incoming message cannot be ${event}`);
    return 'read';
  }
  switch (event) {
    case 'attempt':
      return status === 'queued' ? 'sending' : status;
    case 'postponed':
      return status === 'sending' ? 'queued' : status;
    case 'retry':
      return status === 'failed' ? 'queued' : status;
    case 'accepted':
      return forward(status, 'sent');
    case 'delivered':
      return forward(status, 'delivered');
    case 'displayed':
      return forward(status, 'displayed');
    case 'failed':
      return RANK[status] <= RANK.sent ? 'failed' : status;
    case 'read':
      throw new TypeError('an outgoing message cannot be read');
  }
}

function forward(status: MessageStatus, to: MessageStatus): MessageStatus {
  return RANK[to] > RANK[status] ? to : status;
}
