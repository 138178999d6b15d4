import type { Clock } from '../../../shared/base/clock.ts';
import type { EventHeader } from '../../../shared/protocol/sip/event.ts';
import type { Dialogs } from '../dialogs.ts';
import type { Flow } from '../flow.ts';
import type { Leg } from '../leg.ts';
import type { ServerTransaction } from '../server-transaction.ts';
import type { HomeUser } from '../settings.ts';
import type { TransactionLayer } from '../transactions.ts';
import type { EventPackage } from './event-package.ts';

/** What one subscription needs of those who keep it. */
export interface SubscriptionHost {
  readonly dialogs: Dialogs;
  readonly layer: () => TransactionLayer;
  readonly clock: () => Clock;
  /** an address of this network for the next requests of that dialog */
  readonly contactOf: (leg: Leg) => string;
  /** the connection on which that device of the user is registered now */
  readonly flowOf: (user: HomeUser, instance: string) => Flow | null;
  /** seconds that a SUBSCRIBE is granted, 0 for its end; null: it was answered with a refusal */
  readonly granted: (transaction: ServerTransaction, asked: EventPackage, event: EventHeader) => number | null;
}
