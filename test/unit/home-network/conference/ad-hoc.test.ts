import { describe, expect, it } from 'vitest';
import { fromUtf8 } from '../../../../shared/base/bytes.ts';
import { header } from '../../../../shared/protocol/sip/message.ts';
import { at, FACTORY, GroupDevice, groupNetwork, IDS, rosterOf, wait } from './group-device.ts';

const TIMING = { timing: { comeback: 50 } };

describe('an ad-hoc group', () => {
  it('R-GRP-01 R-GRP-11: is made at the factory, its people are asked, and what one says the others hear', async () => {
    const network = await groupNetwork();
    const [alice, bob, carol] = await GroupDevice.all(network, ['alice', 'bob', 'carol']);
    const ok = await alice.enter(alice.groupInvite(FACTORY, [at('bob'), at('carol'), at('dave')], IDS));
    expect(ok.status).toBe(200);
    expect(alice.identity).toMatch(/^sip:cpm-conf-[\w-]+@home1\.example$/);
    const [toBob, toCarol] = [await bob.invited(), await carol.invited()];
    expect(header(toBob, 'Contact')).toContain(`<${alice.identity}>;isfocus`);
    await bob.accept(toBob);
    carol.sip.answer(toCarol, 603, 'Decline');
    await alice.say('one');
    await expect.poll(() => bob.heard, wait).toHaveLength(1);
    expect(bob.heard[0]).toMatch(/^From: "Alice" <sip:alice@home1\.example>\r\nTo: <sip:bob@home1\.example>\r\n/);

    expect((await alice.subscribe(alice.identity)).status).toBe(200);
    const { info } = await alice.roster();
    expect(info).toMatchObject({
      ...{ entity: alice.identity, state: 'full', version: 1, subject: 'Saturday climb', maximumUserCount: 500, active: true },
    });
    await alice.untilRoster({ carol: 'disconnected failed' }, info);
    expect(rosterOf(alice)).toEqual({
      alice: 'connected dialed-in',
      bob: 'connected dialed-out',
      carol: 'disconnected failed',
      dave: 'pending',
    });
    expect(info.users?.list.filter(({ isOwn }) => isOwn).map(({ entity }) => entity)).toEqual([at('alice')]);
    expect(info.users?.list.map(({ roles }) => roles)).toEqual([['administrator'], [], [], []]);
  });

  it('has no more people than the operator lets it; of 501 nobody is asked', async () => {
    const network = await groupNetwork();
    const [alice, bob] = await GroupDevice.all(network, ['alice', 'bob']);
    const names = [at('bob'), ...Array.from({ length: 499 }, (_, n) => `sip:u${n}@elsewhere.example`)];
    const refused = await alice.enter(alice.groupInvite(FACTORY, names));
    expect([refused.status, header(refused, 'Warning')]).toEqual([403, '399 home1.example "at most 500 participants"']);
    // one less is taken, who is nobody here is told of
    expect((await alice.enter(alice.groupInvite(FACTORY, names.slice(0, -1)))).status).toBe(200);
    await bob.invited();
    expect(bob.sip.inbox.filter((message) => message.kind === 'request' && message.method === 'INVITE')).toEqual([]);
    await alice.subscribe(alice.identity);
    const { info } = await alice.roster();
    expect(info.users?.list.length).toBe(500);
    expect(info.users?.list[2]?.endpoints[0]).toMatchObject({ status: 'disconnected', disconnectionMethod: 'failed' });
  });

  it.each([
    [400, 'no list', (alice: GroupDevice) => alice.groupInvite(FACTORY, null)],
    [400, 'a list of nobody but its sender', (alice: GroupDevice) => alice.groupInvite(FACTORY, [at('alice')])],
    [400, 'a list that cannot be read', (alice: GroupDevice) => alice.groupInvite(FACTORY, ['<entry uri="sip:bob@home1.example">'])],
    [400, 'an address that is none', (alice: GroupDevice) => alice.groupInvite(FACTORY, ['bob'])],
    [420, 'an extension that is unknown', (alice: GroupDevice) => alice.groupInvite(FACTORY, [at('bob')], [['Require', 'precondition']])],
    [422, 'too short a time', (alice: GroupDevice) => alice.groupInvite(FACTORY, [at('bob')], [['Session-Expires', '10;refresher=uac']])],
    [
      488,
      'no place for messages',
      (alice: GroupDevice) => alice.groupInvite(FACTORY, [at('bob')], [], ['a=file-selector:name:"x" type:a/b size:1']),
    ],
    [403, 'a group that nobody has told it of', (alice: GroupDevice, identity: string) => alice.groupInvite(identity, null)],
    [404, 'a group that is none', (alice: GroupDevice) => alice.groupInvite('sip:cpm-conf-none@home1.example', null)],
  ] as const)('refuses with %i %s, and nobody is asked', async (status, _, make) => {
    const network = await groupNetwork();
    const [alice, bob, dave] = await GroupDevice.all(network, ['alice', 'bob', 'dave']);
    await dave.enter(dave.groupInvite(FACTORY, [at('erin')]));
    const invite = make(alice, dave.identity);
    expect((await alice.enter(invite)).status).toBe(status);
    expect(bob.sip.inbox).toEqual([]);
  });

  it('a CANCEL while it is made is answered, and the same ids can be used again', async () => {
    const network = await groupNetwork();
    const [alice] = await GroupDevice.all(network, ['alice']);
    const invite = alice.groupInvite(FACTORY, [at('bob')], IDS);
    alice.sip.send(invite);
    alice.sip.send({ ...alice.cancelOf(invite) });
    const { status } = await alice.sip.final(invite);
    // whichever came first
    expect([200, 487]).toContain(status);
    await alice.newSession();
    const again = await alice.enter(alice.groupInvite(FACTORY, [at('bob')], IDS));
    expect(header(again, 'Contribution-ID')).toBe(IDS[1][1]);
  });
});

describe('who is in a group', () => {
  /** Alice's group of three, all in. */
  async function group() {
    const network = await groupNetwork(TIMING);
    const [alice, bob, carol] = await GroupDevice.all(network, ['alice', 'bob', 'carol']);
    await alice.enter(alice.groupInvite(FACTORY, [at('bob'), at('carol')], IDS));
    await bob.accept(await bob.invited());
    await carol.accept(await carol.invited());
    return { network, alice, bob, carol, identity: alice.identity };
  }

  it('comes back by an INVITE to its identity, with the same ids, and hears what was said meanwhile, once', async () => {
    const { alice, bob, identity } = await group();
    await bob.back('BYE');
    await alice.say('meanwhile');
    // he has no session, so he is asked; he comes by himself
    const asked = await bob.invited();
    bob.sip.answer(asked, 180, 'Ringing');
    await bob.newSession();
    const ok = await bob.enter(bob.groupInvite(identity, null));
    expect([ok.status, ...IDS.map(([name]) => header(ok, name))]).toEqual([200, ...IDS.map(([, value]) => value)]);
    expect(bob.identity).toBe(identity);
    const cancel = await bob.sip.request('CANCEL');
    expect([header(cancel, 'Call-ID'), header(cancel, 'Reason')]).toEqual([
      header(asked, 'Call-ID'),
      'SIP;cause=200;text="Call completed elsewhere"',
    ]);
    await expect.poll(() => bob.heard, wait).toHaveLength(1);
    await bob.say('again');
    await expect.poll(() => alice.heard.map((text) => text.split('\r\n').at(-1)), wait).toEqual(['again']);
  });

  it('a known Contribution-ID at the factory is the same group, and who is new on the list is asked to it', async () => {
    const { alice, bob, identity, network } = await group();
    const [dave] = await GroupDevice.all(network, ['dave']);
    await bob.back('BYE');
    await bob.newSession();
    const ok = await bob.enter(bob.groupInvite(FACTORY, [at('alice'), at('carol'), at('dave')], IDS));
    expect([ok.status, bob.identity]).toEqual([200, identity]);
    expect(header(await dave.invited(), 'Referred-By')).toBe('<sip:bob@home1.example>');
    await bob.say('still here');
    await expect.poll(() => alice.heard, wait).toHaveLength(1);
    // and nobody takes it over who is not in it
    const [erin] = await GroupDevice.all(network, ['erin']);
    const refused = await erin.enter(erin.groupInvite(FACTORY, [at('alice')], IDS));
    expect([refused.status, header(refused, 'Warning')]).toEqual([403, '399 home1.example "127 Service not authorised"']);
  });

  it('leaves with all devices by BYE with cause 200, hears nothing more, and may come back', async () => {
    const { network, alice, bob, identity } = await group();
    const other = await GroupDevice.of(network, 'bob');
    await other.enter(other.groupInvite(identity, null));
    await alice.subscribe(identity);
    await alice.untilRoster({ bob: 'connected dialed-out, connected dialed-in' });
    await other.inside('BYE', { headers: [['Reason', 'SIP;cause=200;text="Call completed"']] });
    expect(header(await bob.ended(), 'Reason')).toBe('SIP;cause=200;text="Call completed"');
    await alice.untilRoster({ bob: 'disconnected departed' });
    await alice.say('without him');
    await bob.newSession();
    expect((await bob.enter(bob.groupInvite(identity, null))).status).toBe(200);
    await alice.untilRoster({ bob: 'connected dialed-in' });
    await alice.say('with him');
    await expect.poll(() => bob.heard.map((text) => text.split('\r\n').at(-1)), wait).toEqual(['with him']);
  });

  it('a BYE without a reason ends one session; its person is asked when somebody speaks, and 603 then is a leave', async () => {
    const { alice, bob, identity } = await group();
    await alice.subscribe(identity);
    await bob.back('BYE');
    await alice.untilRoster({ bob: 'on-hold' });
    await alice.say('anybody?');
    bob.sip.answer(await bob.invited(), 603, 'Decline');
    await alice.untilRoster({ bob: 'disconnected departed' });
  });

  it('who was away when it was made is asked as soon as a device registers, and has all that was said, in order', async () => {
    const { network, alice, identity } = await group();
    const answer = await alice.inside('REFER', { headers: [['Refer-To', `<${at('dave')}>`]] });
    expect(answer.status).toBe(202);
    expect(await alice.report()).toBe('refer;id=2 active;expires=180 SIP/2.0 100 Trying');
    expect(await alice.report()).toBe('refer;id=2 terminated;reason=noresource SIP/2.0 202 Accepted');
    for (const text of ['1', '2', '3']) await alice.say(text);
    const dave = await GroupDevice.of(network, 'dave');
    const invite = await dave.invited();
    expect(header(invite, 'Contact')).toContain(identity);
    await dave.accept(invite);
    await expect.poll(() => dave.heard.map((text) => text.split('\r\n').at(-1)), wait).toEqual(['1', '2', '3']);
  });

  it('a member comes back on another connection and is asked where something waits that it has not fetched', async () => {
    const { network, alice, bob } = await group();
    await bob.back('BYE');
    await bob.sip.close();
    await alice.say('while away');
    const again = await GroupDevice.of(network, 'bob', bob.sip.instance);
    const invite = await again.invited();
    await again.accept(invite);
    await expect.poll(() => again.heard, wait).toHaveLength(1);
  });

  it('several devices of one who is asked: the first that takes it has it, the others are told, and may come by themselves', async () => {
    const network = await groupNetwork(TIMING);
    const [alice, bob] = await GroupDevice.all(network, ['alice', 'bob']);
    const other = await GroupDevice.of(network, 'bob');
    await alice.enter(alice.groupInvite(FACTORY, [at('bob')]));
    const [one, two] = [await bob.invited(), await other.invited()];
    other.sip.answer(two, 180, 'Ringing');
    await bob.accept(one);
    expect(header(await other.sip.request('CANCEL'), 'Reason')).toBe('SIP;cause=200;text="Call completed elsewhere"');
    expect((await other.enter(other.groupInvite(alice.identity, null))).status).toBe(200);
    await alice.say('both');
    await expect.poll(() => [bob.heard.length, other.heard.length], wait).toEqual([1, 1]);
    await alice.subscribe(alice.identity);
    await alice.untilRoster({ bob: 'connected dialed-out, connected dialed-in' });
  });

  it('603 of one device ends it for all devices of its person; 486 of one does not', async () => {
    const network = await groupNetwork();
    const [alice, bob, carol] = await GroupDevice.all(network, ['alice', 'bob', 'carol']);
    const [bob2, carol2] = [await GroupDevice.of(network, 'bob'), await GroupDevice.of(network, 'carol')];
    await alice.enter(alice.groupInvite(FACTORY, [at('bob'), at('carol')]));
    await alice.subscribe(alice.identity);
    bob2.sip.answer(await bob2.invited(), 180, 'Ringing');
    bob.sip.answer(await bob.invited(), 603, 'Decline');
    await bob2.sip.request('CANCEL');
    carol.sip.answer(await carol.invited(), 486, 'Busy Here');
    await carol2.accept(await carol2.invited());
    await alice.untilRoster({ bob: 'disconnected failed', carol: 'connected dialed-out' });
  });

  it('the roster is for members alone, whole at first, then by what changed, one version after the other', async () => {
    const { network, alice, bob, identity } = await group();
    const dave = await GroupDevice.of(network, 'dave');
    expect((await dave.subscribe(identity)).status).toBe(403);
    expect((await dave.subscribe('sip:cpm-conf-none@home1.example')).status).toBe(404);
    await alice.subscribe(identity);
    const { info } = await alice.roster();
    expect([info.state, info.version]).toEqual(['full', 1]);
    await bob.back('BYE');
    const { info: next } = await alice.roster();
    expect([next.state, next.version, next.users?.state, next.users?.list.length, next.userCount]).toEqual(['partial', 2, 'partial', 1, 3]);
    expect(fromUtf8(new TextEncoder().encode(next.users?.list[0]?.entity))).toBe(at('bob'));
  });

  it('a session that is not acknowledged, or not refreshed, ends by BYE', async () => {
    const network = await groupNetwork({ timing: { transaction: 300 } });
    const [alice] = await GroupDevice.all(network, ['alice']);
    const invite = alice.groupInvite(FACTORY, [at('bob')]);
    alice.sip.send(invite);
    await alice.sip.final(invite);
    expect(header(await alice.ended(), 'Reason')).toBe('SIP;cause=480;text="No ACK"');
  });
});
