import { NO_BYTES } from '../../shared/base/bytes.ts';
import { encodeSip } from '../../shared/protocol/sip/codec.ts';
import { header, type SipHeader, type SipRequest, type SipResponse } from '../../shared/protocol/sip/message.ts';
import type { Flow } from './flow.ts';
import { REASONS } from './responses.ts';
import type { TransactionHost } from './transaction-host.ts';

export interface ClientListener {
  /** 101 to 199 */
  onProvisional?(response: SipResponse): void;
  /** once; a 408 or 480 without header fields is made up here when none came or the flow ended */
  onFinal(response: SipResponse): void;
  /** a 2xx to INVITE that came again */
  onRepeated?(response: SipResponse): void;
}

/**
 * A request of ours until its final answer (RFC 3261 section 17.1, RFC 6026).
 *
 *     calling --(1xx)--> proceeding --(final)--> terminated
 *     calling --(timer B or F)--> terminated            INVITE only: proceeding --(2xx)--> accepted --(timer M)--> terminated
 */
export class ClientTransaction {
  readonly request: SipRequest;
  readonly branch: string;
  readonly #host: TransactionHost;
  readonly #flow: Flow;
  readonly #listener: ClientListener & { onTerminated(): void };
  #state: 'calling' | 'proceeding' | 'accepted' | 'terminated' = 'calling';
  #stopTimer: (() => void) | null = null;
  #cancel: readonly SipHeader[] | null = null;

  constructor(host: TransactionHost, flow: Flow, request: SipRequest, branch: string, listener: ClientListener & { onTerminated(): void }) {
    this.#host = host;
    this.#flow = flow;
    this.request = request;
    this.branch = branch;
    this.#listener = listener;
  }

  /** @param isRefused the device has too many requests open: none is sent, and the answer is made up */
  start(isRefused: boolean): void {
    if (isRefused || !this.#flow.isOpen) {
      // never from inside send(): the caller has not got this object yet
      this.#stopTimer = this.#host.clock.after(0, () => this.#end(madeUp(480)));
      return;
    }
    this.#guard(() => this.#end(madeUp(408)));
    this.#flow.send(encodeSip({ ...this.request, headers: [this.#host.via(this.branch), ...this.request.headers] }));
  }

  received(response: SipResponse): void {
    if (this.#state === 'terminated') return;
    const isInvite = this.request.method === 'INVITE';
    if (response.status < 200) {
      if (this.#state === 'accepted') return;
      if (this.#state === 'calling') {
        this.#state = 'proceeding';
        // from here on only the user of the transaction knows how long to wait (timer C); timer F runs on
        if (isInvite) this.#stopTimer?.();
        if (this.#cancel !== null) this.#sendCancel(this.#cancel);
      }
      if (response.status > 100) this.#listener.onProvisional?.(response);
      return;
    }
    if (isInvite && response.status < 300) {
      if (this.#state === 'accepted') {
        this.#listener.onRepeated?.(response);
        return;
      }
      this.#state = 'accepted';
      this.#guard(() => this.#terminate());
      this.#listener.onFinal(response);
      return;
    }
    if (this.#state === 'accepted') return;
    if (isInvite) this.#acknowledge(response);
    this.#end(response);
  }

  /** CANCEL, as soon as a provisional answer allows it (RFC 3261 section 9.1); nothing once a final answer came. */
  cancel(extra: readonly SipHeader[]): void {
    if (this.#cancel !== null || this.#state === 'accepted' || this.#state === 'terminated') return;
    this.#cancel = extra;
    if (this.#state === 'proceeding') this.#sendCancel(extra);
  }

  flowClosed(): void {
    if (this.#state === 'accepted') this.#terminate();
    else this.#end(madeUp(480));
  }

  #sendCancel(extra: readonly SipHeader[]): void {
    const request = this.#sameBranch('CANCEL', header(this.request, 'To') ?? '', extra);
    this.#host.sendCancel(this.#flow, request, this.branch);
    // a peer that never ends its INVITE after a CANCEL is taken for one that did
    this.#guard(() => this.#end(madeUp(487)));
  }

  /** ACK to a non-2xx (RFC 3261 section 17.1.1.3), with Accept-Contact again (RFC 3841 section 5). */
  #acknowledge(response: SipResponse): void {
    const ack = this.#sameBranch('ACK', header(response, 'To') ?? '', []);
    this.#flow.send(encodeSip({ ...ack, headers: [this.#host.via(this.branch), ...ack.headers] }));
  }

  #sameBranch(method: 'ACK' | 'CANCEL', to: string, extra: readonly SipHeader[]): SipRequest {
    const fields: SipHeader[] = [];
    for (const field of this.request.headers) {
      if (KEPT.has(field.name)) fields.push(field);
      else if (field.name === 'To') fields.push({ name: 'To', value: to });
      else if (field.name === 'CSeq') fields.push({ name: 'CSeq', value: field.value.replace(/\S+$/, method) });
    }
    return { kind: 'request', method, uri: this.request.uri, headers: [...fields, ...extra], body: NO_BYTES };
  }

  #guard(run: () => void): void {
    this.#stopTimer?.();
    this.#stopTimer = this.#host.clock.after(this.#host.timing.transaction, run);
  }

  #end(response: SipResponse): void {
    if (this.#state === 'terminated') return;
    this.#terminate();
    this.#listener.onFinal(response);
  }

  #terminate(): void {
    this.#state = 'terminated';
    this.#stopTimer?.();
    this.#stopTimer = null;
    this.#listener.onTerminated();
  }
}

const KEPT = new Set(['Max-Forwards', 'Route', 'From', 'Call-ID', 'Accept-Contact', 'Reject-Contact']);

function madeUp(status: number): SipResponse {
  return { kind: 'response', status, reason: REASONS[status] ?? '', headers: [], body: NO_BYTES };
}
