import { ParleyError } from '../../../shared/base/errors.ts';
import type { DeferredEntry } from '../../../shared/protocol/deferred-info/entry.ts';
import type { SipHeader } from '../../../shared/protocol/sip/message.ts';
import type { MsrpEngine } from '../../msrp/port.ts';
import type { Bindings } from '../bindings.ts';
import type { Deferral, DeferredItem } from '../deferral/port.ts';
import type { Dialogs } from '../dialogs.ts';
import type { Directory } from '../directory.ts';
import type { TransactionLayer } from '../transactions.ts';

/** Where an item may go instead of to a device. Both reject where it cannot, and the item stays. */
export interface Outlets {
  /** into its owner's message store */
  store(item: Omit<DeferredItem, 'uri'>): Promise<void>;
  /** to its owner by a service that is not CPM (cpm.md section 16.8) */
  interwork(item: DeferredItem): Promise<void>;
}

/** @see DeferredEntry.undone */
export type Listed = DeferredItem & Pick<DeferredEntry, 'undone'>;

/** Of a network without that. */
export function noOutlet(): Promise<never> {
  return Promise.reject(new ParleyError('peer.unsupported', 'no such service here'));
}

export interface RetrievalHost {
  readonly directory: Directory;
  readonly bindings: Bindings;
  readonly dialogs: Dialogs;
  readonly layer: () => TransactionLayer;
  readonly msrp: MsrpEngine;
  readonly deferral: Deferral;
  readonly outlets: Outlets;
  /** the list says again that these wait */
  readonly list: { say(owner: string, added: readonly Listed[], removed: readonly string[]): void };
  readonly ownUri: (user: string) => string;
  readonly mediaRefusal: (thrown: unknown) => { readonly status: number; readonly headers: readonly SipHeader[] };
}
