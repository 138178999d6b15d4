import type { Clock } from '../base/clock.ts';
import type { EventName } from './contract.ts';

/** A window draws 60 times a second; what it is told more often it draws for nothing. ms */
const AT_MOST_EVERY = 20;

export interface ToldEvent {
  readonly event: EventName;
  readonly payload: unknown;
}

/** Of these the newest state of a thing replaces an older one that has not been told yet. */
const IDENTITY: { readonly [E in EventName]?: string } = {
  'message.changed': 'id',
  'conversation.changed': 'id',
  'transfer.progress': 'transferId',
};

/**
 * The first event of a flood is told at once, and what follows within a moment together: a queue of thousands that drains changes each of its
 * messages several times. What replaces an older state takes its place, so new things keep their order.
 */
export class GatheredEvents {
  readonly #clock: Clock;
  readonly #send: (events: readonly ToldEvent[]) => void;
  readonly #waiting = new Map<string, ToldEvent>();
  #cancelTimer: (() => void) | null = null;
  #unnamed = 0;

  constructor(clock: Clock, send: (events: readonly ToldEvent[]) => void) {
    this.#clock = clock;
    this.#send = send;
  }

  tell(event: EventName, payload: unknown): void {
    const field = IDENTITY[event];
    const id = field === undefined ? undefined : (payload as Record<string, unknown> | null)?.[field];
    this.#unnamed += 1;
    this.#waiting.set(id === undefined ? `${this.#unnamed}` : `${event} ${String(id)}`, { event, payload });
    // what takes a thing away must not come before what is told of it
    if (this.#cancelTimer === null || field === undefined) this.flush();
  }

  /** All that waits is told now: an answer must not overtake what happened before it. */
  flush(): void {
    const events = [...this.#waiting.values()];
    this.#waiting.clear();
    if (events.length === 0) return;
    this.#cancelTimer?.();
    this.#cancelTimer = this.#clock.after(AT_MOST_EVERY, () => {
      this.#cancelTimer = null;
      this.flush();
    });
    this.#send(events);
  }

  stop(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    this.#waiting.clear();
  }
}
