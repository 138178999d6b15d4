import { describe, expect, it } from 'vitest';
import type { HomeNetworkOptions } from '../../../../electron/home-network/index.ts';
import { header, type SipRequest, type SipResponse } from '../../../../shared/protocol/sip/message.ts';
import { at, FACTORY, GroupDevice, groupNetwork, IDS, wait } from './group-device.ts';

/** Alice's group of three, all in. */
async function group(options: Partial<HomeNetworkOptions> = {}, lines: readonly string[] = []) {
  const network = await groupNetwork({ timing: { comeback: 50 }, ...options });
  const [alice, bob, carol, dave] = await GroupDevice.all(network, ['alice', 'bob', 'carol', 'dave']);
  await alice.enter(alice.groupInvite(FACTORY, [at('bob'), at('carol')], IDS, lines));
  await bob.accept(await bob.invited());
  await carol.accept(await carol.invited());
  return { network, alice, bob, carol, dave, identity: alice.identity };
}

type Fields = readonly (readonly [string, string])[];
/** F10-07 and F10-11: a list of people, by its Content-ID. */
const list = (entries: readonly string[], extra: Fields = []): { headers: Fields; body: string } => ({
  headers: [
    ['Refer-To', '<cid:5300ca7f33d6@home1.example>'],
    ['Require', 'multiple-refer'],
    ['Content-Disposition', 'recipient-list'],
    ['Content-ID', '<5300ca7f33d6@home1.example>'],
    ['Content-Type', 'application/resource-lists+xml'],
    ...extra,
  ],
  body: `<?xml version="1.0" encoding="UTF-8"?><resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists"><list>${entries
    .map((uri) => `<entry uri="${uri}"/>`)
    .join('')}</list></resource-lists>`,
});
const statusAndWarning = (response: SipResponse) => [response.status, header(response, 'Warning')];
const lastWords = (texts: readonly string[]) => texts.map((text) => text.split('\r\n').at(-1));

describe('adding people to a group by REFER', () => {
  it('one: 202, progress until he is in, and the group in his invitation', async () => {
    const { alice, dave, identity } = await group();
    const answer = await alice.inside('REFER', {
      headers: [
        ['Refer-To', `<${at('dave')}>`],
        ['Refer-Sub', 'true'],
      ],
    });
    expect([answer.status, header(answer, 'Refer-Sub')]).toEqual([202, 'true']);
    expect(header(answer, 'Contact')).toContain(identity);
    expect(await alice.report()).toBe('refer;id=2 active;expires=180 SIP/2.0 100 Trying');
    const invite = await dave.invited();
    expect([header(invite, 'Referred-By'), ...IDS.map(([name]) => header(invite, name))]).toEqual([
      `<${at('alice')}>`,
      ...IDS.map(([, value]) => value),
    ]);
    await dave.accept(invite);
    expect(await alice.report()).toBe('refer;id=2 terminated;reason=noresource SIP/2.0 200 OK');
    await alice.say('welcome');
    await expect.poll(() => lastWords(dave.heard), wait).toEqual(['welcome']);
  });

  it.each([
    ['Refer-Sub: false', [['Refer-Sub', 'false']]],
    ['Require: norefersub', [['Require', 'norefersub']]],
  ] as const)('with %s nobody is told how it goes', async (_, wish) => {
    const { alice, dave } = await group();
    const answer = await alice.inside('REFER', { headers: [['Refer-To', `<${at('dave')}>`], ...wish] });
    expect([answer.status, header(answer, 'Refer-Sub')]).toEqual([202, 'false']);
    await dave.accept(await dave.invited());
    expect(alice.sip.inbox).toEqual([]);
  });

  it('what becomes of it is told: declined, not reached, nobody here', async () => {
    const { alice, dave } = await group();
    const last = async (): Promise<string> => {
      await alice.report();
      return (await alice.report()).replace(/^.*SIP\/2\.0 /, '');
    };
    await alice.inside('REFER', { headers: [['Refer-To', `<${at('dave')}>`]] });
    dave.sip.answer(await dave.invited(), 603, 'Decline');
    expect(await last()).toBe('603 Decline');
    await alice.inside('REFER', { headers: [['Refer-To', `<${at('dave')}>`]] });
    dave.sip.answer(await dave.invited(), 486, 'Busy Here');
    expect(await last()).toBe('486 Busy Here');
    await alice.inside('REFER', { headers: [['Refer-To', '<sip:zoe@elsewhere.example>']] });
    expect(await last()).toBe('404 Not Found');
    // who is in already
    await alice.inside('REFER', { headers: [['Refer-To', `<${at('bob')}>`]] });
    expect(await last()).toBe('200 OK');
  });

  it('several by one request with a list; of a list nobody is told how it goes', async () => {
    const { network, alice, dave, identity } = await group();
    const [erin] = await GroupDevice.all(network, ['erin']);
    await alice.subscribe(identity);
    const answer = await alice.inside('REFER', list([at('dave'), at('erin'), at('dave')], [['Refer-Sub', 'true']]));
    expect([answer.status, header(answer, 'Refer-Sub')]).toEqual([202, 'false']);
    await dave.accept(await dave.invited());
    await erin.accept(await erin.invited());
    await alice.untilRoster({ dave: 'connected dialed-out', erin: 'connected dialed-out' });
  });

  it('a member may do it outside of his dialog too', async () => {
    const { bob, dave, identity } = await group();
    const refer = bob.sip.build('REFER', identity, {
      headers: [
        ['Contact', `<${bob.gruu}>`],
        ['Refer-To', `<${at('dave')}>`],
      ],
    });
    bob.sip.send(refer);
    expect((await bob.sip.final(refer)).status).toBe(202);
    expect(await bob.report()).toContain('100 Trying');
    await dave.accept(await dave.invited());
    expect(await bob.report()).toBe('refer;id=1 terminated;reason=noresource SIP/2.0 200 OK');
  });

  it.each([
    [400, 'two Refer-To', [['Refer-To', `<${at('dave')}>, <${at('erin')}>`]]],
    [400, 'none', []],
    [400, 'another method', [['Refer-To', `<${at('dave')};method=SUBSCRIBE>`]]],
    [400, 'a list that is not there', [['Refer-To', '<cid:nothing@home1.example>']]],
    [400, 'nonsense', [['Refer-To', '<dave>']]],
    [
      420,
      'an extension that is unknown',
      [
        ['Refer-To', `<${at('dave')}>`],
        ['Require', 'tdialog'],
      ],
    ],
    [404, 'the removal of nobody who is there', [['Refer-To', `<${at('dave')};method=BYE>`]]],
  ] as const)('refuses with %i %s', async (status, _, headers) => {
    const { alice, dave } = await group();
    expect((await alice.inside('REFER', { headers })).status).toBe(status);
    expect(dave.sip.inbox).toEqual([]);
  });

  it('refuses a list that is none, and strangers', async () => {
    const { alice, dave, identity } = await group();
    const broken = { ...list([]), body: '<resource-lists' };
    expect((await alice.inside('REFER', broken)).status).toBe(400);
    const refer = (uri: string): SipRequest =>
      dave.sip.build('REFER', uri, {
        headers: [
          ['Contact', `<${dave.gruu}>`],
          ['Refer-To', `<${at('dave')}>`],
        ],
      });
    for (const [uri, status] of [
      [identity, 403],
      ['sip:cpm-conf-none@home1.example', 404],
      [at('alice'), 481],
    ] as const) {
      const request = refer(uri);
      dave.sip.send(request);
      expect((await dave.sip.final(request)).status).toBe(status);
    }
  });

  it('R-V20-14: refuses what would make it larger than it may be, and whom a closed group does not take', async () => {
    const { alice, bob, dave } = await group({ conferences: { maxUsers: 4 } });
    expect(statusAndWarning(await bob.back('REFER', list([at('dave'), at('erin')]).headers, list([at('dave'), at('erin')]).body))).toEqual([
      403,
      '399 home1.example "at most 4 participants"',
    ]);
    expect((await alice.inside('REFER', list([at('dave')]))).status).toBe(202);
    await dave.invited();
    const closed = ['a=chatroom:org.3gpp.urn%3Aurn-7%3A3gpp-application.ims.iari.rcs.closedgroupchat'];
    const other = await group({}, closed);
    expect(statusAndWarning(await other.alice.inside('REFER', list([at('dave')])))).toEqual([
      403,
      '399 home1.example "The group is closed"',
    ]);
    expect(other.dave.sip.inbox).toEqual([]);
  });
});

describe('taking people out of a group by REFER', () => {
  it.each([
    ['by a parameter', `<${at('carol')};method=BYE>`],
    ['by a header', `<${at('carol')}?method=BYE>`],
  ])('one, %s: he gets BYE, can neither speak nor come back, and the others are told', async (_, referTo) => {
    const { alice, bob, carol, identity } = await group();
    await alice.subscribe(identity);
    await carol.subscribe(identity);
    const answer = await alice.inside('REFER', {
      headers: [
        ['Refer-To', referTo],
        ['Refer-Sub', 'false'],
      ],
    });
    expect([answer.status, header(answer, 'Refer-Sub')]).toEqual([202, 'false']);
    expect(header(await carol.ended(), 'Reason')).toBe('SIP;cause=403;text="Removed from the group"');
    await alice.untilRoster({ carol: 'disconnected booted' });
    await carol.untilRoster({ carol: 'disconnected booted' });
    await expect(carol.say('still here')).rejects.toMatchObject({ code: expect.stringMatching(/^msrp\./) });
    await carol.newSession();
    const again = await carol.enter(carol.groupInvite(identity, null));
    expect(statusAndWarning(again)).toEqual([403, '399 home1.example "127 Service not authorised"']);
    // nor by way of the factory
    expect((await carol.enter(carol.groupInvite(FACTORY, [at('alice')], IDS))).status).toBe(403);
    expect((await carol.subscribe(identity)).status).toBe(403);
    await alice.say('among us');
    await expect.poll(() => lastWords(bob.heard), wait).toEqual(['among us']);
    expect(carol.heard).toEqual([]);
    // who is asked again is in again
    await alice.inside('REFER', { headers: [['Refer-To', `<${at('carol')}>`]] });
    await carol.accept(await carol.invited());
    await alice.say('back');
    await expect.poll(() => lastWords(carol.heard), wait).toEqual(['back']);
  });

  it('several at once', async () => {
    const { alice, bob, carol } = await group();
    const answer = await alice.inside('REFER', list([`${at('bob')};method=BYE`, `${at('carol')}?method=BYE`], [['Refer-Sub', 'false']]));
    expect(answer.status).toBe(202);
    for (const device of [bob, carol]) expect(header(await device.ended(), 'Reason')).toContain('cause=403');
  });

  it('is for the one who has begun it; once that one has gone for everybody; or for everybody, where the operator says so', async () => {
    const { alice, bob, carol } = await group();
    const refer: Fields = [['Refer-To', `<${at('carol')};method=BYE>`]];
    expect(statusAndWarning(await bob.back('REFER', refer))).toEqual([
      403,
      '399 home1.example "Only who has begun the group removes people"',
    ]);
    await alice.inside('BYE', { headers: [['Reason', 'SIP;cause=200;text="Call completed"']] });
    expect((await bob.back('REFER', refer)).status).toBe(202);
    await carol.ended();
    const other = await group({ conferences: { removal: 'everybody' } });
    expect((await other.bob.back('REFER', [['Refer-To', `<${at('alice')};method=BYE>`]])).status).toBe(202);
    await other.alice.ended();
  });

  it('an operator may have a group end that has too few people: all are told, and nothing of it is left', async () => {
    const { alice, bob, carol, identity } = await group({ conferences: { endsBelow: 2 } });
    await alice.subscribe(identity);
    await carol.back('BYE', [['Reason', 'SIP;cause=200;text="Call completed"']]);
    await alice.inside('REFER', {
      headers: [
        ['Refer-To', `<${at('bob')};method=BYE>`],
        ['Refer-Sub', 'false'],
      ],
    });
    await bob.ended();
    expect(header(await alice.ended(), 'Reason')).toBe('SIP;cause=410;text="The group is over"');
    let last = await alice.roster();
    while (!last.state.startsWith('terminated')) last = await alice.roster();
    expect([last.state, last.info.state]).toEqual(['terminated;reason=noresource', 'deleted']);
    await alice.newSession();
    expect((await alice.enter(alice.groupInvite(identity, null))).status).toBe(404);
  });
});
