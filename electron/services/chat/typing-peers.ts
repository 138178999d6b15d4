import { decodeComposing } from '../../../shared/protocol/iscomposing/iscomposing.ts';
import type { ServiceContext } from '../context.ts';

/** one word a peer in this time is passed on; of what comes faster the last counts, ms */
const AT_MOST_EVERY_MS = 250;
/** more are not shown to be typing at the same time */
const MAX_PEERS = 200;

interface Typist {
  isTyping: boolean;
  /** what the window was told last, and when, ms since the epoch */
  told: boolean;
  toldAt: number;
  cancelExpiry: () => void;
  cancelTelling: (() => void) | null;
}

/** Who is typing, by what peers say in their sessions (RFC 3994 section 3.3). Nothing of it is stored. */
export class TypingPeers {
  readonly #context: Pick<ServiceContext, 'clock' | 'notices'>;
  readonly #typists = new Map<string, Typist>();

  constructor(context: Pick<ServiceContext, 'clock' | 'notices'>) {
    this.#context = context;
  }

  /** @throws ParleyError `xml.*` */
  take(peer: string, document: Uint8Array): void {
    const { state, refresh } = decodeComposing(document);
    const typist = this.#typists.get(peer);
    if (state === 'idle') {
      if (typist) this.#set(peer, typist, false);
      return;
    }
    if (!typist && this.#typists.size >= MAX_PEERS) return;
    const known = typist ?? { isTyping: false, told: false, toldAt: 0, cancelExpiry: () => undefined, cancelTelling: null };
    this.#typists.set(peer, known);
    known.cancelExpiry();
    known.cancelExpiry = this.#context.clock.after(refresh * 1000, () => this.#set(peer, known, false));
    this.#set(peer, known, true);
  }

  /** A message came, or the session is over: nobody is typing there any more. */
  ended(peer: string): void {
    const typist = this.#typists.get(peer);
    if (!typist) return;
    this.#set(peer, typist, false);
    this.#tell(peer, typist);
  }

  stop(): void {
    for (const { cancelExpiry, cancelTelling } of this.#typists.values()) {
      cancelExpiry();
      cancelTelling?.();
    }
    this.#typists.clear();
  }

  #set(peer: string, typist: Typist, isTyping: boolean): void {
    typist.isTyping = isTyping;
    if (!isTyping) typist.cancelExpiry();
    if (typist.cancelTelling) return;
    const { clock } = this.#context;
    const wait = Math.min(AT_MOST_EVERY_MS, typist.toldAt + AT_MOST_EVERY_MS - clock.now());
    if (wait <= 0) this.#tell(peer, typist);
    else typist.cancelTelling = clock.after(wait, () => this.#tell(peer, typist));
  }

  #tell(peer: string, typist: Typist): void {
    typist.cancelTelling?.();
    typist.cancelTelling = null;
    const { isTyping } = typist;
    if (isTyping !== typist.told) {
      typist.told = isTyping;
      typist.toldAt = this.#context.clock.now();
      this.#context.notices.tell('typing.changed', { peer, who: null, typing: isTyping });
    }
    if (isTyping) return;
    // its time is kept as long as it matters
    typist.cancelTelling = this.#context.clock.after(AT_MOST_EVERY_MS, () => {
      typist.cancelTelling = null;
      if (typist.isTyping !== typist.told) this.#tell(peer, typist);
      else if (!typist.isTyping) this.#typists.delete(peer);
    });
  }
}
