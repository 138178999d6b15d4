import { kindOfKey } from '../../../shared/model/audience.ts';
import type { MessageInfo, RecipientState } from '../../../shared/model/message.ts';
import type { Transfer } from '../../../shared/model/transfer.ts';
import { plainAddress } from '../conversations/address.ts';
import { errorLine } from '../error-words.ts';
import { fileKind } from '../files/file-kind.ts';
import { formatFullTime, formatMoment, formatSize } from '../format.ts';
import { reachLine } from '../recipients/audience-words.ts';
import { words } from '../words.ts';

/** One line of the details pane. */
export interface InfoRow {
  readonly label: string;
  readonly value: string;
  /** what a button copies; null where there is none */
  readonly copy: string | null;
  /** of a recipient whom it did not get to: his address and name, where it can leave for him again */
  readonly again?: { readonly address: string; readonly name: string };
}

export interface InfoSection {
  readonly title: string;
  readonly rows: readonly InfoRow[];
}

/** What is said of a message, but for its error. @param who the other person's name */
export function infoSections(info: MessageInfo, who: string): readonly InfoSection[] {
  const { message, peer, cpmConversationId, contributionId } = info;
  const { transfer } = message;
  const text = words.info;
  const row = (label: string, value: string, copy: string | null = null): InfoRow => ({ label, value, copy });
  const id = (label: string, value: string): InfoRow => row(label, value, value);
  const sections: InfoSection[] = [{ title: text.times, rows: timeRows(info, who) }];
  if (transfer !== null) {
    const rows = [
      row(text.name, transfer.name, transfer.name),
      row(text.type, typeOf(transfer)),
      row(text.size, formatSize(transfer.size)),
    ];
    sections.push({ title: text.file, rows });
  }
  if (info.recipients.length > 0) {
    const isList = kindOfKey(peer) === 'list';
    const rows = info.recipients.map((each): InfoRow => {
      const name = each.name || plainAddress(each.address);
      const shown = row(name, recipientState(each), each.address);
      return isList && each.status === 'failed' ? { ...shown, again: { address: each.address, name } } : shown;
    });
    sections.push({ title: words.recipients.states, rows });
  }
  // a key of several people, or of nobody, is no address
  const other = message.author?.address ?? (kindOfKey(peer) === null ? peer : null);
  const address = other === null ? [] : [row(message.direction === 'in' ? text.from : text.to, plainAddress(other), other)];
  const ids = [id('imdn.Message-ID', message.imdnId), id('Conversation-ID', cpmConversationId), id('Contribution-ID', contributionId)];
  return [...sections, { title: text.ids, rows: [...address, ...replyRows(info), ...ids] }];
}

/** In plain words, and as it was announced. */
function typeOf(transfer: Transfer): string {
  return [fileKind(transfer), transfer.type].filter((part) => part !== '').join(', ');
}

/** Where it stands with one of its recipients, and since when. */
function recipientState({ address, name, status, deliveredAt, displayedAt, error }: RecipientState): string {
  const at = displayedAt ?? deliveredAt;
  const state = error === null ? words.status[status] : `${words.status[status]}. ${errorLine(error.code, name || plainAddress(address))}`;
  return at === null ? state : `${state}, ${formatFullTime(at)}`;
}

function replyRows({ message }: MessageInfo): InfoRow[] {
  const { replyTo, alsoTo } = message;
  const rows: InfoRow[] = [];
  if (replyTo !== null) rows.push({ label: words.recipients.replyTo, value: plainAddress(replyTo), copy: replyTo });
  if (alsoTo.length > 0) {
    rows.push({ label: words.recipients.alsoRow, value: alsoTo.map(plainAddress).join(', '), copy: alsoTo.join(', ') });
  }
  return rows;
}

/** The state of a message as a sentence or two. */
export function infoStatus({ message, waiting, leftBy }: MessageInfo, who: string, now: number): string {
  const text = words.info;
  // of several people not all may have it
  const isThere = message.status === 'delivered' || message.status === 'displayed';
  const isElsewhere = leftBy !== null && (message.status === 'sent' || message.status === 'delivered');
  const own = isElsewhere ? text.leftBy[leftBy](who) : text.states[message.status](who);
  const state = message.reach !== null && isThere ? reachLine(message) : own;
  if (waiting === null || waiting.attempts === 0) return `${state}.`;
  const next = waiting.nextTryAt > now ? ` ${text.nextTry(formatFullTime(waiting.nextTryAt))}.` : '';
  return `${state}. ${text.tries(waiting.attempts)}${next}`;
}

/** What passes the network at once is there again within this, ms. */
const PASSES_WITHIN_MS = 5000;

/** The way of an own message to one person so far, in one sentence; null where none is known. */
export function infoWay({ message, leftAt, takenAt, kept, deliveryReport }: MessageInfo, now: number): string | null {
  const { status, transfer, reach, deliveredAt, displayedAt } = message;
  const isTaken = takenAt !== null || deliveredAt !== null;
  // a file leaves for long; of a text nothing is known before the answer
  const hasLeft = status !== 'queued' && (isTaken || (transfer !== null && status !== 'failed'));
  if (leftAt === null || !hasLeft || reach !== null || transfer?.direction === 'in') return null;
  const text = words.info.way;
  const steps = [text.left(formatMoment(leftAt, now))];
  if (takenAt !== null) {
    const isKept = deliveryReport === 'stored' || (kept && (deliveredAt ?? now) - takenAt > PASSES_WITHIN_MS);
    const taken = transfer !== null ? text.complete : isKept ? text.kept : text.taken;
    steps.push(taken(formatMoment(takenAt, now)));
  }
  if (deliveredAt !== null) steps.push(text.delivered(formatMoment(deliveredAt, now)));
  if (displayedAt !== null) steps.push(text.seen(formatMoment(displayedAt, now)));
  return `${steps.join(', ')}.`;
}

/** By the clock of whoever wrote it, and by the one of this device. */
function timeRows({ message, deliveryReport, displayReport }: MessageInfo, who: string): InfoRow[] {
  const text = words.info;
  const at = (label: string, time: number | null, otherwise: string = text.notYet): InfoRow => ({
    label,
    value: time === null ? otherwise : formatFullTime(time),
    copy: null,
  });
  if (message.direction === 'in') {
    const stored = message.deferred ? text.kept : text.stored;
    return [at(text.sentBy(who), message.sentAt), at(stored, message.storedAt), at(text.seen, message.displayedAt)];
  }
  return [
    at(text.written, message.sentAt),
    at(text.stored, message.storedAt),
    at(text.delivered, message.deliveredAt, deliveryReport === null ? text.notYet : text.deliveryReports[deliveryReport](who)),
    at(text.displayed, message.displayedAt, displayReport === null ? text.notYet : text.displayReports[displayReport](who)),
  ];
}
