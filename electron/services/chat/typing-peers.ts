import type { Member } from '../../../shared/model/audience.ts';
import { decodeComposing } from '../../../shared/protocol/iscomposing/iscomposing.ts';
import type { ServiceContext } from '../context.ts';

/** one word a peer in this time is passed on; of what comes faster the last counts, ms */
const AT_MOST_EVERY_MS = 250;
/** more are not shown to be typing at the same time */
const MAX_PEERS = 200;

interface Typist {
  /** of the conversation */
  readonly peer: string;
  /** in a group; else null */
  readonly who: Member | null;
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

  /** @param who of a group it is. @throws ParleyError `xml.*` */
  take(peer: string, document: Uint8Array, who: Member | null = null): void {
    const { state, refresh } = decodeComposing(document);
    const key = keyOf(peer, who);
    const typist = this.#typists.get(key);
    if (state === 'idle') {
      if (typist) this.#set(key, typist, false);
      return;
    }
    if (!typist && this.#typists.size >= MAX_PEERS) return;
    const known = typist ?? { peer, who, isTyping: false, told: false, toldAt: 0, cancelExpiry: () => undefined, cancelTelling: null };
    this.#typists.set(key, known);
    known.cancelExpiry();
    known.cancelExpiry = this.#context.clock.after(refresh * 1000, () => this.#set(key, known, false));
    this.#set(key, known, true);
  }

  /** A message came, from that one of a group, or the session is over: nobody is typing there any more. */
  ended(peer: string, who: Member | null = null): void {
    for (const [key, typist] of this.#typists) {
      if (typist.peer !== peer || (who !== null && typist.who?.address !== who.address)) continue;
      this.#set(key, typist, false);
      this.#tell(key, typist);
    }
  }

  stop(): void {
    for (const { cancelExpiry, cancelTelling } of this.#typists.values()) {
      cancelExpiry();
      cancelTelling?.();
    }
    this.#typists.clear();
  }

  #set(key: string, typist: Typist, isTyping: boolean): void {
    typist.isTyping = isTyping;
    if (!isTyping) typist.cancelExpiry();
    if (typist.cancelTelling) return;
    const { clock } = this.#context;
    const wait = Math.min(AT_MOST_EVERY_MS, typist.toldAt + AT_MOST_EVERY_MS - clock.now());
    if (wait <= 0) this.#tell(key, typist);
    else typist.cancelTelling = clock.after(wait, () => this.#tell(key, typist));
  }

  #tell(key: string, typist: Typist): void {
    typist.cancelTelling?.();
    typist.cancelTelling = null;
    const { isTyping, peer, who } = typist;
    if (isTyping !== typist.told) {
      typist.told = isTyping;
      typist.toldAt = this.#context.clock.now();
      this.#context.notices.tell('typing.changed', { peer, who, typing: isTyping });
    }
    if (isTyping) return;
    // its time is kept as long as it matters
    typist.cancelTelling = this.#context.clock.after(AT_MOST_EVERY_MS, () => {
      typist.cancelTelling = null;
      if (typist.isTyping !== typist.told) this.#tell(key, typist);
      else if (!typist.isTyping) this.#typists.delete(key);
    });
  }
}

function keyOf(peer: string, who: Member | null): string {
  return who === null ? peer : `${peer} ${who.address}`;
}
