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

/**
 * Flow F13 as far as its media: a film of that size and SHA-1 (`0F:8D…`) is offered to our person, Alice of the examples, who takes it, and the peer connects.
 * @returns the connection, and the two ends of its session as MSRP has them
 */
export async function takenFilm(peer: ExamplePeer, person: Person, { size, sha1 }: { readonly size: number; readonly sha1: string }) {
  peer.binds(peer.registration, { instance: 'urn:uuid:f81d4fae-7dec-41d0-a765-00a0c91e6bf6' });
  peer.plays('F13-01.sip', (text) =>
    text
      .replace(/a=file-selector:.*/, `a=file-selector:name:"walk.mp4" type:video/mp4 size:${size} hash:sha-1:${sha1}`)
      .replace(/a=accept-types:.*/, 'a=accept-types:message/cpim video/mp4'),
  );
  const transferId = await offeredFile(person, 'walk.mp4');
  await person.call['transfers.accept']({ transferId });
  const answer = await peer.takesAny('200 INVITE');
  // the ACK to a 200 is a transaction of its own (RFC 3261 section 17.1.1.3)
  peer.plays('F13-04.sip', (text) =>
    text.replace(/;branch=\S+/, ';branch=z9hG4bK0698c2f53eff').replace(/(To: .*;tag=).*/, `$1${/\r\nTo: .*;tag=(\S+)/.exec(answer)?.[1]}`),
  );
  const to = /a=path:(\S+)/.exec(answer)?.[1] ?? '';
  const line = await peer.connectsTo(to);
  const from = peer.script.meaningOf('msrp://203.0.113.20:20720/qVpCT5IX7CG4SnhZ1yzU;tcp');
  return { transferId, line, to, from };
}
