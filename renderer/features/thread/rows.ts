import type { CodedError } from '../../../shared/base/errors.ts';
import type { Member } from '../../../shared/model/audience.ts';
import type { GroupEvent } from '../../../shared/model/group.ts';
import type { Message, Quote } from '../../../shared/model/message.ts';
import type { Transfer } from '../../../shared/model/transfer.ts';
import { dayOf } from '../format.ts';
import { foldEvents, foldsWith } from '../groups/event-words.ts';

/** An own message that the core has not confirmed yet, under the id this window gave it. */
export interface PendingMessage {
  readonly clientId: string;
  readonly kind: 'text' | 'file';
  readonly text: string;
  /** the message it answers */
  readonly quote: Quote | null;
  /** without the person's name */
  readonly anonymous?: boolean;
  readonly file: { readonly name: string; readonly size: number; readonly type: string; readonly token: string } | null;
  readonly at: number;
  /** why the core did not take it, once it said so */
  readonly error: CodedError | null;
}

/** One row of the thread: a message and what stands above and below it. */
export interface Row {
  readonly key: string;
  readonly message: Message | null;
  readonly pending: PendingMessage | null;
  /** in place of something that was written: what happened in the group, as often as it did in a row */
  readonly event: GroupEvent | null;
  /** who wrote it, in a group */
  readonly author: Member | null;
  readonly own: boolean;
  readonly at: number;
  /** a date separator stands above it */
  readonly newDay: boolean;
  /** the line "New messages" stands above it */
  readonly firstUnread: boolean;
  readonly startsGroup: boolean;
  /** shows the time, and below own ones the status */
  readonly endsGroup: boolean;
}

/** messages of one sender that are this near to each other form a group, ms */
const GROUP_SPAN = 5 * 60_000;

/** When a message was written: as its author says, but never later than it was stored here, whatever that clock shows. */
function timeOf(message: Message): number {
  return Math.min(message.sentAt, message.storedAt);
}

/**
 * @param firstUnreadId the message above which "New messages" stands, or null
 * @param ownKeys keys of messages that were shown as pending before, by imdnId, so that a row stays the same row
 */
export function buildRows(
  messages: readonly Message[],
  pending: readonly PendingMessage[],
  firstUnreadId: number | null,
  ownKeys: ReadonlySet<string>,
): Row[] {
  const entries: Entry[] = [];
  const unreadId = firstWritten(messages, firstUnreadId);
  for (const message of messages) {
    const at = timeOf(message);
    const before = entries.at(-1);
    if (message.event !== null && before !== undefined && foldsInto(before, message.event, at)) {
      entries[entries.length - 1] = { ...before, events: [...before.events, message.event] };
      continue;
    }
    entries.push({
      key: message.direction === 'out' && ownKeys.has(message.imdnId) ? `own ${message.imdnId}` : `id ${message.id}`,
      message,
      pending: null,
      events: message.event === null ? [] : [message.event],
      author: message.author,
      own: message.direction === 'out',
      at,
      stopped: message.status === 'failed',
    });
  }
  for (const each of pending) {
    const key = `own ${each.clientId}`;
    entries.push({ key, message: null, pending: each, events: [], author: null, own: true, at: each.at, stopped: each.error !== null });
  }
  return entries.map(({ stopped, events, ...entry }, index) => {
    const before = entries[index - 1];
    const after = entries[index + 1];
    const here = { ...entry, events };
    const firstUnread = entry.message !== null && entry.message.id === unreadId;
    const newDay = before === undefined || dayOf(before.at) !== dayOf(entry.at);
    const joinsAfter = after !== undefined && areOfOne(here, after) && after.message?.id !== (unreadId ?? 0);
    const joinsBefore = before !== undefined && !firstUnread && areOfOne(before, here);
    const event = events.length === 0 ? null : foldEvents(events);
    // a failed one always says so itself
    return { ...entry, event, newDay, firstUnread, startsGroup: !joinsBefore, endsGroup: !joinsAfter || stopped };
  });
}

/** Lines about a group are no messages: what is new begins with what somebody wrote. */
function firstWritten(messages: readonly Message[], firstUnreadId: number | null): number | null {
  const at = messages.findIndex(({ id }) => id === firstUnreadId);
  return at < 0 ? firstUnreadId : (messages.slice(at).find(({ event }) => event === null)?.id ?? null);
}

/** What becomes a row. */
interface Entry extends Pick<Row, 'key' | 'message' | 'pending' | 'author' | 'own' | 'at'> {
  readonly events: readonly GroupEvent[];
  readonly stopped: boolean;
}

/** Two that follow each other, by one sender and near enough to each other. */
function areOfOne(a: Omit<Entry, 'stopped'>, b: Omit<Entry, 'stopped'>): boolean {
  const isBetween = a.events.length > 0 || b.events.length > 0;
  const isSender = a.own === b.own && a.author?.address === b.author?.address;
  return !isBetween && isSender && Math.abs(b.at - a.at) < GROUP_SPAN && dayOf(a.at) === dayOf(b.at);
}

function foldsInto(before: Entry, event: GroupEvent, at: number): boolean {
  const last = before.events.at(-1);
  return last !== undefined && foldsWith(last, event) && dayOf(before.at) === dayOf(at);
}

/** What a file that the core has not taken up yet looks like on its card; no transfer has the id 0. */
export function pendingTransfer(pending: PendingMessage): Transfer | null {
  if (pending.file === null) return null;
  return {
    id: 0,
    direction: 'out',
    state: 'preparing',
    name: pending.file.name,
    type: pending.file.type,
    size: pending.file.size,
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
  };
}
