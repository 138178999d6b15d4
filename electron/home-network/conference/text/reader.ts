import { type CodedError, toCodedError } from '../../../../shared/base/errors.ts';

/** entries under way to one reader, and their octets */
const AT_ONCE = 64;
const OCTETS_AT_ONCE = 262_144;
/** octets above which an entry goes by itself: in several chunks it would be overtaken by what comes after it */
const SMALL = 10_240;

interface Numbered {
  readonly seq: number;
  readonly size: number;
}

export interface Batch<E> {
  readonly entries: readonly E[];
  /** nothing up to this one is left out; the same as was asked for: nothing follows */
  readonly upTo: number;
}

export interface ReaderHost<E> {
  /** What follows that entry, the oldest first; not more than fits in memory. */
  read(after: number): Batch<E> | Promise<Batch<E>>;
  /** Resolves when it was answered, or where it is not for this reader. */
  send(entry: E): Promise<void>;
  isFor(entry: E): boolean;
  /** That entry and all before it are done with. */
  passed(seq: number): void;
  /** The reader refused that entry. @returns whether the rest goes on without it */
  goesOnWithout(entry: E, error: CodedError): boolean;
  /** nothing can be brought to this reader; at most once */
  broken(error: CodedError): void;
}

/**
 * Brings one device what it has not answered yet, in order: some entries under way at once, read from the log only when there is room for
 * them, so that a slow reader costs nobody but itself.
 */
export class Reader<E extends Numbered> {
  readonly #host: ReaderHost<E>;
  /** by number, in order: octets */
  readonly #underWay = new Map<number, number>();
  #octets = 0;
  /** all up to this one is under way, or done with */
  #taken: number;
  #passed: number;
  #isRunning = false;
  #hasNews = false;
  #isClosed = false;
  #hasRoom: () => void = () => undefined;

  /** @param after the last entry that the device has */
  constructor(host: ReaderHost<E>, after: number) {
    this.#host = host;
    this.#taken = after;
    this.#passed = after;
  }

  /** the last entry that was handed over, as soon as nothing before it is missing */
  get taken(): number {
    return this.#taken;
  }

  get underWay(): number {
    return this.#underWay.size;
  }

  /** Something was said. */
  wake(): void {
    this.#hasNews = true;
    if (!this.#isRunning) void this.#run();
  }

  close(): void {
    this.#isClosed = true;
    this.#hasRoom();
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    try {
      while (this.#hasNews && !this.#isClosed) {
        this.#hasNews = false;
        await this.#readOn();
      }
    } catch (thrown) {
      this.#break(toCodedError(thrown));
    } finally {
      this.#isRunning = false;
    }
  }

  async #readOn(): Promise<void> {
    while (!this.#isClosed) {
      const found = this.#host.read(this.#taken);
      const { entries, upTo } = found instanceof Promise ? await found : found;
      if (upTo <= this.#taken) return;
      for (const entry of entries) {
        if (!this.#host.isFor(entry)) continue;
        while (!this.#fits(entry.size) && !this.#isClosed) await new Promise<void>((resolve) => (this.#hasRoom = resolve));
        if (this.#isClosed) return;
        this.#taken = entry.seq;
        this.#send(entry);
      }
      this.#taken = upTo;
      this.#settle();
    }
  }

  #fits(size: number): boolean {
    if (this.#underWay.size === 0) return true;
    const isLargeUnderWay = this.#underWay.size === 1 && this.#octets > SMALL;
    return size <= SMALL && !isLargeUnderWay && this.#underWay.size < AT_ONCE && this.#octets + size <= OCTETS_AT_ONCE;
  }

  #send(entry: E): void {
    this.#underWay.set(entry.seq, entry.size);
    this.#octets += entry.size;
    this.#host
      .send(entry)
      .catch((thrown) => {
        const error = toCodedError(thrown);
        if (!this.#isClosed && !this.#host.goesOnWithout(entry, error)) this.#break(error);
      })
      .then(() => {
        if (this.#isClosed) return;
        this.#underWay.delete(entry.seq);
        this.#octets -= entry.size;
        this.#settle();
        this.#hasRoom();
      });
  }

  #settle(): void {
    const [oldest] = this.#underWay.keys();
    const passed = oldest === undefined ? this.#taken : oldest - 1;
    if (passed <= this.#passed) return;
    this.#passed = passed;
    this.#host.passed(passed);
  }

  #break(error: CodedError): void {
    if (this.#isClosed) return;
    this.close();
    this.#host.broken(error);
  }
}
