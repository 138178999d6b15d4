import { randomToken, randomUuid } from '../../../shared/base/random.ts';
import { FILE_TRANSFER, LARGE_MESSAGE, serviceOf } from '../../../shared/protocol/cpm/names.ts';
import { decodeReferred } from '../../../shared/protocol/refer/refer-to.ts';
import { isClosedGroup } from '../../../shared/protocol/sdp/msrp-media.ts';
import { header, headers, type SipRequest } from '../../../shared/protocol/sip/message.ts';
import { decodeSipUri, escapeUser, type SipUri } from '../../../shared/protocol/sip/uri.ts';
import { readRecipientList } from '../recipient-list.ts';
import { isPrivate } from '../relay-headers.ts';
import type { ServerTransaction } from '../server-transaction.ts';
import type { HomeGroup, HomeUser } from '../settings.ts';
import { Answers, CLOSED, NOT_AUTHORISED } from './answers.ts';
import { GROUP_METHODS } from './attendance.ts';
import type { Conference } from './conference.ts';
import { readOffer } from './description.ts';
import type { ConferenceHost } from './host.ts';
import { type Asked, People } from './people.ts';
import { restored } from './records.ts';
import { distinct, orderOf } from './refer.ts';
import { Referring } from './referring.ts';
import { CONFERENCE_PREFIX, Registry } from './registry.ts';
import { belonging, belongs, type ConferenceAbout, type ConferenceState, conferenceAfter, type Newcomer } from './state.ts';

/** user part of the address at which groups are made for a list of people (cpm.md section 1) */
export const CONFERENCE_FACTORY = 'conference-factory';
/** option tags that the focus itself fulfils */
const FULFILLED = new Set(['recipient-list-invite', 'timer', 'gruu']);
/** a group to which nobody has belonged for that long (ms) is forgotten when the network starts */
const FORGOTTEN_AFTER = 30 * 86_400_000;
/** what a peer may make us keep, in UTF-16 code units */
const LONGEST_SUBJECT = 1_000;
const ID = /^[!-~]{1,256}$/;

/**
 * The Controlling Function for group sessions (cpm.md sections 8, 9, 16.5): made at the conference factory for a list of people, at the address of a
 * pre-defined group for its members, and entered at the identity that it got, by anybody who belongs to it. A group stays, whoever is in its
 * session, and with databases beyond the end of the network.
 */
export class Conferences {
  readonly #host: ConferenceHost;
  readonly #answers: Answers;
  readonly #people: People;
  readonly #referring: Referring;
  readonly #registry: Registry;
  /** one is being made for it */
  readonly #making = new Map<string, Promise<Conference>>();
  #isClosed = false;

  constructor(host: ConferenceHost) {
    this.#host = host;
    this.#answers = new Answers(host);
    this.#people = new People(host);
    const { layer, policy } = host;
    const groupOf = (conference: Conference): HomeGroup | null => this.#registry.groupOf(conference);
    this.#referring = new Referring({ layer, policy, answers: this.#answers, people: this.#people, groupOf });
    this.#registry = new Registry(host, (...refer) => this.#referring.inside(...refer));
  }

  get groups(): Pick<Registry, 'find' | 'groupOf' | 'isFocus'> {
    return this.#registry;
  }

  get isEmpty(): boolean {
    return this.#registry.all.length === 0;
  }

  /** What was kept is there again. */
  async open(): Promise<void> {
    const { records, directory } = this.#host;
    const now = this.#host.layer().clock.now();
    for (const kept of await records.all()) {
      const { about, people } = kept;
      const group = about.group === null ? null : (directory.groups.find(({ name }) => name === about.group) ?? null);
      const isForgotten = people.every((who) => !belongs(who) && who.since < now - FORGOTTEN_AFTER);
      if (isForgotten || (about.group !== null && group === null)) {
        await records.remove(about.id);
        continue;
      }
      const conference = this.#registry.add(restored(kept));
      if (group !== null && group.joinIn !== true) await this.#align(conference, group);
    }
  }

  /** Its log is open when this resolves, where there is such a group. */
  async wanted(id: string): Promise<void> {
    if (!this.#isClosed) await this.#registry.all.find(({ about }) => about.id === id)?.hall();
  }

  close(): void {
    this.#isClosed = true;
    for (const conference of this.#registry.all) conference.close();
  }

  /** @returns false when the request is for somebody else, or carries one thing to several people */
  take(transaction: ServerTransaction, sender: HomeUser): boolean {
    const { request } = transaction;
    const uri = decodeSipUri(request.uri);
    const { directory } = this.#host;
    const isFactory = directory.isOurs(uri) && uri.user === CONFERENCE_FACTORY;
    const group = directory.groupByUri(uri);
    if (!isFactory && group === null && !this.#registry.isFocus(request.uri)) return false;
    const service = serviceOf(request.headers);
    if (request.method === 'MESSAGE' || (request.method === 'INVITE' && (service === FILE_TRANSFER || service === LARGE_MESSAGE))) {
      // who is in the group gets it as a list of people would
      return group === null && !isFactory && this.#refusesAll(transaction, sender, uri);
    }
    if (request.method === 'OPTIONS') transaction.respond(200, { headers: [GROUP_METHODS] });
    else if (request.method === 'REFER') this.#referring.outside(transaction, sender, this.#registry.find(uri));
    else if (request.method !== 'INVITE') transaction.respond(405, { headers: [GROUP_METHODS] });
    else if (this.#admits(transaction)) {
      const entering = isFactory
        ? this.#create(transaction, sender)
        : group === null
          ? this.#enter(transaction, sender, uri)
          : this.#call(transaction, sender, group);
      void entering.catch((thrown) => this.#answers.failed(transaction, thrown));
    }
    return true;
  }

  /** A device of his has registered. @param isFresh on a connection of which nothing was known */
  registered(user: HomeUser): void {
    const address = this.#host.directory.addressOf(user);
    const { clock, timing } = this.#host.layer();
    for (const conference of this.#registry.ofPerson(address)) {
      const who = conference.participant(address);
      if (who === null || !belongs(who)) continue;
      for (const { instance } of this.#host.bindings.of(user)) {
        const come = (): void => void conference.came(address, instance ?? '').catch(this.#failed);
        // a client that is a member comes by itself
        if (who.standing === 'invited') come();
        else clock.after(timing.comeback, come);
      }
    }
  }

  async #create(transaction: ServerTransaction, sender: HomeUser): Promise<void> {
    const { request } = transaction;
    const addressed = readRecipientList(header(request, 'Content-Type') ?? '', request.body);
    const orders = distinct(
      (addressed?.entries ?? [])
        .map((each) => orderOf(decodeReferred(each.uri), each.copy, each.isAnonymous))
        .filter((order) => order !== 'method'),
    );
    const own = this.#host.directory.addressOf(sender);
    const people = this.#people.newcomers(orders).filter(({ who }) => who.address !== own);
    if (people.length === 0) {
      transaction.respond(400, { reason: 'No list of recipients' });
      return;
    }
    if (people.length + 1 > this.#host.policy.maxUsers) {
      this.#answers.deny(transaction, this.#answers.tooMany);
      return;
    }
    const { description, mediaIndex } = readOffer(request);
    const known = this.#registry.withContribution(idIn(request, 'Contribution-ID') ?? '');
    if (known !== null) {
      await this.#revive(transaction, sender, known, people);
      return;
    }
    if (this.#registry.countOf(own) >= this.#host.policy.maxPerCreator) {
      this.#answers.deny(transaction, `at most ${this.#host.policy.maxPerCreator} groups`);
      return;
    }
    const media = description.media[mediaIndex];
    const about = this.#about(request, own, null, media?.kind === 'msrp' && isClosedGroup(media));
    const creator = this.#people.newcomer(sender, isPrivate(request));
    const conference = await this.#begin(
      about,
      creator,
      people.map(({ who }) => who),
    );
    await this.#start(transaction, sender, conference, creator, people);
  }

  /** The creator is in, then everybody is asked; without him there is no group. */
  async #start(
    transaction: ServerTransaction,
    sender: HomeUser,
    conference: Conference,
    creator: Newcomer,
    people: readonly Asked[],
  ): Promise<void> {
    await conference.enter(transaction, sender, creator);
    if (conference.participant(creator.address)?.standing !== 'member') await conference.end();
    else await this.#askAll(conference, people);
  }

  /** The two ids are known: it is the same group, made by somebody who believes it gone (cpm.md section 8.5). */
  async #revive(transaction: ServerTransaction, sender: HomeUser, conference: Conference, people: readonly Asked[]): Promise<void> {
    const own = this.#host.directory.addressOf(sender);
    if (!this.#mayEnter(transaction, conference, own)) return;
    await conference.enter(transaction, sender, this.#people.newcomer(sender, isPrivate(transaction.request)));
    if (conference.participant(own)?.standing !== 'member' || conference.about.isClosed) return;
    const isNew = ({ who }: Asked): boolean => conference.participant(who.address) === null;
    const room = this.#host.policy.maxUsers - belonging(conference.state).length;
    await this.#invite(conference, people.filter(isNew).slice(0, Math.max(0, room)), own);
  }

  async #call(transaction: ServerTransaction, sender: HomeUser, group: HomeGroup): Promise<void> {
    const { directory } = this.#host;
    const own = directory.addressOf(sender);
    const { request } = transaction;
    if (group.joinIn !== true && !group.members.includes(sender.user)) {
      transaction.respond(403, { reason: 'Not A Member' });
      return;
    }
    if (group.refusesAnonymous && isPrivate(request)) {
      transaction.respond(433);
      return;
    }
    const who = this.#people.newcomer(sender, isPrivate(request));
    const known = this.#registry.ofGroup(group) ?? this.#making.get(group.name);
    if (known !== undefined) {
      const conference = await known;
      if (this.#mayEnter(transaction, conference, own)) await conference.enter(transaction, sender, who);
      return;
    }
    readOffer(request);
    const members = group.joinIn === true ? [] : group.members.flatMap((name) => directory.byName(name) ?? []);
    const others = members
      .filter((member) => member !== sender)
      .map((member) => ({ who: this.#people.newcomer(member, false), replaces: null }));
    const about = this.#about(request, own, group, group.closed === true || group.joinIn !== true);
    const making = this.#begin(
      about,
      who,
      others.map((each) => each.who),
    );
    this.#making.set(group.name, making);
    const conference = await making.finally(() => this.#making.delete(group.name));
    await this.#start(transaction, sender, conference, who, others);
  }

  async #enter(transaction: ServerTransaction, sender: HomeUser, uri: SipUri): Promise<void> {
    const conference = this.#registry.find(uri);
    if (conference === null) {
      transaction.respond(404);
      return;
    }
    const own = this.#host.directory.addressOf(sender);
    const group = this.#registry.groupOf(conference);
    if (group?.refusesAnonymous && isPrivate(transaction.request)) transaction.respond(433);
    else if (group?.joinIn !== true && conference.participant(own) === null) this.#answers.deny(transaction, NOT_AUTHORISED);
    else if (this.#mayEnter(transaction, conference, own)) {
      await conference.enter(transaction, sender, this.#people.newcomer(sender, isPrivate(transaction.request)));
    }
  }

  /** Of somebody who was in it or was asked, and of whoever may join; answers where he may not. */
  #mayEnter(transaction: ServerTransaction, conference: Conference, own: string): boolean {
    const who = conference.participant(own);
    const group = this.#registry.groupOf(conference);
    const isMember = who !== null && belongs(who);
    // by name or without one: both would tell the others who it is
    if (isMember && who.entity === own && isPrivate(transaction.request)) transaction.respond(433);
    else if (isMember) return true;
    else if (who?.standing === 'removed' || (who === null && group === null)) this.#answers.deny(transaction, NOT_AUTHORISED);
    else if (who !== null && conference.about.isClosed && group === null) this.#answers.deny(transaction, CLOSED);
    else if (belonging(conference.state).length >= this.#host.policy.maxUsers) {
      this.#answers.deny(transaction, this.#answers.tooMany);
    } else return true;
    return false;
  }

  /** One thing to everybody of a group, which is not for those who are not in it. */
  #refusesAll(transaction: ServerTransaction, sender: HomeUser, uri: SipUri): boolean {
    const conference = this.#registry.find(uri);
    const who = conference?.participant(this.#host.directory.addressOf(sender)) ?? null;
    if (conference === null) transaction.respond(404);
    else if (who === null || !belongs(who)) this.#answers.deny(transaction, NOT_AUTHORISED);
    return transaction.isAnswered;
  }

  async #invite(conference: Conference, people: readonly Asked[], by: string): Promise<void> {
    await conference.add(
      people.map(({ who }) => who),
      by,
    );
    await this.#askAll(conference, people);
  }

  async #askAll(conference: Conference, people: readonly Asked[]): Promise<void> {
    for (const { who, replaces } of people) await conference.ask(who.address, replaces);
  }

  async #begin(about: ConferenceAbout, creator: Newcomer, others: readonly Newcomer[]): Promise<Conference> {
    const now = about.createdAt;
    let state: ConferenceState = { about, people: new Map() };
    state = conferenceAfter(state, { kind: 'added', people: [creator], by: null, now });
    state = conferenceAfter(state, { kind: 'added', people: others, by: creator.address, now });
    const conference = this.#registry.add(state);
    try {
      await conference.begin();
    } catch (thrown) {
      // what cannot be kept is not begun
      await conference.end().catch(() => undefined);
      throw thrown;
    }
    return conference;
  }

  /** Who is in a pre-defined group is what its list says. */
  async #align(conference: Conference, group: HomeGroup): Promise<void> {
    const { directory } = this.#host;
    const members = group.members.flatMap((name) => directory.byName(name) ?? []).map((user) => this.#people.newcomer(user, false));
    const listed = new Set(members.map(({ address }) => address));
    const missing = members.filter(({ address }) => {
      const who = conference.participant(address);
      return who === null || who.standing === 'removed';
    });
    if (missing.length > 0) await conference.add(missing, null);
    const gone = belonging(conference.state).filter(({ address }) => !listed.has(address));
    if (gone.length > 0) await conference.remove(gone.map(({ address }) => address));
  }

  #about(request: SipRequest, creator: string, group: HomeGroup | null, isClosed: boolean): ConferenceAbout {
    const { directory, layer } = this.#host;
    const id = `${CONFERENCE_PREFIX}${randomToken(16)}`;
    const subject = header(request, 'Subject')?.trim().slice(0, LONGEST_SUBJECT) ?? '';
    const contribution = idIn(request, 'Contribution-ID');
    return {
      id,
      uri: `sip:${escapeUser(id)}@${directory.domain}`,
      conversationId: idIn(request, 'Conversation-ID') ?? randomUuid(),
      contributionId: contribution !== null && this.#registry.withContribution(contribution) === null ? contribution : randomUuid(),
      subject: group?.title ?? (subject === '' ? null : subject),
      creator,
      group: group?.name ?? null,
      isClosed,
      createdAt: layer().clock.now(),
    };
  }

  #admits(transaction: ServerTransaction): boolean {
    const unknown = headers(transaction.request, 'Require').filter((tag) => !FULFILLED.has(tag.toLowerCase()));
    if (this.#isClosed) transaction.respond(503);
    else if (unknown.length > 0) transaction.respond(420, { headers: [{ name: 'Unsupported', value: unknown.join(', ') }] });
    else return this.#host.dialogs.admits(transaction);
    return false;
  }

  #failed = (thrown: unknown): void => {
    this.#host.log(`groups: ${thrown instanceof Error ? thrown.stack : String(thrown)}`);
  };
}

/** What can be sent back in a header field; null for anything else. */
function idIn({ headers: fields }: SipRequest, name: string): string | null {
  const value = header({ headers: fields }, name)?.trim() ?? '';
  return ID.test(value) ? value : null;
}
