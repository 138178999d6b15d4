import { CR, concatBytes, LF, NO_BYTES } from '../../../../shared/base/bytes.ts';
import { ParleyError } from '../../../../shared/base/errors.ts';

/** Takes lines and octets out of a stream as they are asked for; what is not asked for waits in the socket, and so at its sender. */
export class OctetReader {
  readonly #source: AsyncIterator<Uint8Array>;
  #held: Uint8Array = NO_BYTES;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** The next line without its end; null when the stream has ended. @throws ParleyError `imap.too-large`; what the stream throws */
  async line(longest: number): Promise<Uint8Array | null> {
    let searched = 0;
    for (;;) {
      const lf = this.#held.indexOf(LF, searched);
      if ((lf < 0 ? this.#held.length : lf) > longest) throw new ParleyError('imap.too-large', `a line above ${longest} octets`);
      if (lf >= 0) {
        const line = this.#held.subarray(0, lf > 0 && this.#held[lf - 1] === CR ? lf - 1 : lf);
        this.#held = this.#held.subarray(lf + 1);
        return line;
      }
      searched = this.#held.length;
      if (!(await this.#more())) return null;
    }
  }

  /** Exactly so many octets, as they come. @throws ParleyError `link.lost` when the stream ends before */
  async *octets(count: number): AsyncGenerator<Uint8Array> {
    for (let left = count; left > 0; ) {
      if (this.#held.length === 0 && !(await this.#more())) throw new ParleyError('link.lost', 'ended within a literal');
      const piece = this.#held.subarray(0, left);
      this.#held = this.#held.subarray(piece.length);
      left -= piece.length;
      yield piece;
    }
  }

  async whole(count: number): Promise<Uint8Array> {
    const pieces: Uint8Array[] = [];
    for await (const piece of this.octets(count)) pieces.push(piece);
    return concatBytes(pieces);
  }

  async #more(): Promise<boolean> {
    const { value, done } = await this.#source.next();
    if (done === true) return false;
    this.#held = this.#held.length === 0 ? value : concatBytes([this.#held, value]);
    return true;
  }
}
