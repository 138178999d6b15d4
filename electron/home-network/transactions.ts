import type { Clock } from '../../shared/base/clock.ts';
import { randomToken } from '../../shared/base/random.ts';
import { encodeSip } from '../../shared/protocol/sip/codec.ts';
import type { SipHeader, SipRequest, SipResponse } from '../../shared/protocol/sip/message.ts';
import type { SipEssentials } from '../../shared/protocol/sip/validate.ts';
import { BRANCH_COOKIE } from '../../shared/protocol/sip/via.ts';
import { type ClientListener, ClientTransaction } from './client-transaction.ts';
import type { Flow } from './flow.ts';
import { ServerTransaction } from './server-transaction.ts';
import type { Bounds, Timing } from './settings.ts';
import type { TransactionHost } from './transaction-host.ts';

/** Finished transactions a flow remembers to answer a repeated request with the same octets. */
const REMEMBERED = 64;

export interface TransactionUser {
  /** a new request; ACK to a 2xx comes without a transaction */
  onRequest(transaction: ServerTransaction): void;
  onAck(flow: Flow, ack: SipRequest, essentials: SipEssentials): void;
  /** after a final answer, for the log */
  onAnswered(transaction: ServerTransaction, response: SipResponse): void;
}

interface FlowState {
  readonly server: Map<string, ServerTransaction>;
  readonly client: Map<string, ClientTransaction>;
  finished: string[];
  open: number;
  openOctets: number;
}

/** RFC 3261 section 17 over reliable transports: matching, absorbing what comes twice, and the timers that end what nobody answers. */
export class TransactionLayer implements TransactionHost {
  readonly clock: Clock;
  readonly timing: Timing;
  readonly #bounds: Bounds;
  readonly #user: TransactionUser;
  readonly #sentBy: () => string;
  readonly #flows = new Map<Flow, FlowState>();
  /** in every branch we make, so that a request that comes back to us is known (RFC 3261 section 16.3, RFC 5393) */
  readonly #mark = randomToken(8);

  /** @param sentBy `host:port` for Via */
  constructor(clock: Clock, timing: Timing, bounds: Bounds, sentBy: () => string, user: TransactionUser) {
    this.clock = clock;
    this.timing = timing;
    this.#bounds = bounds;
    this.#sentBy = sentBy;
    this.#user = user;
  }

  isOwnBranch(branch: string): boolean {
    return branch.startsWith(`${BRANCH_COOKIE}${this.#mark}`);
  }

  request(flow: Flow, request: SipRequest, essentials: SipEssentials): void {
    const state = this.#state(flow);
    const key = serverKey(essentials, request.method);
    const known = state.server.get(key);
    if (request.method === 'ACK') {
      if (known === undefined || !known.acknowledged()) this.#user.onAck(flow, request, essentials);
      return;
    }
    if (known !== undefined) {
      known.repeat();
      return;
    }
    const octets = request.body.length;
    if (state.open >= this.#bounds.openPerFlow || state.openOctets + octets > this.#bounds.openOctetsPerFlow) {
      flow.close('too many open requests');
      return;
    }
    state.open += 1;
    state.openOctets += octets;
    const transaction = new ServerTransaction(this, flow, request, essentials, {
      onFinal: (response) => {
        state.open -= 1;
        state.openOctets -= octets;
        this.#remember(state, key);
        this.#user.onAnswered(transaction, response);
      },
      onTerminated: () => state.server.delete(key),
    });
    state.server.set(key, transaction);
    this.#user.onRequest(transaction);
  }

  /** The INVITE a CANCEL means (RFC 3261 section 9.2). */
  cancelled(cancel: ServerTransaction): ServerTransaction | null {
    return this.#state(cancel.flow).server.get(serverKey(cancel.essentials, 'INVITE')) ?? null;
  }

  response(flow: Flow, response: SipResponse, essentials: SipEssentials): void {
    if (essentials.branch === null) return;
    this.#state(flow).client.get(`${essentials.branch}|${essentials.method}`)?.received(response);
  }

  /** Sends a request (without Via) on a flow. The listener hears of exactly one final answer, made up as 408 or 480 when none comes. */
  send(flow: Flow, request: SipRequest, listener: ClientListener): ClientTransaction {
    return this.#start(flow, request, this.#newBranch(), listener);
  }

  sendCancel(flow: Flow, cancel: SipRequest, branch: string): void {
    this.#start(flow, cancel, branch, { onFinal: () => undefined });
  }

  /** ACK to a 2xx: no transaction, a branch of its own (RFC 3261 section 13.2.2.4). @returns the octets, to be sent again for a repeated 2xx */
  acknowledge(flow: Flow, ack: SipRequest): Uint8Array {
    const octets = encodeSip({ ...ack, headers: [this.via(this.#newBranch()), ...ack.headers] });
    flow.send(octets);
    return octets;
  }

  via(branch: string): SipHeader {
    return { name: 'Via', value: `SIP/2.0/TCP ${this.#sentBy()};branch=${branch}` };
  }

  flowClosed(flow: Flow): void {
    const state = this.#flows.get(flow);
    this.#flows.delete(flow);
    for (const transaction of state?.client.values() ?? []) transaction.flowClosed();
    for (const transaction of state?.server.values() ?? []) transaction.forget();
  }

  close(): void {
    for (const flow of [...this.#flows.keys()]) this.flowClosed(flow);
  }

  #start(flow: Flow, request: SipRequest, branch: string, listener: ClientListener): ClientTransaction {
    const key = `${branch}|${request.method}`;
    const transaction = new ClientTransaction(this, flow, request, branch, {
      ...listener,
      onTerminated: () => this.#flows.get(flow)?.client.delete(key),
    });
    const waiting = this.#state(flow).client;
    // a device that answers nothing is sent no more requests, but may still be told the end of what runs
    const isFull = waiting.size >= this.#bounds.openPerFlow && request.method !== 'BYE' && request.method !== 'CANCEL';
    if (flow.isOpen && !isFull) waiting.set(key, transaction);
    transaction.start(isFull);
    return transaction;
  }

  #newBranch(): string {
    return `${BRANCH_COOKIE}${this.#mark}${randomToken(16)}`;
  }

  #state(flow: Flow): FlowState {
    let state = this.#flows.get(flow);
    if (state === undefined) {
      state = { server: new Map(), client: new Map(), finished: [], open: 0, openOctets: 0 };
      if (flow.isOpen) this.#flows.set(flow, state);
    }
    return state;
  }

  #remember(state: FlowState, key: string): void {
    state.finished.push(key);
    if (state.finished.length < 2 * REMEMBERED) return;
    for (const old of state.finished.slice(0, -REMEMBERED)) {
      // also an INVITE that still waits for its ACK: over TCP nothing is lost when that finds nobody
      state.server.get(old)?.forget();
      state.server.delete(old);
    }
    state.finished = state.finished.slice(-REMEMBERED);
  }
}

/** RFC 3261 section 17.2.3; without the magic cookie the fields of RFC 2543 stand in for the branch. */
function serverKey(essentials: SipEssentials, method: string): string {
  const { via, branch, callId, sequence, fromTag } = essentials;
  const id = branch ?? `${callId}|${sequence}|${fromTag ?? ''}`;
  return `${id}|${via.host}:${via.port ?? ''}|${method === 'ACK' ? 'INVITE' : method}`;
}
