import { mkdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../../../shared/base/clock.ts';
import { randomToken } from '../../../shared/base/random.ts';
import type { Account } from '../../../shared/model/account.ts';
import { Person } from '../two-people.ts';
import { ExamplePeer, throughTheNetwork } from './example-peer.ts';
import type { Allowance } from './example-script.ts';

/** Our client as Alice or Bob of the examples, signed in with nobody but the scripted peer around it. */
async function flowPerson(
  peer: ExamplePeer,
  folder: string,
  user: 'alice' | 'bob',
  account: Partial<Account> = {},
  fileLingerMs?: number,
): Promise<Person> {
  const data = join(folder, `${user}-${peer.proxy.replace(/\W/g, '-')}`);
  mkdirSync(data, { recursive: true });
  const person = new Person({
    account: {
      address: user === 'alice' ? 'sip:alice@home1.example' : 'sip:bob@home2.example',
      displayName: '',
      user,
      password: 'unused',
      outboundProxy: peer.proxy,
      transport: 'tcp',
      maxFileSize: 0,
      ...account,
    },
    paths: { data, downloads: join(data, 'Downloads') },
    store: { worker: new URL('../../../electron/store/worker.ts', import.meta.url), nativeBinding: null },
    version: '0.1.0',
    platform: 'linux',
    neighbours: [],
    clock: systemClock,
    ...(fileLingerMs === undefined ? {} : { fileLingerMs }),
  });
  await person.client.start();
  await person.online();
  return person;
}

/** What a flow of the examples is played with. Everything ends with the test. */
export class Flow {
  readonly folder: string;
  readonly #peers: ExamplePeer[] = [];
  readonly #people: Person[] = [];

  constructor(folder: string) {
    this.folder = folder;
  }

  /** @param media where the peer of that flow has its files, in the examples */
  async start(
    user: 'alice' | 'bob',
    media: { readonly host: string; readonly port: number },
    options: {
      readonly allowed?: readonly Allowance[];
      readonly account?: Partial<Account>;
      readonly fileLingerMs?: number;
      /** an example that comes in the same write as the 200 to REGISTER */
      readonly pushed?: string;
    } = {},
  ): Promise<{ peer: ExamplePeer; person: Person }> {
    const peer = await ExamplePeer.start(media, options.allowed);
    this.#peers.push(peer);
    if (options.pushed !== undefined) peer.pushes = peer.script.play(options.pushed, throughTheNetwork);
    const person = await flowPerson(peer, this.folder, user, options.account, options.fileLingerMs);
    this.#people.push(person);
    return { peer, person };
  }

  async end(): Promise<void> {
    await Promise.all(this.#people.splice(0).map((person) => person.client.stop()));
    await Promise.all(this.#peers.splice(0).map((peer) => peer.close()));
  }
}

/** Writes the octets to a file of that name and sends it. @returns imdn.Message-ID */
export async function sendFile(person: Person, to: string, path: string, octets: Uint8Array): Promise<string> {
  await writeFile(path, octets);
  const { id } = await person.call['conversations.open']({ address: to });
  const { token } = await person.client.offerFile(path);
  const { imdnId } = await person.call['files.send']({ conversationId: id, clientId: randomToken(24), token });
  return imdnId;
}

/** The id of the transfer that is offered under that name. */
export async function offeredFile(person: Person, name: string): Promise<number> {
  const { transfer } = await person.seesMessage((message) => message.transfer?.name === name && message.transfer.state === 'offered');
  return transfer?.id as number;
}
