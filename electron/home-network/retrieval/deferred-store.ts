import { Emitter } from '../../../shared/base/emitter.ts';
import { ParleyError } from '../../../shared/base/errors.ts';
import type { Binding } from '../bindings.ts';

/** One thing that waits for its owner. */
export interface DeferredItem {
  readonly id: number;
  /** by which the owner's clients ask for it */
  readonly uri: string;
  /** user name */
  readonly owner: string;
  readonly kind: 'pager' | 'large' | 'chat' | 'file' | 'notification';
  /** the sender's address */
  readonly from: string;
  /** ms since the epoch */
  readonly sentAt: number;
  /** octets */
  readonly size: number;
  /** ms since the epoch */
  readonly expiresAt: number;
  readonly contentType: string;
  readonly subject: string | null;
  readonly conversationId: string | null;
  readonly contributionId: string | null;
  readonly imdnId: string | null;
}

/** Of what keeps deferred things, all that fetching them needs. Owners are user names. */
export interface DeferredStore {
  /** neither expired nor being delivered */
  list(owner: string): Promise<readonly DeferredItem[]>;
  /** Each item goes to one claimer only. @param by the session, which gives back what it does not settle */
  claim(owner: string, ids: readonly number[] | 'all', by: string): Promise<readonly DeferredItem[]>;
  /** the message/cpim as it came */
  content(id: number): Promise<Uint8Array>;
  settle(id: number, how: 'delivered' | 'deleted' | 'stored' | 'interworked'): Promise<boolean>;
  release(ids: readonly number[]): Promise<void>;
  /** by an INVITE of its own (F21-03) */
  deliverFile(item: DeferredItem, device: Binding): void;
  readonly changed: Emitter<{ readonly owner: string; readonly added: readonly DeferredItem[]; readonly removed: readonly string[] }>;
}

/** Of a network that keeps nothing for later. */
export const NOTHING_DEFERRED: DeferredStore = {
  list: async () => [],
  claim: async () => [],
  content: () => Promise.reject(new ParleyError('request.not-found', 'nothing is deferred here')),
  settle: async () => false,
  release: async () => undefined,
  deliverFile: () => undefined,
  changed: new Emitter(),
};
