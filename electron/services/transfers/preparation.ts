import { ParleyError, toCodedError } from '../../../shared/base/errors.ts';
import type { StoredTransfer } from '../../store/port.ts';
import type { ServiceContext } from '../context.ts';
import { TransferBook } from './booking.ts';
import { hashesOf } from './sending-run.ts';

/** What is picked together comes one after the other; the outbox looks at it together. */
const TOGETHER_MS = 150;

/** Files that were picked are hashed, and then put into the outbox. */
export class Preparation {
  readonly #context: ServiceContext;
  readonly #outboxChanged: () => void;
  readonly #live = new Map<number, AbortController>();
  readonly #work = new Set<Promise<void>>();
  #stopped = false;
  #cancelTimer: (() => void) | null = null;

  constructor(context: ServiceContext, outboxChanged: () => void) {
    this.#context = context;
    this.#outboxChanged = outboxChanged;
  }

  /**
   * Called once the row is committed, and again after a restart that found it unprepared. Every outcome is booked; never rejects.
   */
  prepare(transfer: StoredTransfer): Promise<void> {
    const work = this.#prepare(transfer)
      .catch((thrown) => this.#context.log(`transfer ${transfer.id}: ${toCodedError(thrown).detail}`))
      .finally(() => this.#work.delete(work));
    this.#work.add(work);
    return work;
  }

  /** @returns false when it is not being prepared */
  cancel(transferId: number): boolean {
    const abort = this.#live.get(transferId);
    abort?.abort(new ParleyError('file.cancelled', 'cancelled here'));
    return abort !== undefined;
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelTimer?.();
    for (const abort of this.#live.values()) abort.abort(new ParleyError('msrp.lost', 'the app is closing'));
  }

  async idle(): Promise<void> {
    await Promise.allSettled(this.#work);
  }

  async #prepare(transfer: StoredTransfer): Promise<void> {
    const book = new TransferBook(this.#context, transfer);
    const abort = new AbortController();
    this.#live.set(transfer.id, abort);
    try {
      await book.apply('prepared', { fields: await hashesOf(transfer, abort.signal) });
      // a cancel that came while that was written down
      if (abort.signal.aborted && !this.#stopped) await book.apply('cancelled');
      this.#cancelTimer ??= this.#context.clock.after(TOGETHER_MS, () => {
        this.#cancelTimer = null;
        this.#outboxChanged();
      });
    } catch (thrown) {
      // closing the app is no wish to cancel: the next start hashes it again
      if (this.#stopped) return;
      await book.applyFailure(toCodedError(abort.signal.aborted ? abort.signal.reason : thrown));
    } finally {
      this.#live.delete(transfer.id);
    }
  }
}
