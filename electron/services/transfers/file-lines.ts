import { closedFileMedia, refusedLine } from '../../../shared/protocol/sdp/file-offer.ts';
import type { MsrpMedia } from '../../../shared/protocol/sdp/msrp-media.ts';
import { type Media, nextVersion, type Origin, type SessionDescription } from '../../../shared/protocol/sdp/sdp.ts';

/** more lines are not described: who goes on for so long begins anew */
const MOST_LINES = 32;

interface Line {
  readonly media: Media;
  /** our side of its connection, once that is agreed on */
  readonly role: 'active' | 'passive' | null;
  /** the other side gave it port 0 */
  readonly isClosed: boolean;
  /** its file is */
  readonly isOver: boolean;
}

/**
 * The m-lines of one dialog as this end describes them (RFC 3264 section 8, RFC 5547 section 8.4): a line whose file is over is used again for the
 * next one, or gets port 0 and keeps its place, its selector and its id.
 */
export class FileLines {
  #origin: Origin;
  #isFirst = true;
  readonly #lines: Line[] = [];

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
      const line: Line = { media: next, role: null, isClosed: false, isOver: false };
      if (free < 0) return this.#lines.push(line) - 1;
      this.#lines[free] = line;
      return free;
    });
    return { places, undo: () => void this.#lines.splice(0, this.#lines.length, ...before) };
  }

  /** Who connects is settled. */
  agreed(index: number, role: 'active' | 'passive'): void {
    this.#change(index, { role });
  }

  /** The file of that line is over; the next description says so. @returns whether the other side does not know */
  end(index: number): boolean {
    const isNews = this.#lines[index]?.isClosed === false;
    this.#change(index, { isOver: true });
    return isNews;
  }

  /**
   * The other side describes its lines anew: what it closes is closed, what it adds or puts in the place of a file that is over is not taken.
   * @returns the lines that it closes; null where it has fewer of them, which is no answerable offer (RFC 3264 section 8)
   */
  heard(offered: readonly Media[]): number[] | null {
    if (offered.length < this.#lines.length) return null;
    const closed: number[] = [];
    for (const [index, media] of offered.entries()) {
      const line = this.#lines[index];
      const isUsed = media.kind === 'msrp' && media.port !== 0;
      if (line === undefined) this.#lines.push({ media: refusedLine(media), role: null, isClosed: true, isOver: true });
      else if (!isUsed) {
        if (!line.isClosed && !line.isOver) closed.push(index);
        this.#change(index, { isClosed: true });
      } else if (line.isOver && (line.media.kind !== 'msrp' || media.fileTransferId !== line.media.fileTransferId)) {
        this.#change(index, { media: refusedLine(media), isClosed: true });
      }
    }
    return closed;
  }

  /** The next description: its version is one higher each time (RFC 3264 section 8). */
  describe(as: 'offer' | 'answer' = 'offer'): SessionDescription {
    if (!this.#isFirst) this.#origin = nextVersion(this.#origin);
    this.#isFirst = false;
    const media = this.#lines.map(({ media, role, isClosed, isOver }): Media => {
      if (media.kind !== 'msrp') return media;
      if (isOver || isClosed) return closedFileMedia(media);
      // an answer says nothing of icon, disposition and date (cpm.md table 10.2), and leaves no choice of who connects
      return as === 'offer' ? media : { ...media, setup: role ?? 'active', fileIcon: null, fileDisposition: null, fileDate: null };
    });
    return { origin: this.#origin, name: '-', address: this.#origin.address, media };
  }

  #change(index: number, change: Partial<Line>): void {
    const line = this.#lines[index];
    if (line) this.#lines[index] = { ...line, ...change };
  }
}
