import { randomToken, randomUuid } from '../../shared/base/random.ts';
import { header, headers, type SipHeader, type SipRequest, type SipResponse } from '../../shared/protocol/sip/message.ts';
import { decodeNameAddr } from '../../shared/protocol/sip/name-addr.ts';
import { paramValue } from '../../shared/protocol/sip/params.ts';
import { decodeDeltaSeconds } from '../../shared/protocol/sip/text.ts';
import type { SipEssentials } from '../../shared/protocol/sip/validate.ts';
import { bestResponse, forOriginator } from './best-response.ts';
import type { Binding } from './bindings.ts';
import type { ClientTransaction } from './client-transaction.ts';
import type { Flow } from './flow.ts';
import { legRequest, passBack } from './fork.ts';
import { contactUri, dialogRequest, expectAck, type Leg, type PendingAck } from './leg.ts';
import { nextMaxForwards, type RelayHeaders, unpassable, withoutTag } from './relay-headers.ts';
import type { ServerTransaction } from './server-transaction.ts';
import type { HomeUser } from './settings.ts';
import type { TransactionLayer } from './transactions.ts';

const ELSEWHERE = reason('SIP;cause=200;text="Call completed elsewhere"');
const LOST = reason('SIP;cause=480;text="Connection of the other side lost"');
const UNANSWERED = reason('SIP;cause=408;text="Not answered in time"');
const NO_ACK = reason('SIP;cause=408;text="No ACK"');
const FRESH: SipHeader = { name: 'Max-Forwards', value: '70' };

/** What a session needs of its surroundings. */
export interface SessionHost {
  readonly layer: TransactionLayer;
  readonly relay: RelayHeaders;
  readonly addLeg: (session: Session, leg: Leg) => void;
  readonly ended: (session: Session) => void;
}

interface Branch {
  readonly leg: Leg;
  client: ClientTransaction | null;
  final: SipResponse | null;
}

/**
 * An INVITE between two users as two dialogs, back to back; bodies pass untouched, so that MSRP runs end to end.
 *
 *     calling --(first 2xx; the other branches get CANCEL)--> confirmed --(BYE)--> ending --(its answer)--> ended
 *     calling --(CANCEL, 6xx, all refused, timer C, caller gone)------------------------------------------> ended
 *     confirmed --(a flow ends, no ACK: the side that is left gets BYE)-----------------------------------> ended
 */
export class Session {
  readonly #host: SessionHost;
  readonly #invite: ServerTransaction;
  readonly #branches: readonly Branch[];
  readonly #caller: Leg;
  /** seconds, from the INVITE */
  readonly #expires: number | null;
  #callee: Leg | null = null;
  #state: 'calling' | 'confirmed' | 'ending' | 'ended' = 'calling';
  #stopTimer: (() => void) | null = null;

  constructor(host: SessionHost, invite: ServerTransaction, sender: HomeUser, devices: readonly Binding[]) {
    const { request, essentials, flow } = invite;
    const expires = header(request, 'Expires');
    this.#expires = expires === null ? null : decodeDeltaSeconds(expires);
    this.#host = host;
    this.#invite = invite;
    const from = withoutTag(header(request, 'From') ?? '');
    const to = withoutTag(header(request, 'To') ?? '');
    this.#caller = {
      flow,
      user: sender,
      callId: essentials.callId,
      localTag: invite.toTag,
      remoteTag: essentials.fromTag,
      localAddress: to,
      remoteAddress: from,
      localSequence: 0,
      remoteSequence: essentials.sequence,
      remoteTarget: contactUri(request) ?? essentials.from.uri,
      routes: headers(request, 'Record-Route'),
      acks: new Map(),
    };
    this.#branches = devices.map((device) => ({
      leg: {
        flow: device.flow,
        user: device.user,
        callId: randomUuid(),
        localTag: randomToken(10),
        remoteTag: null,
        localAddress: from,
        remoteAddress: to,
        localSequence: 1,
        remoteSequence: -1,
        remoteTarget: device.contact.uri,
        routes: device.path,
        acks: new Map(),
      },
      client: null,
      final: null,
    }));
    this.#start(sender, devices);
  }

  #start(sender: HomeUser, devices: readonly Binding[]): void {
    const { layer, relay } = this.#host;
    const { request } = this.#invite;
    this.#invite.respond(100);
    this.#host.addLeg(this, this.#caller);
    this.#invite.onCancel = (cancel) => this.#giveUp(487, passedReason(cancel));
    this.#ringing();
    this.#branches.forEach((branch, at) => {
      const ids = { callId: branch.leg.callId, localTag: branch.leg.localTag, sequence: 1 };
      const leg = legRequest(relay, this.#invite, sender, devices[at] as Binding, ids, [relay.recordRoute()]);
      branch.client = layer.send(
        branch.leg.flow,
        { ...leg, method: request.method },
        {
          onProvisional: (response) => this.#progress(branch, response),
          onFinal: (response) => this.#final(branch, response),
          onRepeated: () => this.#repeated(branch),
        },
      );
    });
  }

  /** Timer C, or the Expires of the INVITE (RFC 3261 sections 13.2.1 and 16.6). */
  #ringing(): void {
    const { layer } = this.#host;
    const expires = this.#expires;
    const wait = expires === null ? layer.timing.ringing : Math.min(expires, 3_600) * 1000;
    this.#stopTimer?.();
    this.#stopTimer = layer.clock.after(wait, () => this.#giveUp(expires === null ? 408 : 487, UNANSWERED));
  }

  #progress(branch: Branch, response: SipResponse): void {
    if (this.#state !== 'calling') return;
    if (this.#expires === null) this.#ringing();
    this.#pass(response, branch.leg);
  }

  #final(branch: Branch, response: SipResponse): void {
    branch.final = response;
    const isSuccess = response.status < 300;
    if (isSuccess) this.#meet(branch.leg, response);
    if (this.#state !== 'calling') {
      // a device that answered although another one was first, or after the caller gave up
      if (isSuccess) this.#dismiss(branch.leg);
      return;
    }
    if (isSuccess) {
      this.#establish(branch, response);
    } else if (response.status >= 600) {
      this.#refuse(response);
    } else if (this.#branches.every(({ final }) => final !== null)) {
      const refusals = this.#branches.flatMap(({ final }) => (final === null ? [] : [forOriginator(final)]));
      this.#refuse(bestResponse(refusals) ?? response);
    }
  }

  #establish(branch: Branch, response: SipResponse): void {
    this.#state = 'confirmed';
    this.#callee = branch.leg;
    this.#cancelBranches([ELSEWHERE]);
    this.#host.addLeg(this, branch.leg);
    this.#awaitAck(expectAck(this.#caller, this.#caller.remoteSequence, 1));
    this.#pass(response, branch.leg);
  }

  #refuse(response: SipResponse): void {
    this.#end();
    this.#cancelBranches([]);
    passBack(this.#host.relay, this.#invite, response, null);
  }

  #giveUp(status: number, why: SipHeader | null): void {
    if (this.#state !== 'calling') return;
    this.#end();
    this.#cancelBranches(why === null ? [] : [why]);
    this.#invite.respond(status);
  }

  /** Both sides keep going only when the caller acknowledges (timer L; RFC 3261 section 13.3.1.4). */
  #awaitAck(pending: PendingAck): void {
    const { layer } = this.#host;
    this.#stopTimer?.();
    this.#stopTimer = layer.clock.after(layer.timing.transaction, () => {
      if (this.#state !== 'confirmed' || pending.octets !== null) return;
      if (this.#callee !== null) this.#bye(this.#callee, NO_ACK);
      this.#bye(this.#caller, NO_ACK);
      this.#end();
    });
  }

  acknowledged(leg: Leg, ack: SipRequest, essentials: SipEssentials): void {
    const pending = leg.acks.get(essentials.sequence);
    const other = this.#otherOf(leg);
    if (pending === undefined || pending.octets !== null || other === null) return;
    this.#sendAck(other, pending, this.#host.relay.passing(ack, null), ack.body);
  }

  #sendAck(leg: Leg, pending: PendingAck, fields: readonly SipHeader[], body?: Uint8Array): void {
    pending.octets = this.#host.layer.acknowledge(leg.flow, dialogRequest(leg, 'ACK', FRESH, pending.sequence, fields, body));
  }

  #repeated(branch: Branch): void {
    const octets = branch.leg === this.#callee ? [...this.#caller.acks.values()][0]?.octets : null;
    if (octets !== null && octets !== undefined) branch.leg.flow.send(octets);
  }

  /** A request inside one of the two dialogs, whose numbers fit. */
  request(leg: Leg, transaction: ServerTransaction): void {
    const { request, essentials } = transaction;
    if (essentials.sequence <= leg.remoteSequence) {
      transaction.respond(500, { reason: 'CSeq does not rise' });
      return;
    }
    leg.remoteSequence = essentials.sequence;
    const other = this.#otherOf(leg);
    if (request.method === 'BYE') {
      this.#byeFrom(other, transaction);
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

  #byeFrom(other: Leg | null, transaction: ServerTransaction): void {
    if (other === null || this.#state !== 'confirmed') {
      transaction.respond(200);
      this.#giveUp(487, null);
      return;
    }
    this.#state = 'ending';
    const fields = this.#host.relay.passing(transaction.request, null);
    const maxForwards = nextMaxForwards(transaction.essentials.maxForwards);
    this.#host.layer.send(other.flow, dialogRequest(other, 'BYE', maxForwards, null, fields, transaction.request.body), {
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
    const { request, essentials } = transaction;
    const isInvite = request.method === 'INVITE';
    const contact = relay.contact(request, from);
    if (isInvite || request.method === 'UPDATE') from.remoteTarget = contactUri(request) ?? from.remoteTarget;
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
          if (isInvite || request.method === 'UPDATE') to.remoteTarget = contactUri(response) ?? to.remoteTarget;
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
  #pass(response: SipResponse, leg: Leg, transaction: ServerTransaction = this.#invite): void {
    const { relay } = this.#host;
    const contact = relay.contact(response, leg);
    const { request } = transaction;
    const extra: SipHeader[] = [];
    if (request.method === 'INVITE' && response.status < 300) {
      extra.push(relay.recordRoute(), ...headers(request, 'Record-Route').map((value) => ({ name: 'Record-Route', value })));
    }
    if (contact !== null) extra.push(contact);
    passBack(relay, transaction, response, response.status < 300 && transaction === this.#invite ? leg.user : null, extra);
  }

  /** A connection ended: the side that is left hears of it. */
  flowClosed(flow: Flow): void {
    if (this.#state === 'calling') {
      if (this.#caller.flow === flow) this.#giveUp(487, LOST);
      return;
    }
    if (this.#state !== 'confirmed') return;
    for (const leg of [this.#caller, this.#callee]) {
      const other = leg === null ? null : this.#otherOf(leg);
      if (leg?.flow === flow && other !== null && other.flow !== flow) this.#bye(other, LOST);
    }
    this.#end();
  }

  /** The dialog is made by the 2xx: tag, target and routes (RFC 3261 section 12.1.2). */
  #meet(leg: Leg, response: SipResponse): void {
    const own = this.#host.relay.recordRoute().value;
    leg.remoteTag = paramValue(decodeNameAddr(header(response, 'To') ?? '').parameters, 'tag');
    leg.remoteTarget = contactUri(response) ?? leg.remoteTarget;
    leg.routes = headers(response, 'Record-Route')
      .filter((value) => value !== own)
      .reverse();
  }

  #dismiss(leg: Leg): void {
    this.#host.layer.acknowledge(leg.flow, dialogRequest(leg, 'ACK', FRESH, 1, []));
    this.#bye(leg, ELSEWHERE);
  }

  /** With the ACK that is still owed: a 2xx without one is repeated for 32 s (RFC 3261 section 13.3.1.4). */
  #bye(leg: Leg, why: SipHeader): void {
    const owed = leg === this.#caller || leg === this.#callee ? this.#otherOf(leg)?.acks.values() : undefined;
    for (const pending of owed ?? []) if (pending.octets === null) this.#sendAck(leg, pending, []);
    this.#host.layer.send(leg.flow, dialogRequest(leg, 'BYE', FRESH, null, [why]), { onFinal: () => undefined });
  }

  #cancelBranches(extra: readonly SipHeader[]): void {
    for (const branch of this.#branches) if (branch.final === null) branch.client?.cancel(extra);
  }

  #otherOf(leg: Leg): Leg | null {
    return leg === this.#caller ? this.#callee : this.#caller;
  }

  #end(): void {
    this.#state = 'ended';
    this.#stopTimer?.();
    this.#host.ended(this);
  }
}

function reason(value: string): SipHeader {
  return { name: 'Reason', value };
}

function passedReason(cancel: SipRequest): SipHeader | null {
  const value = header(cancel, 'Reason');
  return value === null ? null : reason(value);
}
