import { reconnectDelay } from '../../../shared/base/backoff.ts';
import { ParleyError } from '../../../shared/base/errors.ts';
import type { SipHeader, SipRequest, SipResponse } from '../../../shared/protocol/sip/message.ts';
import { trySipUri } from '../../../shared/protocol/sip/uri.ts';
import type { Binding } from '../bindings.ts';
import { matchingBindings, newestOfEachInstance } from '../caller-preferences.ts';
import { Invitation } from '../invitation.ts';
import { dialogRequest, FRESH, type Leg, legTo, reason } from '../leg.ts';
import { knowsCopies } from '../own-copies.ts';
import { encodeOffer, offeredPlace } from './description.ts';
import type { ConferenceHost } from './host.ts';
import { groupInvite, inviteBody, isNamed } from './invite.ts';
import { belongs, type ConferenceState, type Missed, type Participant } from './state.ts';
import type { Hall, Seat } from './text/port.ts';

const ELSEWHERE = reason('SIP;cause=200;text="Call completed elsewhere"');
const WITHDRAWN = reason('SIP;cause=487;text="No longer invited"');
/** nobody is asked again sooner than that (ms), be said in the group what may */
const FIRST_AGAIN = 30_000;

/** A session with one of his devices that goes on in the group. */
export interface Replaces {
  /** its Contribution-ID */
  readonly id: string;
  /** GRUU of that device */
  readonly uri: string;
}

export interface RingingParts {
  readonly host: ConferenceHost;
  readonly state: () => ConferenceState;
  readonly hall: () => Hall;
  /** that device is in the session */
  readonly isSeated: (address: string, instance: string) => boolean;
}

export interface RingingListener {
  /** all devices of somebody who has not been in yet */
  ringing(address: string, how: 'dialing-out' | 'alerting'): void;
  /** one of them has answered 200, which is to be acknowledged */
  accepted(who: Participant, taken: Accepted): void;
  /** @param missed null: they were lost before they could answer */
  missed(address: string, missed: Missed | null): void;
  declined(address: string, missed: Missed): void;
}

export interface Accepted {
  readonly device: Binding;
  readonly leg: Leg;
  readonly response: SipResponse;
  readonly seat: Seat;
  /** who hears from now on that nothing can be brought there any more */
  readonly onBroken: (hear: (why: string) => void) => void;
}

type Branch = Omit<Accepted, 'leg' | 'response'>;

interface Ring {
  readonly branches: ReadonlyMap<Leg, Branch>;
  invitation: Invitation | null;
  /** of the device that was first: sent again with its 200 */
  ack: Uint8Array | null;
}

/**
 * Who of a group is being asked to its session at this moment. Somebody who has not been in is asked at all of his devices, of which the first
 * that takes it has it; a member's devices are endpoints of the group each, and are asked each for itself.
 */
export class Ringing {
  readonly #parts: RingingParts;
  readonly #listener: RingingListener;
  /** by address, or address and instance */
  readonly #rings = new Map<string, Ring>();
  readonly #later = new Map<string, { failures: number; isDue: boolean; stop: () => void }>();

  constructor(parts: RingingParts, listener: RingingListener) {
    this.#parts = parts;
    this.#listener = listener;
  }

  /**
   * Who has refused or not answered is not asked again for a while; see {@link afresh}.
   * @param wish.replaces see {@link groupInvite}
   */
  ask(address: string, wish: { readonly replaces?: Replaces | null; readonly instance?: string } = {}): void {
    const who = this.#parts.state().people.get(address);
    if (who === undefined || !belongs(who)) return;
    const { replaces = null, instance } = wish;
    // asked of everybody who is away, with each word that is said
    if (this.#rings.has(address) || this.#later.get(address)?.isDue === false) return;
    const devices = this.#devices(who, replaces?.uri ?? null).filter(
      (device) => !this.#parts.isSeated(address, device.instance ?? '') && (instance === undefined || device.instance === instance),
    );
    if (who.standing === 'member') {
      for (const device of devices) this.#ring(`${address} ${device.instance ?? ''}`, who, [device], null);
    } else if (devices.length > 0) this.#ring(address, who, devices, replaces?.id ?? null);
  }

  /** A device of his is new here: whatever was said before is forgotten. */
  afresh(address: string): void {
    for (const [key, { stop }] of this.#later) {
      if (key !== address && !key.startsWith(`${address} `)) continue;
      stop();
      this.#later.delete(key);
    }
  }

  /** He has come by himself, with that device: what rings hears that another one has taken it; his other devices may ring on as a member's. */
  came(address: string, instance: string): void {
    this.#stop((key) => key === address || key === `${address} ${instance}`, ELSEWHERE);
  }

  /** He is out. */
  withdraw(address: string): void {
    this.#stop((key) => key === address || key.startsWith(`${address} `), WITHDRAWN);
    this.afresh(address);
  }

  #stop(isMeant: (key: string) => boolean, why: SipHeader): void {
    for (const [key, ring] of [...this.#rings]) {
      if (!isMeant(key)) continue;
      this.#over(key, ring);
      ring.invitation?.cancel([why]);
    }
  }

  close(): void {
    for (const { stop } of this.#later.values()) stop();
    this.#later.clear();
    this.#rings.clear();
  }

  #ring(key: string, who: Participant, devices: readonly Binding[], replaces: string | null): void {
    if (this.#rings.has(key) || this.#later.get(key)?.isDue === false) return;
    const branches = new Map<Leg, Branch>();
    const ring: Ring = { branches, invitation: null, ack: null };
    const asked: { readonly leg: Leg; readonly request: SipRequest }[] = [];
    try {
      for (const device of devices) {
        const { leg, request, ...branch } = this.#branch(who, device, replaces);
        branches.set(leg, branch);
        asked.push({ leg, request });
      }
    } catch (thrown) {
      // no room for another session: one that has begun goes on with those that it has
      if (!(thrown instanceof ParleyError)) throw thrown;
      if (asked.length === 0) {
        this.#missed(key, who, { status: 503, reason: 'Service Unavailable' });
        return;
      }
    }
    const isFork = key === who.address;
    this.#rings.set(key, ring);
    if (isFork) this.#listener.ringing(who.address, 'dialing-out');
    ring.invitation = new Invitation(this.#parts.host.layer(), asked, null, {
      onProgress: (_, { status }) => {
        if (isFork && status === 180 && this.#rings.get(key) === ring) this.#listener.ringing(who.address, 'alerting');
      },
      onAccepted: (leg, response) => this.#accepted(key, ring, leg, response),
      onRefused: ({ status, reason: text, headers }) => {
        // made up here, where the connection has ended
        const isLost = headers.length === 0;
        if (this.#over(key, ring)) this.#missed(key, who, isLost ? null : { status, reason: text });
      },
      onUnanswered: () => {
        if (this.#over(key, ring)) this.#missed(key, who, { status: 408, reason: 'Request Timeout' });
      },
      onRepeated: (leg) => {
        if (ring.ack !== null) leg.flow.send(ring.ack);
      },
    });
  }

  #accepted(key: string, ring: Ring, leg: Leg, response: SipResponse): void {
    const { host, state } = this.#parts;
    const taken = ring.branches.get(leg);
    ring.ack = host.layer().acknowledge(leg.flow, dialogRequest(leg, 'ACK', FRESH, 1, []));
    if (!this.#over(key, ring, leg) || taken === undefined) return;
    this.#later.delete(key);
    const who = state().people.get(key.split(' ', 1)[0] as string);
    if (who !== undefined) this.#listener.accepted(who, { ...taken, leg, response });
  }

  #missed(key: string, who: Participant, missed: Missed | null): void {
    const { host, hall } = this.#parts;
    const failures = (this.#later.get(key)?.failures ?? 0) + 1;
    const { clock } = host.layer();
    this.#later.get(key)?.stop();
    const later = {
      failures,
      isDue: false,
      stop: clock.after(reconnectDelay(failures - 1, 1, FIRST_AGAIN), () => {
        later.isDue = true;
        const [address = '', instance] = key.split(' ');
        void hall()
          .awaits(address, instance)
          .then((isAwaited) => {
            if (isAwaited && this.#later.get(key) === later) this.ask(address, instance === undefined ? {} : { instance });
          })
          .catch(() => undefined);
      }),
    };
    this.#later.set(key, later);
    if (missed !== null && missed.status >= 600) this.#listener.declined(who.address, missed);
    else if (key === who.address) this.#listener.missed(who.address, missed);
  }

  /** @returns false where it was over before */
  #over(key: string, ring: Ring, kept: Leg | null = null): boolean {
    const isOpen = this.#rings.get(key) === ring;
    if (isOpen) this.#rings.delete(key);
    for (const [leg, { seat }] of ring.branches) if (leg !== kept || !isOpen) void seat.leave();
    return isOpen;
  }

  #branch(who: Participant, device: Binding, replaces: string | null): Branch & { readonly leg: Leg; readonly request: SipRequest } {
    const { host, hall, state } = this.#parts;
    const inviter = this.#inviter(who);
    const request = groupInvite(state(), who, inviter !== null && isNamed(inviter) ? inviter.entity : null, replaces);
    let hear: (why: string) => void = () => undefined;
    const holder = { address: who.address, instance: device.instance ?? '', knowsOwn: knowsCopies(device) };
    const seat = hall().seat(holder, { broken: (why) => hear(why) });
    const { clock } = host.layer();
    const end = { host: host.mediaHost(), place: offeredPlace(seat.session.localUri), isClosed: state().about.isClosed, now: clock.now() };
    const { contentType, body } = inviteBody(state(), inviter?.entity ?? null, encodeOffer(end));
    const recordRoute = host.relay.recordRoute();
    const leg = legTo(device, request, recordRoute.value);
    const ofDialog: SipHeader[] = [
      FRESH,
      recordRoute,
      ...device.path.map((value) => ({ name: 'Route', value })),
      { name: 'From', value: `${leg.localAddress};tag=${leg.localTag}` },
      { name: 'To', value: leg.remoteAddress },
      { name: 'Call-ID', value: leg.callId },
      { name: 'CSeq', value: '1 INVITE' },
      { name: 'P-Called-Party-ID', value: `<${who.address}>` },
    ];
    const rest = request.headers.filter(({ name }) => name !== 'From' && name !== 'To');
    const headers = [...ofDialog, ...rest, { name: 'Content-Type', value: contentType }];
    return {
      ...{ leg, device, seat, request: { ...request, uri: device.contact.uri, headers, body } },
      onBroken: (next) => {
        hear = next;
      },
    };
  }

  /** His devices that may be asked. @param only a GRUU: that one alone, where it is there */
  #devices(who: Participant, only: string | null): readonly Binding[] {
    const { bindings, directory, enforcement } = this.#parts.host;
    const uri = trySipUri(who.address);
    const user = uri === null ? null : directory.byUri(uri);
    if (user === null || bindings.of(user).length === 0) return [];
    const inviter = this.#inviter(who);
    const from = inviter === null ? null : trySipUri(inviter.address);
    const by = from === null ? null : directory.byUri(from);
    const request = groupInvite(this.#parts.state(), who, null, null);
    // who has blocked the one that asks is not asked, and neither hears of it
    if (by !== null && enforcement.refusalBy(who.address, request, by) !== null) return [];
    const all = newestOfEachInstance(matchingBindings(request, bindings.of(user)));
    const target = only === null ? null : trySipUri(only);
    const instance = target === null ? null : (bindings.resolve(target)?.instance ?? null);
    const one = instance === null ? [] : all.filter((device) => device.instance === instance);
    return one.length > 0 ? one : all;
  }

  #inviter({ invitedBy }: Participant): Participant | null {
    return invitedBy === null ? null : (this.#parts.state().people.get(invitedBy) ?? null);
  }
}
