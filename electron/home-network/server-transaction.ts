import { NO_BYTES } from '../../shared/base/bytes.ts';
import { randomToken } from '../../shared/base/random.ts';
import { encodeSip } from '../../shared/protocol/sip/codec.ts';
import type { SipRequest, SipResponse } from '../../shared/protocol/sip/message.ts';
import type { SipEssentials } from '../../shared/protocol/sip/validate.ts';
import type { Flow } from './flow.ts';
import { type Answer, responseTo } from './responses.ts';
import type { TransactionHost } from './transaction-host.ts';

export interface ServerListener {
  onFinal(response: SipResponse): void;
  onTerminated(): void;
}

/**
 * A request and our answer to it (RFC 3261 section 17.2).
 *
 *     proceeding --(non-2xx to INVITE)--> completed --(ACK, timer H)--> terminated
 *     proceeding --(any other final)-----> remembered (answers a repeated request with the same octets)
 */
export class ServerTransaction {
  readonly flow: Flow;
  readonly essentials: SipEssentials;
  /** of the To in every answer of ours */
  readonly toTag = randomToken(10);
  /** ms of a monotonic clock */
  readonly startedAt = performance.now();
  /** for an INVITE: what to do when a CANCEL comes before the final answer */
  onCancel: ((cancel: SipRequest) => void) | null = null;
  /** what to do after the final answer */
  onAnswered: ((status: number) => void) | null = null;
  readonly #host: TransactionHost;
  readonly #listener: ServerListener;
  #request: SipRequest;
  #last: Uint8Array | null = null;
  #finalStatus = 0;
  #stopTimerH: (() => void) | null = null;

  constructor(host: TransactionHost, flow: Flow, request: SipRequest, essentials: SipEssentials, listener: ServerListener) {
    this.#host = host;
    this.flow = flow;
    this.#request = request;
    this.essentials = essentials;
    this.#listener = listener;
  }

  /** without its body once it is answered: repeated requests get the octets of the answer, and hostile ones shall not fill the memory */
  get request(): SipRequest {
    return this.#request;
  }

  /** What the request only named stands in its place from now on. */
  substitute(body: Uint8Array): void {
    if (!this.isAnswered) this.#request = { ...this.#request, body };
  }

  get isAnswered(): boolean {
    return this.#finalStatus !== 0;
  }

  /** Provisional answers, then one final answer; what comes later is dropped. */
  respond(status: number, answer: Answer = {}): void {
    if (this.isAnswered) return;
    const keep = this.request.method === 'REGISTER' ? Math.round(this.#host.timing.flowTimer / 1000) : null;
    const response = responseTo(this.request, this.essentials, this.flow.remote, status, answer.toTag ?? this.toTag, answer, keep);
    this.#last = encodeSip(response);
    this.flow.send(this.#last);
    if (status < 200) return;
    this.#finalStatus = status;
    this.onCancel = null;
    this.#request = { ...this.#request, body: NO_BYTES };
    if (this.request.method === 'INVITE' && status >= 300 && this.flow.isOpen) {
      this.#stopTimerH = this.#host.clock.after(this.#host.timing.transaction, () => {
        this.#stopTimerH = null;
        this.#listener.onTerminated();
      });
    }
    this.#listener.onFinal(response);
    this.onAnswered?.(status);
    this.onAnswered = null;
  }

  repeat(): void {
    if (this.#last !== null) this.flow.send(this.#last);
  }

  /** @returns false when the ACK is for a 2xx and so belongs to the dialog */
  acknowledged(): boolean {
    if (this.#finalStatus < 300) return false;
    this.forget();
    // timer I is zero on reliable transports
    this.#listener.onTerminated();
    return true;
  }

  /** Nobody looks for it any more. */
  forget(): void {
    this.#stopTimerH?.();
    this.#stopTimerH = null;
  }
}
