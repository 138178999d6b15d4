import { toCodedError } from '../../../shared/base/errors.ts';
import { CHAT_SESSION, contactFeature, FILE_THUMBNAIL, namesApplication, servicesOf } from '../../../shared/protocol/cpm/names.ts';
import type { Link, ServiceContext } from '../context.ts';
import type { Peers } from './peers.ts';
import type { ChatTarget } from './start-chat.ts';

/** a peer is asked again when its last word is older, ms */
const FRESH_MS = 3_600_000;
/** and not more often than that when it gave none */
const ASK_AGAIN_MS = 60_000;
const MAX_ASKED = 500;
/** a file with a thumbnail waits so long to hear whether it may have it, ms */
const ANSWER_WAIT_MS = 2000;

/** What peers can do, asked by OPTIONS when a conversation is opened (cpm.md F23); no text waits for it. */
export class Capabilities {
  readonly #context: ServiceContext;
  readonly #peers: Peers;
  readonly #askedAt = new Map<string, number>();
  readonly #asking = new Map<string, Promise<void>>();

  constructor(context: ServiceContext, peers: Peers) {
    this.#context = context;
    this.#peers = peers;
  }

  /** Does nothing where the answer is known, or was just asked for; resolves with the answer to whatever is asked already. Never rejects. */
  ask({ peer, route }: Pick<ChatTarget, 'peer' | 'route'>, link: Link): Promise<void> {
    const now = this.#context.clock.now();
    // a clock that was set back makes nothing fresh for longer
    const isWithin = (time: number | null | undefined, milliseconds: number) =>
      typeof time === 'number' && Math.abs(now - time) < milliseconds;
    const asking = this.#asking.get(peer);
    if (asking) return asking;
    if (isWithin(this.#peers.saidAt(peer), FRESH_MS) || isWithin(this.#askedAt.get(peer), ASK_AGAIN_MS)) return Promise.resolve();
    this.#askedAt.delete(peer);
    this.#askedAt.set(peer, now);
    for (const oldest of this.#askedAt.keys()) {
      if (this.#askedAt.size <= MAX_ASKED) break;
      this.#askedAt.delete(oldest);
    }
    const question = this.#question(peer, route, link).finally(() => this.#asking.delete(peer));
    this.#asking.set(peer, question);
    return question;
  }

  /** Whether the peer shows thumbnails: by what it last said, or says now if that is not long. Never rejects. */
  async takesThumbnails(who: { readonly peer: string; readonly route: string | null }, link: Link): Promise<boolean> {
    await new Promise<void>((resolve) => {
      const stopTimer = this.#context.clock.after(ANSWER_WAIT_MS, resolve);
      void this.ask(who, link).then(() => {
        stopTimer();
        resolve();
      });
    });
    return this.#peers.takesThumbnails(who.peer);
  }

  /** It said so, and yet did not take an offer until there was none in it. */
  thumbnailRefused(peer: string): void {
    this.#peers.thumbnailRefused(peer);
  }

  async #question(peer: string, route: string | null | undefined, link: Link): Promise<void> {
    const { account, log } = this.#context;
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
      if (answer.status < 300) this.#peers.learn(peer, servicesOf(answer.headers), namesApplication(answer.headers, FILE_THUMBNAIL));
      else log(`OPTIONS to ${peer}: ${answer.status}`);
    } catch (thrown) {
      log(`OPTIONS to ${peer}: ${toCodedError(thrown).detail}`);
    }
  }
}
