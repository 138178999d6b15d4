import type { Clock } from '../../shared/base/clock.ts';
import type { SipHeader, SipRequest } from '../../shared/protocol/sip/message.ts';
import type { Flow } from './flow.ts';
import type { Timing } from './settings.ts';

/** What one transaction asks of the layer that keeps it. */
export interface TransactionHost {
  readonly clock: Clock;
  readonly timing: Timing;
  via(branch: string): SipHeader;
  /** CANCEL is a transaction of its own, with the branch of its INVITE (RFC 3261 section 9.1) */
  sendCancel(flow: Flow, cancel: SipRequest, branch: string): void;
}
