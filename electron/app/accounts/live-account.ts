import { Emitter } from '../../../shared/base/emitter.ts';
import { type CodedError, ParleyError, toCodedError } from '../../../shared/base/errors.ts';
import type { AccountRow } from '../../../shared/ipc/account-contract.ts';
import {
  type AccountHandlers,
  type ClientHandlers,
  contract,
  type EventName,
  type EventPayload,
  type FileCandidate,
  type Handlers,
} from '../../../shared/ipc/contract.ts';
import type { Account } from '../../../shared/model/account.ts';
import type { Client, ClientPorts, ContractListener, HostedAccount } from '../port.ts';
import { isUsable } from './kept-accounts.ts';

/** An account and all that is known of it before a client runs. */
export interface Person {
  readonly name: string;
  readonly origin: AccountRow['origin'];
  readonly address: string;
  readonly displayName: string;
  /** or why it cannot be used as it was written */
  readonly account: Account | CodedError;
  readonly paths: ClientPorts['paths'];
  readonly neighbours: ClientPorts['neighbours'];
}

export interface LivePorts {
  readonly createClient: (person: Person, account: Account, unreadChanged: (unread: number) => void) => Client;
  readonly handlers: (own: string) => AccountHandlers;
  readonly log: (line: string) => void;
}

/**
 * One account and the client at work for it, which may be replaced, fail to start, or not be there at all; whoever asks meanwhile waits until it
 * has started, or hears why it has not.
 */
export class LiveAccount implements HostedAccount {
  /** something that the list of accounts shows has changed */
  readonly changed = new Emitter<void>();
  readonly handlers: Handlers;
  readonly #ports: LivePorts;
  readonly #listeners = new Set<ContractListener>();
  #person: Person;
  #client: Client | null = null;
  #error: CodedError | null = null;
  #registration: AccountRow['registration'] = { kind: 'offline' };
  #unread = 0;
  #run = 0;
  /** what starts or ends the client, one after the other */
  #turning: Promise<void> = Promise.resolve();

  constructor(person: Person, ports: LivePorts) {
    this.#person = person;
    this.#ports = ports;
    this.handlers = { ...this.#clientHandlers(), ...ports.handlers(person.name) };
  }

  get name(): string {
    return this.#person.name;
  }

  get account(): HostedAccount['account'] {
    const { account, address, displayName } = this.#person;
    return { address, displayName, maxFileSize: isUsable(account) ? account.maxFileSize : 0 };
  }

  get paths(): ClientPorts['paths'] {
    return this.#person.paths;
  }

  get row(): AccountRow {
    const { name, address, displayName, origin } = this.#person;
    return {
      name,
      address,
      displayName,
      origin,
      registration: this.#registration,
      unread: this.#unread,
      error: this.#error,
      run: this.#run,
    };
  }

  /** Whatever goes wrong is its state, and nobody else's. @param person in place of what it was */
  start(person?: Person): Promise<void> {
    return this.#turn(async () => {
      await this.#end();
      if (person !== undefined) this.#person = person;
      const { account } = this.#person;
      try {
        if (!isUsable(account)) throw new ParleyError(account.code, account.detail);
        const client = this.#ports.createClient(this.#person, account, (unread) => this.#count(unread));
        client.subscribe((event, payload) => this.#heard(client, event, payload));
        this.#client = client;
        await client.start();
        this.#error = null;
      } catch (thrown) {
        await this.#client?.stop().catch(() => {});
        this.#client = null;
        this.#error = toCodedError(thrown);
        this.#registration = { kind: 'offline' };
        this.#unread = 0;
        this.#ports.log(`${this.name}: ${this.#error.code}: ${this.#error.detail}`);
      }
      this.#run += 1;
      this.changed.emit();
    });
  }

  stop(): Promise<void> {
    return this.#turn(() => this.#end());
  }

  subscribe(listener: ContractListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  tell<E extends EventName>(event: E, payload: EventPayload<E>): void {
    for (const listener of [...this.#listeners]) listener(event, payload);
  }

  async offerFile(path: string): Promise<FileCandidate> {
    return (await this.#running()).offerFile(path);
  }

  async picture(of: Parameters<Client['picture']>[0]): ReturnType<Client['picture']> {
    return (await this.#running()).picture(of);
  }

  async #running(): Promise<Client> {
    await this.#turning;
    if (this.#client !== null) return this.#client;
    const { code, detail } = this.#error ?? { code: 'store.closed', detail: 'the client is not running' };
    throw new ParleyError(code, detail);
  }

  #turn(work: () => Promise<void>): Promise<void> {
    this.#turning = this.#turning.then(work);
    return this.#turning;
  }

  async #end(): Promise<void> {
    const client = this.#client;
    this.#client = null;
    this.#registration = { kind: 'offline' };
    await client?.stop().catch((thrown) => this.#ports.log(`${this.name}: stop: ${toCodedError(thrown).detail}`));
  }

  #heard<E extends EventName>(client: Client, event: E, payload: EventPayload<E>): void {
    if (client !== this.#client) return;
    this.tell(event, payload);
    if (event === 'registration.changed') {
      this.#registration = payload as EventPayload<'registration.changed'>;
      this.changed.emit();
    }
  }

  #count(unread: number): void {
    this.#unread = unread;
    this.changed.emit();
  }

  #clientHandlers(): ClientHandlers {
    const methods = Object.keys(contract.methods).filter((method) => !method.startsWith('accounts.')) as (keyof ClientHandlers)[];
    const handler = (method: keyof ClientHandlers) => async (params: unknown) => {
      const { handlers } = await this.#running();
      return handlers[method](params as never);
    };
    return Object.fromEntries(methods.map((method) => [method, handler(method)])) as unknown as ClientHandlers;
  }
}
