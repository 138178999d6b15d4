import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fromUtf8 } from '../../../../shared/base/bytes.ts';
import { header } from '../../../../shared/protocol/sip/message.ts';
import { networkDatabases } from '../../../harness/network-databases.ts';
import { temporaryFolder } from '../../../harness/temporary-folder.ts';
import { at, FACTORY, GroupDevice, groupNetwork, IDS, wait } from './group-device.ts';

const CLUB = at('climbing-club');
const ANONYMOUS = [
  ['From', '"Anonymous" <sip:anonymous@anonymous.invalid>;tag=a1'],
  ['Privacy', 'id'],
] as const;
const club = { name: 'climbing-club', members: ['alice', 'bob', 'carol'], title: 'Climbing club' };
const lastWords = (texts: readonly string[]) => texts.map((text) => text.split('\r\n').at(-1));

describe('a pre-defined group', () => {
  it('asks its members when one begins its session, and is the same for whoever begins it next', async () => {
    const network = await groupNetwork({ groups: [club], timing: { comeback: 50 } });
    const [alice, bob, dave] = await GroupDevice.all(network, ['alice', 'bob', 'dave']);
    const ok = await alice.enter(alice.groupInvite(CLUB, null, IDS));
    expect([ok.status, header(ok, 'Subject')]).toEqual([200, 'Climbing club']);
    expect(fromUtf8(ok.body)).toContain('a=chatroom:org.3gpp.urn%3Aurn-7%3A3gpp-application.ims.iari.rcs.closedgroupchat');
    expect(alice.identity).toMatch(/^sip:cpm-conf-/);
    await bob.accept(await bob.invited());
    const [carol] = await GroupDevice.all(network, ['carol']);
    const invite = await carol.invited();
    const again = await carol.enter(
      carol.groupInvite(CLUB, null, [
        ['Conversation-ID', 'another'],
        ['Contribution-ID', 'another'],
      ]),
    );
    expect([carol.identity, header(again, 'Conversation-ID'), header(again, 'Contribution-ID')]).toEqual([
      alice.identity,
      header(invite, 'Conversation-ID'),
      IDS[1][1],
    ]);
    // CPIM To may be the address of the group
    alice.group = CLUB;
    await alice.say('all of you');
    await expect.poll(() => [lastWords(bob.heard), lastWords(carol.heard)], wait).toEqual([['all of you'], ['all of you']]);
    expect((await dave.enter(dave.groupInvite(CLUB, null))).status).toBe(403);
    expect((await dave.enter(dave.groupInvite(alice.identity, null))).status).toBe(403);
    // who is in it is not the matter of those in it
    expect((await alice.inside('REFER', { headers: [['Refer-To', `<${at('dave')}>`]] })).status).toBe(403);
    expect((await alice.inside('REFER', { headers: [['Refer-To', `<${at('bob')};method=BYE>`]] })).status).toBe(403);
  });

  it('two members who begin it at once are in one session', async () => {
    const network = await groupNetwork({ groups: [club] });
    const [alice, bob] = await GroupDevice.all(network, ['alice', 'bob']);
    await Promise.all([alice.enter(alice.groupInvite(CLUB, null)), bob.enter(bob.groupInvite(CLUB, null))]);
    expect(alice.identity).toBe(bob.identity);
    await alice.say('one');
    await expect.poll(() => bob.heard, wait).toHaveLength(1);
  });

  it('R-GRP-28: that refuses anonymity answers 433', async () => {
    const network = await groupNetwork({ groups: [{ ...club, refusesAnonymous: true }] });
    const [alice] = await GroupDevice.all(network, ['alice']);
    expect((await alice.enter(alice.groupInvite(CLUB, null, ANONYMOUS))).status).toBe(433);
  });
});

describe('a group that anybody may join', () => {
  const open = { name: 'climbing-club', members: [], joinIn: true };

  it('asks nobody; who joins without a name has an address of that group alone, by which he is spoken of and taken out', async () => {
    const network = await groupNetwork({ groups: [open], timing: { comeback: 50 } });
    const [alice, bob, carol] = await GroupDevice.all(network, ['alice', 'bob', 'carol']);
    expect((await alice.enter(alice.groupInvite(CLUB, null))).status).toBe(200);
    expect((await bob.enter(bob.groupInvite(CLUB, null, ANONYMOUS))).status).toBe(200);
    await alice.subscribe(alice.identity);
    const { info, notify } = await alice.roster();
    const [, hidden] = info.users?.list ?? [];
    expect(hidden?.entity).toMatch(/^sip:anonymous-[\w-]+@anonymous\.invalid$/);
    expect(hidden?.displayText).toBeNull();
    expect(fromUtf8(notify.body)).not.toMatch(/bob/i);
    bob.speaker = 'sip:anonymous@anonymous.invalid';
    await bob.say('guess who');
    await expect.poll(() => alice.heard, wait).toHaveLength(1);
    expect(alice.heard[0]).toContain(`<${hidden?.entity}>`);
    expect(alice.heard[0]).not.toMatch(/bob/i);
    // somebody who is asked in by him does not learn it either
    await bob.inside('REFER', {
      headers: [
        ['Refer-To', `<${at('carol')}>`],
        ['Privacy', 'id'],
        ['Refer-Sub', 'false'],
      ],
    });
    const invite = await carol.invited();
    expect(header(invite, 'Referred-By')).toBeNull();
    expect(fromUtf8(invite.body)).not.toMatch(/bob/i);
    // known by name, nobody becomes anonymous
    await alice.newSession();
    expect((await alice.enter(alice.groupInvite(alice.identity, null, ANONYMOUS))).status).toBe(433);
  });

  it('is closed to more where it says so', async () => {
    const network = await groupNetwork({ groups: [{ ...open, closed: true }] });
    const [alice] = await GroupDevice.all(network, ['alice']);
    await alice.enter(alice.groupInvite(CLUB, null));
    expect((await alice.inside('REFER', { headers: [['Refer-To', `<${at('carol')}>`]] })).status).toBe(403);
  });
});

describe('a 1-1 session that becomes a group', () => {
  it.each(['Session-Replaces', 'CPM-Replaces'])('%s: the invitation goes to the device that has it, and says so', async (name) => {
    const network = await groupNetwork();
    const [alice, bob, carol] = await GroupDevice.all(network, ['alice', 'bob', 'carol']);
    const other = await GroupDevice.of(network, 'bob');
    const entry = `${bob.gruu}?${name}=ab7ca831-a2f8-4235-a856-3c80419937c7`;
    await alice.enter(alice.groupInvite(FACTORY, [entry, at('carol')]));
    const [toBob, toCarol] = [await bob.invited(), await carol.invited()];
    expect([header(toBob, 'Session-Replaces'), header(toCarol, 'Session-Replaces')]).toEqual([
      'ab7ca831-a2f8-4235-a856-3c80419937c7',
      null,
    ]);
    await bob.accept(toBob);
    expect(other.sip.inbox).toEqual([]);
    await alice.say('three');
    await expect.poll(() => bob.heard, wait).toHaveLength(1);
  });
});

describe('a restart of the network', () => {
  const folder = temporaryFolder();

  it('leaves groups, their ids, who is in them and what they have not heard', async () => {
    const options = { groups: [club], databases: networkDatabases(folder), timing: { comeback: 50 } };
    const network = await groupNetwork(options);
    const [alice, bob, carol] = await GroupDevice.all(network, ['alice', 'bob', 'carol']);
    await alice.enter(alice.groupInvite(FACTORY, [at('bob'), at('carol'), at('dave')], IDS));
    await bob.accept(await bob.invited());
    await carol.accept(await carol.invited());
    const { identity } = alice;
    await alice.inside('REFER', {
      headers: [
        ['Refer-To', `<${at('carol')};method=BYE>`],
        ['Refer-Sub', 'false'],
      ],
    });
    await carol.ended();
    await bob.back('BYE');
    await alice.say('before');
    await network.close();

    const next = await groupNetwork(options);
    const back = await GroupDevice.of(next, 'bob', bob.sip.instance);
    // he comes by himself, or is asked because something waits
    const ok = await back.enter(back.groupInvite(identity, null));
    expect([ok.status, ...IDS.map(([name]) => header(ok, name))]).toEqual([200, ...IDS.map(([, value]) => value)]);
    await expect.poll(() => lastWords(back.heard), wait).toEqual(['before']);
    await back.subscribe(identity);
    await back.untilRoster({ alice: 'on-hold', bob: 'connected dialed-in', carol: 'disconnected booted', dave: 'pending' });
    const dave = await GroupDevice.of(next, 'dave');
    await dave.accept(await dave.invited());
    await expect.poll(() => lastWords(dave.heard), wait).toEqual(['before']);
    const [out] = await GroupDevice.all(next, ['carol']);
    expect((await out.enter(out.groupInvite(identity, null))).status).toBe(403);
    await back.say('after');
    const her = await GroupDevice.of(next, 'alice', alice.sip.instance);
    await her.accept(await her.invited());
    await expect.poll(() => lastWords(her.heard), wait).toEqual(['after']);
    await next.close();
  });

  it('takes a changed list of a pre-defined group as it is now', async () => {
    const databases = networkDatabases(join(folder, 'list'));
    const network = await groupNetwork({ groups: [club], databases });
    const [alice, carol] = await GroupDevice.all(network, ['alice', 'carol']);
    await alice.enter(alice.groupInvite(CLUB, null));
    const { identity } = alice;
    await carol.invited();
    await network.close();
    const next = await groupNetwork({ groups: [{ ...club, members: ['alice', 'dave'] }], databases });
    const [dave, out] = await GroupDevice.all(next, ['dave', 'carol']);
    await dave.accept(await dave.invited());
    expect((await out.enter(out.groupInvite(identity, null))).status).toBe(403);
    await next.close();
  });
});
