import type { CodedError } from '../../shared/base/errors.ts';
import type { DeferredItem, DeferredKind, DeferredOrder } from '../../shared/model/deferred.ts';
import type { DeferredEvent } from '../../shared/model/states/deferred-state.ts';
import type { DeferredProblem } from '../../shared/protocol/deferred-info/entry.ts';

/** The part of the store's port (`port.ts`) that is about what waits in the network. */
export interface DeferredCalls {
  /** all but what is settled, newest first; `before` is the last item of the page before */
  deferredPage(page: {
    before?: { sentAt: number; id: number } | undefined;
    limit: number;
  }): Promise<{ items: DeferredItem[]; more: boolean }>;
  deferredSums(): Promise<DeferredSums>;
  /** what is ordered and not settled, those that were ordered first first */
  deferredOrdered(limit: number): Promise<OrderedItem[]>;

  /**
   * What the network lists: all there is (`full`), or what is new, changed, or gone (`removed`) since. `anew`: the first list of a subscription.
   * `toFetch`: items up to so many octets are to be fetched at once. `many`: more changed than is told.
   */
  deferredList(row: {
    full: boolean;
    anew: boolean;
    items: readonly ListedItem[];
    removed: readonly string[];
    toFetch: number;
    now: number;
  }): Promise<DeferredChange & { readonly many: boolean }>;
  /** Orders; `null` takes one back that was not asked for yet. What is not there, or cannot be ordered any more, is passed over. */
  deferredOrder(row: { orders: readonly { id: number; order: DeferredOrder | null }[] }): Promise<DeferredChange>;
  /** the same for all but some */
  deferredOrderAll(row: { order: DeferredOrder | null; except: readonly number[] }): Promise<void>;
  /** `error` for `refuse` */
  deferredMove(row: {
    ids: readonly number[];
    event: Extract<DeferredEvent, 'ask' | 'break' | 'refuse' | 'settle' | 'unlist'>;
    error?: CodedError | undefined;
    now: number;
  }): Promise<DeferredChange>;
  /** Once at start: what was on its way is still ordered. */
  deferredRecover(): Promise<void>;
}

export interface DeferredChange {
  readonly changed: DeferredItem[];
  /** ids */
  readonly removed: number[];
}

export interface DeferredSums {
  /** what waits, ordered or not */
  readonly count: number;
  readonly size: number;
  readonly ordered: number;
}

/** As a list of the network has it. */
export interface ListedItem {
  readonly uri: string;
  readonly kind: DeferredKind;
  /** canonical, or the text that is none */
  readonly peer: string;
  readonly sentAt: number | null;
  readonly size: number | null;
  readonly expiresAt: number | null;
  readonly contentType: string;
  readonly subject: string | null;
  /** why what was ordered for it last was not done */
  readonly undone?: DeferredProblem;
}

export interface OrderedItem {
  readonly id: number;
  readonly uri: string;
  readonly kind: DeferredKind;
  readonly peer: string;
  readonly sentAt: number;
  readonly order: DeferredOrder;
}
