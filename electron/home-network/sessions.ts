import type { SipRequest } from '../../shared/protocol/sip/message.ts';
import type { SipEssentials } from '../../shared/protocol/sip/validate.ts';
import type { Binding, Bindings } from './bindings.ts';
import type { Flow } from './flow.ts';
import type { Leg } from './leg.ts';
import type { RelayHeaders } from './relay-headers.ts';
import type { ServerTransaction } from './server-transaction.ts';
import { Session, type SessionHost } from './session.ts';
import type { Bounds, HomeUser } from './settings.ts';
import type { TransactionLayer } from './transactions.ts';

/** All sessions, found by the dialog a request belongs to (RFC 3261 section 12.2.2) and by the flows they stand on. */
export class Sessions {
  readonly #bindings: Bindings;
  readonly #bounds: Bounds;
  readonly #layer: () => TransactionLayer;
  readonly #relay: RelayHeaders;
  readonly #legs = new Map<string, { readonly session: Session; readonly leg: Leg }>();
  readonly #places = new Map<Session, { readonly keys: string[]; readonly flows: Set<Flow> }>();
  readonly #byFlow = new Map<Flow, Set<Session>>();

  constructor(bindings: Bindings, bounds: Bounds, layer: () => TransactionLayer, relay: RelayHeaders) {
    this.#bindings = bindings;
    this.#bounds = bounds;
    this.#layer = layer;
    this.#relay = relay;
  }

  isOn(flow: Flow): boolean {
    return this.#byFlow.has(flow);
  }

  invite(transaction: ServerTransaction, sender: HomeUser, devices: readonly Binding[]): void {
    if ((this.#byFlow.get(transaction.flow)?.size ?? 0) >= this.#bounds.sessionsPerFlow) {
      transaction.respond(503, { headers: [{ name: 'Retry-After', value: '5' }] });
      return;
    }
    if (transaction.essentials.fromTag === null) {
      transaction.respond(400, { reason: 'No From tag' });
      return;
    }
    const host: SessionHost = {
      layer: this.#layer(),
      relay: this.#relay,
      addLeg: (session, leg) => this.#add(session, leg),
      ended: (session) => this.#remove(session),
    };
    new Session(host, transaction, sender, devices);
  }

  inDialog(transaction: ServerTransaction): void {
    const found = this.#find(transaction.essentials);
    if (found === null || !this.#mayUse(found.session, found.leg, transaction.flow)) {
      transaction.respond(481);
      return;
    }
    found.session.request(found.leg, transaction);
  }

  acknowledged(flow: Flow, ack: SipRequest, essentials: SipEssentials): void {
    const found = this.#find(essentials);
    if (found !== null && this.#mayUse(found.session, found.leg, flow)) found.session.acknowledged(found.leg, ack, essentials);
  }

  flowClosed(flow: Flow): void {
    for (const session of [...(this.#byFlow.get(flow) ?? [])]) session.flowClosed(flow);
    this.#byFlow.delete(flow);
  }

  #find({ callId, toTag, fromTag }: SipEssentials): { readonly session: Session; readonly leg: Leg } | null {
    const found = this.#legs.get(`${callId} ${toTag}`);
    return found === undefined || found.leg.remoteTag !== fromTag ? null : found;
  }

  /** A dialog is used on its own flow; the same user's next flow may take it over. */
  #mayUse(session: Session, leg: Leg, flow: Flow): boolean {
    if (leg.flow === flow) return true;
    if (!this.#bindings.onFlow(flow).some((binding) => binding.user === leg.user)) return false;
    leg.flow = flow;
    this.#onFlow(flow, session);
    return true;
  }

  #add(session: Session, leg: Leg): void {
    const key = `${leg.callId} ${leg.localTag}`;
    this.#legs.set(key, { session, leg });
    this.#place(session).keys.push(key);
    this.#onFlow(leg.flow, session);
  }

  #place(session: Session): { readonly keys: string[]; readonly flows: Set<Flow> } {
    const place = this.#places.get(session) ?? { keys: [], flows: new Set<Flow>() };
    this.#places.set(session, place);
    return place;
  }

  #onFlow(flow: Flow, session: Session): void {
    this.#place(session).flows.add(flow);
    const own = this.#byFlow.get(flow);
    if (own === undefined) this.#byFlow.set(flow, new Set([session]));
    else own.add(session);
  }

  #remove(session: Session): void {
    const place = this.#places.get(session);
    this.#places.delete(session);
    for (const key of place?.keys ?? []) this.#legs.delete(key);
    for (const flow of place?.flows ?? []) {
      const own = this.#byFlow.get(flow);
      own?.delete(session);
      if (own?.size === 0) this.#byFlow.delete(flow);
    }
  }
}
