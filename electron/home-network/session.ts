import { ParleyError, toCodedError } from '../../shared/base/errors.ts';
import { header, headers, type SipHeader, type SipRequest, type SipResponse } from '../../shared/protocol/sip/message.ts';
import { decodeDeltaSeconds } from '../../shared/protocol/sip/text.ts';
import type { SipEssentials } from '../../shared/protocol/sip/validate.ts';
import type { Binding } from './bindings.ts';
import type { DialogOwner, Dialogs } from './dialogs.ts';
import type { Flow } from './flow.ts';
import { legRequest, passBack } from './fork.ts';
import { Invitation } from './invitation.ts';
import { contactUri, dialogRequest, expectAck, FRESH, type Leg, legFrom, legTo, type PendingAck, reason } from './leg.ts';
import { type MediaPath, type Side, withBody } from './media/media-path.ts';
import { nextMaxForwards, type RelayHeaders, unpassable } from './relay-headers.ts';
import type { ServerTransaction } from './server-transaction.ts';
import type { HomeUser } from './settings.ts';
import type { TransactionLayer } from './transactions.ts';

const LOST = reason('SIP;cause=480;text="Connection of the other side lost"');
const UNANSWERED = reason('SIP;cause=408;text="Not answered in time"');
const NO_ACK = reason('SIP;cause=408;text="No ACK"');

/** Whose session it is. */
export interface SessionParties {
  /** the INVITE as its sender sent it */
  readonly request: SipRequest;
  readonly sender: HomeUser;
  readonly recipient: HomeUser;
}

/** What a session needs of its surroundings. */
export interface SessionHost {
  readonly layer: TransactionLayer;
  readonly relay: RelayHeaders;
  readonly dialogs: Dialogs;
  readonly mediaPath: (broken: (side: Side, why: string) => void, about: SessionParties) => MediaPath;
  /** what a request is answered whose description a path did not take */
  readonly mediaRefusal: (thrown: unknown) => { readonly status: number; readonly headers: readonly SipHeader[] };
}

/**
 * An INVITE between two users as two dialogs, back to back. What their session descriptions become, and so which way MSRP takes, is the
 * affair of a {@link MediaPath}.
 *
 *     calling --(first 2xx; the other branches get CANCEL)--> confirmed --(BYE)--> ending --(its answer)--> ended
 *     calling --(CANCEL, 6xx, all refused, timer C, caller gone)------------------------------------------> ended
 *     confirmed --(a flow ends, no ACK, octets find no way: the side that is left gets BYE)---------------> ended
 */
export class Session implements DialogOwner {
  readonly #host: SessionHost;
  readonly #invite: ServerTransaction;
  readonly #caller: Leg;
  readonly #instead: (refusal: Pick<SipResponse, 'status' | 'headers'>) => boolean;
  /** by the leg of each device that is asked */
  readonly #paths = new Map<Leg, MediaPath>();
  #invitation: Invitation | null = null;
  #callee: Leg | null = null;
  #media: MediaPath | null = null;
  #state: 'calling' | 'confirmed' | 'ending' | 'ended' = 'calling';
  #stopTimer: (() => void) | null = null;

  /** @param instead sees the best of the refusals, 408 where nobody has answered; true: it answers the INVITE itself */
  constructor(
    host: SessionHost,
    invite: ServerTransaction,
    sender: HomeUser,
    devices: readonly Binding[],
    instead: (refusal: Pick<SipResponse, 'status' | 'headers'>) => boolean = () => false,
  ) {
    this.#instead = instead;
    this.#host = host;
    this.#invite = invite;
    this.#caller = legFrom(invite, sender);
    try {
      this.#start(sender, devices);
    } catch (thrown) {
      if (!(thrown instanceof ParleyError) || thrown.code === 'sip.malformed') throw thrown;
      this.#end();
      this.#refuse(invite, thrown);
    }
  }

  #start(sender: HomeUser, devices: readonly Binding[]): void {
    const { layer, relay, dialogs } = this.#host;
    const { request } = this.#invite;
    const recordRoute = relay.recordRoute();
    const branches = devices.map((device) => {
      const leg = legTo(device, request, recordRoute.value);
      const media = this.#host.mediaPath((side, why) => this.#broken(media, side, why), { request, sender, recipient: device.user });
      this.#paths.set(leg, media);
      const ids = { callId: leg.callId, localTag: leg.localTag, sequence: 1 };
      const onward = { ...request, body: media.request('caller', request) };
      return { leg, request: legRequest(relay, { ...this.#invite, request: onward }, sender, device, ids, [recordRoute]) };
    });
    const expires = header(request, 'Expires');
    const seconds = expires === null ? null : decodeDeltaSeconds(expires);
    this.#invite.respond(100);
    dialogs.add(this, this.#caller);
    this.#invite.onCancel = (cancel) => this.#giveUp(487, passedReason(cancel));
    this.#invitation = new Invitation(layer, branches, seconds, {
      onProgress: (leg, response) => this.#pass(response, leg),
      onAccepted: (leg, response) => this.#establish(leg, response),
      onRefused: (response) => {
        this.#end();
        if (!this.#instead(response)) passBack(relay, this.#invite, response, null);
      },
      onUnanswered: () => {
        this.#end();
        if (!this.#instead({ status: 408, headers: [] })) this.#invite.respond(seconds === null ? 408 : 487);
      },
      onRepeated: (leg) => {
        const octets = [...this.#caller.acks.values()][0]?.octets;
        if (octets) leg.flow.send(octets);
      },
    });
  }

  #establish(leg: Leg, response: SipResponse): void {
    this.#state = 'confirmed';
    this.#callee = leg;
    this.#media = this.#paths.get(leg) ?? null;
    for (const path of this.#paths.values()) if (path !== this.#media) path.close();
    this.#paths.clear();
    this.#host.dialogs.add(this, leg);
    this.#awaitAck(expectAck(this.#caller, this.#caller.remoteSequence, 1));
    this.#pass(response, leg);
  }

  #giveUp(status: number, why: SipHeader | null): void {
    if (this.#state !== 'calling') return;
    this.#end();
    this.#invitation?.cancel(why === null ? [] : [why]);
    this.#invite.respond(status);
  }

  /** Both sides keep going only when the caller acknowledges (timer L; RFC 3261 section 13.3.1.4). */
  #awaitAck(pending: PendingAck): void {
    const { layer } = this.#host;
    this.#stopTimer?.();
    this.#stopTimer = layer.clock.after(layer.timing.transaction, () => {
      if (pending.octets === null) this.#hangUp(NO_ACK);
    });
  }

  acknowledged(leg: Leg, ack: SipRequest, essentials: SipEssentials): void {
    const pending = leg.acks.get(essentials.sequence);
    const other = this.#otherOf(leg);
    if (pending === undefined || pending.octets !== null || other === null) return;
    try {
      const onward = withBody(ack, this.#media?.acknowledge(this.#sideOf(leg), ack) ?? ack.body);
      this.#sendAck(other, pending, this.#host.relay.passing(onward, null), onward.body);
    } catch (thrown) {
      this.#hangUp(noWay(toCodedError(thrown).detail));
    }
  }

  #sendAck(leg: Leg, pending: PendingAck, fields: readonly SipHeader[], body?: Uint8Array): void {
    pending.octets = this.#host.layer.acknowledge(leg.flow, dialogRequest(leg, 'ACK', FRESH, pending.sequence, fields, body));
  }

  request(leg: Leg, transaction: ServerTransaction): void {
    const other = this.#otherOf(leg);
    const { request } = transaction;
    if (request.method === 'BYE') {
      this.#byeFrom(leg, other, transaction);
      return;
    }
    if (this.#state === 'ending') {
      transaction.respond(481);
      return;
    }
    if (other === null) {
      transaction.respond(491);
      return;
    }
    const refused = unpassable(request);
    if (refused.length > 0) {
      transaction.respond(420, { headers: [{ name: 'Unsupported', value: refused.join(', ') }] });
      return;
    }
    this.#forward(leg, other, transaction);
  }

  #byeFrom(from: Leg, to: Leg | null, transaction: ServerTransaction): void {
    if (to === null || this.#state !== 'confirmed') {
      transaction.respond(200);
      this.#giveUp(487, null);
      return;
    }
    this.#state = 'ending';
    const settling = this.#media?.settled(this.#sideOf(from)) ?? null;
    if (settling === null) this.#passBye(to, transaction);
    else void settling.then(() => this.#passBye(to, transaction));
  }

  #passBye(to: Leg, transaction: ServerTransaction): void {
    const fields = this.#host.relay.passing(transaction.request, null);
    const maxForwards = nextMaxForwards(transaction.essentials.maxForwards);
    this.#host.layer.send(to.flow, dialogRequest(to, 'BYE', maxForwards, null, fields, transaction.request.body), {
      onFinal: (response) => {
        this.#end();
        // for the side that hung up the dialog is over, whatever the other one thinks of it
        if (response.status < 300) passBack(this.#host.relay, transaction, response, null);
        else transaction.respond(200);
      },
    });
  }

  #forward(from: Leg, to: Leg, transaction: ServerTransaction): void {
    const { layer, relay } = this.#host;
    const { essentials } = transaction;
    const isInvite = transaction.request.method === 'INVITE';
    const describes = isInvite || transaction.request.method === 'UPDATE';
    let { request } = transaction;
    try {
      if (describes) request = withBody(request, this.#media?.request(this.#sideOf(from), request) ?? request.body);
    } catch (thrown) {
      this.#refuse(transaction, thrown);
      return;
    }
    const contact = relay.contact(request, from);
    if (describes) from.remoteTarget = contactUri(request) ?? from.remoteTarget;
    if (isInvite) transaction.respond(100);
    const fields = [...(contact === null ? [] : [contact]), ...relay.passing(request, null)];
    const maxForwards = nextMaxForwards(essentials.maxForwards);
    const onward = dialogRequest(to, request.method, maxForwards, null, fields, request.body);
    const sequence = to.localSequence;
    let pending: PendingAck | null = null;
    let stopTimerC: (() => void) | null = null;
    const client = layer.send(to.flow, onward, {
      onProvisional: (response) => this.#pass(response, to, transaction),
      onFinal: (response) => {
        stopTimerC?.();
        if (response.status < 300) {
          if (describes) to.remoteTarget = contactUri(response) ?? to.remoteTarget;
          if (isInvite) pending = expectAck(from, essentials.sequence, sequence);
        }
        this.#pass(response, to, transaction);
      },
      onRepeated: () => {
        if (pending?.octets) to.flow.send(pending.octets);
      },
    });
    if (isInvite) {
      transaction.onCancel = (cancel) => {
        const why = passedReason(cancel);
        client.cancel(why === null ? [] : [why]);
      };
      stopTimerC = layer.clock.after(layer.timing.ringing, () => client.cancel([UNANSWERED]));
    }
  }

  /** An answer of `leg`'s device, to the request of the other side that asked for it. */
  #pass(received: SipResponse, leg: Leg, transaction: ServerTransaction = this.#invite): void {
    const { relay } = this.#host;
    const { request } = transaction;
    let response = received;
    if (request.method === 'INVITE' || request.method === 'UPDATE') {
      const path = this.#paths.get(leg) ?? this.#media;
      try {
        response = withBody(received, path?.response(this.#sideOf(leg), received) ?? received.body);
      } catch (thrown) {
        this.#refuse(transaction, thrown);
        // the caller has had a refusal; only the other side thinks that there is a session
        if (transaction === this.#invite) this.#end([this.#bye(leg, noWay(toCodedError(thrown).detail))]);
        return;
      }
    }
    const contact = relay.contact(response, leg);
    const extra: SipHeader[] = [];
    if (request.method === 'INVITE' && response.status < 300) {
      extra.push(relay.recordRoute(), ...headers(request, 'Record-Route').map((value) => ({ name: 'Record-Route', value })));
    }
    if (contact !== null) extra.push(contact);
    passBack(relay, transaction, response, response.status < 300 && transaction === this.#invite ? leg.user : null, extra);
  }

  #refuse(transaction: ServerTransaction, thrown: unknown): void {
    const { status, headers } = this.#host.mediaRefusal(thrown);
    transaction.respond(status, { headers });
  }

  /** A connection ended: the side that is left hears of it. */
  flowClosed(flow: Flow): void {
    if (this.#state === 'calling') {
      if (this.#caller.flow === flow) this.#giveUp(487, LOST);
      return;
    }
    if (this.#state !== 'confirmed') return;
    const left = [this.#caller, this.#callee].filter((leg) => leg !== null && leg.flow !== flow);
    this.#end(left.map((leg) => leg && this.#bye(leg, LOST)));
  }

  /** Octets that this network leads find no way any more; the side that has not lost anything hears it first. */
  #broken(path: MediaPath, side: Side, why: string): void {
    if (this.#state !== 'confirmed' || path !== this.#media) return;
    this.#hangUp(noWay(why), side);
  }

  #hangUp(why: SipHeader, last: Side = 'caller'): void {
    if (this.#state !== 'confirmed') return;
    const legs = last === 'caller' ? [this.#callee, this.#caller] : [this.#caller, this.#callee];
    this.#end(legs.map((leg) => (leg === null ? null : this.#bye(leg, why))));
  }

  /** With the ACK that is still owed: a 2xx without one is repeated for 32 s (RFC 3261 section 13.3.1.4). */
  #bye(leg: Leg, why: SipHeader): Promise<void> {
    for (const pending of this.#otherOf(leg)?.acks.values() ?? []) if (pending.octets === null) this.#sendAck(leg, pending, []);
    return new Promise((resolve) => {
      this.#host.layer.send(leg.flow, dialogRequest(leg, 'BYE', FRESH, null, [why]), { onFinal: () => resolve() });
    });
  }

  #otherOf(leg: Leg): Leg | null {
    return leg === this.#caller ? this.#callee : this.#caller;
  }

  #sideOf(leg: Leg): Side {
    return leg === this.#caller ? 'caller' : 'callee';
  }

  /** @param told settles when both sides know: the end of their octets must not look like the other person's wish */
  #end(told: readonly (Promise<void> | null)[] = []): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#stopTimer?.();
    this.#host.dialogs.remove(this);
    for (const path of this.#paths.values()) path.close();
    const media = this.#media;
    if (media !== null) void Promise.all(told).then(() => media.close());
  }
}

function noWay(why: string): SipHeader {
  return reason(`SIP;cause=480;text="${why.replace(/[^\w .:-]/g, ' ').slice(0, 100)}"`);
}

function passedReason(cancel: SipRequest): SipHeader | null {
  const value = header(cancel, 'Reason');
  return value === null ? null : reason(value);
}
