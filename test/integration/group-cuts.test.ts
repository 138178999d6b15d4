import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { randomToken } from '../../shared/base/random.ts';
import { CutNetwork, type FarPerson } from '../harness/cut/cut-network.ts';
import { namespaceHindrance, sweepNamespaces } from '../harness/cut/namespaces.ts';
import { wholeHistory } from '../harness/history.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';

const hindrance = namespaceHindrance();
if (hindrance !== null) console.log(`network cuts: ${hindrance}`);

const EACH = 100;

describe.skipIf(hindrance !== null)('a group whose two people lose the network', () => {
  let network: CutNetwork;
  const groupsOf = async ({ call }: FarPerson) =>
    (await call('conversations.page', { limit: 50 })).items
      .concat((await call('conversations.page', { requests: true, limit: 50 })).items)
      .filter(({ kind, standing }) => kind === 'group' && standing !== null);
  const groupOf = async (person: FarPerson) => (await groupsOf(person))[0];
  const textsAt = async (person: FarPerson) => {
    const id = (await groupOf(person))?.id ?? 0;
    return (await wholeHistory((page) => person.call('messages.page', page), id)).filter(({ event }) => event === null);
  };

  beforeAll(async () => {
    await sweepNamespaces();
    network = await CutNetwork.start(temporaryFolder(), 'standalone');
  }, 120_000);
  afterAll(() => network?.stop(), 60_000);

  test('they are in it', async () => {
    const { alice, bob } = network;
    for (const person of [alice, bob]) await expect.poll(() => person.state()).toBe('registered');
    await alice.call('groups.create', { subject: 'Rope', addresses: [bob.address] });
    await expect.poll(async () => (await groupOf(bob))?.standing, { timeout: 30_000 }).toBe('invited');
    await bob.call('groups.join', { conversationId: (await groupOf(bob))?.id as number });
    await expect.poll(async () => (await groupOf(bob))?.standing, { timeout: 30_000 }).toBe('member');
  }, 120_000);

  test('200 texts fly while both cables are pulled: none is lost, none doubled, in one conversation', async () => {
    const { alice, bob, cables } = network;
    const write = async (person: FarPerson, name: string) => {
      const conversationId = (await groupOf(person))?.id as number;
      for (let at = 0; at < EACH; at++) {
        await person.call('messages.sendText', { conversationId, clientId: randomToken(24), text: `${name} ${at}` });
        if (at % 10 === 9) await wait(200);
      }
    };
    const writing = Promise.all([write(alice, 'alice'), write(bob, 'bob')]);
    await wait(600);
    await Promise.all([cables.pull('alice'), cables.pull('bob')]);
    await wait(4_000);
    await Promise.all([cables.plug('alice'), cables.plug('bob')]);
    await writing;
    for (const person of [alice, bob]) {
      await expect.poll(async () => (await textsAt(person)).length, { timeout: 120_000, interval: 500 }).toBe(2 * EACH);
      await expect
        .poll(async () => (await textsAt(person)).filter(({ direction, status }) => direction === 'out' && status !== 'delivered').length, {
          timeout: 120_000,
          interval: 500,
        })
        .toBe(0);
      const texts = (await textsAt(person)).map(({ text }) => text);
      for (const name of ['alice', 'bob'])
        expect(texts.filter((text) => text.startsWith(name))).toEqual(Array.from({ length: EACH }, (_, at) => `${name} ${at}`));
      expect(await groupsOf(person)).toHaveLength(1);
    }
  }, 300_000);
});
