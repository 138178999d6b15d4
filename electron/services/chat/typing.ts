import { toCodedError } from '../../../shared/base/errors.ts';
import { canonicalAddress } from '../../../shared/model/address.ts';
import { CPIM_TYPE, encodeCpim } from '../../../shared/protocol/cpim/cpim.ts';
import { formatDateTime, makeCpim } from '../../../shared/protocol/cpim/cpim-message.ts';
import { COMPOSING_TYPE, encodeComposing } from '../../../shared/protocol/iscomposing/iscomposing.ts';
import type { ServiceContext } from '../context.ts';
import type { ChatSession } from './chat-session.ts';
import type { Peers } from './peers.ts';
import type { ChatTarget } from './start-chat.ts';

/** cpm.md section 7 (RFC 3994 section 3.2): said again while it goes on */
const REFRESH_S = 60;
/** without a key stroke for so long the person is not typing any more */
const IDLE_AFTER_MS = 15_000;

interface Writing {
  readonly cancelIdle: () => void;
  /** when `active` was last said, ms since the epoch; null: it was not */
  readonly saidAt: number | null;
}

interface TypingPorts {
  readonly peers: Peers;
  readonly openWith: (peer: string) => ChatSession | null;
  /** starts a session where a text would leave in one; resolves when there is one, or will be none */
  readonly prepare: (target: ChatTarget) => Promise<void>;
}

/**
 * Tells peers that this person is typing, in a chat session with them (RFC 3994 section 3.2). Where the text that is being written would
 * leave in a session, the first key stroke starts it. Nobody is asked to notify of it.
 */
export class Typing {
  readonly #context: ServiceContext;
  readonly #ports: TypingPorts;
  readonly #writing = new Map<string, Writing>();

  constructor(context: ServiceContext, ports: TypingPorts) {
    this.#context = context;
    this.#ports = ports;
  }

  /** A key stroke, or the end of writing without a message. */
  set(target: ChatTarget, isTyping: boolean): void {
    const { peer } = target;
    const before = this.#writing.get(peer);
    before?.cancelIdle();
    const { clock, settings } = this.#context;
    if (!isTyping || !settings.current.typing) {
      this.#writing.delete(peer);
      if (before && before.saidAt !== null) this.#say(peer, 'idle');
      return;
    }
    const now = clock.now();
    const saidAt = before?.saidAt ?? null;
    const isDue = saidAt === null || now - saidAt >= REFRESH_S * 1000;
    const isSaid = isDue && this.#say(peer, 'active');
    this.#writing.set(peer, {
      cancelIdle: clock.after(IDLE_AFTER_MS, () => this.set(target, false)),
      saidAt: isSaid ? now : saidAt,
    });
    if (!before && !isSaid && !this.#ports.peers.refusesTyping(peer)) void this.#ports.prepare(target).then(() => this.arrived(peer));
  }

  /** The person sent what was being written: the message itself ends it at the other side. */
  sent(peer: string): void {
    this.#writing.get(peer)?.cancelIdle();
    this.#writing.delete(peer);
  }

  /** A session is there, or a text has arrived in it, while its author writes the next one already. */
  arrived(peer: string): void {
    const writing = this.#writing.get(peer);
    if (!writing || !this.#say(peer, 'active')) return;
    this.#writing.set(peer, { ...writing, saidAt: this.#context.clock.now() });
  }

  stop(): void {
    for (const { cancelIdle } of this.#writing.values()) cancelIdle();
    this.#writing.clear();
  }

  /** @returns whether there is a session in which it could be said */
  #say(peer: string, state: 'active' | 'idle'): boolean {
    const session = this.#ports.openWith(peer);
    const form = session?.media?.composing ?? null;
    if (!session || form === null || this.#ports.peers.refusesTyping(peer)) return false;
    const document = encodeComposing(state, REFRESH_S);
    const [type, octets] = form === 'raw' ? [COMPOSING_TYPE, document] : [CPIM_TYPE, this.#wrapped(session.to, document)];
    session.send(type, octets).catch((thrown) => {
      const { code, detail } = toCodedError(thrown);
      // from now on that type is not sent to that peer: its texts must not suffer from it
      if (code === 'msrp.refused' && detail.startsWith('415')) this.#ports.peers.typingRefused(peer);
      this.#context.log(`typing, to ${peer}: ${code} ${detail}`);
    });
    return true;
  }

  #wrapped(to: string, content: Uint8Array): Uint8Array {
    const { account, clock } = this.#context;
    const from = canonicalAddress(account.address) ?? account.address;
    return encodeCpim(makeCpim({ from, to, dateTime: formatDateTime(clock.now()), contentType: COMPOSING_TYPE, content }));
  }
}
