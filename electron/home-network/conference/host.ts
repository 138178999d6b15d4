import type { SipHeader } from '../../../shared/protocol/sip/message.ts';
import type { Bindings } from '../bindings.ts';
import type { Dialogs } from '../dialogs.ts';
import type { Directory } from '../directory.ts';
import type { RelayHeaders } from '../relay-headers.ts';
import type { Enforcement } from '../rules/enforcement.ts';
import type { TransactionLayer } from '../transactions.ts';
import type { ConferencePolicy } from './policy.ts';
import type { ConferenceRecords } from './records.ts';
import type { TextPlane } from './text/port.ts';

/** What groups need of their network. */
export interface ConferenceHost {
  readonly directory: Directory;
  readonly bindings: Bindings;
  readonly dialogs: Dialogs;
  readonly relay: RelayHeaders;
  readonly enforcement: Enforcement;
  readonly layer: () => TransactionLayer;
  readonly plane: TextPlane;
  readonly records: ConferenceRecords;
  readonly policy: ConferencePolicy;
  /** host part of session descriptions */
  readonly mediaHost: () => string;
  /** what an INVITE is answered whose description is not taken */
  readonly mediaRefusal: (thrown: unknown) => { readonly status: number; readonly headers: readonly SipHeader[] };
  readonly log: (line: string) => void;
}
