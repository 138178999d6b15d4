import { canonicalAddress } from '../../shared/model/address.ts';
import type { Conversation } from '../../shared/model/conversation.ts';
import type { ServiceContext } from './context.ts';

/** addresses that are remembered, those of the newest conversations */
const MAX_KNOWN = 5000;
const PAGE = 200;

/**
 * Whom the person writes with. While somebody else sends a thousand requests a second, theirs still get through (`electron/sip/gate.ts`). Asked for
 * each request, so it is a set and no query.
 */
export class Acquaintances {
  readonly #context: ServiceContext;
  readonly #known: Set<string>;

  /** @param neighbours of the same network, as the host names them */
  constructor(context: ServiceContext, neighbours: readonly { readonly address: string }[]) {
    this.#context = context;
    this.#known = new Set(neighbours.map(({ address }) => canonicalAddress(address) ?? address));
    context.notices.on((notice) => {
      if (notice.event !== 'conversation.changed') return;
      const { payload } = notice;
      if (payload.blocked) this.#known.delete(payload.peer);
      else if (payload.last?.direction === 'out' || (context.settings.current.requests && !payload.request)) this.#add(payload);
    });
  }

  has(address: string): boolean {
    return this.#known.has(address);
  }

  /** @param addresses by which one person was heard of at once: when one of them is known, all are */
  meet(addresses: readonly string[]): void {
    if (addresses.length > 1 && addresses.some((address) => this.#known.has(address))) this.#remember(addresses);
  }

  /** Reads the conversations that are there, newest first, and what else their people are known by. */
  async load(): Promise<void> {
    for (const archived of [false, true]) {
      for (let before: { pinned: boolean; updatedAt: number; id: number } | undefined; ; ) {
        const { items, more } = await this.#context.store.conversations({ archived, limit: PAGE, ...(before ? { before } : {}) });
        for (const conversation of items) this.#add(conversation);
        before = items.at(-1);
        if (!more || before === undefined || this.#known.size >= MAX_KNOWN) break;
      }
    }
    const aliases = await this.#context.store.aliases();
    this.#remember(aliases.filter(({ known }) => known).map(({ address }) => address));
  }

  #add({ peer, members }: Pick<Conversation, 'peer' | 'members'>): void {
    this.#remember([peer, ...members.map((member) => member.address)]);
  }

  #remember(addresses: readonly string[]): void {
    for (const address of addresses) if (this.#known.size < MAX_KNOWN) this.#known.add(address);
  }
}
