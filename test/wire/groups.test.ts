import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { randomToken } from '../../shared/base/random.ts';
import type { Group, Presence } from '../../shared/model/group.ts';
import { LargePeer } from '../harness/large-peer.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { Capture, captureHindrance } from '../harness/tshark.ts';
import { type Person, type TwoPeople, twoPeople } from '../harness/two-people.ts';
import { Wire } from '../harness/wire.ts';

const hindrance = captureHindrance();
const DOMAIN = 'parley.example';
const CLUB = `sip:climbing-club@${DOMAIN}`;
const OPEN = `sip:open-evening@${DOMAIN}`;
const NAMED = `sip:named-only@${DOMAIN}`;
const FACTORY = `sip:conference-factory@${DOMAIN}`;
const GUESTS = ['carol', 'dave', 'erin', 'frank', 'gina', 'henry'];
const TIMER: (readonly [string, string])[] = [
  ['Session-Expires', '90;refresher=uac'],
  ['Require', 'timer'],
];

const at = (user: string): string => `sip:${user}@${DOMAIN}`;
const INVITE = 'sip.Method=="INVITE" && sip.Accept-Contact contains "oma.cpm.session"';
/** what is common to all INVITEs of clients to groups */
const REFER = 'sip.Method=="REFER"';

interface InGroup {
  readonly person: Person;
  readonly id: number;
}

async function becomes(person: Person, test: (group: Group) => boolean): Promise<InGroup> {
  const { conversationId } = await person.sees('group.changed', test);
  return { person, id: conversationId };
}

const present = (group: Group, name: string, presence: Presence): boolean =>
  group.participants.some(({ address, presence: is }) => address === at(name) && is === presence);

/** Invited to the group of that subject, and in it. */
async function accepts(person: Person, subject: string): Promise<InGroup> {
  const { id } = await becomes(person, (group) => group.subject === subject && group.standing === 'invited');
  await person.call['groups.join']({ conversationId: id });
  return becomes(person, (group) => group.conversationId === id && group.session === 'open');
}

async function says({ person, id }: InGroup, text: string, ...heardBy: readonly InGroup[]): Promise<void> {
  await person.call['messages.sendText']({ conversationId: id, clientId: randomToken(24), text });
  for (const each of heardBy) await each.person.seesMessage((message) => message.text === text && message.direction === 'in');
}

const see = ({ person, id }: InGroup, test: (group: Group) => boolean): Promise<InGroup> =>
  becomes(person, (group) => group.conversationId === id && test(group));

describe.skipIf(hindrance !== null)('groups as tshark sees them', { timeout: 240_000 }, () => {
  const folder = temporaryFolder();
  let wire: Wire;
  let people: TwoPeople;
  /** display filters: what left each of them, and what came */
  const from: Record<string, string> = {};
  const to: Record<string, string> = {};
  /** what a page is told of what did not go */
  const refused: Record<string, unknown> = {};
  const failsAs = async (name: string, work: Promise<unknown>): Promise<void> => {
    refused[name] = await work.then(
      () => 'went',
      (thrown) => thrown.code,
    );
  };

  beforeAll(async () => {
    const capture = await Capture.start(join(folder, 'wire.pcapng'));
    people = await twoPeople(folder, {
      guests: GUESTS,
      accounts: { erin: { maxRecipients: 4 }, gina: { conferenceFactory: at('mallory') } },
      network: {
        groups: [
          { name: 'climbing-club', title: 'Climbing club', members: ['alice', 'bob', 'carol'] },
          { name: 'open-evening', title: 'Open evening', members: [], joinIn: true },
          { name: 'named-only', title: 'Named only', members: [], joinIn: true, refusesAnonymous: true },
        ],
      },
    });
    const [carol, dave, erin, gina] = await Promise.all(['carol', 'dave', 'erin', 'gina'].map((user) => people.device(user, user)));
    const everybody = { alice: people.alice, bob: people.bob, carol, dave, erin, gina } as Record<string, Person>;
    await Promise.all([adHoc(everybody), refreshed(everybody)]);
    await preDefined(everybody);
    await joinIn(everybody);
    await limits(everybody);
    await extended(everybody);
    await people.close();
    wire = await Wire.from(capture, people.networkPort);
    for (const user of Object.keys(everybody)) {
      const [connection] = (await wire.connectionsOf(user)) as [number];
      from[user] = wire.from(connection);
      to[user] = wire.to(connection);
    }
  }, 240_000);
  afterAll(() => people?.close());

  /** Alice begins, adds and removes. */
  async function adHoc({ alice, bob, carol, dave, erin }: Record<string, Person>): Promise<void> {
    const subject = 'Saturday climb';
    const { conversationId } = await (alice as Person).call['groups.create']({ subject, addresses: ['bob', 'carol', 'dave'].map(at) });
    const group: InGroup = { person: alice as Person, id: conversationId };
    const [two, three] = await Promise.all([accepts(bob as Person, subject), accepts(carol as Person, subject)]);
    const asked = await becomes(dave as Person, (each) => each.subject === subject && each.standing === 'invited');
    await (dave as Person).call['groups.decline']({ conversationId: asked.id });
    await see(group, (each) => present(each, 'bob', 'in') && present(each, 'carol', 'in') && present(each, 'dave', 'declined'));
    await says(group, 'Bring two ropes.', two, three);
    await says(three, 'Got one, 60 m.', group, two);
    // one, then several
    const joined = accepts(erin as Person, subject);
    await (alice as Person).call['groups.add']({ conversationId, addresses: [at('erin')] });
    const five = await joined;
    await see(group, (each) => present(each, 'erin', 'in'));
    await (alice as Person).call['groups.add']({ conversationId, addresses: [at('frank'), at('henry')] });
    await see(group, (each) => present(each, 'frank', 'invited') && present(each, 'henry', 'invited'));
    await (alice as Person).call['groups.remove']({ conversationId, entities: [at('bob')] });
    await Promise.all([see(group, (each) => present(each, 'bob', 'removed')), see(two, (each) => each.standing === 'removed')]);
    await (alice as Person).call['groups.remove']({ conversationId, entities: [at('carol'), at('erin')] });
    await Promise.all([see(three, (each) => each.standing === 'removed'), see(five, (each) => each.standing === 'removed')]);
    await (alice as Person).call['groups.leave']({ conversationId });
  }

  /** A focus that asks for a session interval of 90 s. */
  async function refreshed({ gina, bob }: Record<string, Person>): Promise<void> {
    const focus = await LargePeer.start(people.accountOf('mallory'), ['session']);
    const { id } = await (gina as Person).conversationWith(bob as Person);
    await (gina as Person).call['groups.create']({ subject: 'Timed', addresses: [at('carol')], extends: id });
    const contact = ['Contact', `<${focus.sip.contactUri}>;isfocus`] as const;
    focus.accept(await focus.sip.request('INVITE', 15_000), {}, [...TIMER, ['Allow', 'INVITE, ACK, BYE, CANCEL, UPDATE'], contact]);
    const refresh = await focus.sip.request('UPDATE', 60_000);
    focus.sip.answer(refresh, 200, 'OK', { headers: [contact, ...TIMER] });
    focus.obliging();
  }

  /** Alice opens a group that the network has, and takes somebody out of it. */
  async function preDefined({ alice, bob, carol }: Record<string, Person>): Promise<void> {
    const { conversationId } = await (alice as Person).call['groups.joinAddress']({ address: CLUB });
    const group: InGroup = { person: alice as Person, id: conversationId };
    const [two] = await Promise.all([accepts(bob as Person, 'Climbing club'), accepts(carol as Person, 'Climbing club')]);
    await see(group, (each) => present(each, 'bob', 'in') && present(each, 'carol', 'in'));
    await says(group, 'Tuesday as ever', two as InGroup);
    await failsAs('adding to a closed group', (alice as Person).call['groups.add']({ conversationId, addresses: [at('erin')] }));
    // who is in such a group is not theirs to say
    await failsAs('removing from it', (alice as Person).call['groups.remove']({ conversationId, entities: [at('carol')] }));
  }

  /** Alice enters openly and Bob without his name; he asks for others, she asks to have him out. */
  async function joinIn({ alice, bob, carol, dave }: Record<string, Person>): Promise<void> {
    const [one, two, three] = await Promise.all(
      [alice, bob, carol].map(async (person, index) => {
        if (index > 0) await becomes(alice as Person, (group) => group.address === OPEN && group.session === 'open');
        const { conversationId } = await (person as Person).call['groups.joinAddress']({ address: OPEN, anonymous: index === 1 });
        return { person: person as Person, id: conversationId };
      }),
    );
    if (one === undefined || two === undefined || three === undefined) throw new Error('three are in');
    const hidden = (group: Group) => group.participants.filter(({ address, isSelf }) => address === null && !isSelf);
    await see(one, (group) => hidden(group).length === 1 && present(group, 'carol', 'in'));
    await says(one, 'The hall opens at seven', two);
    await two.person.call['groups.add']({ conversationId: two.id, addresses: [at('dave')] });
    await becomes(dave as Person, ({ subject, standing }) => subject === 'Open evening' && standing === 'invited');
    await see(two, (group) => present(group, 'dave', 'invited'));
    await failsAs('removing without a name', two.person.call['groups.remove']({ conversationId: two.id, entities: [at('dave')] }));
    // whoever comes back has the ids of the group
    await three.person.call['groups.leave']({ conversationId: three.id });
    await see(one, (group) => present(group, 'carol', 'left'));
    await three.person.call['groups.join']({ conversationId: three.id });
    await see(one, (group) => present(group, 'carol', 'in'));
    const roster = await one.person.call['groups.read']({ conversationId: one.id });
    const entity = hidden(roster)[0]?.entity as string;
    await failsAs('the one', one.person.call['groups.remove']({ conversationId: one.id, entities: [entity] }));
    await failsAs('and another', one.person.call['groups.remove']({ conversationId: one.id, entities: [entity, at('carol')] }));
    await failsAs('entering without a name', people.bob.call['groups.joinAddress']({ address: NAMED, anonymous: true }));
  }

  /** Erin may have four in a group. */
  async function limits({ erin, bob, carol }: Record<string, Person>): Promise<void> {
    const person = erin as Person;
    const { id } = await person.conversationWith(bob as Person);
    const five = ['alice', 'carol', 'dave', 'frank', 'gina'].map(at);
    await failsAs('five', person.call['groups.create']({ subject: 'Five', addresses: five }));
    await failsAs('five and Bob', person.call['groups.create']({ subject: 'Six', addresses: five, extends: id }));
    const { conversationId } = await person.call['groups.create']({ subject: 'Three', addresses: [at('bob'), at('carol')] });
    await Promise.all([accepts(bob as Person, 'Three'), accepts(carol as Person, 'Three')]);
    await see({ person, id: conversationId }, (group) => present(group, 'bob', 'in') && present(group, 'carol', 'in'));
    await failsAs('two more', person.call['groups.add']({ conversationId, addresses: [at('alice'), at('dave')] }));
  }

  /** A chat of Bob with Dave goes over into a group with Carol. */
  async function extended({ bob, carol, dave }: Record<string, Person>): Promise<void> {
    const [one, two] = [bob as Person, dave as Person];
    await one.call['settings.change']({ preferredMode: 'session' });
    const { id } = await one.conversationWith(two);
    await one.call['messages.sendText']({ conversationId: id, clientId: randomToken(24), text: 'Shall we ask Carol?' });
    await two.seesMessage(({ text }) => text === 'Shall we ask Carol?');
    const { conversationId } = await one.call['groups.create']({ subject: 'With Carol', addresses: [at('carol')], extends: id });
    await accepts(carol as Person, 'With Carol');
    const group: InGroup = { person: one, id: conversationId };
    await see(group, (each) => present(each, 'dave', 'in') && present(each, 'carol', 'in'));
    const there = await becomes(two, (each) => each.subject === 'With Carol' && each.session === 'open');
    await says(group, 'Here she is', there);
  }

  /** every filter selects as many as the first one does, and that is so many */
  const all = async (count: number, filter: string, ...more: readonly string[]): Promise<void> => {
    for (const each of ['sip', ...more]) expect(await wire.count(`${filter} && ${each}`), `${filter} && ${each}`).toBe(count);
  };
  const one = async (filter: string, ...fields: string[]): Promise<string[]> => {
    const [row] = await wire.signalling(filter, ...fields);
    if (row === undefined) throw new Error(`nothing in the capture fits ${filter}`);
    return row;
  };
  /** the first request that fits, and its 200 */
  const answered = async (filter: string) => {
    const [callId, uri] = (await one(filter, 'sip.Call-ID', 'sip.r-uri')) as [string, string];
    const ok = `tcp.srcport==${people.networkPort} && sip.Call-ID=="${callId}" && sip.Status-Code==200 && sip.CSeq.method=="INVITE"`;
    const [contact, contactUri, path] = await one(ok, 'sip.Contact', 'sip.contact.uri', 'sdp.media_attr');
    return { callId, uri, contact: contact ?? '', identity: contactUri ?? '', path: /path:(msrp:[^|\s]+)/.exec(path ?? '')?.[1] ?? '' };
  };
  const spoken = (path: string) => wire.packets(`msrp.method=="SEND" && msrp.to.path contains "${path}"`, 'frame.number');
  /** Service-Route of the registration */
  const serviceRoute = async (user: string): Promise<string> => {
    const [route] = await one(`${to[user]} && sip.Status-Code==200 && sip.CSeq.method=="REGISTER"`, 'sip.Service-Route');
    return /sip:[^;>]+/.exec(route ?? '')?.[0] ?? 'no route';
  };
  const OFFER = ['sdp.media contains "TCP/MSRP"', 'sdp.media_attr contains "accept-types:message/cpim"'];
  const toFactory = () => `${from.alice} && ${INVITE} && sip.r-uri contains "conference-factory" && !sip.to.tag`;

  test('no packet is malformed', async () => {
    expect(await wire.malformed()).toBe(0);
  });

  test('R-GRP-01 R-GRP-02 R-GRP-03 R-GRP-04 R-GRP-07 R-GRP-08 R-GRP-09: a group is made by one INVITE to the factory with a list and an offer', async () => {
    await all(
      1,
      toFactory(),
      'sip.Require contains "recipient-list-invite"',
      `sip.r-uri=="${FACTORY}"`,
      'sip contains "resource-lists"',
      ...OFFER,
    );
    for (const user of ['bob', 'carol', 'dave']) await all(1, toFactory(), `sip contains "uri=\\"${at(user)}\\""`);
    await all(1, toFactory(), 'sdp.media_attr contains "accept-wrapped-types:text/plain"');
  });

  test('R-GRP-10: by the route of the registration', async () => {
    await all(1, toFactory(), `sip.Route contains "${await serviceRoute('alice')}"`);
  });

  test('R-GRP-11 R-GRP-12: the identity is the Contact with isfocus of the 200, and texts go to its path', async () => {
    const { contact, identity, path, uri } = await answered(toFactory());
    expect(contact).toContain(';isfocus');
    expect(identity).not.toBe(uri);
    expect((await spoken(path)).length).toBeGreaterThan(0);
    expect(
      await wire.count(`${from.alice} && sip.Method=="SUBSCRIBE" && sip.Event contains "conference" && sip.r-uri=="${identity}"`),
    ).toBeGreaterThan(0);
  });

  test('R-GRP-05 R-EXT-08: more than may be in a group are not invited', async () => {
    expect([refused.five, refused['five and Bob']]).toEqual(['request.too-many', 'request.too-many']);
    expect(await wire.count(`${from.erin} && ${INVITE} && sip.r-uri contains "conference-factory"`)).toBe(1);
  });

  test('R-GI-01: each NOTIFY of who is in is answered 200', async () => {
    const told = await wire.signalling(
      `${to.alice} && sip.Method=="NOTIFY" && sip.Event contains "conference"`,
      'sip.Call-ID',
      'sip.CSeq.seq',
    );
    expect(told.length).toBeGreaterThan(3);
    for (const [call, sequence] of told)
      expect(
        await wire.count(
          `${from.alice} && sip.Status-Code==200 && sip.Call-ID=="${call}" && sip.CSeq.seq==${sequence} && sip.CSeq.method=="NOTIFY"`,
        ),
      ).toBe(1);
  });

  test('R-GM-01 R-GM-02 R-GM-03 R-GM-04 R-GM-07 R-GM-08 R-GM-09 R-GM-16: one person is added by a REFER to the identity, and it is taken', async () => {
    const { identity } = await answered(toFactory());
    const filter = `${from.alice} && ${REFER} && sip.Refer-To contains "erin" && !(sip.Refer-To contains "BYE")`;
    await all(
      1,
      filter,
      'sip.Accept-Contact contains "oma.cpm.session"',
      'sip.User-Agent contains "CPM-client/OMA"',
      'sip.Allow',
      `sip.r-uri=="${identity}"`,
      `sip.Refer-To contains "<${at('erin')}>"`,
      'sip.Refer-Sub contains "true"',
      'sip.Route',
    );
    const [call, sequence] = await one(filter, 'sip.Call-ID', 'sip.CSeq.seq');
    expect(await wire.count(`${to.alice} && sip.Status-Code==202 && sip.Call-ID=="${call}" && sip.CSeq.seq==${sequence}`)).toBe(1);
  });

  test('R-GM-10 R-GM-11 R-GM-12 R-GM-13: several by one REFER that points to their list', async () => {
    await all(
      1,
      `${from.alice} && ${REFER} && sip.Refer-To contains "cid:" && sip.Refer-Sub contains "true"`,
      'sip.Content-Type contains "resource-lists+xml"',
      'sip.Require contains "multiple-refer"',
      `sip contains "uri=\\"${at('frank')}\\""`,
      `sip contains "uri=\\"${at('henry')}\\""`,
    );
  });

  test('R-GM-32: what became of a REFER is told in the dialog of the group, and answered 200', async () => {
    const { callId } = await answered(toFactory());
    const [refer] = await one(`${from.alice} && ${REFER} && sip.Refer-Sub contains "true" && sip.Refer-To contains "erin"`, 'sip.CSeq.seq');
    const told = await wire.signalling(
      `${to.alice} && sip.Method=="NOTIFY" && sip.Event contains "refer;id=${refer}" && sip.Call-ID=="${callId}"`,
      'sip.CSeq.seq',
    );
    expect(told.length).toBeGreaterThan(1);
    for (const [sequence] of told)
      expect(
        await wire.count(
          `${from.alice} && sip.Status-Code==200 && sip.Call-ID=="${callId}" && sip.CSeq.seq==${sequence} && sip.CSeq.method=="NOTIFY"`,
        ),
      ).toBe(1);
  });

  test('R-GM-14: more than the maximum are not added', async () => {
    expect(refused['two more']).toBe('request.too-many');
    expect(await wire.count(`${from.erin} && ${REFER}`)).toBe(0);
  });

  test('R-GM-17 R-GM-18 R-GM-19 R-GM-20 R-GM-22 R-GM-23 R-GM-24 R-GM-29 R-GM-30 R-GM-31: one person is removed in the dialog of the group', async () => {
    const { callId, identity } = await answered(toFactory());
    const filter = `${from.alice} && ${REFER} && sip.Refer-To contains "bob"`;
    await all(
      1,
      filter,
      `sip.Refer-To contains "<${at('bob')};method=BYE>"`,
      'sip.Accept-Contact contains "oma.cpm.session"',
      'sip.User-Agent contains "CPM-client/OMA"',
      'sip.Allow',
      'sip.Supported contains "timer"',
      'sip.Session-Expires contains "refresher=uac"',
      `sip.Call-ID=="${callId}"`,
      `sip.r-uri=="${identity}"`,
      'sip.Refer-Sub contains "false"',
    );
    const [removed] = await wire.frames(filter);
    expect((await wire.frames(`${to.bob} && sip.Method=="BYE"`)).some((frame) => frame > (removed as number))).toBe(true);
  });

  test('R-GM-26 R-GM-28: several by one REFER that points to their list', async () => {
    await all(
      1,
      `${from.alice} && ${REFER} && sip.Refer-To contains "cid:" && sip.Refer-Sub contains "false" && sip contains "uri=\\"${at('erin')};method=BYE\\""`,
      'sip.Require contains "multiple-refer"',
      'sip.Content-Type contains "resource-lists+xml"',
      `sip contains "uri=\\"${at('carol')};method=BYE\\""`,
      '!(sip contains "copyControl=")',
    );
  });

  describe('a group that the network has', () => {
    const toClub = () => `${from.alice} && ${INVITE} && sip.r-uri contains "climbing-club" && !sip.to.tag`;

    test('R-GRP-13 R-GRP-14 R-GRP-15 R-GRP-16 R-GRP-17 R-GRP-18 R-GRP-19: is opened by one INVITE to its address, without a list', async () => {
      await all(
        1,
        toClub(),
        `sip.r-uri=="${CLUB}"`,
        '!(sip contains "resource-lists")',
        '!(sip.Require contains "recipient-list-invite")',
        ...OFFER,
      );
      await all(1, toClub(), `sip.Route contains "${await serviceRoute('alice')}"`);
    });

    test('R-GRP-20 R-GRP-21: is from then on the Contact of the 200, and texts go to its path', async () => {
      const { identity, path } = await answered(toClub());
      expect(identity).not.toBe(CLUB);
      expect((await spoken(path)).length).toBeGreaterThan(0);
      expect(await wire.count(`${from.alice} && ${REFER} && sip.r-uri=="${identity}"`)).toBe(1);
    });

    test('that is closed is not asked to take somebody in', async () => {
      expect(refused['adding to a closed group']).toBe('group.closed');
      expect(await wire.count(`${from.alice} && ${REFER} && sip.Refer-To contains "erin" && sip.Refer-Sub contains "true"`)).toBe(1);
    });
  });

  describe('a group that one joins', () => {
    const joins = (user: string) => `${from[user]} && ${INVITE} && sip.r-uri contains "open-evening" && !sip.to.tag`;

    test('R-GRP-22 R-GRP-23 R-GRP-24 R-GRP-25 R-GRP-26 R-GRP-29 R-GRP-30 R-GRP-34: is entered by one INVITE to its address', async () => {
      await all(
        1,
        joins('alice'),
        `sip.r-uri=="${OPEN}"`,
        'sip.P-Preferred-Identity',
        'sip.P-Preferred-Service',
        'sip.User-Agent contains "CPM-client/OMA"',
        `sip.Route contains "${await serviceRoute('alice')}"`,
        ...OFFER,
      );
    });

    test('R-GRP-27: without the name', async () => {
      await all(1, joins('bob'), 'sip.Privacy contains "id"', 'sip.from.user=="anonymous"');
      expect(await wire.count(`${joins('alice')} && sip.Privacy`)).toBe(0);
    });

    test('R-GRP-28 R-GM-06: not where it wants names', async () => {
      expect(refused['entering without a name']).toBe('peer.anonymity');
      await all(1, `${from.bob} && ${INVITE} && sip.r-uri contains "named-only" && !sip.to.tag`, 'sip.Privacy contains "id"');
    });

    test('R-GRP-31 R-GRP-33: is watched at the Contact of the 200, and texts go to its path', async () => {
      const { identity, path } = await answered(joins('alice'));
      expect(await wire.count(`${from.alice} && sip.Method=="SUBSCRIBE" && sip.r-uri=="${identity}"`)).toBeGreaterThan(0);
      expect((await spoken(path)).length).toBeGreaterThan(0);
    });

    test('R-GRP-32: has the ids of the 200 from then on, also for who comes back', async () => {
      const { callId, identity } = await answered(joins('carol'));
      const ok = `${to.carol} && sip.Call-ID=="${callId}" && sip.Status-Code==200 && sip.CSeq.method=="INVITE"`;
      const [fields] = await one(ok, 'sip.msg_hdr');
      for (const name of ['Conversation-ID', 'Contribution-ID']) {
        const id = new RegExp(`${name}: ([\\w-]+)`).exec(fields ?? '')?.[1] ?? 'none';
        const again = `${from.carol} && ${INVITE} && !sip.to.tag && (sip.r-uri=="${identity}" || sip.r-uri=="${OPEN}")`;
        expect(await wire.count(`${again} && sip.msg_hdr contains "${name}: ${id}" && sip.Call-ID!="${callId}"`)).toBe(1);
      }
    });

    test('R-GM-05: whoever has no name there adds without one', async () => {
      await all(
        1,
        `${from.bob} && ${REFER} && sip.Refer-To contains "dave" && !(sip.Refer-To contains "BYE")`,
        'sip.Privacy contains "id"',
      );
    });

    test('R-GM-21: and asks without one to remove, which nobody may there', async () => {
      await all(1, `${from.bob} && ${REFER} && sip.Refer-To contains "<${at('dave')};method=BYE>"`, 'sip.Privacy contains "id"');
      expect(refused['removing without a name']).toBe('group.not-allowed');
    });

    test('R-GM-25 R-GM-27: and is known by what the roster calls him', async () => {
      const { identity } = await answered(joins('alice'));
      const refer = `${from.alice} && ${REFER} && sip.r-uri=="${identity}"`;
      const [single] = await one(`${refer} && sip.Refer-To contains ".invalid"`, 'sip.Refer-To');
      const entity = /^<(.+);method=BYE>$/.exec(single ?? '')?.[1] ?? 'nobody';
      expect(await wire.count(`${to.alice} && sip.Method=="NOTIFY" && sip contains "<user entity=\\"${entity}\\""`)).toBeGreaterThan(0);
      await all(
        1,
        `${refer} && sip.Refer-To contains "cid:"`,
        `sip contains "uri=\\"${entity};method=BYE\\""`,
        `sip contains "uri=\\"${at('carol')};method=BYE\\""`,
        'sip.Require contains "multiple-refer"',
      );
    });
  });

  describe('a chat that goes over into a group', () => {
    const toFactory = () => `${from.bob} && ${INVITE} && sip.r-uri contains "conference-factory" && !sip.to.tag`;

    test('R-EXT-01 R-EXT-02 R-EXT-03 R-EXT-04 R-EXT-05 R-EXT-10 R-EXT-11 R-EXT-12: a new INVITE to the factory, with an offer beside the list', async () => {
      await all(
        1,
        toFactory(),
        'sip.User-Agent contains "CPM-client/OMA"',
        'sip.Allow',
        `sip.r-uri=="${FACTORY}"`,
        'sip.Content-Type contains "multipart/mixed"',
        'sdp.media contains "message"',
      );
      const [callId] = await one(toFactory(), 'sip.Call-ID');
      expect(await wire.count(`${to.bob} && sip.Call-ID=="${callId}" && sip.Status-Code==200 && sip.CSeq.method=="INVITE"`)).toBe(1);
      expect(await wire.count(`${from.bob} && ${INVITE} && sip.r-uri contains "dave" && sip.Call-ID=="${callId}"`)).toBe(0);
    });

    test('R-EXT-06 R-EXT-07: the peer stands in it by his GRUU, with the Contribution-ID of the chat', async () => {
      const [fields] = await one(`${from.bob} && ${INVITE} && sip.r-uri contains "dave" && !sip.to.tag`, 'sip.msg_hdr');
      const id = /Contribution-ID: ([\w-]+)/.exec(fields ?? '')?.[1] ?? 'none';
      const [contact] = await one(
        `${to.bob} && sip.Status-Code==200 && sip.CSeq.method=="INVITE" && sip.Contact contains "dave"`,
        'sip.contact.uri',
      );
      expect(contact).toContain(';gr=');
      await all(1, toFactory(), `sip contains "uri=\\"${contact}?Session-Replaces=${id}\\""`);
    });

    test('R-EXT-13 R-EXT-15 R-EXT-16: the identity of the 200 is watched, and texts go to its path', async () => {
      const { identity, path, contact } = await answered(toFactory());
      expect(contact).toContain(';isfocus');
      expect(
        await wire.count(`${from.bob} && sip.Method=="SUBSCRIBE" && sip.Event contains "conference" && sip.r-uri=="${identity}"`),
      ).toBeGreaterThan(0);
      expect((await spoken(path)).length).toBeGreaterThan(0);
    });

    test('R-EXT-14: at half of the 90 s in the answer the session is refreshed', async () => {
      const ok = `${to.gina} && sip.Status-Code==200 && sip.CSeq.method=="INVITE" && sip.Session-Expires contains "90"`;
      const [callId, answeredAt] = await one(ok, 'sip.Call-ID', 'frame.time_epoch');
      const [refreshedAt] = await one(`${from.gina} && sip.Method=="UPDATE" && sip.Call-ID=="${callId}"`, 'frame.time_epoch');
      expect(Math.round(Number(refreshedAt) - Number(answeredAt))).toBeGreaterThanOrEqual(44);
    });
  });
});
