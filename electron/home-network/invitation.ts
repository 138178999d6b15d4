import type { SipHeader, SipRequest, SipResponse } from '../../shared/protocol/sip/message.ts';
import { bestResponse, forOriginator } from './best-response.ts';
import type { ClientTransaction } from './client-transaction.ts';
import { dialogRequest, FRESH, type Leg, met, reason } from './leg.ts';
import type { TransactionLayer } from './transactions.ts';

const ELSEWHERE = reason('SIP;cause=200;text="Call completed elsewhere"');
const UNANSWERED = reason('SIP;cause=408;text="Not answered in time"');

export interface InvitationListener {
  /** 101 to 199 */
  onProgress?(leg: Leg, response: SipResponse): void;
  /** once: the first 2xx */
  onAccepted(leg: Leg, response: SipResponse): void;
  /** once: a 6xx, or the best refusal when all have refused */
  onRefused(response: SipResponse): void;
  /** nobody answered in time: timer C, or the Expires of the INVITE; CANCEL has gone out */
  onUnanswered(): void;
  /** the 2xx of the device that was first came again */
  onRepeated(leg: Leg): void;
}

interface Branch {
  readonly leg: Leg;
  client: ClientTransaction | null;
  final: SipResponse | null;
}

/** An INVITE to all devices of somebody: the first one that takes it has it, the others hear so (cpm.md section 16.4). */
export class Invitation {
  readonly #layer: TransactionLayer;
  readonly #branches: readonly Branch[];
  readonly #expires: number | null;
  readonly #listener: InvitationListener;
  #accepted: Leg | null = null;
  #isOpen = true;
  #stopTimer: (() => void) | null = null;

  /**
   * @param branches one for each device, with its INVITE but for Via
   * @param expires seconds, from the INVITE; null: it rings as long as timer C lets it after each provisional answer (RFC 3261 section 16.6)
   */
  constructor(
    layer: TransactionLayer,
    branches: readonly { readonly leg: Leg; readonly request: SipRequest }[],
    expires: number | null,
    listener: InvitationListener,
  ) {
    this.#layer = layer;
    this.#expires = expires;
    this.#listener = listener;
    this.#branches = branches.map(({ leg }) => ({ leg, client: null, final: null }));
    this.#ring();
    this.#branches.forEach((branch, at) => {
      branch.client = layer.send(branch.leg.flow, (branches[at] as { request: SipRequest }).request, {
        onProvisional: (response) => this.#progress(branch, response),
        onFinal: (response) => this.#final(branch, response),
        onRepeated: () => {
          if (branch.leg === this.#accepted) listener.onRepeated(branch.leg);
        },
      });
    });
  }

  /** Nobody is asked any more; the listener hears nothing more. */
  cancel(extra: readonly SipHeader[]): void {
    this.#isOpen = false;
    this.#stopTimer?.();
    for (const branch of this.#branches) if (branch.final === null) branch.client?.cancel(extra);
  }

  #ring(): void {
    const { clock, timing } = this.#layer;
    const wait = this.#expires === null ? timing.ringing : Math.min(this.#expires, 3_600) * 1000;
    this.#stopTimer?.();
    this.#stopTimer = clock.after(wait, () => {
      if (!this.#isOpen) return;
      this.cancel([UNANSWERED]);
      this.#listener.onUnanswered();
    });
  }

  #progress(branch: Branch, response: SipResponse): void {
    if (!this.#isOpen) return;
    if (this.#expires === null) this.#ring();
    this.#listener.onProgress?.(branch.leg, response);
  }

  #final(branch: Branch, response: SipResponse): void {
    branch.final = response;
    const isSuccess = response.status < 300;
    if (isSuccess) met(branch.leg, response);
    if (!this.#isOpen) {
      // a device that answered although another one was first, or after the caller gave up
      if (isSuccess) this.#dismiss(branch.leg);
      return;
    }
    if (isSuccess) {
      this.#accepted = branch.leg;
      this.cancel([ELSEWHERE]);
      this.#listener.onAccepted(branch.leg, response);
    } else if (response.status >= 600) {
      this.cancel([]);
      this.#listener.onRefused(response);
    } else if (this.#branches.every(({ final }) => final !== null)) {
      const refusals = this.#branches.flatMap(({ final }) => (final === null ? [] : [forOriginator(final)]));
      this.cancel([]);
      this.#listener.onRefused(bestResponse(refusals) ?? response);
    }
  }

  #dismiss(leg: Leg): void {
    this.#layer.acknowledge(leg.flow, dialogRequest(leg, 'ACK', FRESH, 1, []));
    this.#layer.send(leg.flow, dialogRequest(leg, 'BYE', FRESH, null, [ELSEWHERE]), { onFinal: () => undefined });
  }
}
