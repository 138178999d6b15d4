import { isFinalTransferState, type TransferState } from './transfer-state.ts';

/** In the order in which they decide: what moves says more than what waits for somebody, that more than what stopped. */
const BY_WEIGHT: readonly (readonly [decides: readonly TransferState[], whole: TransferState])[] = [
  [['accepting', 'transferring', 'finishing'], 'transferring'],
  [['offering'], 'offering'],
  [['preparing', 'queued'], 'queued'],
  [['interrupted'], 'interrupted'],
  [['paused'], 'paused'],
];

/**
 * Where a file to several people stands that goes to each of them by itself. It is over when the last of its legs is, and `done` when it got to
 * anybody: who has not got it is a matter of the recipients (`reach.ts`). What nobody got ended as all of its legs did, or `failed` where they differ.
 *
 * Unlike a leg it has no events of its own: it is what its legs are, and may go back as they do.
 */
export function wholeTransferState(legs: readonly TransferState[]): TransferState {
  for (const [decides, whole] of BY_WEIGHT) if (legs.some((state) => decides.includes(state))) return whole;
  const [first, ...others] = legs.filter(isFinalTransferState);
  if (first === undefined) throw new TypeError('a whole without legs');
  if (first === 'done' || others.includes('done')) return 'done';
  return others.every((state) => state === first) ? first : 'failed';
}
