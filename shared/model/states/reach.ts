import type { MessageEvent, MessageStatus } from './message-status.ts';

/** How far a message to several has come. */
export interface Reach {
  /** recipients; null for a group, whose members only the network knows */
  readonly total: number | null;
  /** who has it, those who saw it included */
  readonly delivered: number;
  readonly displayed: number;
  readonly failed: number;
}

/** @param statuses of the recipients that are known @param isGroup there may be others */
export function reachOf(statuses: readonly MessageStatus[], isGroup: boolean): Reach {
  const count = (...wanted: MessageStatus[]): number => statuses.filter((status) => wanted.includes(status)).length;
  return {
    total: isGroup ? null : statuses.length,
    delivered: count('delivered', 'displayed'),
    displayed: count('displayed'),
    failed: count('failed'),
  };
}

/**
 * What the states of its recipients mean for a message as a whole: it is where the last of those is whom it can reach, and failed when it
 * reaches nobody. Of a group it is known only that somebody has it. Null: no news.
 *
 * A recipient never goes back, and one that fails does not hold the others back any more; so neither does the whole
 * (`nextMessageStatus` sees to the rest).
 */
export function summaryOf({
  total,
  delivered,
  displayed,
  failed,
}: Reach): Extract<MessageEvent, 'delivered' | 'displayed' | 'failed'> | null {
  if (total === null) return delivered > 0 ? 'delivered' : null;
  const reachable = total - failed;
  if (reachable <= 0) return 'failed';
  if (displayed === reachable) return 'displayed';
  return delivered === reachable ? 'delivered' : null;
}
