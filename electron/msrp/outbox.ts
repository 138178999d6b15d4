import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { type BufferPool, joiningPool, stagingPool } from './buffer-pool.ts';

/** Everything that one flush hands to the system. */
export interface Batch {
  /** when its first chunk was written (milliseconds of the clock) */
  readonly beganAt: number;
  /** when the system took its last octet, null until then */
  flushedAt: number | null;
}

/** Bodies up to this size are copied next to their heads; beyond it a copy costs more than another part of a gathered write. */
const COPY_UP_TO = 16_384;

/**
 * The one writer of a connection. Gathers heads and bodies and hands them over in few large writes. Bodies are not copied when large, so
 * who gives them waits for {@link whenFlushed} before using the memory again.
 */
export class Outbox {
  /** octets gathered or handed over and not yet taken by the system */
  pending = 0;
  /** octets the system has taken so far */
  taken = 0;
  /** octets gathered for the next flush */
  gathered = 0;

  readonly #socket: Socket;
  readonly #pool: BufferPool;
  readonly #copyUpTo: number;
  readonly #now: () => number;
  readonly #drained: () => void;
  #staging: Buffer | null = null;
  #from = 0;
  #to = 0;
  #parts: Buffer[] = [];
  #staged: Buffer[] = [];
  #waiting: (() => void)[] = [];
  #batch: { beganAt: number; flushedAt: number | null } | null = null;

  constructor(socket: Socket, now: () => number, drained: () => void) {
    this.#socket = socket;
    // TLS joins what a gathered write has in memory of its own, which costs more than to do it here
    const joins = socket instanceof TLSSocket;
    this.#pool = joins ? joiningPool : stagingPool;
    this.#copyUpTo = joins ? Number.POSITIVE_INFINITY : COPY_UP_TO;
    this.#now = now;
    this.#drained = drained;
  }

  /** what is gathered now */
  get batch(): Batch {
    this.#batch ??= { beganAt: this.#now(), flushedAt: null };
    return this.#batch;
  }

  text(text: string): void {
    const staging = this.#room(text.length * 3);
    this.#grow(staging.write(text, this.#to, 'utf8'));
  }

  /** @returns whether they were copied, so that their memory is free already */
  octets(octets: Buffer): boolean {
    if (octets.length <= this.#copyUpTo) {
      this.copy(octets);
      return true;
    }
    this.#cut();
    this.#parts.push(octets);
    this.gathered += octets.length;
    this.pending += octets.length;
    return false;
  }

  copy(octets: Buffer): void {
    for (let at = 0; at < octets.length; ) {
      const room = this.#room(1);
      const copied = Math.min(octets.length - at, room.length - this.#to);
      room.set(copied === octets.length ? octets : octets.subarray(at, at + copied), this.#to);
      this.#grow(copied);
      at += copied;
    }
  }

  /** @param release called when the system has taken all of the current batch, or the connection is lost */
  whenFlushed(release: () => void): void {
    this.#waiting.push(release);
  }

  flush(): void {
    this.#cut();
    if (this.#parts.length === 0) return;
    // what comes next shall be in one piece as well
    if (this.#pool === joiningPool && this.#to > joiningPool.size / 2) this.#retire();
    const batch = this.#batch;
    const parts = this.#parts;
    const staged = this.#staged;
    const waiting = this.#waiting;
    const size = this.gathered;
    this.#batch = null;
    this.#parts = [];
    this.#staged = [];
    this.#waiting = [];
    this.gathered = 0;
    const last = parts.pop() as Buffer;
    if (parts.length > 0) this.#socket.cork();
    for (const part of parts) this.#socket.write(part);
    this.#socket.write(last, () => {
      if (batch !== null) batch.flushedAt = this.#now();
      this.pending -= size;
      this.taken += size;
      for (const buffer of staged) if (buffer.length === this.#pool.size) this.#pool.give(buffer);
      for (const release of waiting) release();
      this.#drained();
    });
    if (parts.length > 0) this.#socket.uncork();
  }

  /** After the connection is lost: what was gathered goes nowhere. */
  abandon(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#parts = [];
    this.#to = this.#from;
    for (const release of waiting) release();
  }

  #grow(length: number): void {
    this.#to += length;
    this.gathered += length;
    this.pending += length;
  }

  #room(length: number): Buffer {
    if (this.#staging !== null && this.#staging.length - this.#to >= length) return this.#staging;
    this.#cut();
    this.#retire();
    this.#staging = length <= this.#pool.size ? this.#pool.take() : Buffer.allocUnsafeSlow(length);
    this.#from = 0;
    this.#to = 0;
    return this.#staging;
  }

  #retire(): void {
    if (this.#staging !== null) this.#staged.push(this.#staging);
    this.#staging = null;
    this.#from = 0;
    this.#to = 0;
  }

  #cut(): void {
    if (this.#staging === null || this.#to === this.#from) return;
    this.#parts.push(this.#staging.subarray(this.#from, this.#to));
    this.#from = this.#to;
  }
}
