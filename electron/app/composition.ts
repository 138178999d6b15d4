import { existsSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { type Clock, systemClock } from '../../shared/base/clock.ts';
import { type CodedError, ParleyError, toCodedError } from '../../shared/base/errors.ts';
import type { Account } from '../../shared/model/account.ts';
import type { Network } from '../services/network.ts';
import { readAccountFile } from './accounts/account-file.ts';
import { type AccountPorts, accountHandlers, accountList, keptPerson } from './accounts/account-methods.ts';
import { isUsable, KeptAccounts, keptFile, sameAddress } from './accounts/kept-accounts.ts';
import { LiveAccount, type LivePorts, type Person } from './accounts/live-account.ts';
import { Roster } from './accounts/roster.ts';
import type { Secrets } from './accounts/secrets.ts';
import type { Arguments } from './arguments.ts';
import { DemoPeople, forgetDemo, type StartHomeNetwork } from './demo.ts';
import { lockFolder } from './folder-lock.ts';
import { type PowerEvents, watchNetwork } from './network-watch.ts';
import { accountName, accountPaths } from './paths.ts';
import type { Client, ClientPorts, HostActions, HostedAccount, StoreRuntime } from './port.ts';

/** What both hosts are built from; the host gives what only it knows. */
export interface CompositionOptions {
  readonly arguments: Arguments;
  /** absolute folders */
  readonly userData: string;
  readonly downloads: string;
  readonly version: string;
  readonly store: StoreRuntime;
  /** the module of the worker in which the demo's network has its databases */
  readonly networkWorker: URL;
  /** how long to wait for another Parley that uses the folder and may be ending, ms */
  readonly lockPatience: number;
  /** what comes up where nobody has an account yet */
  readonly firstRun: 'demo' | 'welcome';
  readonly secrets: () => Promise<Secrets>;
  /** @param name the {@link HostedAccount.name} */
  readonly hostFor: (name: string) => HostActions;
  /** what the host is told of sleep by the system, where it is */
  readonly power?: PowerEvents | undefined;
  /** shows a page with that account; the address to go to, where the page has to go there by itself */
  readonly open: (account: HostedAccount) => Promise<string | null>;
  readonly createClient: (ports: ClientPorts) => Client;
  readonly tryAccount: (given: Pick<ClientPorts, 'account' | 'version' | 'platform'>, clock: Clock) => Promise<CodedError | null>;
  readonly startHomeNetwork: StartHomeNetwork;
  readonly log: (line: string) => void;
}

export interface Composition {
  /** every account at work or in trouble, in the order they came */
  readonly accounts: Roster;
  /** where somebody without an account is taken to */
  readonly welcome: HostedAccount;
  /** `host:port` of the demo's, null while there is none */
  readonly homeNetwork: string | null;
  /** Takes in the account of one more file, or finds it at work already; what is wrong with it is said by its row. */
  addFile(path: string): Promise<HostedAccount>;
  /** ends the clients, then the home network; takes 6 s at most */
  close(): Promise<void>;
}

/** longest wait for a part to end, ms: a client ends its binding within 5 s */
const CLIENT_STOP = 5000;
const NETWORK_STOP = 1000;
/** long enough for another one to do so */
export const LOCK_PATIENCE = CLIENT_STOP + NETWORK_STOP;

/**
 * Starts one client core an account: those of `--account`, those that people added, or else the demo's two with their home network. One that cannot
 * start keeps none of the others from it.
 * @throws ParleyError `account.malformed` (there is nothing else to start), `request.invalid-state` (another Parley uses the folder), `link.unreachable`
 */
export async function compose(options: CompositionOptions): Promise<Composition> {
  const { userData, downloads, log } = options;
  const given = await Promise.all(options.arguments.accounts.map((path) => provisioned(options, path)));
  const [first] = given;
  if (first !== undefined && given.every(({ account }) => !isUsable(account)) && !existsSync(keptFile(userData))) {
    const { code, detail } = first.account as CodedError;
    throw new ParleyError(code, detail);
  }
  const undo: (() => Promise<unknown>)[] = [];
  const unwind = async (): Promise<void> => {
    for (const step of undo.reverse()) await step().catch((thrown) => log(`stop: ${String(thrown)}`));
  };
  let closing: Promise<void> | null = null;
  const close = (): Promise<void> => (closing ??= unwind());
  try {
    undo.push(await lockFolder(userData, options.lockPatience));
    const network = watchNetwork({ power: options.power });
    const live: LivePorts = {
      createClient: (person, account, unreadChanged) =>
        options.createClient({ ...portsOf(options, network, person, account), unreadChanged }),
      handlers: (own) => accountHandlers(ports, own),
      log,
    };
    const roster = new Roster(live);
    const demo = new DemoPeople(options, roster);
    const ports: AccountPorts = {
      roster,
      get kept() {
        return kept;
      },
      userData,
      downloads,
      clock: systemClock,
      tryAccount: (account) => options.tryAccount({ account, version: options.version, platform: process.platform }, systemClock),
      open: options.open,
      get welcome() {
        return welcome;
      },
      demo,
    };
    const welcome = new LiveAccount(nobody(userData), live);
    undo.push(() => within(NETWORK_STOP, demo.close()));
    undo.push(() => within(CLIENT_STOP, roster.stop()));
    if (options.arguments.fresh) await forgetDemo(userData);
    // what does not wait for the keyring starts at once
    const early = given.map((person) => roster.enter(person));
    if (wantsDemo(options, given.length === 0 && !existsSync(keptFile(userData)))) await demo.start();
    const kept = await KeptAccounts.open(userData, await options.secrets(), systemClock.now());
    if (kept.problem !== null) log(`${kept.problem.code}: ${kept.problem.detail}`);
    roster.changed.on(() => {
      for (const account of [...roster.all, welcome]) account.tell('accounts.changed', accountList(ports, account.name));
    });
    const own = kept.all.filter(({ address }) => !given.some((other) => sameAddress(other.address, address)));
    await Promise.all([...early, ...own.map((each) => roster.enter(keptPerson(ports, each)))]);
    if (wantsDemo(options, roster.all.length === 0)) await demo.start();
    return {
      accounts: roster,
      welcome,
      get homeNetwork() {
        return demo.address;
      },
      async addFile(path) {
        const person = await provisioned(options, path);
        return roster.withAddress(person.address) ?? roster.enter(person);
      },
      close,
    };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

function wantsDemo({ arguments: { demo, fresh, demoPort }, firstRun }: CompositionOptions, isAlone: boolean): boolean {
  if (demo !== null) return demo;
  return fresh || demoPort !== null || (firstRun === 'demo' && isAlone);
}

/** The account of a file, or what is wrong with it: by the name of the file then, as nothing else is known. */
async function provisioned({ userData, downloads, log }: CompositionOptions, path: string): Promise<Person> {
  const common = { origin: 'provisioned' as const, neighbours: [] };
  try {
    const account = await readAccountFile(path);
    const { address, displayName } = account;
    return { ...common, name: accountName(address), address, displayName, account, paths: accountPaths(userData, address, downloads) };
  } catch (thrown) {
    const account = toCodedError(thrown, 'account.malformed');
    log(`${account.code}: ${path}: ${account.detail}`);
    const address = resolve(path);
    return {
      ...common,
      name: accountName(address),
      address: '',
      displayName: basename(path),
      account,
      paths: accountPaths(userData, address, downloads),
    };
  }
}

function nobody(userData: string): Person {
  const data = join(userData, 'welcome');
  return {
    name: 'welcome',
    origin: 'kept',
    address: '',
    displayName: 'Parley',
    account: { code: 'request.invalid-state', detail: 'there is no account' },
    paths: { data, downloads: data },
    neighbours: [],
  };
}

function portsOf(options: CompositionOptions, network: Network, person: Person, account: Account): ClientPorts {
  return {
    account,
    paths: person.paths,
    host: options.hostFor(person.name),
    network,
    store: options.store,
    version: options.version,
    platform: process.platform,
    neighbours: person.neighbours,
    clock: systemClock,
    log: (line) => options.log(`${person.name}: ${line}`),
  };
}

async function within(milliseconds: number, ending: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new ParleyError('internal', `not ended after ${milliseconds} ms`)), milliseconds);
  });
  try {
    await Promise.race([ending, late]);
  } finally {
    clearTimeout(timer);
  }
}
