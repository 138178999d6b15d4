import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ElectronApplication, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { randomToken } from '../../shared/base/random.ts';
import { type ContractClient, connectContract } from '../../shared/ipc/wire.ts';
import type { Group } from '../../shared/model/group.ts';
import type { Message } from '../../shared/model/message.ts';
import { electronPath, launchElectron, pageChannel, windowTitled } from '../harness/electron-app.ts';
import { NetworkProcess } from '../harness/network-process.ts';
import { freePort } from '../harness/ports.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { type Person, personWith } from '../harness/two-people.ts';

const NAMES = ['alice', 'bob', 'carol', 'dave', 'erin', 'frank'] as const;
const MEGABYTES = 8;

/** In their order: Alice (the real app) makes a group of four, of whom Dave is away; people come and go, and so do the network and her app. */
describe.skipIf(electronPath === '')('a group', () => {
  const folder = temporaryFolder();
  let networkArguments: string[];
  let network: NetworkProcess;
  let app: ElectronApplication;
  let page: Page;
  let alice: ContractClient;
  let group: number;
  const people = new Map<string, Person>();
  const source = join(folder, 'ridge.bin');

  const accountOf = (user: string) => {
    const account = network.announced.accounts.find((each) => each.user === user);
    if (account === undefined) throw new Error(`no account ${user}`);
    return account;
  };
  const person = (name: string): Person => people.get(name) as Person;
  const comesOnline = async (name: string): Promise<Person> => {
    const { accounts } = network.announced;
    const made = personWith(
      folder,
      name,
      accountOf(name),
      accounts.filter(({ user }) => user !== name),
    );
    people.set(name, made);
    await made.client.start();
    await made.online();
    return made;
  };
  const startApp = async (): Promise<void> => {
    app = await launchElectron(['--account', join(folder, 'alice.json'), '--no-demo', '--user-data', join(folder, 'alice')]);
    page = await windowTitled(app, 'Alice');
    alice = connectContract(await pageChannel(page));
  };
  /** the conversation of the group at one of the others */
  const conversationOf = async (name: string) => {
    const { items } = await person(name).call['conversations.page']({ limit: 50 });
    return items.find(({ kind }) => kind === 'group');
  };
  const textsAt = async (name: string): Promise<string[]> => {
    const conversation = await conversationOf(name);
    const items = conversation === undefined ? [] : await person(name).history(conversation.id);
    return items.filter(({ kind }) => kind === 'text').map(({ text }) => text);
  };
  const textsHere = async (): Promise<string[]> =>
    (await alice.call('messages.page', { conversationId: group, limit: 200 })).items
      .filter(({ kind }) => kind === 'text')
      .map(({ text }) => text);
  const joins = async (name: string): Promise<void> => {
    await expect.poll(async () => (await conversationOf(name))?.standing).toBe('invited');
    await person(name).call['groups.join']({ conversationId: (await conversationOf(name))?.id as number });
  };
  const roster = async (): Promise<Record<string, string>> => {
    const { participants }: Group = await alice.call('groups.read', { conversationId: group });
    return Object.fromEntries(participants.map(({ entity, presence }) => [/^sip:([^@]+)/.exec(entity)?.[1] ?? entity, presence]));
  };
  const aliceSays = async (text: string): Promise<Message> =>
    alice.call('messages.sendText', { conversationId: group, clientId: randomToken(24), text });
  const says = async (name: string, text: string): Promise<void> => {
    const conversationId = (await conversationOf(name))?.id as number;
    await person(name).call['messages.sendText']({ conversationId, clientId: randomToken(24), text });
  };
  const messageHere = async (id: number): Promise<Message> => alice.call('messages.read', { messageId: id });

  beforeAll(async () => {
    networkArguments = [
      '--users',
      NAMES.join(','),
      '--password',
      'Sl4te-pa55',
      '--data',
      join(folder, 'network'),
      '--port',
      String(await freePort('127.0.0.1')),
    ];
    network = await NetworkProcess.start(networkArguments);
    writeFileSync(join(folder, 'alice.json'), JSON.stringify({ ...accountOf('alice'), maxFileSize: 0 }), { mode: 0o600 });
    writeFileSync(source, Buffer.alloc(MEGABYTES * 1_048_576, randomToken(1000)));
    await Promise.all([...['bob', 'carol', 'erin', 'frank'].map(comesOnline), startApp()]);
  }, 120_000);
  afterAll(async () => {
    await app?.close();
    await Promise.all([...people.values()].map(({ client }) => client.stop()));
    await network?.stop();
  });

  it('R-GRP-01 R-GRP-11: is made of four, one of whom is away; two join', async () => {
    const made = await alice.call('groups.create', {
      subject: 'Saturday climb',
      addresses: ['bob', 'carol', 'dave'].map((name) => accountOf(name).address),
    });
    group = made.conversationId;
    await Promise.all([joins('bob'), joins('carol')]);
    await expect.poll(roster).toMatchObject({ alice: 'in', bob: 'in', carol: 'in' });
    await page.getByRole('navigation').getByText('Saturday climb').waitFor();
  });

  it('R-V20-09: what is said reaches who is in, and who saw it is told for each', async () => {
    const { id } = await aliceSays('Bring two ropes');
    await expect.poll(() => textsAt('bob')).toEqual(['Bring two ropes']);
    await says('bob', 'Got one, 60 m');
    await expect.poll(() => textsAt('carol')).toEqual(['Bring two ropes', 'Got one, 60 m']);
    await expect.poll(textsHere).toEqual(['Bring two ropes', 'Got one, 60 m']);
    await expect.poll(async () => (await messageHere(id)).reach?.delivered).toBe(2);
    const { items } = await person('carol').call['conversations.page']({ limit: 50 });
    const hers = items.find(({ kind }) => kind === 'group');
    const seen = (await person('carol').history(hers?.id as number)).at(-1)?.id as number;
    await person('carol').call['conversations.markRead']({ conversationId: hers?.id as number, upTo: seen });
    await expect.poll(async () => (await messageHere(id)).reach?.displayed).toBe(1);
  });

  it('R-CF-01: a file goes to each of the others', async () => {
    const { token } = await picks(source);
    const sent = await alice.call('files.send', { conversationId: group, clientId: randomToken(24), token });
    for (const name of ['bob', 'carol']) {
      const offered = await person(name).seesMessage(({ transfer }) => transfer?.state === 'offered');
      await person(name).call['transfers.accept']({ transferId: offered.transfer?.id as number });
      const done = await person(name).seesMessage(({ transfer }) => transfer?.state === 'done', 60_000);
      expect(sha256(person(name).saved(done))).toBe(sha256(source));
      expect(done).toMatchObject({ conversationId: (await conversationOf(name))?.id, author: { address: accountOf('alice').address } });
    }
    // each of those who are there has told her
    await expect.poll(async () => (await messageHere(sent.id)).reach?.delivered).toBe(2);
  });

  it('R-GM-10 R-GM-13: two are added at once', async () => {
    await alice.call('groups.add', { conversationId: group, addresses: ['erin', 'frank'].map((name) => accountOf(name).address) });
    await Promise.all([joins('erin'), joins('frank')]);
    await expect.poll(roster).toMatchObject({ erin: 'in', frank: 'in' });
    await aliceSays('Now we are five');
    for (const name of ['bob', 'carol', 'erin', 'frank'])
      await expect.poll(async () => (await textsAt(name)).at(-1)).toBe('Now we are five');
  });

  it('R-GM-17 R-GM-24: one is removed, and cannot send any more', async () => {
    const { participants } = await alice.call('groups.read', { conversationId: group });
    const erin = participants.find(({ entity }) => entity.startsWith('sip:erin@'))?.entity as string;
    await alice.call('groups.remove', { conversationId: group, entities: [erin] });
    await expect.poll(async () => (await conversationOf('erin'))?.standing).toBe('removed');
    await expect(says('erin', 'Hear me')).rejects.toMatchObject({ code: 'group.not-member' });
    await expect.poll(async () => (await roster())['erin']).not.toBe('in');
  });

  it('one leaves, and is told of nothing more', async () => {
    await person('frank').call['groups.leave']({ conversationId: (await conversationOf('frank'))?.id as number });
    await expect.poll(async () => (await roster())['frank']).not.toBe('in');
    await aliceSays('Frank has left');
    await expect.poll(async () => (await textsAt('bob')).at(-1)).toBe('Frank has left');
    expect(await textsAt('frank')).not.toContain('Frank has left');
  });

  it('R-V20-15: after the network was killed and is back, it is the same group', async () => {
    await network.kill();
    network = await NetworkProcess.start(networkArguments);
    // else each waits as RFC 5626 section 4.5 says
    await Promise.all([
      alice.call('registration.retryNow', {}),
      ...[...people.values()].map(({ call }) => call['registration.retryNow']({})),
    ]);
    await says('bob', 'Back again');
    await expect.poll(textsHere, { timeout: 60_000 }).toContain('Back again');
    await expect.poll(async () => (await textsAt('carol')).at(-1), { timeout: 60_000 }).toBe('Back again');
    const { items } = await alice.call('conversations.page', { limit: 50 });
    expect(items.filter(({ kind }) => kind === 'group')).toHaveLength(1);
  });

  it('after her app was killed, Alice has what was said meanwhile', async () => {
    app.process().kill('SIGKILL');
    await says('carol', 'Alice is gone');
    await says('bob', 'She will be back');
    await startApp();
    await expect.poll(async () => (await textsHere()).slice(-2), { timeout: 60_000 }).toEqual(['Alice is gone', 'She will be back']);
    await aliceSays('Here I am');
    await expect.poll(async () => (await textsAt('carol')).at(-1), { timeout: 60_000 }).toBe('Here I am');
  });

  it('R-CF-01 R-V20-10 R-V20-11: who was away gets all of it, in order, once, and the file', async () => {
    await comesOnline('dave');
    await joins('dave');
    const all = await textsHere();
    await expect.poll(() => textsAt('dave'), { timeout: 60_000 }).toEqual(all);
    const offered = await person('dave').seesMessage(({ transfer }) => transfer?.state === 'offered');
    await person('dave').call['transfers.accept']({ transferId: offered.transfer?.id as number });
    const done = await person('dave').seesMessage(({ transfer }) => transfer?.state === 'done', 60_000);
    expect(sha256(person('dave').saved(done))).toBe(sha256(source));
    await says('dave', 'I am here now');
    await expect.poll(async () => (await textsHere()).at(-1)).toBe('I am here now');
  });

  it('a file that came while somebody was away stands in the group, too', async () => {
    await person('bob').client.stop();
    writeFileSync(join(folder, 'hut.txt'), 'closed until Sunday');
    const { token } = await picks(join(folder, 'hut.txt'));
    await alice.call('files.send', { conversationId: group, clientId: randomToken(24), token });
    const bob = await comesOnline('bob');
    const { transfer, conversationId, author } = await bob.seesMessage((message) => message.transfer?.name === 'hut.txt');
    expect([conversationId, author?.address]).toEqual([(await conversationOf('bob'))?.id, accountOf('alice').address]);
    await bob.call['transfers.accept']({ transferId: transfer?.id as number });
    await bob.seesMessage((message) => message.transfer?.name === 'hut.txt' && message.transfer.state === 'done');
  });

  async function picks(path: string): Promise<{ token: string }> {
    await app.evaluate(({ dialog }, picked) => {
      dialog.showOpenDialog = (async () => ({ canceled: false, filePaths: [picked] })) as never;
    }, path);
    const { items } = await alice.call('files.choose', {});
    return { token: items[0]?.candidate?.token as string };
  }
});

function sha256(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}
