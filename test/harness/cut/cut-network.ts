import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { steadyNode } from '../../../build/lib/steady-node.ts';
import { type ContractClient, connectContract } from '../../../shared/ipc/wire.ts';
import type { Settings } from '../../../shared/model/settings.ts';
import { HeadlessProcess } from '../headless-process.ts';
import { Cables } from './namespaces.ts';

const HOME_NETWORK = fileURLToPath(new URL('../../../electron/home-network/main.ts', import.meta.url));
const RELAY = fileURLToPath(new URL('relay-main.ts', import.meta.url));
const NAME_SERVER = fileURLToPath(new URL('name-server-main.ts', import.meta.url));
const PORT = '5060';
const PASSWORD = 'Gr4nite-and-sl4te';
/** of the server, known to the name server */
const NAME = 'core.parley.test';

export type Registration = { readonly kind: string; readonly at: number; readonly code: string | null };

/** One person on a device of her own: the headless client as it is, driven over its contract. */
export class FarPerson {
  readonly address: string;
  readonly call: ContractClient['call'];
  readonly on: ContractClient['on'];
  readonly host: HeadlessProcess;
  /** every state of the registration as it was told, with the time of this process */
  readonly states: Registration[] = [];
  readonly #relay: ChildProcess;

  private constructor(address: string, host: HeadlessProcess, relay: ChildProcess, client: ContractClient) {
    this.address = address;
    this.host = host;
    this.#relay = relay;
    this.call = client.call;
    this.on = client.on;
    client.on('registration.changed', (state) => {
      this.states.push({ kind: state.kind, at: performance.now(), code: 'error' in state ? state.error.code : null });
    });
  }

  static async start(cables: Cables, name: string, folder: string): Promise<FarPerson> {
    const address = `sip:${name}@parley.example`;
    const account = join(folder, `${name}.json`);
    const fields = { address, user: name, password: PASSWORD, outboundProxy: NAME, transport: 'tcp' };
    await writeFile(account, JSON.stringify(fields));
    // what it saves goes where the rest of it is
    const inside = [...cables.inside(name), 'env', `HOME=${join(folder, name)}`];
    const host = await HeadlessProcess.start(['--account', account, '--user-data', join(folder, name)], inside);
    const relay = await child([...inside, process.execPath, RELAY, host.accounts[0]?.contract ?? '']);
    const client = connectContract({
      send: (text) => void (relay.connected && relay.send(text)),
      onText(listener) {
        const onMessage = (message: unknown) => listener((message as { text: string }).text);
        relay.on('message', onMessage);
        return () => relay.off('message', onMessage);
      },
      onClose(listener) {
        relay.once('exit', listener);
        return () => relay.off('exit', listener);
      },
    });
    return new FarPerson(address, host, relay, client);
  }

  /** the state it is in now, asked afresh */
  async state(): Promise<string> {
    return (await this.call('app.state', {})).registration.kind;
  }

  async stop(): Promise<void> {
    this.#relay.kill('SIGKILL');
    await this.host.stop();
  }

  /** without a word; the same arguments as before start it again */
  async kill(): Promise<void> {
    await this.host.kill();
    this.#relay.kill('SIGKILL');
  }
}

/** Alice, Bob and the home network, each in a network of its own, with a cable from either to the middle. */
export class CutNetwork {
  readonly cables: Cables;
  readonly alice: FarPerson;
  readonly bob: FarPerson;
  readonly #folder: string;
  #server: ChildProcess;
  readonly #names: ChildProcess;

  private constructor(cables: Cables, folder: string, server: ChildProcess, names: ChildProcess, alice: FarPerson, bob: FarPerson) {
    this.cables = cables;
    this.#folder = folder;
    this.#server = server;
    this.#names = names;
    this.alice = alice;
    this.bob = bob;
  }

  /** @param mode how the texts of both leave */
  static async start(folder: string, mode: Settings['preferredMode']): Promise<CutNetwork> {
    const cables = await Cables.lay(['alice', 'bob']);
    try {
      const names = await startNames(cables);
      const server = await startServer(cables, folder);
      const [alice, bob] = await Promise.all([FarPerson.start(cables, 'alice', folder), FarPerson.start(cables, 'bob', folder)]);
      for (const person of [alice, bob]) await person.call('settings.change', { preferredMode: mode });
      return new CutNetwork(cables, folder, server, names, alice, bob);
    } catch (thrown) {
      await cables.remove();
      throw thrown;
    }
  }

  /** as by a power cut; what it held in memory is gone */
  async killServer(): Promise<void> {
    const ended = once(this.#server, 'exit');
    this.#server.kill('SIGKILL');
    await ended;
  }

  async startServer(): Promise<void> {
    this.#server = await startServer(this.cables, this.#folder);
  }

  /** It takes connections and octets, and does nothing with them. */
  freezeServer(): void {
    this.#server.kill('SIGSTOP');
  }

  thawServer(): void {
    this.#server.kill('SIGCONT');
  }

  async nameService(mood: 'quick' | 'slow' | 'failing' | 'silent'): Promise<void> {
    const set = once(this.#names, 'message');
    this.#names.send(mood);
    await set;
  }

  async stop(): Promise<void> {
    this.#server.kill('SIGCONT');
    await Promise.all([this.alice.stop(), this.bob.stop()]);
    this.#server.kill('SIGKILL');
    this.#names.kill('SIGKILL');
    await this.cables.remove();
  }
}

/** @param folder where it keeps what waits, over its restarts too */
export async function startServer(cables: Cables, folder: string): Promise<ChildProcess> {
  const args = ['--data', join(folder, 'network'), '--host', Cables.server, '--port', PORT, '--users', 'alice,bob', '--password', PASSWORD];
  const [program = '', ...rest] = [...cables.inside('core'), process.execPath, ...steadyNode, HOME_NETWORK, ...args];
  // why it does not start, it says there
  const server = spawn(program, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: server.stdout }).once('line', () => resolve());
    server.once('exit', (code) => reject(new Error(`the home network ended with ${code}`)));
  });
  return server;
}

export function startNames(cables: Cables): Promise<ChildProcess> {
  return child([...cables.inside('core'), process.execPath, NAME_SERVER, Cables.server, NAME]);
}

/** A process with a channel to this one, once it has said its first word. */
async function child([program = '', ...args]: readonly string[]): Promise<ChildProcess> {
  const started = spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  await new Promise<void>((resolve, reject) => {
    started.once('message', () => resolve());
    started.once('exit', (code) => reject(new Error(`${args.at(-1)} ended with ${code}`)));
  });
  return started;
}
