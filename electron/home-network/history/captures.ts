import { concatBytes } from '../../../shared/base/bytes.ts';
import type { Hearing } from '../media/witnessed.ts';
import { LARGEST_FILE } from './objects.ts';

/** of all that pass at a time */
const MOST = 134_217_728;

/** Copies of what passes, in memory of a fixed size: what does not fit is recorded without its octets. */
export class Captures {
  #held = 0;

  /** @param whole hears of it once its receiver has it; null where it was too much */
  begin(whole: (content: Uint8Array | null) => void): Hearing {
    let pieces: Uint8Array[] | null = [];
    let length = 0;
    const drop = (): void => {
      if (pieces !== null) this.#held -= length;
      pieces = null;
    };
    return {
      write: (offset, octets) => {
        if (pieces === null) return;
        if (offset !== length || length + octets.length > LARGEST_FILE || this.#held + octets.length > MOST) {
          drop();
          return;
        }
        // the buffer is its reader's again
        pieces.push(octets.slice());
        length += octets.length;
        this.#held += octets.length;
      },
      complete: (size) => {
        const content = pieces !== null && size === length ? concatBytes(pieces) : null;
        drop();
        whole(content);
      },
      abort: drop,
    };
  }
}
