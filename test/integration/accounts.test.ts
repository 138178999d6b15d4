import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { keptFile } from '../../electron/app/accounts/kept-accounts.ts';
import { fileSecrets } from '../../electron/app/accounts/secrets.ts';
import { tryAccount } from '../../electron/app/accounts/trial.ts';
import { parseArguments } from '../../electron/app/arguments.ts';
import { createClient } from '../../electron/app/client.ts';
import { type Composition, compose } from '../../electron/app/composition.ts';
import { accountFolder } from '../../electron/app/paths.ts';
import type { HostedAccount } from '../../electron/app/port.ts';
import { type HomeNetwork, startHomeNetwork } from '../../electron/home-network/index.ts';
import type { AccountDraft, AccountList, AccountRow } from '../../shared/ipc/account-contract.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';

const root = temporaryFolder();
const PASSWORD = 'Pa55-0rd of this test';
const networks: HomeNetwork[] = [];
let running: Composition | null = null;
let folders = 0;

async function network(domain: string, user: string, port = 0): Promise<HomeNetwork> {
  const users = [user, 'peer'].map((name) => ({ user: name, password: PASSWORD, displayName: name }));
  const made = await startHomeNetwork({ host: '127.0.0.1', port, domain, users });
  networks.push(made);
  return made;
}

async function start(userData: string, argv: string[] = []): Promise<Composition> {
  running = await compose({
    arguments: parseArguments(['--no-demo', ...argv], 'refuse'),
    userData,
    downloads: join(userData, 'Downloads'),
    version: '0.1.0',
    networkWorker: new URL('../../electron/home-network/databases/worker.ts', import.meta.url),
    store: { worker: new URL('../../electron/store/worker.ts', import.meta.url), nativeBinding: null },
    lockPatience: 0,
    firstRun: 'welcome',
    secrets: async () => fileSecrets,
    open: async ({ name }) => `/${name}/`,
    hostFor: () => ({
      chooseFiles: async () => [],
      openPath: async () => {},
      showInFolder: async () => {},
      chooseFolder: async () => null,
      saveCopy: async () => true,
      openUrl: async () => {},
    }),
    createClient,
    tryAccount,
    startHomeNetwork,
    log: () => {},
  });
  return running;
}

function draftOf(net: HomeNetwork, user: string, more: Partial<AccountDraft> = {}): AccountDraft {
  const account = net.accounts.find((each) => each.user === user);
  const { address = '', outboundProxy = '' } = account ?? {};
  return { address, user, password: PASSWORD, outboundProxy, transport: 'tcp', maxFileSize: 0, ...more };
}

const rows = ({ accounts }: Composition): AccountRow[] => accounts.rows;
const states = (composition: Composition) => rows(composition).map(({ registration }) => registration.kind);
const online = (composition: Composition) => expect.poll(() => states(composition), { timeout: 20_000 }).not.toContain('connecting');

/** Adds them by the welcome page, and waits until they are online; everybody knows the peers, whose messages are no requests then. */
async function withAccounts(...drafts: AccountDraft[]): Promise<{ composition: Composition; names: string[]; userData: string }> {
  const userData = join(root, `user-${++folders}`);
  const composition = await start(userData);
  const names: string[] = [];
  for (const draft of drafts) names.push((await composition.welcome.handlers['accounts.add']({ draft })).name);
  await online(composition);
  for (const { account, handlers } of composition.accounts.all) {
    const peer = account.address.replace(/^sip:[^@]*@/, 'sip:peer@');
    if (peer !== account.address) await handlers['conversations.open']({ address: peer });
  }
  return { composition, names, userData };
}

function accountOf(composition: Composition, name: string | undefined): HostedAccount {
  const found = composition.accounts.find(name ?? '');
  if (found === undefined) throw new Error(`no account ${name}`);
  return found;
}

async function write(from: HostedAccount, to: string, text: string): Promise<void> {
  const { id: conversationId } = await from.handlers['conversations.open']({ address: to });
  await from.handlers['messages.sendText']({ conversationId, clientId: `${text.replace(/\W/g, '')}-0123456789abcdef`, text });
}

async function textsOf(account: HostedAccount): Promise<string[]> {
  const { items } = await account.handlers['search.messages']({ text: 'word', limit: 50 });
  return items.map(({ message }) => message.text);
}

describe('several accounts in one app', () => {
  let one: HomeNetwork;
  let two: HomeNetwork;

  beforeAll(async () => {
    one = await network('one.example', 'alice');
    two = await network('two.example', 'bob');
  });
  afterEach(async () => {
    await running?.close();
    running = null;
  });
  afterAll(async () => {
    await Promise.all(networks.map((each) => each.close()));
  });

  it('on two home networks at once have their own messages, and each tells what is new in the other', async () => {
    const drafts = [draftOf(one, 'alice'), draftOf(one, 'peer'), draftOf(two, 'bob'), draftOf(two, 'peer')];
    const { composition, names, userData } = await withAccounts(...drafts);
    expect(states(composition)).toEqual(['registered', 'registered', 'registered', 'registered']);
    const [alice, peerOfAlice, bob, peerOfBob] = names.map((name) => accountOf(composition, name)) as [
      HostedAccount,
      HostedAccount,
      HostedAccount,
      HostedAccount,
    ];
    const told: AccountList[] = [];
    alice.subscribe((event, payload) => {
      if (event === 'accounts.changed') told.push(payload as AccountList);
    });
    await Promise.all([
      write(peerOfAlice, 'sip:alice@one.example', 'word for Alice'),
      write(peerOfBob, 'sip:bob@two.example', 'word for Bob'),
      write(peerOfBob, 'sip:bob@two.example', 'another word for Bob'),
    ]);
    await expect.poll(() => rows(composition).map(({ unread }) => unread), { timeout: 20_000 }).toEqual([1, 0, 2, 0]);
    expect(await textsOf(alice)).toEqual(['word for Alice']);
    expect((await textsOf(bob)).sort()).toEqual(['another word for Bob', 'word for Bob']);
    expect(told.at(-1)?.current).toBe(names[0]);
    expect(told.at(-1)?.items.map(({ unread }) => unread)).toEqual([1, 0, 2, 0]);

    const { items } = await bob.handlers['conversations.page']({ limit: 5 });
    const [conversation] = items;
    const page = await bob.handlers['messages.page']({ conversationId: conversation?.id ?? 0, limit: 5 });
    await bob.handlers['conversations.markRead']({ conversationId: conversation?.id ?? 0, upTo: page.items.at(-1)?.id ?? 0 });
    await expect.poll(() => rows(composition).map(({ unread }) => unread)).toEqual([1, 0, 0, 0]);

    await composition.close();
    const again = await start(userData);
    expect(rows(again).map(({ name, origin }) => [name, origin])).toEqual(names.map((name) => [name, 'kept']));
    await expect.poll(() => rows(again).map(({ unread }) => unread)).toEqual([1, 0, 0, 0]);
    await online(again);
    expect(states(again)).toEqual(['registered', 'registered', 'registered', 'registered']);
  });

  it('one whose network is down waits by itself, and the other goes on', async () => {
    const third = await network('three.example', 'carol');
    const { composition, names } = await withAccounts(draftOf(one, 'alice'), draftOf(third, 'carol'), draftOf(one, 'peer'));
    const { port } = third.address;
    await third.close();
    await expect.poll(() => rows(composition)[1]?.registration.kind, { timeout: 20_000 }).toMatch(/waiting|connecting/);
    await write(accountOf(composition, names[2]), 'sip:alice@one.example', 'word meanwhile');
    await expect.poll(() => rows(composition)[0]?.unread, { timeout: 20_000 }).toBe(1);
    expect(states(composition)[0]).toBe('registered');
    await network('three.example', 'carol', port);
    const carol = accountOf(composition, names[1]);
    await expect
      .poll(
        async () => {
          await carol.handlers['registration.retryNow']({});
          return rows(composition)[1]?.registration.kind;
        },
        { timeout: 30_000, interval: 500 },
      )
      .toBe('registered');
  });

  it('one with a store that cannot be opened says so, and the others are at work', async () => {
    const { composition, names, userData } = await withAccounts(draftOf(one, 'alice'), draftOf(two, 'bob'));
    await composition.close();
    const store = join(accountFolder(userData, names[0] ?? ''), 'parley.db');
    writeFileSync(store, Buffer.alloc(8192, 'no database'));
    const again = await start(userData);
    expect(rows(again).map(({ error }) => error?.code ?? null)).toEqual(['store.corrupt', null]);
    const alice = accountOf(again, names[0]);
    const bob = accountOf(again, names[1]);
    await expect(alice.handlers['conversations.page']({ limit: 5 })).rejects.toMatchObject({ code: 'store.corrupt' });
    await expect(bob.handlers['accounts.restart']({ name: names[1] ?? '' })).rejects.toMatchObject({ code: 'request.invalid-state' });
    await bob.handlers['accounts.restart']({ name: names[0] ?? '' });
    expect(rows(again).map(({ error, run }) => [error, run])).toEqual([
      [null, 2],
      [null, 1],
    ]);
    expect((await alice.handlers['conversations.page']({ limit: 5 })).items).toEqual([]);
  });

  it('a trial says what is wrong with an account, and leaves one that is at work alone', async () => {
    const { composition, names } = await withAccounts(draftOf(one, 'alice'));
    const { handlers } = accountOf(composition, names[0]);
    const test = async (draft: AccountDraft, name?: string) =>
      (await handlers['accounts.test']({ draft, ...(name === undefined ? {} : { name }) })).error;
    expect(await test(draftOf(two, 'bob'))).toBeNull();
    expect(await test(draftOf(two, 'bob', { password: 'wrong' }))).toMatchObject({ code: 'link.credentials' });
    expect(await test(draftOf(two, 'bob', { outboundProxy: '127.0.0.1:9' }))).toMatchObject({ code: 'link.unreachable' });
    const { password: _, ...kept } = draftOf(one, 'alice');
    expect(await test(kept, names[0])).toBeNull();
    await expect(test({ ...kept, outboundProxy: '127.0.0.1:9' }, names[0])).rejects.toMatchObject({ code: 'account.malformed' });
    await expect(test(kept)).rejects.toMatchObject({ code: 'account.malformed', detail: 'password: is missing' });
    expect(states(composition)).toEqual(['registered']);
  });

  it('is changed: its client starts anew with what is new, and what was written stays', async () => {
    const { composition, names } = await withAccounts(draftOf(one, 'alice'), draftOf(one, 'peer'));
    const [name = ''] = names;
    const alice = accountOf(composition, name);
    await write(accountOf(composition, names[1]), 'sip:alice@one.example', 'word before');
    await expect.poll(() => rows(composition)[0]?.unread, { timeout: 20_000 }).toBe(1);
    const { password: _, ...draft } = draftOf(one, 'alice', { displayName: 'Alice A.', maxFileSize: 5 });
    await alice.handlers['accounts.update']({ name, draft });
    expect((await alice.handlers['app.state']({})).account.displayName).toBe('Alice A.');
    expect((await alice.handlers['app.state']({})).maxFileSize).toBe(5);
    expect(rows(composition)[0]).toMatchObject({ displayName: 'Alice A.', run: 2, unread: 1, error: null });
    await online(composition);
    expect(await textsOf(alice)).toEqual(['word before']);
    const moved = { ...draft, outboundProxy: '127.0.0.1:9' };
    await expect(alice.handlers['accounts.update']({ name, draft: moved })).rejects.toMatchObject({ code: 'account.malformed' });
    await expect(alice.handlers['accounts.update']({ name, draft: { ...draft, address: 'sip:eve@one.example' } })).rejects.toMatchObject({
      code: 'request.invalid',
    });
    await alice.handlers['accounts.update']({ name, draft: { ...draft, password: 'wrong' } });
    await expect.poll(() => rows(composition)[0]?.registration, { timeout: 20_000 }).toMatchObject({ kind: 'refused' });
  });

  it('is removed: signed out, forgotten, and its messages with it unless they are to stay', async () => {
    const { composition, names, userData } = await withAccounts(draftOf(one, 'alice'), draftOf(one, 'peer'));
    const [name = ''] = names;
    const peer = accountOf(composition, names[1]);
    await write(peer, 'sip:alice@one.example', 'word to keep');
    await expect.poll(() => rows(composition)[0]?.unread, { timeout: 20_000 }).toBe(1);
    expect(await accountOf(composition, name).handlers['accounts.remove']({ name, keepHistory: true })).toEqual({ url: `/${names[1]}/` });
    expect(rows(composition).map((row) => row.name)).toEqual([names[1]]);
    expect(readFileSync(keptFile(userData), 'utf8')).not.toContain('alice');
    await write(peer, 'sip:alice@one.example', 'word that nobody takes');

    await peer.handlers['accounts.add']({ draft: draftOf(one, 'alice') });
    expect(await textsOf(accountOf(composition, name))).toContain('word to keep');
    await expect(peer.handlers['accounts.add']({ draft: draftOf(one, 'alice') })).rejects.toMatchObject({ code: 'account.exists' });

    expect(await peer.handlers['accounts.remove']({ name, keepHistory: false })).toEqual({ url: null });
    expect(existsSync(accountFolder(userData, name))).toBe(false);
    expect(await peer.handlers['accounts.remove']({ name: names[1] ?? '', keepHistory: false })).toEqual({ url: '/welcome/' });
  });

  it('of a file works beside the kept ones and takes the place of one with its address; it is not changed here', async () => {
    const { composition, names, userData } = await withAccounts(draftOf(one, 'alice'), draftOf(two, 'bob'));
    await composition.close();
    const file = join(userData, 'alice.json');
    const { maxFileSize: _, ...account } = draftOf(one, 'alice', { displayName: 'By file' });
    writeFileSync(file, JSON.stringify(account));
    const again = await start(userData, ['--account', file]);
    expect(rows(again).map(({ displayName, origin }) => [displayName, origin])).toEqual([
      ['By file', 'provisioned'],
      ['bob', 'kept'],
    ]);
    const bob = accountOf(again, names[1]);
    expect((await bob.handlers['accounts.list']({})).items.map(({ name }) => name)).toEqual(names);
    writeFileSync(join(userData, 'carol.json'), JSON.stringify({ ...account, address: 'sip:carol@one.example' }));
    const carol = await again.addFile(join(userData, 'carol.json'));
    await expect(bob.handlers['accounts.remove']({ name: carol.name, keepHistory: true })).rejects.toMatchObject({
      code: 'request.invalid-state',
    });
    await expect(bob.handlers['accounts.setup']({ name: carol.name })).rejects.toMatchObject({ code: 'request.invalid-state' });
  });

  it('no page gets a password back, whatever it asks', async () => {
    const { composition, names } = await withAccounts(draftOf(one, 'alice'), draftOf(two, 'bob'));
    const said: unknown[] = [];
    for (const asking of [composition.welcome, accountOf(composition, names[0])]) {
      asking.subscribe((event, payload) => void said.push(event, payload));
      said.push(await asking.handlers['accounts.list']({}));
      for (const name of names) said.push(await asking.handlers['accounts.setup']({ name }));
      said.push(await asking.handlers['accounts.test']({ draft: draftOf(one, 'alice', { password: 'wrong' }) }));
    }
    expect(JSON.stringify(said)).toContain('sip:bob@two.example');
    expect(JSON.stringify(said)).not.toContain(PASSWORD);
  });
});
