import { describe, expect, it } from 'vitest';
import type { Participant } from '../../../shared/model/group.ts';
import {
  awaitWhole,
  EMPTY_ROSTER,
  nextRoster,
  participantsOf,
  presenceChanges,
  presenceOf,
  type Roster,
  type RosterEndpoint,
  type RosterNews,
  type RosterOutcome,
  type RosterUser,
} from '../../../shared/model/states/roster.ts';
import { decodeConferenceInfo } from '../../../shared/protocol/conference/conference-info.ts';
import { sipExample } from '../../vectors/example.ts';

const GROUP = 'sip:cpm-conf-7f3a91@cf.home1.example';

const endpoint = (status: string | null, rest: Partial<RosterEndpoint> = {}): RosterEndpoint => ({
  entity: null,
  state: 'full',
  status,
  joiningMethod: null,
  disconnectionMethod: null,
  disconnectionReason: null,
  ...rest,
});
const user = (name: string, status = 'connected', rest: Partial<RosterUser> = {}): RosterUser => ({
  entity: `sip:${name}@a.example`,
  state: 'full',
  displayText: null,
  isOwn: false,
  roles: [],
  endpoints: [endpoint(status)],
  ...rest,
});
const news = (version: number, list: readonly RosterUser[], rest: Partial<RosterNews> = {}): RosterNews => ({
  entity: GROUP,
  version,
  state: 'full',
  subject: null,
  maximumUserCount: null,
  users: { state: rest.state === 'partial' ? 'partial' : 'full', list },
  ...rest,
});
const partial = (version: number, list: readonly RosterUser[], rest: Partial<RosterNews> = {}): RosterNews =>
  news(version, list, { state: 'partial', ...rest });

function told(...documents: readonly RosterNews[]): { readonly roster: Roster; readonly outcomes: RosterOutcome[] } {
  let roster = EMPTY_ROSTER;
  const outcomes = documents.map((document) => {
    const step = nextRoster(roster, document, GROUP);
    roster = step.roster;
    return step.outcome;
  });
  return { roster, outcomes };
}

const presences = ({ users }: Roster): Record<string, string> =>
  Object.fromEntries([...users.values()].map((each) => [each.entity.replace(/^sip:|@.*$/g, ''), presenceOf(each)]));
const VIEW = { isSelf: (address: string) => address === 'sip:alice@home1.example', isBlocked: () => false, nameOf: () => null };

describe('who is in a group', () => {
  it('R-GI-01: is what F07-06, F07-08 and F10-13 say one after the other', () => {
    const { roster, outcomes } = told(
      ...['F07-06.sip', 'F07-08.sip', 'F10-13.sip'].map((name) => decodeConferenceInfo(sipExample(name).body)),
    );
    expect(outcomes).toEqual(['changed', 'changed', 'changed']);
    expect(roster).toMatchObject({ version: 3, subject: 'Saturday climb', maximumUserCount: 10 });
    expect(presences(roster)).toEqual({ alice: 'in', bob: 'in', carol: 'in', dave: 'removed' });
  });

  it('is as a whole document says, whatever was known', () => {
    const { roster } = told(news(4, [user('bob'), user('carol')], { subject: 'Old' }), news(9, [user('carol')]));
    expect(presences(roster)).toEqual({ carol: 'in' });
    expect(roster).toMatchObject({ version: 9, subject: null });
  });

  it('changes by the very next part only; anything else is a gap that a whole document closes', () => {
    const { roster, outcomes } = told(news(1, [user('bob')]), partial(2, [user('carol')]), partial(4, [user('dave')]), partial(5, []));
    expect(outcomes).toEqual(['changed', 'changed', 'gap', 'gap']);
    expect(presences(roster)).toEqual({ bob: 'in', carol: 'in' });
    // RFC 4575 section 5.2: it may have the number of a part before it
    const after = nextRoster(roster, news(2, [user('erin')]), GROUP);
    expect(after.outcome).toBe('changed');
    expect(presences(after.roster)).toEqual({ erin: 'in' });
  });

  it('is not known from a part alone', () => {
    expect(told(partial(1, [user('bob')]))).toEqual({ roster: EMPTY_ROSTER, outcomes: ['gap'] });
  });

  it.each([
    ['repeated', news(3, [])],
    ['older', news(2, [])],
    ['repeated in part', partial(3, [])],
    ['said to be over, long ago', news(1, [], { state: 'deleted' })],
  ])('stays where a document is %s', (_, document) => {
    const { roster, outcomes } = told(news(3, [user('bob')]), document);
    expect([outcomes[1], presences(roster)]).toEqual(['old', { bob: 'in' }]);
  });

  it('begins anew with another subscription, whose versions count from anywhere, and keeps what is on show until then', () => {
    const { roster } = told(news(70, [user('bob')]));
    const again = awaitWhole(roster);
    expect(presences(again)).toEqual({ bob: 'in' });
    expect(nextRoster(again, partial(71, []), GROUP).outcome).toBe('gap');
    expect(nextRoster(again, news(0, []), GROUP)).toMatchObject({ outcome: 'changed', roster: { version: 0 } });
  });

  it('is not changed by what is said of another conference', () => {
    const { roster, outcomes } = told(news(1, [user('bob')]), news(2, [], { entity: 'sip:other@cf.home1.example' }));
    expect([outcomes, presences(roster)]).toEqual([['changed', 'foreign'], { bob: 'in' }]);
    // the same one in other words
    expect(nextRoster(EMPTY_ROSTER, news(1, [], { entity: 'sip:cpm-conf-7f3a91@CF.home1.example;x=1' }), GROUP).outcome).toBe('changed');
    expect(nextRoster(EMPTY_ROSTER, news(1, [], { entity: 'urn:x' }), GROUP).outcome).toBe('foreign');
  });

  it('is over when the focus says so', () => {
    const { roster, outcomes } = told(news(1, [user('bob')]), news(2, [], { state: 'deleted' }));
    expect([outcomes[1], presences(roster)]).toEqual(['over', {}]);
  });

  it('loses whoever is deleted, and all of them where the list is', () => {
    const first = news(1, [user('bob'), user('carol'), user('dave')]);
    expect(presences(told(first, partial(2, [user('carol', '', { state: 'deleted' })])).roster)).toEqual({ bob: 'in', dave: 'in' });
    expect(presences(told(first, partial(2, [], { users: { state: 'deleted', list: [] } })).roster)).toEqual({});
    expect(presences(told(first, partial(2, [user('erin')], { users: { state: 'full', list: [user('erin')] } })).roster)).toEqual({
      erin: 'in',
    });
    expect(presences(told(first, partial(2, [], { users: null, subject: 'New' })).roster)).toEqual({ bob: 'in', carol: 'in', dave: 'in' });
  });

  it('changes in single devices of somebody', () => {
    const laptop = endpoint('connected', { entity: 'sip:bob@1' });
    const phone = endpoint('alerting', { entity: 'sip:bob@2', joiningMethod: 'dialed-out' });
    const first = news(1, [user('bob', '', { displayText: 'Bob', roles: ['chair'], isOwn: true, endpoints: [laptop, phone] })]);
    const part = user('bob', '', {
      state: 'partial',
      endpoints: [
        endpoint(null, { entity: 'sip:bob@1', state: 'deleted' }),
        endpoint('connected', { entity: 'sip:bob@2', state: 'partial' }),
        endpoint('pending', { entity: 'sip:bob@3' }),
      ],
    });
    const { roster } = told(first, partial(2, [part]));
    expect(roster.users.get('sip:bob@a.example')).toEqual({
      ...user('bob', '', { displayText: 'Bob', roles: ['chair'], isOwn: true }),
      endpoints: [{ ...phone, status: 'connected' }, endpoint('pending', { entity: 'sip:bob@3' })],
    });
    // a part of somebody who was not known is all there is to know
    expect(presences(told(news(1, []), partial(2, [part])).roster)).toEqual({ bob: 'in' });
  });

  it('never grows beyond what any group has', () => {
    const crowd = (from: number) => Array.from({ length: 6000 }, (_, at) => user(`u${from + at}`));
    const { roster, outcomes } = told(news(1, crowd(0)), partial(2, crowd(6000)));
    expect([outcomes, roster.users.size, roster.version]).toEqual([['changed', 'too-many'], 6000, null]);
  });
});

describe('where somebody stands', () => {
  it.each([
    ['connected', null, null, 'in'],
    ['on-hold', null, null, 'in'],
    ['muted-via-focus', null, null, 'in'],
    [null, null, null, 'in'],
    ['disconnecting', null, null, 'in'],
    ['pending', null, null, 'invited'],
    ['dialing-out', null, null, 'invited'],
    ['dialing-in', null, null, 'invited'],
    ['alerting', null, null, 'invited'],
    ['disconnected', null, null, 'left'],
    ['disconnected', 'departed', null, 'left'],
    ['disconnected', 'booted', null, 'removed'],
    ['disconnected', 'busy', null, 'not-reached'],
    ['disconnected', 'failed', 'Reason: SIP;cause=603;text="Decline"', 'declined'],
    ['disconnected', 'failed', 'SIP ; cause = 603', 'declined'],
    ['disconnected', 'failed', '603 Decline', 'declined'],
    ['disconnected', 'failed', 'Reason: SIP;cause=486', 'not-reached'],
    ['disconnected', 'failed', 'Reason: SIP;cause=480', 'not-reached'],
    ['disconnected', 'failed', 'Reason: SIP;cause=408;text="603"', 'not-reached'],
    ['disconnected', 'failed', null, 'not-reached'],
  ])('%s, %s, %s: %s', (status, disconnectionMethod, disconnectionReason, expected) => {
    expect(presenceOf({ endpoints: [endpoint(status, { disconnectionMethod, disconnectionReason })] })).toBe(expected);
  });

  it('is where the nearest of his devices is', () => {
    const of = (...statuses: string[]) =>
      presenceOf({ endpoints: statuses.map((status) => endpoint(status, { disconnectionMethod: 'departed' })) });
    expect([of('disconnected', 'connected'), of('disconnected', 'alerting'), of('disconnected'), of()]).toEqual([
      'in',
      'invited',
      'left',
      'in',
    ]);
  });
});

describe('the members that a page is shown', () => {
  it('R-GI-02: are this person, those who are blocked, and those who do not say who they are', () => {
    const anonymous = { ...user('x'), entity: 'sip:Anonymous1@anonymous.invalid', displayText: 'Anonymous', isOwn: false };
    const { roster } = told(
      news(1, [{ ...user('x'), entity: 'sip:ALICE@home1.example', displayText: 'A' }, { ...user('dave'), displayText: 'Dave' }, anonymous]),
    );
    const view = {
      ...VIEW,
      isSelf: (address: string) => address === 'sip:ALICE@home1.example',
      isBlocked: (address: string) => address.startsWith('sip:dave'),
    };
    expect(participantsOf(roster, { ...view, nameOf: (address) => (address.startsWith('sip:dave') ? 'D. given' : null) })).toEqual([
      {
        entity: 'sip:ALICE@home1.example',
        address: 'sip:ALICE@home1.example',
        name: 'A',
        presence: 'in',
        isSelf: true,
        roles: [],
        blocked: false,
      },
      {
        entity: 'sip:dave@a.example',
        address: 'sip:dave@a.example',
        name: 'D. given',
        presence: 'in',
        isSelf: false,
        roles: [],
        blocked: true,
      },
      {
        entity: 'sip:Anonymous1@anonymous.invalid',
        address: null,
        name: 'Anonymous',
        presence: 'in',
        isSelf: false,
        roles: [],
        blocked: false,
      },
    ]);
  });

  it('an anonymous one is this person where the focus says so', () => {
    const { roster } = told(news(1, [{ ...user('x'), entity: 'sip:a1@anonymous.invalid', isOwn: true }]));
    expect(participantsOf(roster, VIEW)[0]).toMatchObject({ isSelf: true, address: null });
  });
});

describe('what became of the members', () => {
  const shown = (...users: readonly RosterUser[]): Participant[] => participantsOf(told(news(1, users)).roster, VIEW);
  const lines = (before: Participant[], after: Participant[]) =>
    presenceChanges(before, after).map(({ participant, presence }) => `${participant.address?.replace(/^sip:|@.*$/g, '')} ${presence}`);

  it('is told of each of whom something is new', () => {
    const before = shown(user('bob'), user('carol', 'pending'), user('dave'), user('erin'), user('frank', 'pending'));
    const after = shown(user('bob'), user('carol'), user('dave', 'disconnected'), user('gina', 'dialing-out'));
    expect(lines(before, after)).toEqual(['carol in', 'dave left', 'gina invited', 'erin left']);
    expect(lines(after, after)).toEqual([]);
  });

  it('says nothing of this person', () => {
    const self = { ...user('x'), entity: 'sip:alice@home1.example' };
    expect(lines(shown(self), shown())).toEqual([]);
    expect(lines(shown(), shown(self))).toEqual([]);
  });
});
