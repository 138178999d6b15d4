import { systemClock } from '../../shared/base/clock.ts';
import { ParleyError } from '../../shared/base/errors.ts';
import type { Account } from '../../shared/model/account.ts';
import type { Network } from '../services/network.ts';
import { readAccountFile } from './accounts.ts';
import type { Arguments } from './arguments.ts';
import { forgetDemo, type StartHomeNetwork, startDemo } from './demo.ts';
import { lockFolder } from './folder-lock.ts';
import { type PowerEvents, watchNetwork } from './network-watch.ts';
import { accountName, accountPaths, demoPaths } from './paths.ts';
import type { Client, ClientPorts, HostActions, StoreRuntime } from './port.ts';

/** What both hosts are built from; the host gives what only it knows. */
export interface CompositionOptions {
  readonly arguments: Arguments;
  /** absolute folders */
  readonly userData: string;
  readonly downloads: string;
  readonly version: string;
  readonly store: StoreRuntime;
  /** how long to wait for another Parley that uses the folder and may be ending, ms */
  readonly lockPatience: number;
  /** @param name the {@link HostedClient.name} */
  readonly hostFor: (name: string) => HostActions;
  /** what the host is told of sleep by the system, where it is */
  readonly power?: PowerEvents | undefined;
  readonly createClient: (ports: ClientPorts) => Client;
  readonly startHomeNetwork: StartHomeNetwork;
  readonly log: (line: string) => void;
}

export interface HostedClient {
  /** stands in URLs and folder names: `alice` */
  readonly name: string;
  readonly account: Account;
  readonly paths: ClientPorts['paths'];
  readonly client: Client;
}

export interface Composition {
  readonly clients: readonly HostedClient[];
  /** `host:port`, null where a real SIP core is used */
  readonly homeNetwork: string | null;
  /** ends the clients, then the home network; takes 6 s at most */
  close(): Promise<void>;
}

/** longest wait for a part to end, ms: a client ends its binding within 5 s */
const CLIENT_STOP = 5000;
const NETWORK_STOP = 1000;
/** long enough for another one to do so */
export const LOCK_PATIENCE = CLIENT_STOP + NETWORK_STOP;

/**
 * Starts one client core an account: the one of `--account`, or the demo's two with their home network.
 * @throws ParleyError `account.malformed`, `request.invalid-state` (another Parley uses the folder), `link.unreachable`, `store.*`
 */
export async function compose(options: CompositionOptions): Promise<Composition> {
  const account = options.arguments.account === null ? null : await readAccountFile(options.arguments.account);
  const undo: (() => Promise<unknown>)[] = [];
  const unwind = async (): Promise<void> => {
    for (const step of undo.reverse()) await step().catch((thrown) => options.log(`stop: ${String(thrown)}`));
  };
  let closing: Promise<void> | null = null;
  const close = (): Promise<void> => (closing ??= unwind());
  try {
    undo.push(await lockFolder(options.userData, options.lockPatience));
    const { people, homeNetwork } = account === null ? await demo(options, undo) : configured(options, account);
    const network = watchNetwork({ power: options.power });
    const clients = people.map((person) => ({ ...person, client: options.createClient(portsOf(options, network, person, people)) }));
    undo.push(() => Promise.all(clients.map(({ client }) => within(CLIENT_STOP, client.stop()))));
    await Promise.all(clients.map(({ client }) => client.start()));
    return { clients, homeNetwork, close };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

type Person = Omit<HostedClient, 'client'>;

async function demo(options: CompositionOptions, undo: (() => Promise<unknown>)[]): Promise<{ people: Person[]; homeNetwork: string }> {
  const { userData } = options;
  if (options.arguments.fresh) await forgetDemo(userData);
  const running = await startDemo(userData, options.arguments.demoPort, options.startHomeNetwork, options.log);
  undo.push(() => within(NETWORK_STOP, running.close()));
  return { people: running.people.map((person) => ({ ...person, paths: demoPaths(userData, person.name) })), homeNetwork: running.address };
}

function configured(options: CompositionOptions, account: Account): { people: Person[]; homeNetwork: null } {
  const paths = accountPaths(options.userData, account.address, options.downloads);
  return { people: [{ name: accountName(account.address), account, paths }], homeNetwork: null };
}

function portsOf(options: CompositionOptions, network: Network, person: Person, people: readonly Person[]): ClientPorts {
  return {
    account: person.account,
    paths: person.paths,
    host: options.hostFor(person.name),
    network,
    store: options.store,
    version: options.version,
    platform: process.platform,
    neighbours: people.filter((other) => other !== person).map(({ account: { address, displayName } }) => ({ address, displayName })),
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
