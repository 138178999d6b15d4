import type { Clock } from '../../../shared/base/clock.ts';
import { type CodedError, toCodedError } from '../../../shared/base/errors.ts';

/** how long a removal can be taken back, ms */
export const UNDO_MS = 5000;

export interface Removal {
  /** of its row */
  readonly key: string;
  readonly commit: () => Promise<unknown>;
}

export interface Withdrawal {
  readonly commit: () => Promise<unknown>;
  readonly redo: () => void;
}

interface Waiting {
  /** what makes it true; nothing where it is true already */
  readonly commit: () => Promise<unknown>;
  readonly undo: () => void;
}

/**
 * What was deleted in one thread a moment ago. It is out of sight at once and deleted in fact when it can no longer be taken back: after a
 * while, at the next deletion, or when the thread is left. What cannot be deleted comes back into sight.
 */
export class Removals {
  /** keys of rows that are out of sight */
  hidden = $state.raw<ReadonlySet<string>>(new Set());
  /** there is something to take back */
  undoable = $state(false);

  readonly #clock: Clock;
  readonly #refused: (error: CodedError) => void;
  #waiting: Waiting | null = null;
  #cancelTimer: (() => void) | null = null;
  #held = false;

  constructor(clock: Clock, refused: (error: CodedError) => void) {
    this.#clock = clock;
    this.#refused = refused;
  }

  /** Out of sight now; `commit` of each follows. @param redo what an undo does beside bringing them back into sight */
  later(items: readonly Removal[], redo: () => void = () => undefined): void {
    this.#hide(items, true);
    const commit = async (): Promise<void> => {
      const refusals: unknown[] = [];
      for (const item of items) {
        try {
          await item.commit();
        } catch (thrown) {
          this.#hide([item], false);
          refusals.push(thrown);
        }
      }
      if (refusals.length > 0) throw refusals[0];
    };
    this.#wait({
      commit,
      undo: () => {
        this.#hide(items, false);
        redo();
      },
    });
  }

  /** What must not happen while one could change one's mind: deleted now, and made anew by `redo`; `items` go with them as in {@link later}. */
  async now(withdrawals: readonly Withdrawal[], items: readonly Removal[] = []): Promise<void> {
    this.flush();
    const redos: (() => void)[] = [];
    for (const { commit, redo } of withdrawals) {
      try {
        await commit();
        redos.push(redo);
      } catch (thrown) {
        this.#refused(toCodedError(thrown));
      }
    }
    if (redos.length + items.length > 0) this.later(items, () => redos.forEach((redo) => void redo()));
  }

  undo(): void {
    const { undo } = this.#end() ?? {};
    undo?.();
  }

  /** It can no longer be taken back. */
  flush(): void {
    this.#end()
      ?.commit()
      .catch((thrown) => this.#refused(toCodedError(thrown)));
  }

  /** Whoever is about to take it back is given the time. */
  hold(isHeld: boolean): void {
    this.#held = isHeld;
    if (this.#waiting !== null) this.#startTimer();
  }

  #wait(waiting: Waiting): void {
    this.flush();
    this.#waiting = waiting;
    this.undoable = true;
    this.#startTimer();
  }

  #startTimer(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = this.#held ? null : this.#clock.after(UNDO_MS, () => this.flush());
  }

  #end(): Waiting | null {
    const waiting = this.#waiting;
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    this.#waiting = null;
    this.#held = false;
    this.undoable = false;
    return waiting;
  }

  #hide(items: readonly Removal[], isHidden: boolean): void {
    const next = new Set(this.hidden);
    for (const { key } of items) {
      if (isHidden) next.add(key);
      else next.delete(key);
    }
    this.hidden = next;
  }
}
