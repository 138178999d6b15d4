import type { DeferredItem } from '../../../shared/model/deferred.ts';
import { plainAddress } from '../conversations/address.ts';
import { errorLine } from '../error-words.ts';
import { formatListTime, formatSize } from '../format.ts';
import { waitingWords as w } from './waiting-words.ts';

const expiryDay = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });

/** what is shown of one waiting item */
export interface ItemLines {
  readonly who: string;
  readonly what: string;
  readonly size: string;
  readonly time: string;
  /** '' where nothing is to be said */
  readonly expiry: string;
  /** what is being done with it, or why it was not; null while it only waits */
  readonly state: { readonly text: string; readonly tone: 'quiet' | 'waiting' | 'failed' } | null;
  /** there is nothing left to be fetched */
  readonly isOver: boolean;
}

/** @param now ms since the epoch, for what ran out while nobody could say so */
export function itemLines(item: DeferredItem, today: number, now: number): ItemLines {
  const { kind, peer, title, subject, size, sentAt, expiresAt, state, order, error } = item;
  const isExpired = state === 'expired' || (expiresAt !== null && expiresAt <= now && state !== 'gone');
  return {
    who: title || plainAddress(peer) || w.unnamed,
    what: subject ?? w.kinds[kind],
    size: size === null ? '' : formatSize(size),
    time: formatListTime(sentAt, today),
    expiry: expiresAt === null || isExpired || state === 'gone' ? '' : w.until(expiryDay.format(expiresAt)),
    isOver: isExpired || state === 'gone',
    state: stateOf(),
  };

  function stateOf(): ItemLines['state'] {
    if (isExpired) return { text: w.expired, tone: 'failed' };
    if (state === 'gone') return { text: w.gone, tone: 'failed' };
    if (state === 'failed') return { text: `${errorLine(error?.code ?? 'deferred.undelivered', w.network)}.`, tone: 'failed' };
    if (state === 'asked' && order !== null) return { text: w.under[order], tone: 'waiting' };
    if (state === 'chosen' && order !== null) return { text: w.chosen[order], tone: 'quiet' };
    return null;
  }
}
