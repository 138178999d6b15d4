import type { ConferenceEndpoint, ConferenceUser } from '../../../shared/protocol/conference/conference.ts';
import { encodeConferenceInfo } from '../../../shared/protocol/conference/conference-info.ts';
import type { Feed, Listener, Notice } from '../subscriptions/event-package.ts';
import { belonging, belongs, type ConferenceState, type Participant } from './state.ts';

/** ms for which the others are still told of somebody who has gone, and why */
const REMEMBERED = 7 * 86_400_000;
/** users of one notification; what is more follows in the next one */
const MOST_USERS = 2_000;
/** role of who may take others out (RFC 4575 section 5.6.3) */
const ADMINISTRATOR = 'administrator';

/** Whose roster it is. */
export interface RosterSource {
  readonly state: ConferenceState;
  readonly maxUsers: number;
  readonly now: number;
  mayRemove(who: Participant): boolean;
  /** the group is no more */
  readonly isOver: boolean;
}

/** Everybody who watches a group. */
export class Watchers {
  readonly #source: () => RosterSource;
  readonly #feeds = new Set<RosterFeed>();

  constructor(source: () => RosterSource) {
    this.#source = source;
  }

  /** @param viewer address of a member */
  add(viewer: string, listener: Listener): Feed {
    const feed: RosterFeed = new RosterFeed(this.#source, viewer, listener, () => this.#feeds.delete(feed));
    this.#feeds.add(feed);
    return feed;
  }

  /** Something of these people is new. */
  note(addresses: readonly string[]): void {
    for (const feed of this.#feeds) feed.note(addresses);
  }

  /** He hears what became of himself, and nothing more. */
  expel(address: string): void {
    for (const feed of [...this.#feeds]) if (feed.viewer === address) feed.end('rejected');
  }

  over(): void {
    for (const feed of [...this.#feeds]) feed.end('noresource');
  }
}

/** What one subscriber is told of a group (RFC 4575); versions are of his subscription. */
class RosterFeed implements Feed {
  readonly #source: () => RosterSource;
  /** address of the subscriber */
  readonly viewer: string;
  readonly #listener: Listener;
  readonly #closed: () => void;
  /** addresses */
  readonly #changed = new Set<string>();
  readonly #told = new Set<string>();
  #version = 0;

  constructor(source: () => RosterSource, viewer: string, listener: Listener, closed: () => void) {
    this.#source = source;
    this.viewer = viewer;
    this.#listener = listener;
    this.#closed = closed;
  }

  note(addresses: readonly string[]): void {
    for (const address of addresses) this.#changed.add(address);
    this.#listener.changed();
  }

  /** The last word is the whole state: of himself, or that the group is over. */
  end(reason: 'rejected' | 'noresource'): void {
    this.#listener.end(reason, 'all');
  }

  async next(isWhole: boolean): Promise<Notice | null> {
    const source = this.#source();
    const { state, maxUsers } = source;
    const viewer = state.people.get(this.viewer);
    // who is not in it any more is told of himself alone
    const isOut = viewer === undefined || !belongs(viewer);
    if (source.isOver) return this.#over(state.about.uri);
    if (!isWhole && this.#changed.size === 0) return null;
    const wanted = isOut ? [this.viewer] : isWhole ? [...state.people.keys()] : [...this.#changed];
    const now = wanted.slice(0, MOST_USERS);
    this.#changed.clear();
    for (const address of wanted.slice(MOST_USERS)) this.#changed.add(address);
    if (isWhole) this.#told.clear();
    const list = now.flatMap((address) => this.#user(source, address) ?? []);
    if (!isWhole && list.length === 0 && this.#changed.size === 0) return null;
    this.#version += 1;
    const body = encodeConferenceInfo({
      entity: state.about.uri,
      state: isWhole ? 'full' : 'partial',
      version: this.#version,
      subject: isWhole ? state.about.subject : null,
      maximumUserCount: isWhole ? maxUsers : null,
      userCount: isOut ? null : belonging(state).filter(({ isBlind }) => !isBlind).length,
      active: isWhole ? true : null,
      users: { state: isWhole ? 'full' : 'partial', list },
    });
    return { body, hasMore: this.#changed.size > 0 };
  }

  close(): void {
    this.#closed();
  }

  #over(entity: string): Notice {
    this.#version += 1;
    const nothing = { subject: null, maximumUserCount: null, userCount: null, active: null, users: null };
    return { body: encodeConferenceInfo({ entity, state: 'deleted', version: this.#version, ...nothing }), hasMore: false };
  }

  /** Null: there is nothing to be told of that one, and he was not told of. */
  #user(source: RosterSource, address: string): ConferenceUser | null {
    const who = source.state.people.get(address);
    if (who === undefined) return null;
    const { entity } = who;
    if (this.#isShown(who, source.now)) {
      this.#told.add(entity);
      return userOf(who, address === this.viewer, source.mayRemove(who));
    }
    const isGone = this.#told.delete(entity);
    return isGone ? { entity, state: 'deleted', displayText: null, isOwn: false, roles: [], endpoints: [] } : null;
  }

  #isShown(who: Participant, now: number): boolean {
    if (who.address === this.viewer) return true;
    return !who.isBlind && (belongs(who) || who.since > now - REMEMBERED);
  }
}

/** @param isAdministrator may take others out */
function userOf(who: Participant, isOwn: boolean, isAdministrator: boolean): ConferenceUser {
  const connected = [...who.endpoints.values()].map(
    ({ entity, joined }): ConferenceEndpoint => ({ ...NOTHING, entity, status: 'connected', joiningMethod: joined }),
  );
  return {
    entity: who.entity,
    state: 'full',
    displayText: who.displayName === '' ? null : who.displayName,
    isOwn,
    roles: isAdministrator ? [ADMINISTRATOR] : [],
    endpoints: connected.length > 0 ? connected : [{ ...NOTHING, entity: who.entity, ...absence(who) }],
  };
}

const NOTHING: ConferenceEndpoint = {
  entity: null,
  state: 'full',
  status: null,
  joiningMethod: null,
  disconnectionMethod: null,
  disconnectionReason: null,
};

/**
 * Of somebody none of whose devices is in the session. A member without one is `on-hold`: he is in the group and hears later what is said now, so
 * nobody shall take him for one who has gone (cpm.md section 8.4).
 */
function absence({ standing, ringing, missed }: Participant): Partial<ConferenceEndpoint> {
  const failed: Partial<ConferenceEndpoint> = {
    status: 'disconnected',
    disconnectionMethod: 'failed',
    disconnectionReason: missed === null ? null : `Reason: SIP;cause=${missed.status};text="${missed.reason.replace(/["\\\r\n]/g, '')}"`,
  };
  switch (standing) {
    case 'member':
      return { status: 'on-hold' };
    case 'invited':
      return ringing !== null ? { status: ringing } : missed === null ? { status: 'pending' } : failed;
    case 'left':
      return { status: 'disconnected', disconnectionMethod: 'departed' };
    case 'removed':
      return { status: 'disconnected', disconnectionMethod: 'booted' };
    default:
      return failed;
  }
}
