import { type SipUri, trySipUri, unescapeUser } from '../../../shared/protocol/sip/uri.ts';
import type { HomeGroup } from '../settings.ts';
import { Conference, type ConferenceListener } from './conference.ts';
import type { ConferenceHost } from './host.ts';
import { belonging, type ConferenceState } from './state.ts';

/** user part of a group's identity */
export const CONFERENCE_PREFIX = 'cpm-conf-';

/** Every group of this network, by all that it can be named by. */
export class Registry {
  readonly #host: ConferenceHost;
  readonly #refer: ConferenceListener['refer'];
  readonly #byId = new Map<string, Conference>();
  readonly #byContribution = new Map<string, Conference>();
  readonly #byGroup = new Map<string, Conference>();
  /** by address of anybody who was ever in it */
  readonly #ofPerson = new Map<string, Set<Conference>>();

  constructor(host: ConferenceHost, refer: ConferenceListener['refer']) {
    this.#host = host;
    this.#refer = refer;
  }

  get all(): readonly Conference[] {
    return [...this.#byId.values()];
  }

  /** The group whose identity that is. */
  find(uri: SipUri): Conference | null {
    if (uri.user === null || !this.#host.directory.isOurs(uri)) return null;
    return this.#byId.get(unescapeUser(uri.user)) ?? null;
  }

  /** Whether a REFER outside of a dialog may be for somebody here. */
  isFocus(text: string): boolean {
    const uri = trySipUri(text);
    return uri !== null && this.#host.directory.isOurs(uri) && unescapeUser(uri.user ?? '').startsWith(CONFERENCE_PREFIX);
  }

  withContribution(id: string): Conference | null {
    return this.#byContribution.get(id) ?? null;
  }

  /** The session of that pre-defined group. */
  ofGroup({ name }: HomeGroup): Conference | null {
    return this.#byGroup.get(name) ?? null;
  }

  /** Where that person was ever in, or asked to. */
  ofPerson(address: string): readonly Conference[] {
    return [...(this.#ofPerson.get(address) ?? [])];
  }

  /** The pre-defined group whose session it is. */
  groupOf({ about }: Conference): HomeGroup | null {
    return about.group === null ? null : (this.#host.directory.groups.find(({ name }) => name === about.group) ?? null);
  }

  /** Groups that somebody has begun and that have people. */
  countOf(creator: string): number {
    const own = this.ofPerson(creator);
    return own.filter(({ about, state }) => about.creator === creator && belonging(state).length > 0).length;
  }

  add(state: ConferenceState): Conference {
    const { about } = state;
    const conference = new Conference(this.#host, state, {
      changed: (changed, people) => this.#index(changed, people),
      refer: this.#refer,
      over: (which) => this.#forget(which),
    });
    this.#byId.set(about.id, conference);
    this.#byContribution.set(about.contributionId, conference);
    if (about.group !== null) this.#byGroup.set(about.group, conference);
    this.#index(conference, [...state.people.keys()]);
    return conference;
  }

  #index(conference: Conference, people: readonly string[]): void {
    for (const address of people) {
      const own = this.#ofPerson.get(address) ?? new Set();
      this.#ofPerson.set(address, own.add(conference));
    }
  }

  #forget(conference: Conference): void {
    const { about, state } = conference;
    this.#byId.delete(about.id);
    this.#byContribution.delete(about.contributionId);
    if (about.group !== null) this.#byGroup.delete(about.group);
    for (const address of state.people.keys()) this.#ofPerson.get(address)?.delete(conference);
  }
}
