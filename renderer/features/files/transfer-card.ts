import type { CodedError } from '../../../shared/base/errors.ts';
import type { Transfer } from '../../../shared/model/transfer.ts';
import { turns } from '../../ui/bidi.ts';
import { errorLine } from '../error-words.ts';
import { formatAmount, formatDuration, formatRate, formatSize, formatTime } from '../format.ts';
import { words } from '../words.ts';
import { fileKind } from './file-kind.ts';
import type { ShownProgress } from './progress.svelte.ts';
import type { Wait } from './waiting.svelte.ts';

export type TransferAction =
  | 'accept'
  | 'decline'
  | 'give'
  | 'pause'
  | 'resume'
  | 'cancel'
  | 'open'
  | 'show'
  | 'saveAs'
  | 'retry'
  | 'remove';
export type CardTone = 'plain' | 'waiting' | 'good' | 'failed';

/** What a file card shows below the name. */
export interface Card {
  readonly line: string;
  readonly tone: CardTone;
  /** 0 to 1; null where there is no bar */
  readonly fraction: number | null;
  readonly actions: readonly TransferAction[];
}

export interface CardMore {
  /** what the other side told of a file of which all had left */
  readonly reported?: CodedError | null;
  /** what a queued one waits for */
  readonly wait?: Wait | null;
  /** one of several that are answered together: who offers them is said once */
  readonly together?: boolean;
}

const RETRIABLE: readonly TransferAction[] = ['retry', 'remove'];

/** A push that leaves here, or a file that was asked for from here. */
export function isInviter({ direction, pull }: Pick<Transfer, 'direction' | 'pull'>): boolean {
  return (direction === 'out') !== pull;
}

/** What stands where the name stands: a file may be asked for without one. */
export function shownName({ name }: Pick<Transfer, 'name'>): string {
  return name === '' ? words.file.nameless : name;
}

/** @param who the other person's name */
export function transferCard(
  transfer: Transfer,
  progress: ShownProgress,
  who: string,
  { reported = null, wait = null, together = false }: CardMore = {},
): Card {
  const text = words.file;
  const { pull, size, sizeKnown, state } = transfer;
  const sends = transfer.direction === 'out';
  const own = isInviter(transfer);
  const begun = progress.transferred > 0;
  // no part of a whole that is not known
  const fraction = !sizeKnown ? null : size === 0 ? 1 : Math.min(1, progress.transferred / size);
  const card = (line: string, tone: CardTone, actions: readonly TransferAction[] = [], bar: number | null = null): Card => ({
    line,
    tone,
    fraction: bar,
    actions,
  });
  const sized = (line: string): string => [...(sizeKnown ? [formatSize(size)] : []), ...(line === '' ? [] : [line])].join(' · ');
  const described = (line: string): string => [fileKind(transfer), sized(line)].filter((part) => part !== '').join(' · ');
  const soFar = begun ? fraction : null;
  // one that goes to several by themselves, once somebody has it
  const { legs } = transfer;
  const some = legs !== null && legs.done > 0 ? text.receivedBy(legs.done, legs.total) : null;
  if (some !== null && state === 'offering') return card(sized(text.because(some, text.others)), 'waiting', ['cancel'], soFar);
  if (some !== null && state === 'transferring')
    return card(text.because(some, movingLine(transfer, progress)), 'plain', ['pause', 'cancel'], fraction);
  if (legs !== null && some !== null && state === 'done') return card(sized(some), legs.done === legs.total ? 'good' : 'failed');
  switch (state) {
    case 'preparing':
      return card(sized(text.preparing), 'plain', ['cancel']);
    case 'queued':
      return card(sized(waitLine(wait, who)), 'waiting', ['cancel'], soFar);
    case 'offering':
      return card(sized(begun ? text.continuing(who) : pull ? text.asking(who) : text.offering(who)), 'waiting', ['cancel'], soFar);
    case 'offered':
      if (!pull) return card(described(together ? '' : text.offered(who)), 'plain', together ? [] : ['accept', 'decline']);
      return card(sized(transfer.name === '' ? text.askedForAny(who) : text.asked(who)), 'plain', ['give', 'decline']);
    case 'accepting':
      return card(sized(begun ? text.continuing(who) : sends ? text.giving(who) : text.accepting(who)), 'waiting', ['cancel'], fraction);
    case 'transferring':
      return card(movingLine(transfer, progress), 'plain', ['pause', 'cancel'], fraction);
    case 'finishing':
      return card(sized(text.finishing(who)), 'waiting', ['cancel'], 1);
    case 'verifying':
      return card(sized(text.verifying), 'plain', [], 1);
    case 'done':
      if (reported !== null) return card(sized(text.notKept(who)), 'failed', RETRIABLE);
      if (sends) return card(sized(pull ? text.sentAsked(who) : text.sent), 'good');
      return card(
        sized(transfer.verifiedBy === null ? text.received : text.verified),
        transfer.verifiedBy === null ? 'plain' : 'good',
        transfer.savedAs === null ? [] : ['open', 'show', 'saveAs'],
      );
    case 'declined':
      return card(sized(own ? text.declinedBy(who) : text.declined), own ? 'failed' : 'plain', own ? RETRIABLE : []);
    case 'expired':
      return card(
        sized(own ? text.expiredOut(who) : pull ? text.expiredAsked : text.expiredIn),
        own ? 'failed' : 'plain',
        own ? RETRIABLE : [],
      );
    case 'cancelled':
      return card(sized(text.cancelled), 'plain', own ? RETRIABLE : []);
    case 'interrupted':
      return card(stoppedLine(transfer, progress, who), 'failed', ['resume', 'cancel'], soFar);
    case 'paused':
      return card(stoppedLine(transfer, progress, who), 'waiting', ['resume', 'cancel'], soFar);
    case 'quarantined':
      return card(text.quarantined, 'failed', ['remove']);
    case 'failed':
      return card(
        transfer.error === null ? text.failed : text.because(text.failed, errorLine(transfer.error.code, who)),
        'failed',
        own ? RETRIABLE : ['remove'],
      );
  }
}

function waitLine(wait: Wait | null, who: string): string {
  const text = words.file;
  switch (wait?.kind) {
    case undefined:
      return text.queued(who);
    case 'offline':
      return text.waits.offline;
    case 'retry':
      return text.waits.retry(formatTime(wait.at));
    case 'turn':
      return wait.before === 0 ? text.waits.next : text.waits.before(wait.before);
  }
}

/** `12.4 of 64.0 MB`; without the whole where that is not known */
function amountOf({ size, sizeKnown }: Transfer, { transferred }: ShownProgress): string {
  if (!sizeKnown) return formatSize(transferred);
  const { done, all } = formatAmount(transferred, size);
  return words.file.amount(done, all);
}

/** `12.4 of 64.0 MB · 38 MB/s · 2 s left`, without the parts that are not known yet */
function movingLine(transfer: Transfer, progress: ShownProgress): string {
  const parts = [amountOf(transfer, progress)];
  if (progress.rate > 0) parts.push(words.file.speed(formatRate(progress.rate)));
  if (progress.secondsLeft !== null) parts.push(words.file.left(formatDuration(progress.secondsLeft)));
  return parts.join(' · ');
}

/** Paused or interrupted: how far it came, and why where that is known. */
function stoppedLine(transfer: Transfer, progress: ShownProgress, who: string): string {
  const text = words.file;
  const amount = progress.transferred > 0 ? amountOf(transfer, progress) : null;
  // a pause of the other side, or its last word: it did not say
  if (transfer.state === 'interrupted' && transfer.error?.code === 'msrp.stopped')
    return amount === null ? text.stoppedBy(who) : text.stoppedByAfter(who, amount);
  const paused = transfer.state === 'paused';
  const line =
    amount === null ? (paused ? text.paused : text.interrupted) : paused ? text.pausedAfter(amount) : text.interruptedAfter(amount);
  return transfer.error === null ? line : text.because(line, errorLine(transfer.error.code, who));
}

/**
 * The two halves of a name that is shortened in its middle: the second, with the extension, always stays. A name that is written from right
 * to left is split at its extension only: its halves would change places.
 */
export function splitName(name: string): { start: string; end: string } {
  const dot = name.lastIndexOf('.');
  const extension = dot > 0 && name.length - dot <= 12 ? name.length - dot : 0;
  const keep = Math.min(name.length, extension + (turns(name) ? 0 : 4));
  // not between the two halves of a surrogate pair
  const cut = /[\uDC00-\uDFFF]/.test(name.charAt(name.length - keep)) ? name.length - keep - 1 : name.length - keep;
  return { start: name.slice(0, Math.max(0, cut)), end: name.slice(Math.max(0, cut)) };
}
