import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fileSecrets } from '../../../electron/app/accounts/secrets.ts';
import { parseArguments } from '../../../electron/app/arguments.ts';
import { type Composition, compose } from '../../../electron/app/composition.ts';
import type { HomeNetworkUser, StartHomeNetwork } from '../../../electron/app/demo.ts';
import { lockFolder } from '../../../electron/app/folder-lock.ts';
import { accountName, accountPaths, defaultUserData } from '../../../electron/app/paths.ts';
import type { ClientPorts } from '../../../electron/app/port.ts';
import { createFakeClient, type FakeClient } from '../../harness/fake-client.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';

const root = temporaryFolder();
let userData = '';
let number = 0;
let made: { ports: ClientPorts; client: FakeClient }[] = [];
let users: readonly HomeNetworkUser[] = [];
let groups: Parameters<StartHomeNetwork>[0]['groups'] = [];
let closed: string[] = [];
const running: Composition[] = [];

beforeEach(() => {
  userData = join(root, `user-${++number}`);
  made = [];
  closed = [];
});
afterEach(async () => {
  for (const composition of running.splice(0)) await composition.close();
});

/** Listens for real, so that ports collide for real. */
const startHomeNetwork: StartHomeNetwork = async ({ host, port, users: asked, groups: kept }) => {
  users = asked;
  groups = kept;
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return {
    address: { port: (server.address() as { port: number }).port },
    accounts: asked.map(({ user }) => ({ user, xcapRoot: 'http://127.0.0.1:1/xcap-root' })),
    close: async () => {
      closed.push('network');
      await new Promise((resolve) => server.close(resolve));
    },
  };
};

async function start(argv: string[] = [], over: { broken?: string; firstRun?: 'demo' | 'welcome' } = {}): Promise<Composition> {
  const composition = await compose({
    arguments: parseArguments(argv, 'refuse'),
    userData,
    downloads: join(root, 'Downloads'),
    version: '0.1.0',
    networkWorker: new URL('file:///n.js'),
    store: { worker: new URL('file:///w.js'), nativeBinding: null },
    hostFor: () => ({
      chooseFiles: async () => [],
      openPath: async () => {},
      showInFolder: async () => {},
      chooseFolder: async () => null,
      saveCopy: async () => true,
      openUrl: async () => {},
    }),
    open: async ({ name }) => `/${name}/`,
    firstRun: over.firstRun ?? 'demo',
    secrets: async () => fileSecrets,
    tryAccount: async () => null,
    lockPatience: 0,
    createClient: (ports) => {
      const client = createFakeClient(ports);
      made.push({ ports, client });
      return {
        ...client,
        start: () => (ports.account.user === over.broken ? Promise.reject(new Error('no store')) : client.start()),
        stop: async () => {
          closed.push(ports.account.user);
          await client.stop();
        },
      };
    },
    startHomeNetwork,
    log: () => {},
  });
  running.push(composition);
  return composition;
}

describe('the demo', () => {
  it('has Alice and Bob on one home network, each with data of their own and the other as neighbour', async () => {
    const { accounts, homeNetwork } = await start();
    expect(accounts.all.map(({ name }) => name)).toEqual(['alice', 'bob']);
    expect(made.map(({ ports }) => ports.account.outboundProxy)).toEqual([homeNetwork, homeNetwork]);
    expect(made[0]?.ports.paths).toEqual({
      data: join(userData, 'demo', 'alice'),
      downloads: join(userData, 'demo', 'alice', 'Downloads'),
    });
    expect(made[0]?.ports.neighbours).toEqual([{ address: 'sip:bob@parley.example', displayName: 'Bob' }]);
    expect(users.map(({ user, password }) => [user, password])).toEqual(
      made.map(({ ports: { account } }) => [account.user, account.password]),
    );
    expect(users[0]?.password).not.toBe(users[1]?.password);
    // a group of the network that both can write to
    expect(groups).toEqual([{ name: 'climbing-club', title: 'Climbing club', members: ['alice', 'bob'] }]);
    for (const { ports } of made) {
      expect(ports.account.groups).toEqual([{ address: 'sip:climbing-club@parley.example', name: 'Climbing club' }]);
    }
    expect(made.every(({ client }) => client.state.started)).toBe(true);
  });

  it('keeps passwords and port between starts, and forgets them with --fresh', async () => {
    const first = await start();
    const [before] = users;
    await first.close();
    const second = await start();
    expect(users[0]).toEqual(before);
    expect(second.homeNetwork).toBe(first.homeNetwork);
    await second.close();
    writeFileSync(join(userData, 'other'), 'stays');
    await start(['--fresh']);
    expect(users[0]?.password).not.toBe(before?.password);
    expect(readFileSync(join(userData, 'other'), 'utf8')).toBe('stays');
  });

  it('takes another port when the kept one is in use, but says so when one was asked for', async () => {
    const first = await start();
    const port = Number(first.homeNetwork?.split(':')[1]);
    await first.close();
    const taken = await occupy(port);
    const second = await start();
    expect(second.homeNetwork).not.toBe(first.homeNetwork);
    await second.close();
    await expect(start(['--demo-port', String(port)])).rejects.toMatchObject({ code: 'link.unreachable' });
    taken.close();
  });

  it('starts when what it kept is damaged', async () => {
    mkdirSync(join(userData, 'demo'), { recursive: true });
    for (const text of ['{', '{"port":99999999,"passwords":{}}', 'null']) {
      writeFileSync(join(userData, 'demo', 'home-network.json'), text);
      await (await start()).close();
    }
  });

  it('ends the clients before their network, once', async () => {
    const composition = await start();
    await Promise.all([composition.close(), composition.close()]);
    expect(closed).toEqual(['alice', 'bob', 'network']);
  });

  it('one that cannot start says why and does not stop the other', async () => {
    const { accounts } = await start([], { broken: 'bob' });
    expect(accounts.rows.map(({ name, error }) => [name, error?.detail ?? null])).toEqual([
      ['alice', null],
      ['bob', 'no store'],
    ]);
    await expect(accounts.find('bob')?.handlers['app.state']({})).rejects.toMatchObject({ code: 'internal', detail: 'no store' });
  });

  it('comes up by itself where nobody has an account, unless somebody is to be asked first', async () => {
    const asked = await start([], { firstRun: 'welcome' });
    expect([asked.accounts.all, asked.homeNetwork]).toEqual([[], null]);
    expect(await asked.welcome.handlers['accounts.list']({})).toMatchObject({ current: null, items: [], demo: true });
    await expect(asked.welcome.handlers['app.state']({})).rejects.toMatchObject({ code: 'store.closed' });

    expect(await asked.welcome.handlers['accounts.tryDemo']({})).toEqual({ url: '/alice/' });
    expect(asked.accounts.all.map(({ name }) => name)).toEqual(['alice', 'bob']);
    expect(await asked.welcome.handlers['accounts.list']({})).toMatchObject({ demo: false });
    await asked.close();
    expect((await start(['--no-demo'])).accounts.all).toEqual([]);
  });
});

describe('a configured account', () => {
  it('is the only one, with no home network', async () => {
    const file = join(root, 'account.json');
    writeFileSync(file, JSON.stringify({ address: 'sip:dora@example.com', user: 'dora', password: 'x', outboundProxy: '127.0.0.1:9' }));
    const { accounts, homeNetwork } = await start(['--account', file]);
    expect(homeNetwork).toBeNull();
    expect(accounts.rows).toMatchObject([{ address: 'sip:dora@example.com', origin: 'provisioned', error: null }]);
    expect(made[0]?.ports).toMatchObject({
      neighbours: [],
      paths: accountPaths(userData, 'sip:dora@example.com', join(root, 'Downloads')),
    });
  });

  it('that is malformed is refused before anything is made', async () => {
    const file = join(root, 'bad.json');
    writeFileSync(file, '{}');
    await expect(start(['--account', file])).rejects.toMatchObject({ code: 'account.malformed' });
    expect(existsSync(userData)).toBe(false);
  });

  it('that is malformed stands beside the others and says why', async () => {
    const [good, bad] = ['good', 'bad'].map((name) => join(root, `${name}.json`)) as [string, string];
    writeFileSync(good, JSON.stringify({ address: 'sip:dora@example.com', user: 'dora', password: 'x', outboundProxy: '127.0.0.1:9' }));
    writeFileSync(bad, '{"address":"sip:emil@example.com"}');
    const { accounts, addFile } = await start(['--account', bad, '--account', good, '--account', good]);
    expect(accounts.rows.map(({ displayName, error }) => [displayName, error])).toEqual([
      ['bad.json', { code: 'account.malformed', detail: 'user: is missing' }],
      ['dora', null],
    ]);
    expect((await addFile(good)).account.address).toBe('sip:dora@example.com');
    writeFileSync(bad, JSON.stringify({ address: 'sip:emil@example.com', user: 'emil', password: 'x', outboundProxy: '127.0.0.1:9' }));
    expect((await addFile(bad)).account.address).toBe('sip:emil@example.com');
    expect(accounts.all).toHaveLength(3);
  });

  it('has a folder name that is readable, safe and its own', () => {
    expect(accountName('sip:dora@example.com')).toMatch(/^dora-example-com-[0-9a-f]{8}$/);
    const names = ['sip:a.b@c.de', 'sip:a-b@c.de', 'sip:a_b@c.de', 'sip:../..@c.de', `sip:${'x'.repeat(128)}@c.de`].map(accountName);
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(/^[a-z0-9-]{1,60}$/);
  });
});

it('one folder is used by one host at a time', async () => {
  const unlock = await lockFolder(userData);
  await expect(lockFolder(userData)).rejects.toMatchObject({ code: 'request.invalid-state' });
  await expect(start()).rejects.toMatchObject({ code: 'request.invalid-state' });
  await unlock();
  await (await lockFolder(userData))();
});

it('a host waits for another one that is ending', async () => {
  const unlock = await lockFolder(userData);
  const waiting = lockFolder(userData, 10_000);
  setTimeout(() => void unlock(), 50);
  await (await waiting)();
});

it('data lies where the platform wants it', () => {
  expect(defaultUserData('linux', {}, '/home/a')).toBe('/home/a/.config/Parley');
  expect(defaultUserData('linux', { XDG_CONFIG_HOME: '/c' }, '/home/a')).toBe('/c/Parley');
  expect(defaultUserData('linux', { XDG_CONFIG_HOME: 'c' }, '/home/a')).toBe('/home/a/.config/Parley');
  expect(defaultUserData('darwin', {}, '/Users/a')).toBe('/Users/a/Library/Application Support/Parley');
  expect(defaultUserData('win32', { APPDATA: '/r' }, '/u')).toBe('/r/Parley');
});

function occupy(port: number): Promise<Server> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}
