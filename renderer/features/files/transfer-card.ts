import type { CodedError } from '../../../shared/base/errors.ts';
import type { Transfer } from '../../../shared/model/transfer.ts';
import { turns } from '../../ui/bidi.ts';
import { errorLine } from '../error-words.ts';
import { formatAmount, formatDuration, formatRate, formatSize } from '../format.ts';
import { words } from '../words.ts';
import type { ShownProgress } from './progress.svelte.ts';

export type TransferAction = 'accept' | 'decline' | 'pause' | 'resume' | 'cancel' | 'open' | 'show' | 'retry' | 'remove';
export type CardTone = 'plain' | 'waiting' | 'good' | 'failed';

/** What a file card shows below the name. */
export interface Card {
  readonly line: string;
  readonly tone: CardTone;
  /** 0 to 1; null where there is no bar */
  readonly fraction: number | null;
  readonly actions: readonly TransferAction[];
}

const RETRIABLE: readonly TransferAction[] = ['retry', 'remove'];

/**
 * @param who the other person's name
 * @param reported what the other side told of a file of which all had left
 */
export function transferCard(transfer: Transfer, progress: ShownProgress, who: string, reported: CodedError | null = null): Card {
  const text = words.file;
  const out = transfer.direction === 'out';
  const size = formatSize(transfer.size);
  const fraction = transfer.size === 0 ? 1 : Math.min(1, progress.transferred / transfer.size);
  const card = (line: string, tone: CardTone, actions: readonly TransferAction[] = [], bar: number | null = null): Card => ({
    line,
    tone,
    fraction: bar,
    actions,
  });
  const sized = (line: string): string => `${size} · ${line}`;
  switch (transfer.state) {
    case 'preparing':
      return card(sized(text.preparing), 'plain', ['cancel']);
    case 'queued':
      return card(sized(text.queued(who)), 'waiting', ['cancel']);
    case 'offering':
      return card(sized(text.offering(who)), 'waiting', ['cancel']);
    case 'offered':
      return card(sized(text.offered(who)), 'plain', ['accept', 'decline']);
    case 'accepting':
      return card(sized(text.accepting(who)), 'waiting', ['cancel'], 0);
    case 'transferring':
      return card(movingLine(transfer, progress), 'plain', ['cancel'], fraction);
    case 'finishing':
      return card(sized(text.finishing(who)), 'waiting', ['cancel'], 1);
    case 'verifying':
      return card(sized(text.verifying), 'plain', [], 1);
    case 'done':
      if (reported !== null) return card(sized(text.notKept(who)), 'failed', RETRIABLE);
      return card(sized(out ? text.sent : text.verified), 'good', !out && transfer.savedAs !== null ? ['open', 'show'] : []);
    case 'declined':
      return card(sized(out ? text.declinedBy(who) : text.declined), out ? 'failed' : 'plain', out ? RETRIABLE : []);
    case 'expired':
      return card(sized(out ? text.expiredOut(who) : text.expiredIn), out ? 'failed' : 'plain', out ? RETRIABLE : []);
    case 'cancelled':
      return card(sized(text.cancelled), 'plain', out ? RETRIABLE : []);
    case 'interrupted':
      return card(interruptedLine(transfer, progress, who), 'failed', out ? ['retry', 'cancel'] : ['cancel']);
    case 'paused': {
      const { done, all } = formatAmount(progress.transferred, transfer.size);
      return card(text.pausedAfter(done, all), 'waiting', ['resume', 'cancel'], fraction);
    }
    case 'quarantined':
      return card(text.quarantined, 'failed', ['remove']);
    case 'failed':
      return card(
        transfer.error === null ? text.failed : `${text.failed} ${errorLine(transfer.error.code, who)}`,
        'failed',
        out ? RETRIABLE : ['remove'],
      );
  }
}

/** `12.4 of 64.0 MB · 38 MB/s · 2 s left`, without the parts that are not known yet */
function movingLine(transfer: Transfer, progress: ShownProgress): string {
  const { done, all } = formatAmount(progress.transferred, transfer.size);
  const parts = [words.file.amount(done, all)];
  if (progress.rate > 0) parts.push(words.file.speed(formatRate(progress.rate)));
  if (progress.secondsLeft !== null) parts.push(words.file.left(formatDuration(progress.secondsLeft)));
  return parts.join(' · ');
}

function interruptedLine(transfer: Transfer, progress: ShownProgress, who: string): string {
  const { done, all } = formatAmount(progress.transferred, transfer.size);
  const line = progress.transferred > 0 ? words.file.interruptedAfter(done, all) : words.file.interrupted;
  return transfer.error === null ? line : `${line}. ${errorLine(transfer.error.code, who)}`;
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
