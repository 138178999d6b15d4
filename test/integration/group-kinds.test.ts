import { mkdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startHomeNetwork } from '../../electron/home-network/index.ts';
import { randomToken } from '../../shared/base/random.ts';
import type { Group } from '../../shared/model/group.ts';
import { became, invitedTo, linesAt, memberOf, presenceOf, say, textsAt } from '../harness/group-talk.ts';
import { networkDatabases } from '../harness/network-databases.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { type Person, type TwoPeople, twoPeople } from '../harness/two-people.ts';

const folder = temporaryFolder();

describe('a group that the network has by a name', () => {
  let people: TwoPeople;
  beforeAll(async () => {
    people = await twoPeople(join(folder, 'named'), {
      network: {
        groups: [
          { name: 'climbing-club', members: ['alice', 'bob'], title: 'Climbing club' },
          { name: 'hall', members: ['alice'], title: 'The hall', joinIn: true },
          { name: 'open-names', members: ['alice'], joinIn: true, refusesAnonymous: true },
          { name: 'readers', members: ['alice', 'bob'], refusesFiles: true },
        ],
      },
    });
  });
  afterAll(() => people?.close());

  const open = async (person: Person, name: string): Promise<Group> => {
    const { conversationId } = await person.call['groups.joinAddress']({ address: `sip:${name}@parley.example` });
    return person.sees(
      'group.changed',
      (group) => group.conversationId === conversationId && group.session === 'open' && group.standing === 'member',
    );
  };

  test('R-GRP-13 … 21: is entered by its address, its members are asked, and it is the conversation that they have', async () => {
    const { alice, bob } = people;
    const { conversationId: b } = await bob.call['conversations.open']({ address: 'sip:climbing-club@parley.example' }).then(({ id }) => ({
      conversationId: id,
    }));
    expect((await bob.call['groups.read']({ conversationId: b })).standing).toBe('outside');
    const { conversationId: a, address } = await open(alice, 'climbing-club');
    expect(address).toBe('sip:climbing-club@parley.example');
    await bob.sees('group.changed', (group) => group.conversationId === b && group.standing === 'invited');
    await bob.call['groups.join']({ conversationId: b });
    await memberOf(bob, 'Climbing club');
    await became(bob, await say(alice, a, 'who comes?'), 'received');
    expect(await textsAt(bob, b)).toEqual(['who comes?']);
    expect((await bob.call['conversations.page']({ limit: 50 })).items.filter(({ kind }) => kind === 'group')).toHaveLength(1);
  });

  test('R-GRP-22 … 33: anybody joins one that lets him, and with no name where that is allowed', async () => {
    const { alice, bob } = people;
    const { conversationId: a } = await open(alice, 'hall');
    const { conversationId: b } = await bob.call['groups.joinAddress']({ address: 'sip:hall@parley.example', anonymous: true });
    expect(bob.said.find((request) => request.startsWith('INVITE sip:hall@'))).toContain('Privacy: id');
    const nameless = await alice.sees(
      'group.changed',
      (group) => group.conversationId === a && group.participants.filter(({ presence }) => presence === 'in').length === 2,
    );
    expect(nameless.participants.filter(({ isSelf }) => !isSelf).map(({ address }) => address)).toEqual([null]);
    const sent = await say(bob, b, 'guess who');
    const heard = await alice.seesMessage(({ text }) => text === 'guess who');
    expect(heard.author?.address).not.toContain('bob');
    // the group alone knows whom to tell
    await became(bob, sent, 'delivered');
    await expect(bob.call['groups.joinAddress']({ address: 'sip:open-names@parley.example', anonymous: true })).rejects.toMatchObject({
      code: 'peer.anonymity',
    });
    await expect(bob.call['groups.joinAddress']({ address: 'sip:nobody-there@parley.example' })).rejects.toMatchObject({
      code: 'group.over',
    });
  });

  test('R-CF-05: that a group takes no files is known once the network has said so', async () => {
    const { alice } = people;
    const { conversationId } = await open(alice, 'readers');
    expect((await alice.call['groups.read']({ conversationId })).takesFiles).toBe(true);
    const path = join(folder, 'plan.txt');
    await writeFile(path, 'the plan');
    const { token } = await alice.client.offerFile(path);
    await alice.call['files.send']({ conversationId, clientId: randomToken(24), token });
    await alice.sees('group.changed', (group) => group.conversationId === conversationId && !group.takesFiles);
  });
});

test('an invitation rings at all devices, and the others come in once one has accepted', async () => {
  const people = await twoPeople(join(folder, 'devices'));
  const { alice, bob } = people;
  const laptop = await people.device('bob', 'laptop');
  const subject = 'Devices';
  const { conversationId: a } = await alice.call['groups.create']({ subject, addresses: [bob.address] });
  const [{ conversationId: b }, { conversationId: l }] = await Promise.all([invitedTo(bob, subject), invitedTo(laptop, subject)]);
  await bob.call['groups.join']({ conversationId: b });
  await Promise.all([memberOf(bob, subject), memberOf(laptop, subject)]);
  await became(laptop, await say(alice, a, 'to both'), 'received');
  const own = await say(bob, b, 'from the phone');
  await laptop.seesMessage(({ imdnId, direction, status }) => imdnId === own.imdnId && direction === 'out' && status !== 'queued');
  expect(await textsAt(laptop, l)).toEqual(['to both', 'from the phone']);
  await laptop.call['groups.leave']({ conversationId: l });
  await bob.sees('group.changed', (group) => group.conversationId === b && group.standing === 'left');
  await alice.sees('group.changed', (group) => group.conversationId === a && presenceOf(group, 'bob') === 'left');
  await people.close();
});

test('a group survives that its network is started anew: everybody is in again, and nothing is missing', async () => {
  const databases = join(folder, 'databases');
  mkdirSync(databases);
  const options = { databases: networkDatabases(databases) };
  const people = await twoPeople(join(folder, 'restart'), { guests: ['carol'], network: options });
  const { alice, bob } = people;
  const carol = await people.device('carol', 'carol');
  const subject = 'Again';
  const { conversationId: a } = await alice.call['groups.create']({ subject, addresses: [bob.address, carol.address] });
  const ids: number[] = [];
  for (const person of [bob, carol]) {
    const { conversationId } = await invitedTo(person, subject);
    await person.call['groups.join']({ conversationId });
    await memberOf(person, subject);
    ids.push(conversationId);
  }
  await became(carol, await say(alice, a, 'before'), 'received');
  await people.network.close();
  const meanwhile = await say(bob, ids[0] as number, 'while it was away');
  const network = await startHomeNetwork({
    ...options,
    host: '127.0.0.1',
    port: people.networkPort,
    domain: 'parley.example',
    users: people.network.accounts.map(({ user, password, displayName }) => ({ user, password, displayName })),
  });
  for (const person of [alice, bob, carol]) await person.call['registration.retryNow']({});
  await became(alice, meanwhile, 'received');
  await became(carol, meanwhile, 'received');
  expect(await textsAt(carol, ids[1] as number)).toEqual(['before', 'while it was away']);
  expect(await linesAt(alice, a)).not.toContain('over');
  const { standing, session } = await alice.call['groups.read']({ conversationId: a });
  expect([standing, session]).toEqual(['member', 'open']);
  for (const person of [alice, bob, carol])
    expect((await person.call['conversations.page']({ limit: 50 })).items.filter(({ title }) => title === subject)).toHaveLength(1);
  await people.close();
  await network.close();
});
