import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { ParleyError, toCodedError } from '../../shared/base/errors.ts';
import { randomToken } from '../../shared/base/random.ts';
import type { Account } from '../../shared/model/account.ts';
import type { LiveAccount } from './accounts/live-account.ts';
import type { Roster } from './accounts/roster.ts';
import { demoFolder, demoPaths } from './paths.ts';
import { replaceFile } from './replace-file.ts';

export interface HomeNetworkUser {
  readonly user: string;
  readonly password: string;
  readonly displayName: string;
}

/** The part of the home network the demo needs. */
export type StartHomeNetwork = (options: {
  readonly host: string;
  readonly port: number;
  readonly domain: string;
  readonly users: readonly HomeNetworkUser[];
  readonly groups: readonly { readonly name: string; readonly members: readonly string[] }[];
  readonly databases: { readonly worker: URL; readonly nativeBinding: string | null; readonly folder: string | null };
  readonly log: (line: string) => void;
}) => Promise<{
  readonly address: { readonly port: number };
  readonly accounts: readonly { readonly user: string; readonly xcapRoot: string; readonly messageStore?: Account['messageStore'] }[];
  close(): Promise<void>;
}>;

interface Demo {
  readonly people: readonly { readonly name: string; readonly account: Account }[];
  /** `host:port` of the home network */
  readonly address: string;
  close(): Promise<void>;
}

const HOST = '127.0.0.1';
const DOMAIN = 'parley.example';
const PEOPLE = [
  { user: 'alice', displayName: 'Alice' },
  { user: 'bob', displayName: 'Bob' },
] as const;
/** kept by the network: what is written or sent to it reaches the others of it */
const GROUP = { name: 'climbing-club', title: 'Climbing club' };

const kept = v.object({
  port: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(65535)),
  passwords: v.record(v.string(), v.pipe(v.string(), v.minLength(16), v.maxLength(128))),
});
type Kept = v.InferOutput<typeof kept>;

/** Forgets everything the demo kept; files sent from elsewhere stay where they are. */
export async function forgetDemo(userData: string): Promise<void> {
  await rm(demoFolder(userData), { recursive: true, force: true, maxRetries: 3 });
}

export interface DemoOptions {
  /** the port in place of the kept one; then it must be free */
  readonly arguments: { readonly demoPort: number | null };
  readonly store: { readonly nativeBinding: string | null };
  readonly networkWorker: URL;
  readonly userData: string;
  readonly startHomeNetwork: StartHomeNetwork;
  readonly log: (line: string) => void;
}

/**
 * A home network on loopback with Alice and Bob, and a group of the two. Their passwords are made once; its port stays the same between starts while nobody
 * else has it.
 */
async function startDemo({ userData, arguments: { demoPort: port }, startHomeNetwork, log, ...host }: DemoOptions): Promise<Demo> {
  const before = await readKept(userData);
  const users = PEOPLE.map((person) => ({ ...person, password: before.passwords[person.user] ?? randomToken(32) }));
  const groups = [{ ...GROUP, members: users.map(({ user }) => user) }];
  const databases = { worker: host.networkWorker, nativeBinding: host.store.nativeBinding, folder: join(demoFolder(userData), 'network') };
  const start = (at: number) => startHomeNetwork({ host: HOST, port: at, domain: DOMAIN, users, groups, databases, log });
  const network = await start(port ?? before.port).catch((thrown: unknown) => {
    if (port !== null || before.port === 0) {
      throw new ParleyError('link.unreachable', `the home network cannot listen: ${toCodedError(thrown).detail}`, { cause: thrown });
    }
    log(`demo: port ${before.port} is taken, using another one`);
    return start(0);
  });
  const address = `${HOST}:${network.address.port}`;
  const servicesOf = (user: string): Pick<Account, 'xcapRoot' | 'messageStore'> => {
    const found = network.accounts.find((account) => account.user === user);
    return found === undefined ? {} : { xcapRoot: found.xcapRoot, messageStore: found.messageStore ?? null };
  };
  try {
    const passwords = Object.fromEntries(users.map(({ user, password }) => [user, password]));
    await writeKept(userData, { port: network.address.port, passwords });
  } catch (thrown) {
    await network.close();
    throw thrown;
  }
  return {
    address,
    people: users.map(({ user, password, displayName }) => ({
      name: user,
      account: {
        address: `sip:${user}@${DOMAIN}`,
        displayName,
        user,
        password,
        outboundProxy: address,
        transport: 'tcp',
        maxFileSize: 0,
        groups: [{ address: `sip:${GROUP.name}@${DOMAIN}`, name: GROUP.title }],
        ...servicesOf(user),
      },
    })),
    close: () => network.close(),
  };
}

/** The demo's two people among the accounts of the app, and the home network they are on: from when somebody wants it. */
export class DemoPeople {
  readonly #options: DemoOptions;
  readonly #roster: Roster;
  #starting: Promise<readonly LiveAccount[]> | null = null;
  #demo: Demo | null = null;

  constructor(options: DemoOptions, roster: Roster) {
    this.#options = options;
    this.#roster = roster;
  }

  get running(): boolean {
    return this.#starting !== null;
  }

  /** `host:port` of the home network */
  get address(): string | null {
    return this.#demo?.address ?? null;
  }

  /** @throws ParleyError `link.unreachable`; it may be started again then */
  start(): Promise<readonly LiveAccount[]> {
    this.#starting ??= this.#start().catch((thrown) => {
      this.#starting = null;
      throw thrown;
    });
    return this.#starting;
  }

  async close(): Promise<void> {
    await this.#demo?.close();
  }

  async #start(): Promise<readonly LiveAccount[]> {
    const { userData } = this.#options;
    const demo = await startDemo(this.#options);
    this.#demo = demo;
    return Promise.all(
      demo.people.map(({ name, account }) => {
        const neighbours = demo.people
          .filter((other) => other.name !== name)
          .map(({ account: { address, displayName } }) => ({ address, displayName }));
        const { address, displayName } = account;
        return this.#roster.enter({ name, origin: 'demo', address, displayName, account, paths: demoPaths(userData, name), neighbours });
      }),
    );
  }
}

function keptFile(userData: string): string {
  return join(demoFolder(userData), 'home-network.json');
}

/** What cannot be read is made anew: the demo must start. */
async function readKept(userData: string): Promise<Kept> {
  try {
    const parsed = v.safeParse(kept, JSON.parse(await readFile(keptFile(userData), 'utf8')));
    if (parsed.success) return parsed.output;
  } catch {
    // the first start
  }
  return { port: 0, passwords: {} };
}

async function writeKept(userData: string, value: Kept): Promise<void> {
  await replaceFile(keptFile(userData), `${JSON.stringify(value, null, 2)}\n`);
}
