import { describe, expect, test } from 'vitest';
import type { ServiceContext } from '../../../../electron/services/context.ts';
import { addParticipants, type ReferGroup, removeParticipants } from '../../../../electron/services/groups/participants.ts';
import type { FinalAnswer, Header, Notification, ReferRequest } from '../../../../electron/sip/port.ts';
import { fromUtf8, utf8 } from '../../../../shared/base/bytes.ts';
import { Emitter } from '../../../../shared/base/emitter.ts';
import type { Participant, Presence } from '../../../../shared/model/group.ts';
import { decodeResourceLists } from '../../../../shared/protocol/lists/resource-lists.ts';
import { headerOf, sipExample } from '../../../vectors/example.ts';
import { ALICE, finalAnswer } from './stage.ts';

const [BOB, CAROL, DAVE, ERIN] = [
  'sip:bob@home2.example',
  'sip:carol@home1.example',
  'sip:dave@home2.example',
  'sip:erin@home1.example',
] as const;
const ANONYMOUS = 'sip:anonymous3@anonymous.invalid';

function participant(entity: string, presence: Presence = 'in'): Participant {
  const address = entity.endsWith('.invalid') ? null : entity;
  return { entity, address, name: entity, presence, isSelf: entity === ALICE, roles: [], blocked: false };
}

interface Sent {
  readonly request: ReferRequest;
  notify(line: string): void;
  header(name: string): string | null;
}

/** A group of Alice and Bob in which the focus answers what the test says; 202 where it says nothing. */
function world(change: Partial<ReferGroup> = {}, answers: (number | FinalAnswer)[] = []) {
  const sent: Sent[] = [];
  const log: string[] = [];
  const refer = (request: ReferRequest) => {
    const notified = new Emitter<Notification>();
    sent.push({
      request,
      notify: (line) => notified.emit({ contentType: 'message/sipfrag;version=2.0', body: utf8(`${line}\r\n`) }),
      header: (name) => request.headers.find((each: Header) => each.name === name)?.value ?? null,
    });
    const answer = answers.shift() ?? 202;
    return {
      answer: Promise.resolve(typeof answer === 'number' ? finalAnswer(answer) : answer),
      onNotify: (listener: (notification: Notification) => void) => notified.on(listener),
      onEnded: () => () => undefined,
    };
  };
  const group: ReferGroup = {
    dialog: { refer },
    participants: [participant(ALICE), participant(BOB), participant(CAROL, 'left')],
    limit: 10,
    closed: false,
    anonymous: false,
    ...change,
  };
  const context = { account: { address: ALICE }, log: (line: string) => void log.push(line) } as unknown as ServiceContext;
  const told: string[] = [];
  return {
    sent,
    log,
    told,
    only: (): Sent => {
      expect(sent).toHaveLength(1);
      return sent[0] as Sent;
    },
    add: (...addresses: string[]) =>
      addParticipants(context, group, addresses, ({ address, presence }) => told.push(`${address} ${presence}`)),
    remove: (...entities: string[]) => removeParticipants(context, group, entities),
  };
}

const SHARED = ['Accept-Contact', 'P-Preferred-Identity', 'Refer-Sub', 'Supported'];

describe('adding', () => {
  test('R-GM-02 R-GM-08 R-GM-09: one person is F10-01', async () => {
    const { add, only } = world();
    await add(ERIN);
    const example = sipExample('F10-01.sip');
    for (const name of [...SHARED, 'Refer-To']) expect(only().header(name)).toBe(headerOf(example, name));
    expect([only().header('Require'), only().request.body.length, only().request.contentType]).toEqual([null, 0, '']);
  });

  test('R-GM-10 R-GM-11 R-GM-12 R-GM-13: several are F10-07, in one request', async () => {
    const { add, only } = world();
    await add(DAVE, ERIN, ERIN);
    const example = sipExample('F10-07.sip');
    for (const name of [...SHARED, 'Require', 'Content-Disposition']) expect(only().header(name)).toBe(headerOf(example, name));
    expect(only().request.contentType).toBe(headerOf(example, 'Content-Type'));
    expect(fromUtf8(only().request.body)).toBe(fromUtf8(example.body));
    const id = /^<cid:([^>@]+@home1\.example)>$/.exec(only().header('Refer-To') ?? '')?.[1];
    expect(only().header('Content-ID')).toBe(`<${id}>`);
  });

  test('R-GM-05: says nothing of who asks, where they joined without a name', async () => {
    const { add, only } = world({ anonymous: true });
    await add(ERIN);
    expect(only().header('Privacy')).toBe('id');
  });

  test('R-GM-14 R-GM-15: beyond the maximum nobody is asked for; who is in already, or rings, is not counted twice', async () => {
    const { add, sent } = world({ limit: 3, participants: [participant(ALICE), participant(BOB, 'invited'), participant(CAROL, 'left')] });
    await expect(add(DAVE, ERIN)).rejects.toMatchObject({ code: 'request.too-many' });
    expect(sent).toEqual([]);
    await add(BOB, DAVE);
    expect(sent.map((each) => each.header('Refer-To'))).toEqual([`<${DAVE}>`]);
  });

  test('of nobody but those who are in asks for nothing', async () => {
    const { add, sent } = world();
    await add(BOB);
    expect(sent).toEqual([]);
  });

  test('is not asked of a closed group', async () => {
    const { add, sent } = world({ closed: true });
    await expect(add(ERIN)).rejects.toMatchObject({ code: 'group.closed' });
    expect(sent).toEqual([]);
  });

  test('R-GM-33: what becomes of it is told as far as the focus tells it', async () => {
    const { add, only, told, log } = world();
    await add(ERIN);
    for (const line of ['SIP/2.0 100 Trying', 'nonsense', 'SIP/2.0 180 Ringing', 'SIP/2.0 200 OK']) only().notify(line);
    expect(told).toEqual([`${ERIN} invited`, `${ERIN} invited`, `${ERIN} in`]);
    expect(log).toHaveLength(1);
  });

  test.each([
    ['603 Decline', 'declined'],
    ['600 Busy Everywhere', 'declined'],
    ['486 Busy Here', 'not-reached'],
    ['480 Gone', 'not-reached'],
    ['408 Timeout', 'not-reached'],
    ['202 Accepted', 'invited'],
  ])('that ends with %s: %s', async (line, presence) => {
    const { add, only, told } = world();
    await add(ERIN);
    only().notify(`SIP/2.0 ${line}`);
    expect(told).toEqual([`${ERIN} ${presence}`]);
  });

  test('several at a focus that takes no list is one by one', async () => {
    const { add, sent } = world({}, [420]);
    await add(DAVE, ERIN);
    expect(sent.map((each) => each.header('Refer-To')?.replace(/cid:.*/, 'cid:'))).toEqual(['<cid:', `<${DAVE}>`, `<${ERIN}>`]);
    expect(sent.map((each) => each.header('Require'))).toEqual(['multiple-refer', null, null]);
  });

  const warned = (text: string) => finalAnswer(403, [{ name: 'Warning', value: `399 home1.example "${text}"` }]);
  test.each([
    [404, 'group.over'],
    [410, 'group.over'],
    [481, 'group.not-member'],
    [486, 'request.too-many'],
    [403, 'group.not-allowed'],
    [405, 'group.not-allowed'],
    [501, 'group.not-allowed'],
    [603, 'group.not-allowed'],
    [408, 'peer.timeout'],
    [503, 'link.server'],
    [warned('at most 4 participants'), 'request.too-many'],
    [warned('The group is closed'), 'group.closed'],
    [warned('Anonymity not allowed'), 'peer.anonymity'],
    [warned('127 Service not authorised'), 'group.not-member'],
  ])('that is refused by %j fails with %s', async (answer, code) => {
    const { add } = world({}, [answer]);
    await expect(add(ERIN)).rejects.toMatchObject({ code });
  });
});

describe('removing', () => {
  const group = { participants: [participant(ALICE), participant(DAVE), participant(ERIN), participant(ANONYMOUS)] };

  test('R-GM-17 R-GM-18 R-GM-22 R-GM-23 R-GM-29 R-GM-30: one person is F10-09', async () => {
    const { remove, only } = world(group);
    await remove(DAVE);
    const example = sipExample('F10-09.sip');
    for (const name of [...SHARED, 'Refer-To', 'Session-Expires']) expect(only().header(name)).toBe(headerOf(example, name));
  });

  test('R-GM-26 R-GM-28: several are F10-11, nobody of whom gets a copy of anything', async () => {
    const { remove, only } = world(group);
    await remove(DAVE, ERIN);
    const example = sipExample('F10-11.sip');
    for (const name of [...SHARED, 'Require', 'Content-Disposition', 'Session-Expires'])
      expect(only().header(name)).toBe(headerOf(example, name));
    expect(decodeResourceLists(only().request.body)).toEqual(decodeResourceLists(example.body));
  });

  test('R-GM-25 R-GM-27: somebody anonymous goes by what the roster calls him', async () => {
    const { remove, only } = world(group);
    await remove(ANONYMOUS);
    expect(only().header('Refer-To')).toBe(`<${ANONYMOUS};method=BYE>`);
    const several = world(group);
    await several.remove(ANONYMOUS, DAVE);
    expect(decodeResourceLists(several.only().request.body).entries.map(({ uri }) => uri)).toEqual([
      `${ANONYMOUS};method=BYE`,
      `${DAVE};method=BYE`,
    ]);
  });

  test('R-GM-21: says nothing of who asks, where they joined without a name', async () => {
    const { remove, only } = world({ ...group, anonymous: true });
    await remove(DAVE);
    expect(only().header('Privacy')).toBe('id');
  });

  test.each([
    [BOB, 'request.not-found'],
    [DAVE.toUpperCase(), 'request.not-found'],
    [ALICE, 'request.invalid'],
  ])('%s fails with %s before anything leaves', async (entity, code) => {
    const { remove, sent } = world(group);
    await expect(remove(DAVE, entity)).rejects.toMatchObject({ code });
    expect(sent).toEqual([]);
  });
});
