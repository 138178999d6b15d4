import { toCodedError } from '../../../shared/base/errors.ts';
import type { DeferredChange } from '../../store/port.ts';
import type { ServiceContext } from '../context.ts';

/** how long items that came wait for others to be written down with */
const TOGETHER_MS = 100;

/**
 * Items that are here, written down many at once: each has been stored as a message before, so what is not written down when the process ends
 * is only asked for again, and known when it comes.
 */
export class Arrivals {
  readonly #context: ServiceContext;
  readonly #changed: (change: DeferredChange) => void;
  #ids: number[] = [];
  #cancel: (() => void) | null = null;
  #writing: Promise<void> = Promise.resolve();

  constructor(context: ServiceContext, changed: (change: DeferredChange) => void) {
    this.#context = context;
    this.#changed = changed;
  }

  add(id: number): void {
    this.#ids.push(id);
    this.#cancel ??= this.#context.clock.after(TOGETHER_MS, () => void this.flush());
  }

  /** Resolves when all of them are written down. */
  flush(): Promise<void> {
    this.#cancel?.();
    this.#cancel = null;
    const ids = this.#ids;
    this.#ids = [];
    if (ids.length > 0) this.#writing = this.#writing.then(() => this.#write(ids));
    return this.#writing;
  }

  async #write(ids: readonly number[]): Promise<void> {
    const { store, clock, log } = this.#context;
    try {
      this.#changed(await store.deferredMove({ ids, event: 'settle', now: clock.now() }));
    } catch (thrown) {
      log(`waiting messages: ${toCodedError(thrown).detail}`);
    }
  }
}
