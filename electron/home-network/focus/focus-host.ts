import type { SipHeader } from '../../../shared/protocol/sip/message.ts';
import type { MsrpEngine } from '../../msrp/port.ts';
import type { Dialogs } from '../dialogs.ts';
import type { MediaPolicy } from '../media/policy.ts';
import type { RelayHeaders } from '../relay-headers.ts';
import type { TransactionLayer } from '../transactions.ts';
import type { Spool } from './spool.ts';

/** What the sessions that end at this network need of it. */
export interface FocusHost {
  readonly layer: () => TransactionLayer;
  readonly relay: RelayHeaders;
  readonly dialogs: Dialogs;
  readonly msrp: MsrpEngine;
  readonly spool: Spool;
  readonly policy: MediaPolicy;
  /** an address of this network */
  readonly ownUri: (user: string) => string;
  readonly mediaRefusal: (thrown: unknown) => { readonly status: number; readonly headers: readonly SipHeader[] };
}
