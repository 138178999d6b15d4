import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  belonging,
  belongs,
  type ConferenceEvent,
  type ConferenceState,
  conferenceAfter,
  type Standing,
} from '../../electron/home-network/conference/state.ts';

const NAMES = ['alice', 'bob', 'carol'];
const name = fc.constantFrom(...NAMES);
const key = fc.constantFrom('', 'urn:uuid:1', 'urn:uuid:2');
const missed = fc.constantFrom({ status: 480, reason: 'Temporarily Unavailable' }, { status: 603, reason: 'Decline' });

const event = fc.oneof(
  fc.record({ address: name, isUnknown: fc.boolean(), isBlind: fc.boolean(), isHidden: fc.boolean(), by: fc.option(name) }).map(
    ({ address, isHidden, by, ...rest }): ConferenceEvent => ({
      ...{ kind: 'added', by, now: 0 },
      people: [{ ...rest, address, entity: isHidden ? `hidden-${address}` : address, displayName: '' }],
    }),
  ),
  fc
    .record({ address: name, ringing: fc.constantFrom('dialing-out' as const, 'alerting' as const) })
    .map((each): ConferenceEvent => ({ kind: 'ringing', ...each })),
  fc.record({ address: name, missed: fc.option(missed) }).map((each): ConferenceEvent => ({ kind: 'missed', ...each })),
  fc.record({ address: name, missed }).map((each): ConferenceEvent => ({ kind: 'declined', now: 0, ...each })),
  fc
    .record({ address: name, key })
    .map((each): ConferenceEvent => ({ kind: 'joined', now: 0, endpoint: { entity: each.address, joined: 'dialed-in' }, ...each })),
  fc.record({ address: name, key }).map((each): ConferenceEvent => ({ kind: 'parted', ...each })),
  fc.record({ kind: fc.constantFrom('left' as const, 'removed' as const), address: name, now: fc.constant(0) }),
);

/** what may follow what, and after which event */
const MAY: Readonly<Record<Standing, Readonly<Partial<Record<Standing, readonly ConferenceEvent['kind'][]>>>>> = {
  invited: { member: ['joined'], declined: ['declined', 'left'], removed: ['removed'] },
  member: { left: ['left', 'declined'], removed: ['removed'] },
  declined: { member: ['joined'], invited: ['added'], unknown: ['added'] },
  left: { member: ['joined'], invited: ['added'], unknown: ['added'] },
  removed: { invited: ['added'], unknown: ['added'] },
  unknown: { invited: ['added'], unknown: ['added'] },
};

const about = {
  ...{ id: 'g', uri: 'sip:g@home1.example', conversationId: 'c', contributionId: 'd', subject: null },
  ...{ creator: 'alice', group: null, isClosed: false, createdAt: 0 },
};

it('who is in a group follows from what happened: nobody comes in who was taken out, is in without a session of his, or changes his name', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 40 }), (events) => {
      let state: ConferenceState = { about, people: new Map() };
      for (const one of events) {
        const before = state;
        state = conferenceAfter(state, one);
        expect(conferenceAfter(before, one)).toEqual(state);
        const touched = one.kind === 'added' ? one.people.map(({ address }) => address) : [one.address];
        for (const who of state.people.values()) {
          const was = before.people.get(who.address);
          if (!touched.includes(who.address)) expect(who).toBe(was);
          if (was !== undefined && was.standing !== who.standing) expect(MAY[was.standing][who.standing]).toContain(one.kind);
          if (was !== undefined) expect(who.entity).toBe(was.entity);
          // who is not in has no device there, and nobody rings who is
          if (who.standing !== 'member') expect(who.endpoints.size).toBe(0);
          if (who.endpoints.size > 0 || !belongs(who)) expect(who.ringing).toBeNull();
          if (who.endpoints.size > 0) expect(who.missed).toBeNull();
          // what was blind is told of when he comes
          if (who.standing === 'member') expect(who.isBlind).toBe(false);
        }
        // nobody is forgotten, and those who belong are those who were asked or came
        expect([...before.people.keys()].every((address) => state.people.has(address))).toBe(true);
        expect(belonging(state).every(({ standing }) => standing === 'invited' || standing === 'member')).toBe(true);
      }
    }),
  );
});
