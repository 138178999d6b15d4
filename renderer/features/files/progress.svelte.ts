import { isFinalTransferState } from '../../../shared/model/states/transfer-state.ts';
import type { Transfer, TransferProgress } from '../../../shared/model/transfer.ts';

/** How far a transfer is, as shown. Octets, octets per second, seconds. */
export interface ShownProgress {
  readonly transferred: number;
  readonly rate: number;
  readonly secondsLeft: number | null;
}

/** The progress of every file on its way. Within one try it never goes backwards, whatever order events come in. */
export class Progress {
  #shown = $state.raw<ReadonlyMap<number, ShownProgress>>(new Map());

  apply(event: TransferProgress): void {
    const before = this.#shown.get(event.transferId)?.transferred ?? 0;
    this.#set(event.transferId, {
      transferred: Math.min(Math.max(before, event.transferred), event.size),
      rate: event.rate,
      secondsLeft: event.secondsLeft,
    });
  }

  /** A transfer that ended, or that starts anew, is forgotten. */
  observe(transfer: Transfer): void {
    const startsAnew = transfer.state === 'queued' || transfer.state === 'offering' || transfer.state === 'offered';
    if (!this.#shown.has(transfer.id) || !(startsAnew || isFinalTransferState(transfer.state))) return;
    const next = new Map(this.#shown);
    next.delete(transfer.id);
    this.#shown = next;
  }

  of(transfer: Transfer): ShownProgress {
    const shown = this.#shown.get(transfer.id);
    if (shown === undefined) return { transferred: transfer.transferred, rate: 0, secondsLeft: null };
    return { ...shown, transferred: Math.max(shown.transferred, transfer.transferred) };
  }

  #set(id: number, progress: ShownProgress): void {
    const next = new Map(this.#shown);
    next.set(id, progress);
    this.#shown = next;
  }
}
