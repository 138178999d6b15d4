import { Emitter } from '../../../shared/base/emitter.ts';
import type { AccountRow } from '../../../shared/ipc/account-contract.ts';
import { sameAddress } from './kept-accounts.ts';
import { LiveAccount, type LivePorts, type Person } from './live-account.ts';

/** Every account of the app that is at work, or should be. */
export class Roster {
  /** who is in it, or how one of them does */
  readonly changed = new Emitter<void>();
  /** told after it has left: nobody is to be served with it any more */
  readonly left = new Emitter<LiveAccount>();
  readonly #accounts = new Map<string, LiveAccount>();
  readonly #ports: LivePorts;

  constructor(ports: LivePorts) {
    this.#ports = ports;
  }

  get all(): readonly LiveAccount[] {
    return [...this.#accounts.values()];
  }

  get rows(): AccountRow[] {
    return this.all.map(({ row }) => row);
  }

  find(name: string): LiveAccount | undefined {
    return this.#accounts.get(name);
  }

  withAddress(address: string): LiveAccount | undefined {
    return this.all.find(({ account }) => sameAddress(account.address, address));
  }

  /** Resolves when its client has started, or has failed to, which is told by its row; one that is here already stays. */
  async enter(person: Person): Promise<LiveAccount> {
    const known = this.#accounts.get(person.name);
    if (known !== undefined) return known;
    const account = new LiveAccount(person, this.#ports);
    this.#accounts.set(person.name, account);
    account.changed.on(() => this.changed.emit());
    await account.start();
    return account;
  }

  async leave(name: string): Promise<void> {
    const account = this.#accounts.get(name);
    if (account === undefined) return;
    await account.stop();
    this.#accounts.delete(name);
    this.left.emit(account);
    this.changed.emit();
  }

  async stop(): Promise<void> {
    await Promise.all(this.all.map((account) => account.stop()));
  }
}
