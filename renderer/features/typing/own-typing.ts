import type { Clock } from '../../../shared/base/clock.ts';
import type { Bridge } from '../../bridge/bridge.ts';

/** key strokes are passed on no more often than this, ms; the core takes 15 s without one for the end */
const PASS_ON = 3000;

/** Lets the core know that the person writes in one conversation; what it makes of it is decided there. */
export class OwnTyping {
  readonly #bridge: Pick<Bridge, 'call'>;
  readonly #clock: Clock;
  readonly #conversationId: number;
  #toldAt: number | null = null;

  constructor(bridge: Pick<Bridge, 'call'>, clock: Clock, conversationId: number) {
    this.#bridge = bridge;
    this.#clock = clock;
    this.#conversationId = conversationId;
  }

  /** @param text what stands there after the key stroke */
  stroke(text: string): void {
    if (text.trim() === '') {
      this.stop();
      return;
    }
    const now = this.#clock.now();
    if (this.#toldAt !== null && Math.abs(now - this.#toldAt) < PASS_ON) return;
    this.#toldAt = now;
    this.#tell(true);
  }

  /** What was written was taken away, or left. */
  stop(): void {
    if (this.#toldAt === null) return;
    this.#toldAt = null;
    this.#tell(false);
  }

  /** The message itself says that the writing is over. */
  sent(): void {
    this.#toldAt = null;
  }

  #tell(typing: boolean): void {
    // a word that got lost is of no matter
    this.#bridge.call('typing.set', { conversationId: this.#conversationId, typing }).catch(() => undefined);
  }
}
