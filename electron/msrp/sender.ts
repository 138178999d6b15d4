import type { CodedError, ErrorCode } from '../../shared/base/errors.ts';
import { ParleyError, toCodedError } from '../../shared/base/errors.ts';
import type { MsrpRequest } from '../../shared/protocol/msrp/codec.ts';
import { isIdent } from '../../shared/protocol/msrp/codec.ts';
import type { FailureReport } from '../../shared/protocol/msrp/headers.ts';
import { byteRangeOf, statusOf } from '../../shared/protocol/msrp/headers.ts';
import type { BodySource } from './body-source.ts';
import { openBody } from './body-source.ts';
import { ChunkFrame } from './chunk-frame.ts';
import type { ChunkSource, Connection } from './connection.ts';
import type { AnswerTaker } from './frame-consumer.ts';
import { transactionId } from './ids.ts';
import { CHUNK_DIRECT, CHUNK_MAX, CHUNK_PARLEY, CHUNK_RELAYED } from './limits.ts';
import type { MessageContext } from './message-context.ts';
import { HYPHENS } from './octets.ts';
import type { Batch, Outbox } from './outbox.ts';
import { Pace } from './pace.ts';
import type { OutgoingMessage } from './port.ts';
import { RangeSet } from './ranges.ts';

const NO_FRAME = new ChunkFrame('', '');
const NOTHING: BodySource = { size: 0, take: () => null, release() {}, finish() {}, close() {} };
/** a chunk answered this soon lets the next ones grow up to so many times the size they began with; a late answer ends that */
const QUICK_MS = 50;
const SLOW_MS = 250;
const MAX_GROWTH = 4;
const PROGRESS_MS = 250;
/** so much at once is told of in any case: what is not told of is sent again after a crash */
const PROGRESS_OCTETS = 262_144;
/** RFC 4975 section 7.1.1: a longer chunk needs `*` as its range-end, so that it may be cut short */
const FIXED_RANGE_UP_TO = 2048;

/** how many answer times a peer may leave a chunk unread: slow links need time for what the system has buffered */
const MAX_STALLED_CHECKS = 4;

/** A chunk on its way, and later another one. */
class PendingChunk implements AnswerTaker {
  id = '';
  end = 0;
  batch: Batch | null = null;
  done = false;
  next: PendingChunk | null = null;
  readonly #sender: Sender;

  constructor(sender: Sender) {
    this.#sender = sender;
  }

  answered(status: number, comment: string | null): void {
    this.done = true;
    this.#sender.answered(status, comment, (this.batch as Batch).beganAt);
  }
}

/**
 * Sends one message in chunks (RFC 4975 section 7.1.1). Does not wait for an answer before the next chunk, but never has more than a window
 * of them on the way; ends an unfinished message with a chunk flagged `#`.
 */
export class Sender implements ChunkSource {
  readonly #session: MessageContext;
  readonly #message: OutgoingMessage;
  readonly #settled: (error: CodedError | null) => void;
  readonly #id: string;
  readonly #failureReport: FailureReport;
  readonly #reported = new RangeSet();
  /** chunks that left and of which an error may still come, where nothing else is answered */
  readonly #unanswered: string[] = [];
  #connection: Connection | null = null;
  #body: BodySource = NOTHING;
  #frame = NO_FRAME;
  // those on their way, as they were sent, and used ones
  #oldest: PendingChunk | null = null;
  #newest: PendingChunk | null = null;
  #pending = 0;
  #spare: PendingChunk | null = null;
  #window = 0;
  #pace = new Pace(CHUNK_DIRECT);
  /** it waits for answers before it writes on */
  #isHeld = false;
  #baseSize = 0;
  #chunkSize = 0;
  #sent = 0;
  #allSent = false;
  #acknowledged = 0;
  #lastAnswerAt = 0;
  #lastProgressAt = 0;
  /** what `onProgress` heard last */
  #told = 0;
  /** end of that chunk */
  #stalledOn = 0;
  #stalledChecks = 0;
  #done = false;
  #cancelTimer: (() => void) | null = null;

  constructor(session: MessageContext, id: string, message: OutgoingMessage, settled: (error: CodedError | null) => void) {
    this.#session = session;
    this.#message = message;
    this.#settled = settled;
    this.#id = id;
    this.#failureReport = message.failureReport ?? 'yes';
    if (message.messageId !== undefined && !isIdent(id)) throw new ParleyError('request.invalid', 'Message-ID');
    if (message.signal !== undefined) {
      if (message.signal.aborted) queueMicrotask(this.#cancel);
      else message.signal.addEventListener('abort', this.#cancel, { once: true });
    }
  }

  /** The session is bound: chunks may flow. */
  start(connection: Connection): void {
    if (this.#done || this.#connection !== null) return;
    this.#connection = connection;
    const { chunkSize } = this.#message;
    // whatever both ends take: a relay between them may not
    const isRelayed = this.#session.toPath.length > 1;
    const base = Math.max(1, Math.min(isRelayed ? CHUNK_RELAYED : CHUNK_MAX, chunkSize ?? CHUNK_DIRECT));
    this.#window = isRelayed ? this.#session.limits.relayedWindow : this.#session.limits.window;
    try {
      // everything but transaction id and range is the same in all chunks
      const { heads, toPath, localUri } = this.#session;
      this.#frame = heads.frame(toPath, localUri, this.#id, this.#message);
    } catch (thrown) {
      this.#fail({ code: 'request.invalid', detail: toCodedError(thrown).detail });
      return;
    }
    this.#baseSize = base;
    this.#chunkSize = base;
    this.#pace = new Pace(base);
    const enqueue = (): void => connection.enqueue(this);
    this.#body = openBody(this.#message.source, base, enqueue, (error) => this.#fail(error));
    connection.enqueue(this);
  }

  writeChunk(outbox: Outbox): boolean {
    if (this.#done || this.#allSent) return false;
    this.#isHeld = this.#pending >= this.#window || this.#sent - this.#acknowledged >= this.#pace.allowance;
    if (this.#isHeld) return false;
    const body = this.#body.take(this.#chunkSize);
    if (body === null) return false;
    const start = this.#sent;
    const end = start + body.length;
    const last = end === this.#body.size;
    if (last) {
      try {
        this.#body.finish();
      } catch (thrown) {
        this.#body.release();
        this.#fail(toCodedError(thrown, 'file.changed'));
        return false;
      }
    }
    let id = transactionId();
    // RFC 4975 section 7.1: no end line of the chunk's own in its body
    if (this.#body.hasHyphens ?? body.includes(HYPHENS, 0, 'latin1'))
      while (body.includes(`-------${id}`, 0, 'latin1')) id = transactionId();
    const isWhole = last && start === 0 && body.length > 0 && body.length <= FIXED_RANGE_UP_TO;
    if (isWhole) outbox.text(this.#frame.headText(id, 1, end, end));
    else outbox.copy(this.#head(id, start, body.length));
    const isCopied = outbox.octets(body);
    if (isWhole) outbox.text(`\r\n-------${id}$\r\n`);
    else outbox.copy(this.#frame.tail(id, last ? '$' : '+'));
    if (isCopied) this.#body.release();
    else outbox.whenFlushed(this.#release);
    if (this.#failureReport !== 'yes') outbox.whenFlushed(this.#left);
    const chunk = this.#addPending(id, end, outbox.batch);
    if (this.#failureReport !== 'no') this.#connection?.expectAnswer(id, chunk);
    this.#sent = end;
    this.#allSent = last;
    this.#watch();
    return !last;
  }

  answered(status: number, comment: string | null, writtenAt: number): void {
    if (this.#done) return;
    if (status !== 200) return this.#refused(status, comment);
    if (this.#failureReport !== 'yes') return;
    this.#lastAnswerAt = this.#session.clock.now();
    this.#adaptSize(this.#lastAnswerAt - writtenAt);
    this.#pace.answered(this.#lastAnswerAt, writtenAt, this.#sent - this.#acknowledged, this.#chunkSize);
    this.#acknowledge();
  }

  #acknowledge(): void {
    for (let chunk = this.#oldest; chunk?.done === true; chunk = this.#oldest) {
      this.#acknowledged = Math.max(this.#acknowledged, chunk.end);
      this.#oldest = chunk.next;
      this.#pending--;
      // of the others an error may still come
      if (this.#failureReport !== 'yes') continue;
      chunk.next = this.#spare;
      this.#spare = chunk;
    }
    this.#progress();
    if (this.#isHeld && !this.#allSent) this.#connection?.enqueue(this);
    this.#finishIfWhole();
  }

  #addPending(id: string, end: number, batch: Batch): PendingChunk {
    const chunk = this.#spare ?? new PendingChunk(this);
    this.#spare = chunk.next;
    chunk.id = id;
    chunk.end = end;
    chunk.batch = batch;
    chunk.done = false;
    chunk.next = null;
    if (this.#oldest === null) this.#oldest = chunk;
    else (this.#newest as PendingChunk).next = chunk;
    this.#newest = chunk;
    this.#pending++;
    return chunk;
  }

  /** A REPORT with namespace 000 means what the same answer would mean (RFC 4975 section 7.3.2). */
  reported(head: MsrpRequest): void {
    if (this.#done) return;
    try {
      const status = statusOf(head);
      if (status.namespace !== '000') return;
      if (status.code !== 200) return this.#refused(status.code, status.comment);
      const range = byteRangeOf(head);
      // without a range, or with an open one, it speaks of the whole, which is what was sent so far where the size is not known
      const size = this.#body.size ?? this.#sent;
      if (range === null) this.#reported.add(0, size);
      else this.#reported.add(range.start - 1, Math.min(range.end ?? size, size));
      if (this.#reported.count > this.#session.limits.maxGaps)
        this.#fail({ code: 'msrp.too-large', detail: 'too many gaps in the reports' });
    } catch {
      return; // a REPORT we cannot read tells nothing
    }
    // what was reported is there, whether its chunk is answered or not: the rest is where to go on
    this.#acknowledged = Math.max(this.#acknowledged, Math.min(this.#reported.contiguous, this.#sent));
    this.#progress();
    this.#finishIfWhole();
  }

  /** The session closes: ends the message for the peer. */
  stop(): void {
    this.#fail({ code: 'msrp.lost', detail: 'session closed' });
  }

  /** There is no way to reach the peer any more. */
  lost(error: CodedError): void {
    this.#allSent = true;
    this.#settle(error);
  }

  /**
   * Few long chunks cost both ends the least (RFC 4975 section 7.1.1), as long as others on the connection need not wait for their turn.
   */
  #adaptSize(answeredAfterMs: number): void {
    if (this.#baseSize < CHUNK_PARLEY) return;
    if (answeredAfterMs > SLOW_MS) this.#chunkSize = this.#baseSize;
    else if (answeredAfterMs < QUICK_MS) this.#chunkSize = Math.min(this.#baseSize * MAX_GROWTH, CHUNK_MAX, this.#chunkSize * 2);
    // some chunks under way at any time, so that answers come while others are still sent
    if (this.#chunkSize * 4 > this.#pace.allowance) this.#chunkSize = this.#baseSize;
  }

  readonly #release = (): void => this.#body.release();

  /** Nobody answers a chunk that went well: it is done when the system has taken it (RFC 4975 section 7.1.1). Chunks leave in order. */
  readonly #left = (): void => {
    const chunk = this.#oldest;
    if (this.#done || chunk === null) return;
    chunk.done = true;
    if (this.#failureReport === 'partial') this.#watchForErrors(chunk.id);
    this.#lastAnswerAt = this.#session.clock.now();
    this.#acknowledge();
  };

  /** Only so many chunks may still be complained about: who never answers must not make us remember all of them. */
  #watchForErrors(id: string): void {
    this.#unanswered.push(id);
    if (this.#unanswered.length > this.#window) this.#connection?.forgetAnswer(this.#unanswered.shift() as string);
  }

  readonly #cancel = (): void => {
    const reason: unknown = this.#message.signal?.reason;
    this.#fail(reason instanceof ParleyError ? reason : { code: 'file.cancelled', detail: 'given up by the sender' });
  };

  #refused(status: number, comment: string | null): void {
    const detail = `${status} ${comment ?? ''}`.trim();
    // 408: octets got lost between here and there, and may be sent again (RFC 4975 section 10.4)
    const codes: Readonly<Record<number, ErrorCode>> = { 408: 'msrp.timeout', 413: 'msrp.stopped' };
    this.#fail({ code: codes[status] ?? 'msrp.refused', detail });
    // RFC 4975 sections 10.5 and 10.11
    if (status === 481 || status === 506) this.#session.refused(status, comment);
  }

  #fail(error: CodedError): void {
    if (this.#done) return;
    if (this.#sent > 0 && !this.#allSent) {
      const id = transactionId();
      if (this.#failureReport === 'yes') this.#connection?.expectAnswer(id, { answered: this.#session.tells() });
      this.#connection?.write(`${this.#head(id, this.#sent, 0)}${this.#frame.tail(id, '#')}`);
    }
    this.#settle(error);
  }

  #head(id: string, start: number, length: number): Buffer {
    const end = start + length === 0 || (length > 0 && length <= FIXED_RANGE_UP_TO) ? start + length : null;
    return this.#frame.head(id, start + 1, end, this.#body.size);
  }

  #finishIfWhole(): void {
    if (!this.#allSent || this.#pending > 0) return;
    if (this.#message.successReport && !this.#reported.covers(this.#sent)) return;
    this.#settle(null);
  }

  #progress(): void {
    const { onProgress } = this.#message;
    if (onProgress === undefined) return;
    const now = this.#lastAnswerAt;
    const isLittle = now - this.#lastProgressAt < PROGRESS_MS && this.#acknowledged - this.#told < PROGRESS_OCTETS;
    if (isLittle && !(this.#allSent && this.#acknowledged === this.#sent)) return;
    this.#lastProgressAt = now;
    this.#told = this.#acknowledged;
    onProgress(this.#acknowledged);
  }

  /** One timer a message: chunks are answered in order, so the oldest one decides. */
  #watch(): void {
    if (this.#cancelTimer !== null) return;
    this.#lastAnswerAt = this.#session.clock.now();
    this.#cancelTimer = this.#session.clock.after(this.#session.limits.answerMs, this.#checkAnswers);
  }

  readonly #checkAnswers = (): void => {
    this.#cancelTimer = null;
    if (this.#done) return;
    const { clock, limits } = this.#session;
    const oldest = this.#oldest;
    let left: number;
    if (oldest === null) {
      if (!this.#allSent) return; // the next chunk starts the timer again
      left = this.#lastAnswerAt + limits.reportMs - clock.now();
    } else {
      // While octets still wait for the system the chunk's time has not begun; other answers show that the peer is alive.
      const { flushedAt } = oldest.batch as Batch;
      left = flushedAt === null ? limits.answerMs : Math.max(flushedAt, this.#lastAnswerAt) + limits.answerMs - clock.now();
      this.#stalledChecks = flushedAt === null && this.#stalledOn === oldest.end ? this.#stalledChecks + 1 : 0;
      this.#stalledOn = oldest.end;
      if (this.#stalledChecks >= MAX_STALLED_CHECKS) left = 0;
    }
    if (left <= 0) {
      const detail = oldest === null ? 'no success report' : `no answer within ${limits.answerMs / 1000} s`;
      this.#fail({ code: 'msrp.timeout', detail });
      return;
    }
    this.#cancelTimer = clock.after(left, this.#checkAnswers);
  };

  #settle(error: CodedError | null): void {
    if (this.#done) return;
    this.#done = true;
    if (this.#told < this.#acknowledged) this.#message.onProgress?.(this.#acknowledged);
    this.#cancelTimer?.();
    this.#message.signal?.removeEventListener('abort', this.#cancel);
    this.#connection?.withdraw(this);
    for (let chunk = this.#oldest; chunk !== null; chunk = chunk.next) if (!chunk.done) this.#connection?.forgetAnswer(chunk.id);
    for (const id of this.#unanswered) this.#connection?.forgetAnswer(id);
    this.#oldest = null;
    this.#pending = 0;
    this.#body.close();
    this.#settled(error);
  }
}
