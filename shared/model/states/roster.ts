import { addressTitle, canonicalAddress } from '../address.ts';
import type { Participant, Presence } from '../group.ts';

/** What a document of the conference package says, as far as a roster has a use for it (`shared/protocol/conference`). */
export interface RosterNews {
  readonly entity: string;
  readonly version: number;
  readonly state: RosterPart;
  readonly subject: string | null;
  readonly maximumUserCount: number | null;
  readonly users: { readonly state: RosterPart; readonly list: readonly RosterUser[] } | null;
}

export type RosterPart = 'full' | 'partial' | 'deleted';

export interface RosterUser {
  readonly entity: string;
  readonly state: RosterPart;
  readonly displayText: string | null;
  readonly isOwn: boolean;
  readonly roles: readonly string[];
  readonly endpoints: readonly RosterEndpoint[];
}

export interface RosterEndpoint {
  readonly entity: string | null;
  readonly state: RosterPart;
  readonly status: string | null;
  readonly joiningMethod: string | null;
  readonly disconnectionMethod: string | null;
  readonly disconnectionReason: string | null;
}

/** Who is in a group, as its focus told in one subscription. */
export interface Roster {
  /** of the last document that counted; null before the first whole one, and after a gap */
  readonly version: number | null;
  /** null: never said */
  readonly subject: string | null;
  readonly maximumUserCount: number | null;
  /** by entity, byte for byte, in the order in which they were told of */
  readonly users: ReadonlyMap<string, RosterUser>;
}

/**
 * - `changed`: it counts
 * - `over`: the conference is no more
 * - `gap`: something was missed, and only a whole document helps; what was known stays on show until then
 * - `old`: a repetition, or what was overtaken
 * - `foreign`: of another conference
 * - `too-many`: more users than any group has
 */
export type RosterOutcome = 'changed' | 'over' | 'gap' | 'old' | 'foreign' | 'too-many';

/** users of one roster; a focus may go on adding with each part */
const MOST_USERS = 10_000;

export const EMPTY_ROSTER: Roster = { version: null, subject: null, maximumUserCount: null, users: new Map() };

/** A new subscription begins with a whole document, whose version counts from anywhere. */
export function awaitWhole(roster: Roster): Roster {
  return { ...roster, version: null };
}

/**
 * RFC 4575 section 4.6: a whole document takes the place of everything, a partial one counts if it is the very next.
 * @param identity of the group that was subscribed to
 */
export function nextRoster(
  roster: Roster,
  news: RosterNews,
  identity: string,
): { readonly roster: Roster; readonly outcome: RosterOutcome } {
  if (!isSame(news.entity, identity)) return { roster, outcome: 'foreign' };
  const { version } = roster;
  if (version !== null && news.version <= version) return { roster, outcome: 'old' };
  if (news.state === 'deleted') return { roster: { ...roster, version: news.version, users: new Map() }, outcome: 'over' };
  if (news.state === 'partial' && (version === null || news.version !== version + 1)) return { roster: awaitWhole(roster), outcome: 'gap' };
  const isWhole = news.state === 'full';
  const users = nextUsers(isWhole ? EMPTY_ROSTER.users : roster.users, news.users);
  if (users.size > MOST_USERS) return { roster: awaitWhole(roster), outcome: 'too-many' };
  return {
    roster: {
      version: news.version,
      subject: news.subject ?? (isWhole ? null : roster.subject),
      maximumUserCount: news.maximumUserCount ?? (isWhole ? null : roster.maximumUserCount),
      users,
    },
    outcome: 'changed',
  };
}

function isSame(entity: string, identity: string): boolean {
  return entity === identity || (canonicalAddress(entity) ?? entity) === canonicalAddress(identity);
}

function nextUsers(users: ReadonlyMap<string, RosterUser>, news: RosterNews['users']): ReadonlyMap<string, RosterUser> {
  if (news === null) return users;
  const next = new Map(news.state === 'partial' ? users : []);
  if (news.state === 'deleted') return next;
  for (const user of news.list) {
    const before = next.get(user.entity);
    if (user.state === 'deleted') next.delete(user.entity);
    else next.set(user.entity, user.state === 'partial' && before !== undefined ? merged(before, user) : whole(user));
  }
  return next;
}

/** What is known is never a part, nor something that is deleted. */
function whole(user: RosterUser): RosterUser {
  const endpoints = user.endpoints
    .filter(({ state }) => state !== 'deleted')
    .map((endpoint): RosterEndpoint => ({ ...endpoint, state: 'full' }));
  return { ...user, state: 'full', endpoints };
}

function merged(before: RosterUser, news: RosterUser): RosterUser {
  const endpoints = new Map(before.endpoints.map((endpoint) => [endpoint.entity, endpoint]));
  for (const endpoint of news.endpoints) {
    const known = endpoint.state === 'partial' ? endpoints.get(endpoint.entity) : undefined;
    if (endpoint.state === 'deleted') endpoints.delete(endpoint.entity);
    else
      endpoints.set(endpoint.entity, {
        entity: endpoint.entity,
        state: 'full',
        status: endpoint.status ?? known?.status ?? null,
        joiningMethod: endpoint.joiningMethod ?? known?.joiningMethod ?? null,
        disconnectionMethod: endpoint.disconnectionMethod ?? known?.disconnectionMethod ?? null,
        disconnectionReason: endpoint.disconnectionReason ?? known?.disconnectionReason ?? null,
      });
  }
  return {
    entity: before.entity,
    state: 'full',
    displayText: news.displayText ?? before.displayText,
    isOwn: news.isOwn || before.isOwn,
    roles: news.roles.length > 0 ? news.roles : before.roles,
    endpoints: [...endpoints.values()],
  };
}

/** Of several devices that one counts by which its user is nearest to the group. */
const NEAREST: readonly Presence[] = ['in', 'invited', 'removed', 'left', 'declined', 'not-reached'];

/** cpm.md section 8.4. Somebody who is listed without a word about a device is in. */
export function presenceOf({ endpoints }: Pick<RosterUser, 'endpoints'>): Presence {
  const presences = endpoints.map(endpointPresence);
  return NEAREST.find((presence) => presences.includes(presence)) ?? 'in';
}

function endpointPresence({ status, disconnectionMethod, disconnectionReason }: RosterEndpoint): Presence {
  switch (status) {
    case 'pending':
    case 'dialing-out':
    case 'dialing-in':
    case 'alerting':
      return 'invited';
    case 'disconnected':
      if (disconnectionMethod === 'booted') return 'removed';
      if (disconnectionMethod === 'busy') return 'not-reached';
      if (disconnectionMethod === 'failed') return isRefusal(disconnectionReason) ? 'declined' : 'not-reached';
      return 'left';
    default:
      return 'in';
  }
}

/** `Reason: SIP;cause=603;text="Decline"` (RFC 3326): 6xx is somebody's word, everything else happened to them. */
function isRefusal(reason: string | null): boolean {
  return /(?:\bcause\s*=\s*|^\s*(?:SIP\/2\.0\s+)?)60[0-9]\b/i.test(reason ?? '');
}

export interface RosterView {
  /** whether an address, in its canonical form, is this person's */
  readonly isSelf: (address: string) => boolean;
  readonly isBlocked: (address: string) => boolean;
  /** what they are called here; null as the focus has it */
  readonly nameOf: (address: string) => string | null;
  readonly countryCode?: string | undefined;
}

/** The members as a page shows them. Somebody anonymous has no address, only the entity by which he can be removed. */
export function participantsOf({ users }: Pick<Roster, 'users'>, view: RosterView): Participant[] {
  return [...users.values()].map((user) => {
    const canonical = canonicalAddress(user.entity, view.countryCode);
    const address = canonical === null || isAnonymous(canonical) ? null : canonical;
    const given = address === null ? null : view.nameOf(address);
    return {
      entity: user.entity,
      address,
      name: given ?? addressTitle(user.entity, user.displayText ?? undefined),
      presence: presenceOf(user),
      isSelf: address === null ? user.isOwn : view.isSelf(address) || user.isOwn,
      roles: user.roles,
      blocked: address !== null && view.isBlocked(address),
    };
  });
}

/** RFC 4575 section 5.6: whose URI the focus does not tell has one below `.invalid`. */
function isAnonymous(address: string): boolean {
  return /\.invalid(?::\d+)?$/.test(address);
}

/** Something that became of somebody, for a line in the thread. */
export interface PresenceChange {
  readonly participant: Participant;
  readonly presence: Presence;
}

/**
 * What became of the members between two states, this person apart. Who is not told of any more, and was in, has left; who was only asked is
 * forgotten without a word.
 */
export function presenceChanges(before: readonly Participant[], after: readonly Participant[]): PresenceChange[] {
  const known = new Map(before.map((participant) => [participant.entity, participant]));
  const changes: PresenceChange[] = [];
  for (const participant of after) {
    const was = known.get(participant.entity);
    known.delete(participant.entity);
    if (!participant.isSelf && was?.presence !== participant.presence) changes.push({ participant, presence: participant.presence });
  }
  for (const participant of known.values())
    if (!participant.isSelf && participant.presence === 'in') changes.push({ participant, presence: 'left' });
  return changes;
}
