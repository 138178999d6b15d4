import { closedFileMedia } from '../../../shared/protocol/sdp/file-offer.ts';
import type { MsrpMedia } from '../../../shared/protocol/sdp/msrp-media.ts';
import { type Media, nextVersion, type Origin, type SessionDescription } from '../../../shared/protocol/sdp/sdp.ts';

/** more lines are not described: who goes on for so long begins anew */
const MOST_LINES = 32;

/**
 * The m-lines of one dialog as this end describes them (RFC 3264 section 8, RFC 5547 section 8.4): a line whose file is over is used again for the
 * next one, or gets port 0 and keeps its place, its selector and its id.
 */
export class FileLines {
  #origin: Origin;
  #isFirst = true;
  readonly #lines: { media: MsrpMedia; isOver: boolean }[] = [];

  /** @param origin of the first description */
  constructor(origin: Origin) {
    this.#origin = origin;
  }

  /** what is free for the next offer */
  get room(): number {
    return MOST_LINES - this.#lines.filter(({ isOver }) => !isOver).length;
  }

  /** Gives each file a line. @returns the place of each, in order; `undo` is for an offer that was refused: nothing of it holds then */
  take(media: readonly MsrpMedia[]): { readonly places: readonly number[]; readonly undo: () => void } {
    const before = [...this.#lines];
    const places = media.map((next) => {
      const free = this.#lines.findIndex(({ isOver }) => isOver);
      const line = { media: next, isOver: false };
      if (free < 0) return this.#lines.push(line) - 1;
      this.#lines[free] = line;
      return free;
    });
    return { places, undo: () => void this.#lines.splice(0, this.#lines.length, ...before) };
  }

  /** The file of that line is over; the next description says so. */
  end(index: number): void {
    const line = this.#lines[index];
    if (line) line.isOver = true;
  }

  /** The next description: its version is one higher each time (RFC 3264 section 8). */
  describe(): SessionDescription {
    if (!this.#isFirst) this.#origin = nextVersion(this.#origin);
    this.#isFirst = false;
    const media = this.#lines.map(({ media, isOver }): Media => (isOver ? closedFileMedia(media) : media));
    return { origin: this.#origin, name: '-', address: this.#origin.address, media };
  }
}
