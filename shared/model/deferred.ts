import type { CodedError } from '../base/errors.ts';
import type { DeferredState } from './states/deferred-state.ts';

/** What waits in the network for this person (cpm.md section 11). */

export const DEFERRED_KINDS = ['pager', 'large', 'chat', 'file'] as const;
export type DeferredKind = (typeof DEFERRED_KINDS)[number];

/** Brought here, removed there, sent on by another service, kept in the message store. */
export const DEFERRED_ORDERS = ['deliver', 'delete', 'interwork', 'store'] as const;
export type DeferredOrder = (typeof DEFERRED_ORDERS)[number];

export interface DeferredItem {
  /** of this device; not the network's name for it */
  readonly id: number;
  readonly kind: DeferredKind;
  /** its sender's canonical address, or the text that stood in its place */
  readonly peer: string;
  /** as the conversation with the sender is called, else the address in short */
  readonly title: string;
  /** when it was sent, or was first heard of, ms since the epoch */
  readonly sentAt: number;
  /** octets */
  readonly size: number | null;
  readonly expiresAt: number | null;
  /** '' where the network does not say */
  readonly contentType: string;
  /** of a file, its name */
  readonly subject: string | null;
  readonly state: DeferredState;
  /** what was chosen for it last */
  readonly order: DeferredOrder | null;
  /** why it failed */
  readonly error: CodedError | null;
}

/** What is known of all of it together. */
export interface DeferredOverview {
  /**
   * `unknown` before the network has answered; `listed`: each item is known; `counted`: the network tells how much waits and not what;
   * `unsupported`: it tells nothing, and only all of it can be asked for
   */
  readonly support: 'unknown' | 'listed' | 'counted' | 'unsupported';
  /** items that wait, those under way among them; what the network said where it does not list them, null where it did not */
  readonly count: number | null;
  /** octets of them, as far as the network says */
  readonly size: number;
  /** what the first of them is about, where the network counts only */
  readonly hint: string | null;
  /** orders that are not carried out yet */
  readonly ordered: number;
  /** of what is being brought here now: how many came, of how many (null: nobody knows); null when nothing is */
  readonly fetching: { readonly done: number; readonly of: number | null } | null;
  /** why nothing goes on, though something was ordered */
  readonly error: CodedError | null;
}

export const NOTHING_DEFERRED: DeferredOverview = {
  support: 'unknown',
  count: null,
  size: 0,
  hint: null,
  ordered: 0,
  fetching: null,
  error: null,
};
