import type { Clock } from '../../../shared/base/clock.ts';
import { type CodedError, toCodedError } from '../../../shared/base/errors.ts';

/** how long a removal can be taken back, ms */
export const UNDO_MS = 5000;

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

  /** Out of sight now; `commit` follows. */
  later(key: string, commit: () => Promise<unknown>): void {
    this.#hide(key, true);
    const shown = async (): Promise<unknown> => {
      try {
        return await commit();
      } catch (thrown) {
        this.#hide(key, false);
        throw thrown;
      }
    };
    this.#wait({ commit: shown, undo: () => this.#hide(key, false) });
  }

  /** What must not happen while one could change one's mind: deleted now, and made anew by `redo`. */
  async now(commit: () => Promise<unknown>, redo: (() => void) | null): Promise<void> {
    this.flush();
    try {
      await commit();
      if (redo !== null) this.#wait({ commit: async () => undefined, undo: redo });
    } catch (thrown) {
      this.#refused(toCodedError(thrown));
    }
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

  #hide(key: string, isHidden: boolean): void {
    const next = new Set(this.hidden);
    if (isHidden) next.add(key);
    else next.delete(key);
    this.hidden = next;
  }
}
