import { atMost } from '../../shared/base/clock.ts';
import { Emitter } from '../../shared/base/emitter.ts';
import { toCodedError } from '../../shared/base/errors.ts';
import type { Params, Result } from '../../shared/ipc/contract.ts';
import { canonicalAddress, numberRoute } from '../../shared/model/address.ts';
import { isFinalTransferState } from '../../shared/model/states/transfer-state.ts';
import type { Identities, Store } from '../store/port.ts';
import type { ContactView, ServiceContext } from './context.ts';

/** Counts up when the same text folds to another address than before; together with the country it says what the store was folded by. */
const FOLDING = 2;
const MAX_HEARD = 5000;
const FOLDED_BY = 'addresses.folding';
/** how long somebody who is unblocked waits for the network's own list */
const NETWORK_HEARS_WITHIN_MS = 2_000;

/** Who is known beforehand and who is kept out: always at hand, so that a request of somebody blocked costs nothing. */
export class ContactBook implements ContactView {
  readonly names: ReadonlyMap<string, string>;
  readonly regrouped = new Emitter<void>();
  readonly #store: Store;
  #blocked: ReadonlySet<string> = new Set();
  #peers: ReadonlyMap<string, string> = new Map();
  /** what was looked up already, each `peer alias` */
  readonly #heard = new Set<string>();

  private constructor(store: Store, names: ReadonlyMap<string, string>) {
    this.#store = store;
    this.names = names;
  }

  /** @param neighbours people of the embedded home network */
  static async open(store: Store, neighbours: readonly { readonly address: string; readonly displayName: string }[]): Promise<ContactBook> {
    const names = neighbours.map(({ address, displayName }) => [canonicalAddress(address) ?? address, displayName] as const);
    const book = new ContactBook(store, new Map(names));
    await book.reload();
    return book;
  }

  isBlocked(addresses: readonly string[]): boolean {
    return addresses.some((address) => this.#blocked.has(address));
  }

  peerOf(address: string): string {
    return this.#peers.get(address) ?? address;
  }

  async heard({ peer, aliases = [] }: Identities): Promise<void> {
    const news = aliases.map((alias) => `${peer} ${alias}`).filter((pair) => !this.#heard.has(pair));
    if (news.length === 0) return;
    if (this.#heard.size > MAX_HEARD) this.#heard.clear();
    for (const pair of news) this.#heard.add(pair);
    await this.reload();
  }

  async reload(): Promise<void> {
    const [blocked, aliases] = await Promise.all([this.#store.blockedConversations(), this.#store.aliases()]);
    this.#blocked = new Set(blocked.flatMap(({ addresses }) => addresses));
    this.#peers = new Map(aliases.map(({ address, peer }) => [address, peer]));
    this.regrouped.emit();
  }
}

/**
 * Brings every conversation under the address that its peer folds to by today's rules and the account's country; those of one person become
 * one. Once for each change of either.
 */
export async function foldAgain({
  account: { countryCode = '' },
  store,
  log,
}: Pick<ServiceContext, 'account' | 'store' | 'log'>): Promise<void> {
  const wanted = `${FOLDING} ${countryCode}`;
  if ((await store.setting(FOLDED_BY)) === wanted) return;
  for (const { conversationId, peer } of await store.addresses()) {
    const folded = canonicalAddress(peer, countryCode || undefined);
    if (folded === null || folded === peer) continue;
    const merged = await store.refoldConversation({
      conversationId,
      before: peer,
      peer: folded,
      route: numberRoute(peer, countryCode || undefined),
    });
    for (const { id, into } of merged) log(`conversation ${id} is part of ${into} now`);
  }
  await store.setSetting(FOLDED_BY, wanted);
}

/** What else than a first text tells who is who: a notification from both addresses about what was sent to one of them. */
export async function meet({ store, contacts, notices }: ServiceContext, { peer, aliases, route }: Identities): Promise<void> {
  if (aliases === undefined || aliases.length === 0) return;
  const rows = await store.learnAliases({ peer, aliases, route });
  await contacts.heard({ peer, aliases });
  notices.changed(rows);
}

export interface ContactPorts {
  readonly cancelTransfer: (transferId: number) => Promise<void>;
  /** ends what is open with that address */
  readonly leave: (address: string) => void;
  readonly outboxChanged: () => void;
  /** Who is blocked is another set than before. Resolves when the network has heard of it, or cannot for now. */
  readonly blocksChanged: () => Promise<void>;
}

/** What the person decides about others. */
export class ContactService {
  readonly #context: ServiceContext;
  readonly #book: ContactBook;
  readonly #ports: ContactPorts;

  constructor(context: ServiceContext, book: ContactBook, ports: ContactPorts) {
    this.#context = context;
    this.#book = book;
    this.#ports = ports;
  }

  details(conversationId: number): Promise<Result<'conversations.details'>> {
    return this.#context.store
      .conversationDetails(conversationId)
      .then(({ addresses, ...rest }) => ({ ...rest, addresses: [...addresses] }));
  }

  async configure(change: Params<'conversations.configure'>): Promise<void> {
    this.#context.notices.changed({ conversation: await this.#context.store.configureConversation(change) });
  }

  async accept(conversationId: number): Promise<void> {
    const { store, notices, clock, settings } = this.#context;
    const { displayReports } = settings.current;
    notices.changed({ conversation: await store.acceptConversation({ conversationId, now: clock.now(), displayReports }) });
    this.#ports.outboxChanged();
  }

  /** Whoever is written to is no stranger any more. */
  async acceptBeforeWriting(conversationId: number): Promise<void> {
    if ((await this.#context.store.conversation(conversationId)).request) await this.accept(conversationId);
  }

  async block({ conversationId, blocked }: Params<'conversations.block'>): Promise<void> {
    const { store, notices, clock, log } = this.#context;
    const conversation = await store.blockConversation({ conversationId, blocked, now: clock.now() });
    await this.#book.reload();
    notices.changed({ conversation });
    this.#ports.outboxChanged();
    const told = this.#ports.blocksChanged();
    // what they send from now on is to arrive, and the network throws it away as long as it has not heard
    if (!blocked) return atMost(NETWORK_HEARS_WITHIN_MS, clock, told);
    for (const address of (await store.conversationDetails(conversation.id)).addresses) this.#ports.leave(address);
    for (const transfer of await store.openTransfers()) {
      if (transfer.conversationId !== conversation.id || isFinalTransferState(transfer.state)) continue;
      await this.#ports.cancelTransfer(transfer.id).catch((thrown) => log(`transfer ${transfer.id}: ${toCodedError(thrown).detail}`));
    }
  }

  async blocked(): Promise<Result<'blocked.list'>> {
    const items = await this.#context.store.blockedConversations();
    return { items: items.map(({ conversation, addresses }) => ({ conversation, addresses: [...addresses] })) };
  }
}
