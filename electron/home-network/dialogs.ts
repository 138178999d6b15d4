import type { SipRequest } from '../../shared/protocol/sip/message.ts';
import type { SipEssentials } from '../../shared/protocol/sip/validate.ts';
import type { Bindings } from './bindings.ts';
import type { Flow } from './flow.ts';
import type { Leg } from './leg.ts';
import type { ServerTransaction } from './server-transaction.ts';
import type { Bounds } from './settings.ts';

/** Whoever has dialogs with devices: a session between two of them, or this network itself as one end. */
export interface DialogOwner {
  /** inside the dialog of that leg, with a number that fits */
  request(leg: Leg, transaction: ServerTransaction): void;
  /** ACK to a 2xx */
  acknowledged(leg: Leg, ack: SipRequest, essentials: SipEssentials): void;
  /** a connection on which a leg of the owner stands has ended */
  flowClosed(flow: Flow): void;
}

/** All dialogs, found by what a request names (RFC 3261 section 12.2.2) and by the flows they stand on. */
export class Dialogs {
  readonly #bindings: Bindings;
  readonly #bounds: Bounds;
  readonly #legs = new Map<string, { readonly owner: DialogOwner; readonly leg: Leg }>();
  readonly #places = new Map<DialogOwner, { readonly keys: string[]; readonly flows: Set<Flow> }>();
  readonly #byFlow = new Map<Flow, Set<DialogOwner>>();

  constructor(bindings: Bindings, bounds: Bounds) {
    this.#bindings = bindings;
    this.#bounds = bounds;
  }

  isOn(flow: Flow): boolean {
    return this.#byFlow.has(flow);
  }

  /** Whether an INVITE may start one; answers it itself where not. */
  admits(transaction: ServerTransaction): boolean {
    if ((this.#byFlow.get(transaction.flow)?.size ?? 0) >= this.#bounds.sessionsPerFlow) {
      transaction.respond(503, { headers: [{ name: 'Retry-After', value: '5' }] });
      return false;
    }
    if (transaction.essentials.fromTag === null) {
      transaction.respond(400, { reason: 'No From tag' });
      return false;
    }
    return true;
  }

  request(transaction: ServerTransaction): void {
    const { essentials } = transaction;
    const found = this.#find(essentials);
    if (found === null || !this.#mayUse(found.owner, found.leg, transaction.flow)) {
      transaction.respond(481);
      return;
    }
    const { owner, leg } = found;
    if (essentials.sequence <= leg.remoteSequence) {
      transaction.respond(500, { reason: 'CSeq does not rise' });
      return;
    }
    leg.remoteSequence = essentials.sequence;
    owner.request(leg, transaction);
  }

  acknowledged(flow: Flow, ack: SipRequest, essentials: SipEssentials): void {
    const found = this.#find(essentials);
    if (found !== null && this.#mayUse(found.owner, found.leg, flow)) found.owner.acknowledged(found.leg, ack, essentials);
  }

  flowClosed(flow: Flow): void {
    for (const owner of [...(this.#byFlow.get(flow) ?? [])]) owner.flowClosed(flow);
    this.#byFlow.delete(flow);
  }

  add(owner: DialogOwner, leg: Leg): void {
    const key = `${leg.callId} ${leg.localTag}`;
    this.#legs.set(key, { owner, leg });
    this.#place(owner).keys.push(key);
    this.#onFlow(leg.flow, owner);
  }

  /** The dialog goes on, on another connection of its device. */
  move(owner: DialogOwner, leg: Leg, flow: Flow): void {
    leg.flow = flow;
    this.#onFlow(flow, owner);
  }

  /** All legs of that owner are over. */
  remove(owner: DialogOwner): void {
    const place = this.#places.get(owner);
    this.#places.delete(owner);
    for (const key of place?.keys ?? []) this.#legs.delete(key);
    for (const flow of place?.flows ?? []) {
      const own = this.#byFlow.get(flow);
      own?.delete(owner);
      if (own?.size === 0) this.#byFlow.delete(flow);
    }
  }

  #find({ callId, toTag, fromTag }: SipEssentials): { readonly owner: DialogOwner; readonly leg: Leg } | null {
    const found = this.#legs.get(`${callId} ${toTag}`);
    return found === undefined || found.leg.remoteTag !== fromTag ? null : found;
  }

  /** A dialog is used on its own flow; the same user's next flow may take it over. */
  #mayUse(owner: DialogOwner, leg: Leg, flow: Flow): boolean {
    if (leg.flow === flow) return true;
    if (!this.#bindings.onFlow(flow).some((binding) => binding.user === leg.user)) return false;
    this.move(owner, leg, flow);
    return true;
  }

  #place(owner: DialogOwner): { readonly keys: string[]; readonly flows: Set<Flow> } {
    const place = this.#places.get(owner) ?? { keys: [], flows: new Set<Flow>() };
    this.#places.set(owner, place);
    return place;
  }

  #onFlow(flow: Flow, owner: DialogOwner): void {
    this.#place(owner).flows.add(flow);
    const own = this.#byFlow.get(flow);
    if (own === undefined) this.#byFlow.set(flow, new Set([owner]));
    else own.add(owner);
  }
}
