import type { FileOffer } from '../../../shared/protocol/sdp/read-file-offer.ts';
import type { SessionDescription } from '../../../shared/protocol/sdp/sdp.ts';

/** files of one offer that a person can be asked about */
const MOST_FILES = 20;

/** What another offer in the same dialog does to its m-lines (cpm.md section 13, RFC 5547 section 8.1). */
export interface LineChanges {
  /** new files: a line that is used for the first time, or again */
  readonly fresh: readonly FileOffer[];
  /** m-lines that say what they said before: nothing happens to them */
  readonly kept: ReadonlySet<number>;
}

/**
 * @param seen the newest file of each m-line
 * A file-transfer-id that names another file than before, or that a second line has too, is an error of its sender: such a line is neither, and thus refused.
 */
export function lineChanges(seen: ReadonlyMap<number, FileOffer>, offers: readonly FileOffer[]): LineChanges {
  const fresh: FileOffer[] = [];
  const kept = new Set<number>();
  const ids = new Map([...seen].map(([index, { transferId }]) => [transferId, index]));
  for (const offer of offers) {
    const { mediaIndex, transferId } = offer;
    const before = seen.get(mediaIndex);
    if (before !== undefined && before.transferId === transferId && isSameFile(before, offer)) {
      kept.add(mediaIndex);
      continue;
    }
    const isUsed = transferId !== null && ids.has(transferId);
    if (isUsed || fresh.length === MOST_FILES) continue;
    ids.set(transferId, mediaIndex);
    fresh.push(offer);
  }
  return { fresh, kept };
}

/** m-lines that a description does not use any more, or gives to another file. */
export function closedLines(seen: ReadonlyMap<number, FileOffer>, { media }: SessionDescription, { fresh }: LineChanges): number[] {
  return [...seen.keys()].filter((index) => {
    const line = media[index];
    return line?.kind !== 'msrp' || line.port === 0 || fresh.some(({ mediaIndex }) => mediaIndex === index);
  });
}

function isSameFile(a: FileOffer, b: FileOffer): boolean {
  const known = ({ pull, name, type, size, hashes, range, transferId, remotePath }: FileOffer) =>
    JSON.stringify([pull, name, type, size, hashes, range, transferId === null ? remotePath : null]);
  return known(a) === known(b);
}
