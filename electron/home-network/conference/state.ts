/** What one group is, apart from who is in it. Nothing of it changes. */
export interface ConferenceAbout {
  /** user part of its address, and the name of its log: `cpm-conf-…` */
  readonly id: string;
  /** where it is reached, its identity for as long as it is (RFC 4579): `sip:cpm-conf-…@home1.example` */
  readonly uri: string;
  readonly conversationId: string;
  readonly contributionId: string;
  readonly subject: string | null;
  /** address of who began it */
  readonly creator: string;
  /** name of the pre-defined group whose session it is; null: made for a list of people */
  readonly group: string | null;
  /** nobody can be added */
  readonly isClosed: boolean;
  /** ms since the epoch */
  readonly createdAt: number;
}

/** What somebody is to a group; see {@link conferenceAfter}. */
export type Standing = 'invited' | 'member' | 'declined' | 'left' | 'removed' | 'unknown';

/** Why somebody who was asked is not in: the best answer of his devices. */
export interface Missed {
  readonly status: number;
  readonly reason: string;
}

/** A device of somebody that is in the session. */
export interface Endpoint {
  /** by which the others know it */
  readonly entity: string;
  readonly joined: 'dialed-in' | 'dialed-out';
}

export interface Participant {
  /** by which this network knows him: nobody is told it whose `entity` is another one */
  readonly address: string;
  /** by which the others know him: the same, or an anonymous address of this group alone */
  readonly entity: string;
  readonly displayName: string;
  readonly standing: Standing;
  /** address of who asked him in; null: nobody, he came by himself */
  readonly invitedBy: string | null;
  /** the others hear of him when he comes, not that he was asked (a blind copy, RFC 5364) */
  readonly isBlind: boolean;
  /** all his devices are being asked; a member's devices are asked one by one, which is nobody's business */
  readonly ringing: 'dialing-out' | 'alerting' | null;
  /** of the last time that he was asked in vain */
  readonly missed: Missed | null;
  /** by instance, in the order in which they came */
  readonly endpoints: ReadonlyMap<string, Endpoint>;
  /** when his standing was last another one, ms since the epoch */
  readonly since: number;
}

export interface ConferenceState {
  readonly about: ConferenceAbout;
  /** by address, in the order in which they became known */
  readonly people: ReadonlyMap<string, Participant>;
}

export interface Newcomer {
  readonly address: string;
  readonly entity: string;
  readonly displayName: string;
  readonly isBlind: boolean;
  /** he is nobody of this network */
  readonly isUnknown: boolean;
}

export type ConferenceEvent =
  | { readonly kind: 'added'; readonly people: readonly Newcomer[]; readonly by: string | null; readonly now: number }
  | { readonly kind: 'ringing'; readonly address: string; readonly ringing: 'dialing-out' | 'alerting' }
  /** no device of his took it; null: they were lost before they could answer */
  | { readonly kind: 'missed'; readonly address: string; readonly missed: Missed | null }
  /** he does not want to be asked: 603 */
  | { readonly kind: 'declined'; readonly address: string; readonly missed: Missed; readonly now: number }
  | { readonly kind: 'joined'; readonly address: string; readonly key: string; readonly endpoint: Endpoint; readonly now: number }
  /** the session of that device is over; he stays what he was */
  | { readonly kind: 'parted'; readonly address: string; readonly key: string }
  | { readonly kind: 'left'; readonly address: string; readonly now: number }
  | { readonly kind: 'removed'; readonly address: string; readonly now: number };

/**
 * Who is in a group. Everything that is said of somebody it does not know, or that his standing does not let happen, changes nothing.
 *
 *     (added) --> invited --joined--> member --left, declined--> left
 *                 invited --declined, left--> declined           invited, member --removed--> removed
 *                 (added, nobody of this network) --> unknown
 *     declined, left --joined--> member                          declined, left, removed, unknown --added--> invited
 */
export function conferenceAfter(state: ConferenceState, event: ConferenceEvent): ConferenceState {
  if (event.kind === 'added') return event.people.reduce((sum, each) => added(sum, each, event.by, event.now), state);
  const before = state.people.get(event.address);
  const after = before === undefined ? undefined : participantAfter(before, event);
  if (before === undefined || after === undefined || after === before) return state;
  return withOne(state, after);
}

function added(state: ConferenceState, { isUnknown, ...who }: Newcomer, by: string | null, now: number): ConferenceState {
  const before = state.people.get(who.address);
  if (before !== undefined && belongs(before)) return state;
  const fresh: Participant = {
    ...who,
    // whoever is known by a name stays so
    entity: before?.entity ?? who.entity,
    standing: isUnknown ? 'unknown' : 'invited',
    invitedBy: by,
    ringing: null,
    missed: isUnknown ? { status: 404, reason: 'Not Found' } : null,
    endpoints: new Map(),
    since: now,
  };
  return withOne(state, fresh);
}

function participantAfter(who: Participant, event: Exclude<ConferenceEvent, { kind: 'added' }>): Participant {
  switch (event.kind) {
    case 'ringing':
      return belongs(who) && who.endpoints.size === 0 && who.ringing !== event.ringing
        ? { ...who, ringing: event.ringing, missed: null }
        : who;
    case 'missed':
      if (who.ringing === null && event.missed === null) return who;
      return belongs(who) ? { ...who, ringing: null, missed: who.endpoints.size > 0 ? null : event.missed } : who;
    case 'declined':
      // one device of his that wants no part in it is not he
      if (!belongs(who) || who.endpoints.size > 0) return who;
      return out(who, who.standing === 'member' ? 'left' : 'declined', event.now, event.missed);
    case 'joined': {
      if (who.standing === 'removed' || who.standing === 'unknown') return who;
      const endpoints = new Map(who.endpoints);
      // who comes again came last
      endpoints.delete(event.key);
      endpoints.set(event.key, event.endpoint);
      const since = who.standing === 'member' ? who.since : event.now;
      return { ...who, standing: 'member', ringing: null, missed: null, isBlind: false, endpoints, since };
    }
    case 'parted': {
      if (!who.endpoints.has(event.key)) return who;
      const endpoints = new Map(who.endpoints);
      endpoints.delete(event.key);
      return { ...who, endpoints };
    }
    case 'left':
      if (!belongs(who)) return who;
      return who.standing === 'member'
        ? out(who, 'left', event.now, null)
        : out(who, 'declined', event.now, { status: 603, reason: 'Decline' });
    case 'removed':
      return belongs(who) ? out(who, 'removed', event.now, null) : who;
  }
}

function out(who: Participant, standing: Standing, now: number, missed: Missed | null): Participant {
  return { ...who, standing, ringing: null, missed, endpoints: new Map(), since: now };
}

function withOne(state: ConferenceState, one: Participant): ConferenceState {
  return { ...state, people: new Map(state.people).set(one.address, one) };
}

/** What is said there is for him, be he in the session or not. */
export function belongs({ standing }: Pick<Participant, 'standing'>): boolean {
  return standing === 'invited' || standing === 'member';
}

export function belonging({ people }: ConferenceState): Participant[] {
  return [...people.values()].filter(belongs);
}
