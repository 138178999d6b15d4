import type { Clock } from '../../../shared/base/clock.ts';
import type { TransferProgress } from '../../../shared/model/transfer.ts';

/** at most this often is a person told */
const TELL_EVERY_MS = 200;
/** and at most this often is the store */
const CHECKPOINT_EVERY_MS = 1000;
/** the speed shown is the one of the last seconds */
const WINDOW_MS = 4000;

type Subject = Pick<TransferProgress, 'transferId' | 'messageId' | 'conversationId' | 'size'>;

/**
 * Turns counts of octets into what a file card shows. Counts never go backwards, and the last one is told also where no other follows it; nothing
 * is after {@link stop}.
 */
export class ProgressMeter {
  readonly #subject: Subject;
  readonly #clock: Clock;
  readonly #tell: (progress: TransferProgress) => void;
  readonly #checkpoint: (transferred: number) => void;
  readonly #samples: { at: number; octets: number }[] = [];
  #octets: number;
  #toldAt = 0;
  #checkpointAt = 0;
  /** of a count that came too soon after the one told last */
  #cancelLastWord: (() => void) | null = null;
  #isStopped = false;

  constructor(
    subject: Subject,
    clock: Clock,
    sinks: { tell: (progress: TransferProgress) => void; checkpoint: (transferred: number) => void },
    startAt = 0,
  ) {
    this.#subject = subject;
    this.#clock = clock;
    this.#tell = sinks.tell;
    this.#checkpoint = sinks.checkpoint;
    this.#octets = startAt;
    this.#checkpointAt = clock.now();
    this.#samples.push({ at: clock.now(), octets: startAt });
  }

  /** @param octets of the file that are there in all */
  update(octets: number): void {
    if (octets <= this.#octets || this.#isStopped) return;
    this.#octets = octets;
    const now = this.#clock.now();
    const last = octets >= this.#subject.size;
    if (now < this.#toldAt || now < this.#checkpointAt) this.#beginAnew(now);
    const wait = this.#toldAt + TELL_EVERY_MS - now;
    if (last || wait <= 0) this.#say(now);
    else this.#cancelLastWord ??= this.#clock.after(wait, () => this.#say(this.#clock.now()));
  }

  /** The transfer has come to its end, or broke off: what is said of it from now on is its state. */
  stop(): void {
    this.#isStopped = true;
    this.#cancelLastWord?.();
    this.#cancelLastWord = null;
  }

  #say(now: number): void {
    this.#cancelLastWord?.();
    this.#cancelLastWord = null;
    const octets = this.#octets;
    this.#toldAt = now;
    this.#samples.push({ at: now, octets });
    while (this.#samples.length > 2 && now - (this.#samples[0]?.at ?? now) > WINDOW_MS) this.#samples.shift();
    this.#tell(this.#progress(now));
    if (now - this.#checkpointAt >= CHECKPOINT_EVERY_MS) {
      this.#checkpointAt = now;
      this.#checkpoint(octets);
    }
  }

  /** The clock was set back: what was measured by it counts no more. */
  #beginAnew(now: number): void {
    this.#toldAt = 0;
    this.#checkpointAt = now;
    this.#samples.length = 0;
  }

  #progress(now: number): TransferProgress {
    const oldest = this.#samples[0] ?? { at: now, octets: this.#octets };
    const seconds = (now - oldest.at) / 1000;
    const rate = seconds > 0 ? (this.#octets - oldest.octets) / seconds : 0;
    const left = Math.max(0, this.#subject.size - this.#octets);
    return { ...this.#subject, transferred: Math.min(this.#octets, this.#subject.size), rate, secondsLeft: rate > 0 ? left / rate : null };
  }
}
