import type { Clock } from '../../../shared/base/clock.ts';
import type { LeftBy } from '../../../shared/protocol/imdn/imdn.ts';
import type { Bindings } from '../bindings.ts';
import type { NetworkDatabases } from '../databases/open.ts';
import type { Directory } from '../directory.ts';
import type { FocusHost } from '../focus/focus-host.ts';
import type { NotificationFilter } from '../notification-filter.ts';
import type { RelayHeaders } from '../relay-headers.ts';
import type { Rules } from '../rules/rules.ts';
import type { TransactionLayer } from '../transactions.ts';
import type { DeferredItem } from './port.ts';

export interface DeferralHost {
  readonly directory: Directory;
  readonly bindings: Bindings;
  readonly relay: RelayHeaders;
  readonly rules: Rules;
  readonly clock: Clock;
  readonly notifications: NotificationFilter;
  readonly layer: () => TransactionLayer;
  readonly focus: () => FocusHost;
  /** rejects where there is no store, or none for such a thing */
  readonly intoStore: (item: Omit<DeferredItem, 'uri'>) => Promise<void>;
  /** by which service items leave */
  readonly leavesBy: LeftBy;
  readonly databases: NetworkDatabases;
  readonly log: (line: string) => void;
}

/** Whether a message may wait, and why it does. */
export type Kept = 'kept' | 'known' | 'full';
