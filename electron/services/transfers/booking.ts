import { type CodedError, type ErrorCode, toCodedError } from '../../../shared/base/errors.ts';
import type { TransferEvent } from '../../../shared/model/states/transfer-state.ts';
import type { TransferProgress } from '../../../shared/model/transfer.ts';
import type { StoredTransfer, TransferFields } from '../../store/port.ts';
import type { ServiceContext } from '../context.ts';
import { persist } from '../persist.ts';
import { ProgressMeter } from './progress.ts';

/** An interrupted transfer can be taken up again; these are the ways in which it is interrupted rather than over. */
const INTERRUPTIONS: ReadonlySet<ErrorCode> = new Set([
  'msrp.lost',
  'msrp.timeout',
  'msrp.unreachable',
  'link.lost',
  'link.timeout',
  'link.unreachable',
  'link.offline',
]);

/** MSRP 481 and 506: the other side has lost the session (RFC 4975 sections 10.5 and 10.11) */
const SESSION_IS_GONE = /^(481|506)\b/;

export function isInterruption({ code, detail }: CodedError): boolean {
  return INTERRUPTIONS.has(code) || (code === 'msrp.refused' && SESSION_IS_GONE.test(detail));
}

/** Commits the states of one transfer, one after the other, and tells the renderer of each. */
export class TransferBook {
  readonly #context: ServiceContext;
  #transfer: StoredTransfer;
  #last: Promise<unknown> = Promise.resolve();

  constructor(context: ServiceContext, transfer: StoredTransfer) {
    this.#context = context;
    this.#transfer = transfer;
  }

  get transfer(): StoredTransfer {
    return this.#transfer;
  }

  apply(
    event: TransferEvent,
    details: { fields?: Partial<TransferFields>; error?: CodedError; notBefore?: number } = {},
  ): Promise<StoredTransfer> {
    const work = this.#last.then(async () => {
      const { store, notices, clock } = this.#context;
      const rows = await persist(this.#context, () =>
        store.applyTransfer({ transferId: this.#transfer.id, event, now: clock.now(), ...details }),
      );
      this.#transfer = rows.transfer;
      notices.changed(rows);
      return rows.transfer;
    });
    this.#last = work.catch(() => undefined);
    return work;
  }

  /** Its network takes no lists: from now on it is offered to each of its recipients by himself. */
  async spread(): Promise<void> {
    const { store, notices, clock } = this.#context;
    notices.changed(await persist(this.#context, () => store.spreadTransfer({ transferId: this.#transfer.id, now: clock.now() })));
  }

  /** The end that an error means. */
  applyFailure(error: CodedError): Promise<StoredTransfer> {
    if (error.code === 'file.cancelled') return this.apply('cancelled');
    if (error.code === 'file.paused') return this.apply('pause');
    this.#context.log(`transfer ${this.#transfer.id}: ${error.code} ${error.detail}`);
    // whoever gives a file up and whoever pauses it end its octets alike, and what came of it may be asked for again
    const isStopped = error.code === 'msrp.stopped' && this.#transfer.direction === 'in';
    return this.apply(isStopped || isInterruption(error) ? 'lost' : 'failed', { error });
  }

  /** @param startAt octets of the file that are there already */
  meter(startAt = 0): ProgressMeter {
    const { id: transferId, messageId, conversationId, size, whole } = this.#transfer;
    const { store, notices, clock, log } = this.#context;
    const sinks = {
      // of a file that goes to several by themselves a person sees how much has left on the average
      tell: (progress: TransferProgress) => {
        if (whole === null) notices.tell('transfer.progress', progress);
        else void this.#tellWhole(whole, progress).catch((thrown) => log(`progress: ${toCodedError(thrown).detail}`));
      },
      checkpoint: (transferred: number) => {
        store.checkpointTransfer(transferId, transferred).catch((thrown) => log(`checkpoint: ${toCodedError(thrown).detail}`));
      },
    };
    return new ProgressMeter({ transferId, messageId, conversationId, size }, clock, sinks, startAt);
  }

  async #tellWhole(transferId: number, progress: TransferProgress): Promise<void> {
    const { store, notices } = this.#context;
    const legs = await store.transferLegs(transferId);
    const octets = legs.map((leg) => (leg.id === progress.transferId ? progress.transferred : leg.transferred));
    const transferred = Math.floor(octets.reduce((sum, each) => sum + each, 0) / Math.max(1, legs.length));
    notices.tell('transfer.progress', { ...progress, transferId, transferred, rate: 0, secondsLeft: null });
  }
}
