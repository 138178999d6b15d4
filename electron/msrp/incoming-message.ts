import type { CodedError } from '../../shared/base/errors.ts';
import { toCodedError } from '../../shared/base/errors.ts';
import type { MsrpByteRange } from '../../shared/protocol/msrp/byte-range.ts';
import { formatByteRange } from '../../shared/protocol/msrp/byte-range.ts';
import type { MsrpFlag, MsrpRequest } from '../../shared/protocol/msrp/codec.ts';
import { encodeHead } from '../../shared/protocol/msrp/codec.ts';
import { failureReportOf, successReportOf } from '../../shared/protocol/msrp/headers.ts';
import type { FrameConsumer } from './frame-consumer.ts';
import { transactionId } from './ids.ts';
import type { MessageContext } from './message-context.ts';
import type { MessageSink } from './port.ts';
import { RangeSet } from './ranges.ts';

const OK = { status: 200, comment: 'OK' };
const STOP = { status: 413, comment: 'Stop sending this message' };

export interface MessageListener {
  /** it is complete or given up; later chunks of it get this answer */
  ended(status: number, comment: string): void;
  /** after that: its sender has sent the last chunk */
  senderEnded(): void;
}

/**
 * One message that is coming in. Its chunks are placed by Byte-Range and measured by what really came (RFC 4975 section 7.3.1); the chunk
 * flagged `$` sets the size. Its sink hears exactly one of `complete` and `abort`.
 */
export class IncomingMessage implements FrameConsumer {
  readonly #session: MessageContext;
  readonly id: string;
  readonly #sink: MessageSink;
  readonly #listener: MessageListener;
  readonly #ranges = new RangeSet();
  /** of its last chunk, or of one before it that was the same but for transaction id and range */
  #request: MsrpRequest | null = null;
  #transactionId = '';
  #start = 0;
  #at = 0;
  #total: number | null = null;
  #size: number | null = null;
  #state: 'open' | 'completing' | 'over' = 'open';
  #inChunk = false;
  /** chunks whose answers wait for the sink */
  #unanswered: string[] = [];
  #cancelGapTimer: (() => void) | null = null;

  constructor(session: MessageContext, id: string, sink: MessageSink, listener: MessageListener) {
    this.#session = session;
    this.id = id;
    this.#sink = sink;
    this.#listener = listener;
  }

  nextChunk(request: MsrpRequest, range: MsrpByteRange): FrameConsumer {
    this.#request = request;
    this.#beginChunk(request.transactionId, range);
    return this;
  }

  again(transactionId: string, range: MsrpByteRange): boolean {
    if (this.#state !== 'open') return false;
    this.#beginChunk(transactionId, range);
    return true;
  }

  #beginChunk(transactionId: string, range: MsrpByteRange): void {
    this.#transactionId = transactionId;
    this.#start = range.start - 1;
    this.#at = this.#start;
    this.#total ??= range.total;
    this.#inChunk = true;
    this.#cancelGapTimer?.();
  }

  body(octets: Uint8Array): void | Promise<void> {
    if (this.#state !== 'open') return;
    const offset = this.#at;
    this.#at += octets.length;
    if (this.#at > (this.#size ?? this.#total ?? Number.MAX_SAFE_INTEGER)) {
      this.#fail({ code: 'msrp.malformed', detail: 'more octets than announced' }, { status: 400, comment: 'Beyond the announced size' });
      return;
    }
    try {
      const busy = this.#sink.write(offset, octets);
      if (busy instanceof Promise) return busy.catch((thrown: unknown) => this.#sinkFailed(thrown));
    } catch (thrown) {
      this.#sinkFailed(thrown);
    }
  }

  /** all of it came; it is being put away */
  get isWhole(): boolean {
    return this.#state === 'completing';
  }

  end(flag: MsrpFlag): void {
    this.#inChunk = false;
    if (this.#state === 'completing') return this.#answer(OK);
    if (this.#state === 'over') {
      if (flag !== '+') this.#listener.senderEnded();
      return;
    }
    this.#ranges.add(this.#start, this.#at);
    if (flag === '#') {
      this.#answer(OK);
      this.givenUp();
      return;
    }
    if (this.#ranges.count > this.#session.limits.maxGaps) {
      this.#answer(STOP);
      this.#over({ code: 'msrp.too-large', detail: 'too many gaps' }, STOP);
      return;
    }
    if (flag === '$') this.#size = this.#at;
    if (this.#size === null || !this.#ranges.covers(this.#size)) {
      this.#answerChunk();
      if (this.#size !== null) this.#waitForGaps();
    } else this.#complete(this.#size);
  }

  /** `#`: the sender sends no more of it. */
  givenUp(): void {
    if (this.#state === 'open') this.#over({ code: 'msrp.stopped', detail: 'given up by the sender' }, OK);
  }

  /**
   * Our side wants no more of it; the answer goes out in the middle of the chunk if there is one, else to the next.
   * @returns false when it is complete already
   */
  stop(): boolean {
    if (this.#state !== 'open') return false;
    this.#fail({ code: 'file.cancelled', detail: 'session closed' }, STOP);
    return true;
  }

  lost(error: CodedError): void {
    this.#cancelGapTimer?.();
    if (this.#state !== 'open') return;
    this.#state = 'over';
    this.#abort(error);
  }

  #sinkFailed(thrown: unknown): void {
    const error = toCodedError(thrown, 'file.unwritable');
    if (this.#state === 'open') this.#fail(error, verdict(error));
  }

  #fail(error: CodedError, answer: { status: number; comment: string }): void {
    if (this.#inChunk) this.#answer(answer);
    this.#over(error, answer);
  }

  #over(error: CodedError, answer: { status: number; comment: string }): void {
    this.#cancelGapTimer?.();
    this.#state = 'over';
    this.#listener.ended(answer.status, answer.comment);
    this.#abort(error);
  }

  #abort(error: CodedError): void {
    try {
      this.#sink.abort(error);
    } catch {
      // a sink that cannot even be told is of no concern to the peer
    }
  }

  /** Relays may change the order of chunks, so a gap before `$` is not yet a loss. */
  #waitForGaps(): void {
    this.#cancelGapTimer = this.#session.clock.after(this.#session.limits.answerMs, () => {
      const request = this.#request as MsrpRequest;
      if (failureReportOf(request) === 'yes') this.#report({ status: 408, comment: 'Octets are missing' });
      this.#over({ code: 'msrp.timeout', detail: 'octets are missing' }, { status: 408, comment: 'Octets are missing' });
    });
  }

  #complete(size: number): void {
    this.#state = 'completing';
    const request = this.#request as MsrpRequest;
    const id = this.#transactionId;
    const success = successReportOf(request);
    const failure = failureReportOf(request);
    let answered = false;
    const answer = (outcome: { status: number; comment: string }): void => {
      if (!answered) this.#answer(outcome, request, id);
      answered = true;
    };
    const finish = (outcome: { status: number; comment: string }): void => {
      cancelHold();
      const late = answered;
      answer(outcome);
      if (outcome.status === 200 ? success : late && failure === 'yes') this.#report(outcome);
      this.#state = 'over';
      this.#listener.ended(outcome.status, outcome.comment);
    };
    let cancelHold = (): void => {};
    let busy: void | Promise<void>;
    try {
      busy = this.#sink.complete(size);
    } catch (thrown) {
      finish(verdict(toCodedError(thrown)));
      return;
    }
    if (!(busy instanceof Promise)) {
      finish(OK);
      return;
    }
    // With a REPORT to come the answer need not wait for the disk; without one it is all the sender will hear. Where only errors are
    // answered (`partial`), the answer is still open for one.
    if (success && failure === 'yes') answer(OK);
    else if (failure === 'yes') cancelHold = this.#session.clock.after(this.#session.limits.holdAnswerMs, () => answer(OK));
    busy.then(
      () => finish(OK),
      (thrown: unknown) => finish(verdict(toCodedError(thrown))),
    );
  }

  #answerChunk(): void {
    const busy = this.#sink.answerable?.() ?? null;
    if (busy === null) return this.#answer(OK);
    if (this.#unanswered.push(this.#transactionId) > 1) return;
    void busy.then(() => {
      const ids = this.#unanswered;
      this.#unanswered = [];
      for (const id of ids) this.#answer(OK, undefined, id);
    });
  }

  #answer({ status, comment }: typeof OK, request = this.#request as MsrpRequest, id = this.#transactionId): void {
    const { connection, localUri } = this.#session;
    if (status === OK.status) connection?.accept(request, localUri, id);
    else connection?.answer(request, status, comment, localUri, id);
  }

  /** RFC 4975 sections 7.1.3 and 7.1.4 */
  #report(outcome: { status: number; comment: string }): void {
    const id = transactionId();
    const size = this.#size ?? this.#at;
    const head = encodeHead({
      kind: 'request',
      transactionId: id,
      method: 'REPORT',
      toPath: (this.#request as MsrpRequest).fromPath,
      fromPath: [this.#session.localUri],
      headers: [
        { name: 'Message-ID', value: this.id },
        { name: 'Byte-Range', value: formatByteRange({ start: 1, end: size, total: size }) },
        { name: 'Status', value: `000 ${outcome.status} ${outcome.comment}` },
      ],
    });
    this.#session.connection?.write(`${head}-------${id}$\r\n`);
  }
}

/** What the peer is told when a sink could not take the message: that it must stop, or that what came was wrong. */
function verdict(error: CodedError): { status: number; comment: string } {
  if (error.code === 'file.hash-mismatch') return { status: 400, comment: 'Hash does not match' };
  if (error.code === 'file.size-mismatch') return { status: 413, comment: 'Size does not match' };
  // RFC 4975 section 10.5: it is the type, here the one inside a wrapper, and not this message
  if (error.code === 'peer.unsupported') return { status: 415, comment: 'Media type not understood' };
  // on its way to somebody else: his refusal, his silence
  const passedOn = error.code === 'msrp.refused' ? /^(400|403|408|413|415)(?: ([^\r\n]*))?/.exec(error.detail) : null;
  if (passedOn !== null) return { status: Number(passedOn[1]), comment: passedOn[2] ?? 'Refused' };
  if (error.code === 'msrp.timeout') return { status: 408, comment: 'No answer in time' };
  if (error.code.endsWith('.malformed')) return { status: 400, comment: 'Not understood' };
  return STOP;
}
