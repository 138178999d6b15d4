import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createClient } from '../../electron/app/client.ts';
import type { Client, ClientPorts } from '../../electron/app/port.ts';
import { type HomeNetwork, type HomeNetworkOptions, startHomeNetwork } from '../../electron/home-network/index.ts';
import { systemClock } from '../../shared/base/clock.ts';
import type { EventName, EventPayload } from '../../shared/ipc/contract.ts';
import type { Account } from '../../shared/model/account.ts';
import type { Conversation } from '../../shared/model/conversation.ts';
import type { Message } from '../../shared/model/message.ts';
import { ManualNetwork } from './manual-network.ts';

/** One person of a test: a whole client core and what it has told its window so far. */
export class Person {
  readonly client: Client;
  readonly address: string;
  readonly downloads: string;
  readonly data: string;
  readonly told: { event: EventName; payload: unknown }[] = [];
  readonly log: string[] = [];
  readonly opened: string[] = [];
  /** what left by SIP: whole requests and answers */
  readonly said: string[] = [];
  readonly network = new ManualNetwork('127.0.0.1');

  constructor(ports: Omit<ClientPorts, 'host' | 'log' | 'network'>) {
    this.address = ports.account.address;
    this.downloads = ports.paths.downloads;
    this.data = ports.paths.data;
    this.client = createClient({
      fileLingerMs: 1000,
      sipTap: (direction, octets) => {
        if (direction === 'out') this.said.push(Buffer.from(octets).toString());
      },
      ...ports,
      network: this.network,
      log: (line) => this.log.push(line),
      host: {
        chooseFiles: async () => [],
        openPath: async (path) => void this.opened.push(path),
        showInFolder: async () => undefined,
        chooseFolder: async () => null,
        saveCopy: async () => true,
        openUrl: async () => undefined,
      },
    });
    this.client.subscribe((event, payload) => this.told.push({ event, payload }));
  }

  /** where a file came to lie */
  saved({ transfer }: Message): string {
    return join(this.downloads, transfer?.savedAs as string);
  }

  get call() {
    return this.client.handlers;
  }

  /** Resolves with the first payload, told already or later, that satisfies the test; fails after `within` ms with what was told instead. */
  async sees<E extends EventName>(event: E, test: (payload: EventPayload<E>) => boolean, within = 15_000): Promise<EventPayload<E>> {
    const found = (entry: { event: EventName; payload: unknown }) => entry.event === event && test(entry.payload as EventPayload<E>);
    const early = this.told.find(found);
    if (early) return early.payload as EventPayload<E>;
    return new Promise((resolve, reject) => {
      const off = this.client.subscribe((name, payload) => {
        if (!found({ event: name, payload })) return;
        off();
        clearTimeout(timer);
        resolve(payload as never);
      });
      const timer = setTimeout(() => {
        off();
        const last = this.told.slice(-5).map((entry) => JSON.stringify(entry).slice(0, 400));
        reject(new Error(`${this.address} was not told ${event}; last:\n${last.join('\n')}\nlog:\n${this.log.slice(-10).join('\n')}`));
      }, within);
    });
  }

  /** Registered, and asked about every file, however small. */
  async online(): Promise<void> {
    await this.sees('registration.changed', (state) => state.kind === 'registered');
    await this.call['settings.change']({ autoAcceptUpTo: 0 });
  }

  seesMessage(test: (message: Message) => boolean, within?: number): Promise<Message> {
    return this.sees('message.changed', test, within);
  }

  conversationWith(other: Person): Promise<Conversation> {
    return this.call['conversations.open']({ address: other.address });
  }

  async history(conversationId: number): Promise<Message[]> {
    return (await this.call['messages.page']({ conversationId, limit: 200 })).items;
  }
}

export interface TwoPeople {
  readonly alice: Person;
  readonly bob: Person;
  readonly networkPort: number;
  readonly network: HomeNetwork;
  /** Another device of somebody, with its own folder and client core; resolves once it is registered. */
  readonly device: (user: string, name: string) => Promise<Person>;
  /** of somebody on the same network who has no client yet */
  readonly accountOf: (user: string) => HomeNetwork['accounts'][number];
  readonly close: () => Promise<void>;
}

export interface TwoPeopleOptions {
  readonly maxFileSize?: number;
  /** what is provisioned otherwise, by user */
  readonly accounts?: Readonly<Record<string, Partial<Account>>>;
  /** users of the network beside Alice, Bob and Mallory */
  readonly guests?: readonly string[];
  /** a number of Bob's, asserted beside his address */
  readonly numberOfBob?: string;
  /** users that offer MSRP over TLS */
  readonly overTls?: readonly string[];
  /** users that nobody is told of */
  readonly strangers?: readonly string[];
  readonly network?: Pick<
    HomeNetworkOptions,
    'bounds' | 'databases' | 'digest' | 'gateway' | 'groups' | 'historyServer' | 'log' | 'media' | 'policy' | 'timing'
  >;
}

/** A client core in a folder of its own; not started. @param neighbours who is no stranger to it */
export function personWith(
  folder: string,
  name: string,
  account: Omit<Account, 'maxFileSize'> & { readonly maxFileSize?: number },
  neighbours: ClientPorts['neighbours'],
): Person {
  return new Person({
    account: { maxFileSize: 0, ...account },
    paths: makePaths(folder, name),
    store: { worker: new URL('../../electron/store/worker.ts', import.meta.url), nativeBinding: null },
    version: '0.1.0',
    platform: 'linux',
    neighbours,
    clock: systemClock,
  });
}

/** Alice and Bob, each with a client core of their own, registered on a home network of their own. */
export async function twoPeople(folder: string, options: TwoPeopleOptions = {}): Promise<TwoPeople> {
  const network = await startHomeNetwork({
    host: '127.0.0.1',
    port: 0,
    domain: 'parley.example',
    ...options.network,
    users: [
      { user: 'alice', password: 'Pa55-0rd', displayName: 'Alice' },
      { user: 'bob', password: 'Gr4nite!', displayName: 'Bob', number: options.numberOfBob },
      { user: 'mallory', password: 'M4rble!!', displayName: 'Mallory' },
      ...(options.guests ?? []).map((user) => ({ user, password: `${user}-Sl4te`, displayName: user })),
    ],
  });
  const accountOf: TwoPeople['accountOf'] = (user) => {
    const account = network.accounts.find((candidate) => candidate.user === user);
    if (!account) throw new Error(`no account ${user}`);
    return account;
  };
  const people: Person[] = [];
  const device: TwoPeople['device'] = async (user, name) => {
    const account = accountOf(user);
    const person = personWith(
      folder,
      name,
      {
        ...account,
        groups: network.groups,
        maxFileSize: options.maxFileSize ?? 0,
        ...(options.overTls?.includes(user) ? { msrpTransport: 'tls' as const } : {}),
        ...options.accounts?.[user],
      },
      network.accounts.filter((other) => other !== account && !options.strangers?.includes(other.user)),
    );
    people.push(person);
    await person.client.start();
    await person.online();
    return person;
  };
  const [alice, bob] = await Promise.all([device('alice', 'alice'), device('bob', 'bob')]);
  return {
    alice,
    bob,
    networkPort: network.address.port,
    network,
    device,
    accountOf,
    close: async () => {
      await Promise.all(people.map((person) => person.client.stop()));
      await network.close();
    },
  };
}

function makePaths(folder: string, name: string): ClientPorts['paths'] {
  const data = join(folder, name);
  mkdirSync(data, { recursive: true });
  return { data, downloads: join(data, 'Downloads') };
}
