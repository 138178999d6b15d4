import { toCodedError } from '../../../shared/base/errors.ts';
import { CHAT_SESSION, contactFeature, servicesOf } from '../../../shared/protocol/cpm/names.ts';
import type { Link, ServiceContext } from '../context.ts';
import type { Peers } from './peers.ts';
import type { ChatTarget } from './start-chat.ts';

/** a peer is asked again when its last word is older, ms */
const FRESH_MS = 3_600_000;
/** and not more often than that when it gave none */
const ASK_AGAIN_MS = 60_000;
const MAX_ASKED = 500;

/** What peers can do, asked by OPTIONS when a conversation is opened (cpm.md F23); nothing that is sent waits for it. */
export class Capabilities {
  readonly #context: ServiceContext;
  readonly #peers: Peers;
  readonly #askedAt = new Map<string, number>();

  constructor(context: ServiceContext, peers: Peers) {
    this.#context = context;
    this.#peers = peers;
  }

  /** Does nothing where the answer is known, or was just asked for. Never rejects. */
  async ask({ peer, route }: Pick<ChatTarget, 'peer' | 'route'>, link: Link): Promise<void> {
    const { clock, account, log } = this.#context;
    const now = clock.now();
    // a clock that was set back makes nothing fresh for longer
    const isWithin = (time: number | null | undefined, milliseconds: number) =>
      typeof time === 'number' && Math.abs(now - time) < milliseconds;
    if (isWithin(this.#peers.saidAt(peer), FRESH_MS) || isWithin(this.#askedAt.get(peer), ASK_AGAIN_MS)) return;
    this.#askedAt.delete(peer);
    this.#askedAt.set(peer, now);
    for (const oldest of this.#askedAt.keys()) {
      if (this.#askedAt.size <= MAX_ASKED) break;
      this.#askedAt.delete(oldest);
    }
    try {
      const answer = await link.agent.options({
        target: route ?? peer,
        headers: [
          // without `require`: whatever device is there may answer
          { name: 'Accept-Contact', value: `*;${contactFeature([CHAT_SESSION])}` },
          { name: 'P-Preferred-Identity', value: `<${account.address}>` },
        ],
      });
      // 480 and the like say nothing of what the peer can do
      if (answer.status < 300) this.#peers.learn(peer, servicesOf(answer.headers));
      else log(`OPTIONS to ${peer}: ${answer.status}`);
    } catch (thrown) {
      log(`OPTIONS to ${peer}: ${toCodedError(thrown).detail}`);
    }
  }
}
