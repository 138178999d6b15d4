import { ParleyError, toCodedError } from '../../../shared/base/errors.ts';
import { randomToken } from '../../../shared/base/random.ts';
import { headers, type SipHeader } from '../../../shared/protocol/sip/message.ts';
import { decodeNameAddr } from '../../../shared/protocol/sip/name-addr.ts';
import { type Leg, legFrom, reason } from '../leg.ts';
import { knowsCopies } from '../own-copies.ts';
import type { ServerTransaction } from '../server-transaction.ts';
import { answeredTimer, MIN_SE, sessionTimer } from '../session-timer.ts';
import type { HomeUser } from '../settings.ts';
import type { Feed, Listener } from '../subscriptions/event-package.ts';
import { Attendance } from './attendance.ts';
import { encodeAnswer, type Offered, readAnswer, readOffer } from './description.ts';
import type { ConferenceHost } from './host.ts';
import { answerFields, focusContact } from './invite.ts';
import type { Watched } from './package.ts';
import { newsOf } from './records.ts';
import { type Accepted, type Replaces, Ringing } from './ringing.ts';
import { Watchers } from './roster.ts';
import {
  belonging,
  belongs,
  type ConferenceEvent,
  type ConferenceState,
  conferenceAfter,
  type Newcomer,
  type Participant,
} from './state.ts';
import type { Hall, TextMember } from './text/port.ts';

const REMOVED = reason('SIP;cause=403;text="Removed from the group"');
const LEFT = reason('SIP;cause=200;text="Call completed"');
const REPLACED = reason('SIP;cause=200;text="Call completed elsewhere"');
const OVER = reason('SIP;cause=410;text="The group is over"');

export interface ConferenceListener {
  /** something of these people is new, by address */
  changed(conference: Conference, people: readonly string[]): void;
  /** REFER in one of its dialogs; answers it */
  refer(conference: Conference, transaction: ServerTransaction, sender: HomeUser, leg: Leg): void;
  over(conference: Conference): void;
}

/** Who has to be told what came of an invitation. */
type Waiting = (who: Participant) => boolean;

/** One group: its focus (RFC 4579). Its state changes by one event after the other and each change that lasts is committed. */
export class Conference implements Watched {
  readonly #host: ConferenceHost;
  readonly #listener: ConferenceListener;
  readonly #ringing: Ringing;
  /** by address and instance */
  readonly #present = new Map<string, Attendance>();
  readonly #watchers: Watchers;
  readonly #waiting = new Set<Waiting>();
  #state: ConferenceState;
  #hall: Hall | null = null;
  #opening: Promise<Hall> | null = null;
  /** it is no more, and its people are told so */
  #isOver = false;
  #isClosed = false;

  constructor(host: ConferenceHost, state: ConferenceState, listener: ConferenceListener) {
    this.#host = host;
    this.#state = state;
    this.#listener = listener;
    this.#watchers = new Watchers(() => ({
      ...{ state: this.#state, isOver: this.#isOver, maxUsers: host.policy.maxUsers, now: this.#now },
      mayRemove: ({ address }) => this.mayRemove(address),
    }));
    this.#ringing = new Ringing(
      {
        host,
        state: () => this.#state,
        hall: () => this.#open,
        isSeated: (address, instance) => this.#present.has(`${address} ${instance}`),
      },
      {
        ringing: (address, ringing) => this.#happened({ kind: 'ringing', address, ringing }),
        accepted: (who, taken) => this.#accepted(who, taken),
        missed: (address, missed) => this.#happened({ kind: 'missed', address, missed }),
        declined: (address, missed) => this.#happened({ kind: 'declined', address, missed, now: this.#now }),
      },
    );
  }

  get state(): ConferenceState {
    return this.#state;
  }

  get about(): ConferenceState['about'] {
    return this.#state.about;
  }

  participant(address: string): Participant | null {
    return this.#state.people.get(address) ?? null;
  }

  /** By whom the others know him. */
  byEntity(entity: string): Participant | null {
    return [...this.#state.people.values()].find((who) => who.entity === entity) ?? null;
  }

  /** It is new: it is there for good when this resolves. */
  async begin(): Promise<void> {
    await this.#host.records.save(this.about, newsOf(null, this.#state));
    await this.hall();
  }

  hall(): Promise<Hall> {
    const members = belonging(this.#state).map(memberOf);
    this.#opening ??= this.#host.plane
      .open(this.about.id, members, { spoken: (absent) => this.#spoken(absent) }, this.#names())
      .then((hall) => {
        this.#hall = hall;
        return hall;
      });
    return this.#opening;
  }

  /** One or several people are in from now on, and asked to the session. Resolves when what is said next is for them. */
  async add(people: readonly Newcomer[], by: string | null): Promise<void> {
    const hall = await this.hall();
    const fresh = people.filter(({ address }) => !this.#belongs(address));
    await Promise.all(fresh.filter(({ isUnknown }) => !isUnknown).map((who) => hall.admit(memberOf(who))));
    await this.#apply({ kind: 'added', people: fresh, by, now: this.#now });
  }

  /** Asks him to the session. Resolves when his devices ring, where there are any. */
  async ask(address: string, replaces: Replaces | null = null): Promise<void> {
    if (!this.#isOpen) return;
    await this.hall();
    this.#ringing.ask(address, { replaces });
  }

  /** Called with somebody each time something becomes of him, until it says true. */
  await(waiting: Waiting): void {
    this.#waiting.add(waiting);
  }

  /** A device of his is new here. @param isFirst false: it may come by itself, and is only asked where something waits for it */
  async came(address: string, instance: string): Promise<void> {
    if (!this.#isOpen || !this.#belongs(address)) return;
    this.#ringing.afresh(address);
    await this.#remind(address, instance);
  }

  /** Asks him where he was never asked, or where something waits for that device. */
  async #remind(address: string, instance: string): Promise<void> {
    const hall = await this.hall();
    const who = this.participant(address);
    const isNews = who?.standing === 'invited' && who.missed === null;
    if (!this.#isOpen || !(isNews || (await hall.awaits(address, instance)))) return;
    this.#ringing.ask(address, who?.standing === 'member' ? { instance } : {});
  }

  /**
   * Somebody comes by himself: the one who has begun it, one who was asked, or one who comes back. Answers the INVITE.
   * @param who as he is to be known, where he is new to the group
   */
  async enter(invite: ServerTransaction, user: HomeUser, who: Newcomer): Promise<void> {
    try {
      const offered = readOffer(invite.request);
      const timer = sessionTimer(invite.request);
      if (timer === 'too-short') {
        invite.respond(422, { headers: [{ name: 'Min-SE', value: String(MIN_SE) }] });
        return;
      }
      invite.respond(100);
      invite.onCancel = () => invite.respond(487);
      const hall = await this.hall();
      if (!this.#belongs(who.address)) await hall.admit(memberOf(this.participant(who.address) ?? who));
      if (this.participant(who.address) === null) await this.#apply({ kind: 'added', people: [who], by: null, now: this.#now });
      await this.#seat(invite, user, { hall, offered, timer, address: who.address });
    } catch (thrown) {
      if (!(thrown instanceof ParleyError)) this.#failed(thrown);
      const refusal = thrown instanceof ParleyError ? this.#host.mediaRefusal(thrown) : { status: 500, headers: [] };
      invite.respond(refusal.status, { headers: refusal.headers });
    }
  }

  async #seat(
    invite: ServerTransaction,
    user: HomeUser,
    {
      hall,
      offered,
      timer,
      address,
    }: { readonly hall: Hall; readonly offered: Offered; readonly timer: number | null; readonly address: string },
  ): Promise<void> {
    const { relay } = this.#host;
    const [said = `<${invite.essentials.from.uri}>`] = headers(invite.request, 'Contact');
    const device = this.#host.bindings.device(decodeNameAddr(said), user, invite.flow);
    const instance = device?.instance ?? '';
    let attendance: Attendance | null = null;
    const knowsOwn = device !== null && knowsCopies(device);
    const seat = hall.seat({ address, instance, knowsOwn }, { broken: (why) => attendance?.broken(why) });
    const place = await seat.session.announce({ fingerprint: offered.media.fingerprint ?? null });
    if (this.#isOver || this.participant(address)?.standing === 'removed') invite.respond(403);
    // cancelled, or its device has gone
    if (invite.isAnswered || !invite.flow.isOpen) {
      void seat.leave();
      return;
    }
    const leg = legFrom(invite, user);
    const contact = focusContact(this.about);
    const { request } = invite;
    attendance = this.#attend(
      address,
      instance,
      new Attendance(this.#host, { leg, instance, seat, contact }, this.#attending(address, instance, user)),
    );
    const gruu = device === null ? null : this.#host.bindings.publicGruu(device);
    this.#happened({ kind: 'joined', address, key: instance, endpoint: this.#endpoint(address, gruu, 'dialed-in'), now: this.#now });
    const end = { host: this.#host.mediaHost(), place, isClosed: this.about.isClosed, now: this.#now };
    const timed = attendance.timed(timer);
    invite.respond(200, {
      headers: [relay.recordRoute(), ...answerFields(this.about, request, timed)],
      body: encodeAnswer(offered, end),
    });
    attendance.awaitAck();
    attendance.open(offered.media, timer);
    this.#ringing.came(address, instance);
  }

  /** A device has taken our INVITE. */
  #accepted(who: Participant, { device, leg, response, seat, onBroken }: Accepted): void {
    const instance = device.instance ?? '';
    const contact = focusContact(this.about);
    const made = new Attendance(this.#host, { leg, instance, seat, contact }, this.#attending(who.address, instance, device.user));
    if (!this.#belongs(who.address)) {
      made.hangUp(REMOVED, null);
      return;
    }
    const attendance = this.#attend(who.address, instance, made);
    onBroken(attendance.broken);
    const gruu = this.#host.bindings.publicGruu(device);
    this.#happened({
      kind: 'joined',
      address: who.address,
      key: instance,
      endpoint: this.#endpoint(who.address, gruu, 'dialed-out'),
      now: this.#now,
    });
    try {
      attendance.open(readAnswer(response), answeredTimer(response));
    } catch (thrown) {
      attendance.broken(toCodedError(thrown).detail);
    }
  }

  #attend(address: string, instance: string, attendance: Attendance): Attendance {
    const key = `${address} ${instance}`;
    const before = this.#present.get(key);
    this.#present.set(key, attendance);
    before?.hangUp(REPLACED, null);
    return attendance;
  }

  #attending(address: string, instance: string, user: HomeUser): ConstructorParameters<typeof Attendance>[2] {
    const key = `${address} ${instance}`;
    return {
      over: (wish) => {
        this.#present.delete(key);
        if (wish === 'leave') void this.leave(address).catch(this.#failed);
        else this.#happened({ kind: 'parted', address, key: instance });
        // nobody wanted it: where he does not come back by himself he is asked to
        const { clock, timing } = this.#host.layer();
        if (wish === 'lost') clock.after(timing.comeback, () => void this.#remind(address, instance).catch(this.#failed));
      },
      refer: (transaction, leg) => this.#listener.refer(this, transaction, user, leg),
    };
  }

  /** He wants out, with all his devices. */
  async leave(address: string): Promise<void> {
    await this.#expelled(this.#apply({ kind: 'left', address, now: this.#now }), [address], LEFT);
  }

  /** Somebody else wants them out. Resolves when nothing more is taken from them. */
  async remove(addresses: readonly string[]): Promise<void> {
    if (addresses.length === 0) return;
    const commits = addresses.map((address) => this.#apply({ kind: 'removed', address, now: this.#now }));
    await this.#expelled(Promise.all(commits), addresses, REMOVED);
  }

  watch(subscriber: HomeUser, listener: Listener): Feed | 403 {
    const address = this.#host.directory.addressOf(subscriber);
    return this.#belongs(address) ? this.#watchers.add(address, listener) : 403;
  }

  /** Whether he may take others out. Who is in a pre-defined group is not the matter of those in it. */
  mayRemove(address: string): boolean {
    const { creator, group } = this.about;
    if (group !== null || !this.#belongs(address)) return false;
    return this.#host.policy.removal === 'everybody' || address === creator || !this.#belongs(creator);
  }

  /** The group is over for good: its people are told, and nothing of it is kept. */
  async end(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#ringing.close();
    for (const attendance of this.#present.values()) attendance.hangUp(OVER, null);
    this.#present.clear();
    this.#watchers.over();
    this.#listener.over(this);
    await this.#host.records.remove(this.about.id);
    await (await this.hall()).end();
  }

  /** The network ends; the group does not. */
  close(): void {
    this.#isClosed = true;
    this.#ringing.close();
  }

  /** What people call it who say something to it. */
  #names(): string[] {
    const { uri, group } = this.about;
    return [uri, ...(group === null ? [] : [this.#host.directory.addressOf({ user: group })])];
  }

  #spoken(absent: readonly string[]): void {
    if (this.#isOpen) for (const address of absent) this.#ringing.ask(address);
  }

  #happened(event: ConferenceEvent): void {
    void this.#apply(event).catch(this.#failed);
  }

  /** Resolves with the commit of what lasts. */
  #apply(event: ConferenceEvent): Promise<void> {
    const before = this.#state;
    const after = conferenceAfter(before, event);
    if (after === before) return Promise.resolve();
    this.#state = after;
    const changed = [...after.people.values()].filter((who) => before.people.get(who.address) !== who);
    const news = newsOf(before, after);
    const committed = news.length === 0 ? Promise.resolve() : this.#host.records.save(this.about, news);
    const addresses = changed.map(({ address }) => address);
    this.#watchers.note(addresses);
    for (const who of changed) for (const waiting of [...this.#waiting]) if (waiting(who)) this.#waiting.delete(waiting);
    this.#listener.changed(this, addresses);
    if (event.kind === 'declined' && !this.#belongs(event.address)) return this.#expelled(committed, [event.address], LEFT);
    return committed;
  }

  /** They are out: no session, no roster, no text. */
  async #expelled(committed: Promise<unknown>, addresses: readonly string[], why: SipHeader): Promise<void> {
    for (const address of addresses) {
      if (this.#belongs(address)) continue;
      this.#ringing.withdraw(address);
      for (const [key, attendance] of [...this.#present]) {
        if (!key.startsWith(`${address} `)) continue;
        this.#present.delete(key);
        attendance.hangUp(why, null);
      }
      this.#watchers.expel(address);
    }
    await committed;
    const hall = await this.hall();
    await Promise.all(addresses.filter((address) => !this.#belongs(address)).map((address) => hall.expel(address)));
    const { endsBelow } = this.#host.policy;
    if (this.about.group === null && belonging(this.#state).length < endsBelow) await this.end();
  }

  #belongs(address: string): boolean {
    const who = this.participant(address);
    return who !== null && belongs(who);
  }

  #endpoint(address: string, gruu: string | null, joined: 'dialed-in' | 'dialed-out') {
    const who = this.participant(address);
    const entity = who?.entity ?? address;
    // the GRUU of somebody anonymous would say who it is
    return { joined, entity: entity !== address ? `${entity};gr=${randomToken(8)}` : (gruu ?? entity) };
  }

  get #isOpen(): boolean {
    return !this.#isOver && !this.#isClosed;
  }

  get #open(): Hall {
    if (this.#hall === null) throw new TypeError('nobody is asked to a group before it is open');
    return this.#hall;
  }

  get #now(): number {
    return this.#host.layer().clock.now();
  }

  #failed = (thrown: unknown): void => {
    this.#host.log(`group ${this.about.id}: ${thrown instanceof Error ? thrown.stack : String(thrown)}`);
  };
}

function memberOf({ address, entity, displayName }: Pick<Participant, 'address' | 'entity' | 'displayName'>): TextMember {
  return { address, entity, displayName };
}
