import { Emitter } from '../../../shared/base/emitter.ts';
import { type CodedError, toCodedError } from '../../../shared/base/errors.ts';
import type { AccountList, AccountRow } from '../../../shared/ipc/account-contract.ts';
import type { Bridge } from '../../bridge/bridge.ts';

export type AccountDialog =
  | { readonly kind: 'manage' }
  /** `name` null: another account */
  | { readonly kind: 'form'; readonly name: string | null }
  | { readonly kind: 'remove'; readonly row: AccountRow };

/** Which accounts the app has, how they do, and the way to each of them. */
export class Accounts {
  /** null until the host has told */
  list = $state.raw<AccountList | null>(null);
  dialog = $state.raw<AccountDialog | null>(null);
  refusal = $state.raw<CodedError | null>(null);
  /** the client of this page's account was started anew: nothing that was read of it before holds */
  readonly restarted = new Emitter<void>();
  readonly bridge: Bridge;
  readonly #goTo: (url: string) => void;

  /** @param goTo leaves for another page of this host */
  constructor(bridge: Bridge, goTo: (url: string) => void = (url) => window.location.assign(url)) {
    this.bridge = bridge;
    this.#goTo = goTo;
    bridge.on('accounts.changed', (list) => this.#apply(list));
  }

  readonly rows: readonly AccountRow[] = $derived(this.list?.items ?? []);

  /** the one of this page */
  readonly own: AccountRow | null = $derived(this.rows.find(({ name }) => name === this.list?.current) ?? null);

  /** this page is for whoever has no account yet */
  readonly isNobody: boolean = $derived(this.list !== null && this.list.current === null);

  /** unread messages of all the others */
  readonly unreadElsewhere: number = $derived(
    this.rows.reduce((sum, { name, unread }) => (name === this.own?.name ? sum : sum + unread), 0),
  );

  async load(): Promise<void> {
    try {
      this.#apply(await this.bridge.call('accounts.list', {}));
    } catch (thrown) {
      this.refusal = toCodedError(thrown);
    }
  }

  open(name: string): Promise<void> {
    if (name === this.own?.name) return Promise.resolve();
    return this.#go(() => this.bridge.call('accounts.open', { name }));
  }

  /** @param index from 0 */
  openAt(index: number): Promise<void> {
    const row = this.rows[index];
    return row === undefined ? Promise.resolve() : this.open(row.name);
  }

  tryDemo(): Promise<void> {
    return this.#go(() => this.bridge.call('accounts.tryDemo', {}));
  }

  remove(name: string, keepHistory: boolean): Promise<void> {
    this.dialog = { kind: 'manage' };
    return this.#go(() => this.bridge.call('accounts.remove', { name, keepHistory }));
  }

  restart(name: string): Promise<void> {
    return this.#go(async () => {
      await this.bridge.call('accounts.restart', { name });
      return { url: null };
    });
  }

  async #go(ask: () => Promise<{ readonly url: string | null }>): Promise<void> {
    this.refusal = null;
    try {
      const { url } = await ask();
      if (url !== null) this.#goTo(url);
    } catch (thrown) {
      this.refusal = toCodedError(thrown);
    }
  }

  #apply(list: AccountList): void {
    const before = this.own;
    this.list = list;
    if (before !== null && this.own !== null && this.own.run !== before.run) this.restarted.emit();
  }
}
