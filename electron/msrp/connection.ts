import type { Socket } from 'node:net';
import type { Clock } from '../../shared/base/clock.ts';
import type { CodedError } from '../../shared/base/errors.ts';
import { ParleyError, toCodedError } from '../../shared/base/errors.ts';
import type { MsrpHead, MsrpRequest } from '../../shared/protocol/msrp/codec.ts';
import { MsrpFramer } from '../../shared/protocol/msrp/framer.ts';
import type { Fingerprint } from '../../shared/protocol/sdp/fingerprint.ts';
import { AnswerFrame, answerTo } from './answer-frame.ts';
import { type Answer, type AnswerTaker, type FrameConsumer, IGNORE, limited } from './frame-consumer.ts';
import { IdTable } from './id-table.ts';
import type { EngineLimits } from './limits.ts';
import { bufferOctets } from './octets.ts';
import { Outbox } from './outbox.ts';

/** Something with chunks to write, asked for one chunk at a time so that all that wait on a connection take turns. */
export interface ChunkSource {
  /** @returns whether more can be written at once */
  writeChunk(outbox: Outbox): boolean;
}

/** A session as the connections see it that carry its octets. */
export interface ConnectedSession {
  readonly localUri: string;
  /** whether octets on this connection may belong to it, or when that will be known; the first ones of a passive session bind it */
  bind(connection: Connection): boolean | Promise<void>;
  /** a SEND came: takes the rest of it */
  chunk(head: MsrpRequest, hasBody: boolean): FrameConsumer;
  /** a REPORT came */
  report(head: MsrpRequest): void;
  /** the connection is gone, or the engine closes */
  lost(error: CodedError): void;
}

export interface ConnectionOwner {
  readonly clock: Clock;
  readonly limits: EngineLimits;
  /** the session a To-Path names, or null */
  sessionFor(toPath: readonly string[]): ConnectedSession | null;
  /** at most once a connection */
  connectionLost(connection: Connection, error: CodedError): void;
}

/** octets of answers, and milliseconds, that wait for company */
const HELD_ANSWERS = 2048;
const HOLD_MS = 1;
const KEEP_ALIVE_MS = 60_000;

/**
 * One TCP connection: framer in, one writer out. Nothing a peer sends can end more than its own connection. Reading stops while a sink
 * is busy or the peer does not read our answers; writing stops while the system's buffer is full.
 */
export class Connection {
  readonly sessions = new Set<ConnectedSession>();
  /** host:port it was opened to; null when accepted */
  readonly openedTo: string | null;
  /** over TLS: whether the other end showed that certificate; null over TCP */
  readonly shows: ((expected: Fingerprint) => boolean) | null;

  readonly #owner: ConnectionOwner;
  readonly #framer = new MsrpFramer(bufferOctets);
  /** who waits for which answer, by transaction id */
  readonly #answers = new IdTable<AnswerTaker>();
  #socket: Socket | null = null;
  #outbox: Outbox | null = null;
  #turns: ChunkSource[] = [];
  #consumer: FrameConsumer = IGNORE;
  /** who took a request that may come again */
  readonly #takers = new WeakMap<MsrpHead, FrameConsumer>();
  /** the session of the request that has come cannot tell yet whether the connection is its own */
  #undecided: Promise<void> | null = null;
  #reading = false;
  #stopped = false;
  /** what came is not taken to its end: its taker is busy */
  #waits = false;
  /** what came meanwhile: a record of TLS that was deciphered with the one before it */
  readonly #unread: Buffer[] = [];
  /** the peer has closed behind that */
  #ended: CodedError | null = null;
  #accepted: AnswerFrame | null = null;
  #pumpDue = false;
  #strays = 0;
  #closed = false;
  #holding = false;
  #cancelIdle: (() => void) | null = null;
  #cancelUnread: (() => void) | null = null;

  constructor(owner: ConnectionOwner, openedTo: string | null, shows: Connection['shows'] = null) {
    this.#owner = owner;
    this.openedTo = openedTo;
    this.shows = shows;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Starts to use a socket whose octets go to {@link read}. */
  start(socket: Socket): void {
    if (this.#closed) {
      socket.destroy();
      return;
    }
    this.#socket = socket;
    this.#outbox = new Outbox(
      socket,
      () => this.#owner.clock.now(),
      () => this.#drained(),
    );
    socket.on('error', (error) => this.fail({ code: 'msrp.lost', detail: error.message }));
    socket.once('end', () => this.#end({ code: 'msrp.lost', detail: 'closed by the other side' }));
    socket.once('close', () => this.#end({ code: 'msrp.lost', detail: 'connection closed' }));
    if (this.#unread.length > 0) queueMicrotask(() => this.#goOn());
    else socket.resume();
    // A dead peer is noticed even when nobody writes.
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    this.#closeUnlessUsed(this.#owner.limits.halfOpenMs);
    this.#schedulePump();
  }

  readonly read = (octets: Buffer): boolean => {
    if (this.#closed) return true;
    if (this.#waits || this.#socket === null) {
      this.#unread.push(octets);
      return false;
    }
    try {
      this.#framer.push(octets);
      return this.#takeFrames();
    } catch (thrown) {
      this.fail(toCodedError(thrown));
      return true;
    }
  };

  attach(session: ConnectedSession): void {
    this.sessions.add(session);
    this.#cancelIdle?.();
    this.#cancelIdle = null;
  }

  detach(session: ConnectedSession): void {
    if (!this.sessions.delete(session) || this.sessions.size > 0 || this.#closed) return;
    // The side that opened it decides; the other one gives it time to put a new session on it.
    if (this.openedTo !== null) this.end();
    else this.#closeUnlessUsed(this.#owner.limits.lingerMs);
  }

  /** Lets `source` write as soon as there is room; once until `writeChunk` returns false. */
  enqueue(source: ChunkSource): void {
    if (this.#closed) return;
    if (!this.#turns.includes(source)) this.#turns.push(source);
    this.#schedulePump();
  }

  withdraw(source: ChunkSource): void {
    const at = this.#turns.indexOf(source);
    if (at >= 0) this.#turns.splice(at, 1);
  }

  expectAnswer(transactionId: string, taker: AnswerTaker): void {
    this.#answers.add(transactionId, taker);
  }

  forgetAnswer(transactionId: string): void {
    this.#answers.take(transactionId);
  }

  /** Writes a frame that needs no turn: an answer, a REPORT, a SEND without body. */
  write(frame: string): void {
    if (this.#closed || this.#outbox === null) return;
    this.#outbox.text(frame);
    this.#schedulePump();
  }

  /** Answers a request, or a later one that differs in its transaction id only, as its Failure-Report allows (RFC 4975 section 7.2). */
  answer(request: MsrpRequest, status: number, comment: string, from: string, id = request.transactionId): void {
    const text = answerTo(request, status, comment, from, id);
    if (text !== null) this.write(text);
  }

  /** Answers it, or a later one that differs in its transaction id only, with 200. */
  accept(request: MsrpRequest, from: string, id: string): void {
    if (id === request.transactionId) return this.answer(request, 200, 'OK', from);
    if (this.#accepted?.request !== request || this.#accepted.from !== from) this.#accepted = new AnswerFrame(request, from);
    const octets = this.#accepted.octets(id);
    if (octets === null || this.#closed || this.#outbox === null) return;
    this.#outbox.copy(octets);
    this.#schedulePump();
  }

  /** Ends the connection after what was written has left. */
  end(): void {
    if (this.#closed) return;
    this.#outbox?.flush();
    const socket = this.#socket;
    this.#closed = true;
    this.#finish({ code: 'msrp.lost', detail: 'connection closed' });
    if (socket === null) return;
    socket.resume();
    socket.end();
    const cancel = this.#owner.clock.after(this.#owner.limits.lingerMs, () => socket.destroy());
    socket.once('close', cancel);
  }

  /** Ends the connection now. */
  fail(error: CodedError): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#finish(error);
    this.#socket?.destroy();
    this.#outbox?.abandon();
  }

  #finish(error: CodedError): void {
    this.#cancelIdle?.();
    this.#cancelUnread?.();
    this.#turns = [];
    this.#answers.clear();
    this.#owner.connectionLost(this, error);
  }

  #closeUnlessUsed(afterMs: number): void {
    this.#cancelIdle?.();
    this.#cancelIdle = this.#owner.clock.after(afterMs, () => {
      if (this.sessions.size === 0) this.end();
    });
  }

  /** @returns whether reading goes on */
  #takeFrames(): boolean {
    const framer = this.#framer;
    this.#reading = true;
    let busy: Promise<void> | null = null;
    for (let event = this.#undecided ? 'head' : framer.next(); event !== null && !this.#closed; event = framer.next()) {
      if (event === 'head') {
        this.#undecided = null;
        this.#consumer = this.#beginAgain() ?? this.#begin(framer.head as MsrpHead);
        busy = this.#undecided;
        if (busy !== null) break;
      } else if (event === 'end') this.#consumer.end(framer.flag);
      else {
        const waits = this.#consumer.body(framer.body);
        if (!(waits instanceof Promise)) continue;
        busy = waits;
        break;
      }
    }
    this.#reading = false;
    if (this.#closed) return true;
    if (!this.#holdAnswers(busy !== null)) this.#pump();
    if (busy !== null) {
      this.#waits = true;
      void busy.then(() => this.#goOn());
      return false;
    }
    if ((this.#outbox as Outbox).pending > this.#owner.limits.highWater + this.#owner.limits.maxUnreadAnswers) {
      this.#stopped = true;
      return false;
    }
    return true;
  }

  /**
   * In the middle of a body more octets are on their way, so answers to the chunks before it may wait for company: a write for each would
   * cost both sides more than the chunk. Never when the peer may be waiting for us.
   */
  #holdAnswers(busy: boolean): boolean {
    const { gathered } = this.#outbox as Outbox;
    if (busy || gathered > HELD_ANSWERS || this.#turns.length > 0 || this.#framer.atBoundary) return false;
    if (gathered > 0 && !this.#holding) {
      this.#holding = true;
      this.#owner.clock.after(HOLD_MS, () => {
        this.#holding = false;
        if (!this.#closed) this.#pump();
      });
    }
    return true;
  }

  #goOn(): void {
    if (this.#closed) return;
    this.#waits = false;
    try {
      let goesOn = this.#takeFrames();
      while (!this.#waits && !this.#closed && this.#unread.length > 0) {
        this.#framer.push(this.#unread.shift() as Buffer);
        goesOn = this.#takeFrames();
      }
      if (this.#ended !== null && !this.#waits) this.fail(this.#ended);
      else if (goesOn) this.#socket?.resume();
    } catch (thrown) {
      this.fail(toCodedError(thrown));
    }
  }

  /** Not before what has come is taken. */
  #end(error: CodedError): void {
    if (this.#waits) this.#ended ??= error;
    else this.fail(error);
  }

  /** What needs no second look at its fields. */
  #beginAgain(): FrameConsumer | null {
    const { repeats, range, transactionId } = this.#framer;
    if (repeats === null) return null;
    if (repeats.kind === 'response') return this.#answered(transactionId, repeats);
    const taker = range === null ? undefined : this.#takers.get(repeats);
    return range !== null && taker?.again?.(transactionId, range) === true ? taker : null;
  }

  #begin(head: MsrpHead): FrameConsumer {
    if (head.kind === 'response') return this.#answered(head.transactionId, head);
    const session = this.#owner.sessionFor(head.toPath);
    if (session === null) return this.#stray(head);
    const bound = session.bind(this);
    if (bound instanceof Promise) {
      this.#undecided = bound;
      return IGNORE;
    }
    if (!bound) {
      // RFC 4975 section 10.11
      if (head.method === 'SEND') this.answer(head, 506, 'Session bound to another connection', session.localUri);
      return head.method === 'SEND' ? IGNORE : limited();
    }
    if (head.method === 'SEND') {
      const taker = session.chunk(head, this.#framer.hasBody);
      if (this.#framer.isRemembered) this.#takers.set(head, taker);
      return taker;
    }
    if (head.method === 'REPORT') session.report(head);
    else this.answer(head, 501, 'Unknown method', session.localUri);
    return limited();
  }

  #answered(transactionId: string, answer: Answer): FrameConsumer {
    this.#answers.take(transactionId)?.answered(answer.status, answer.comment, answer);
    return this.#framer.hasBody ? limited() : IGNORE;
  }

  #stray(head: MsrpRequest): FrameConsumer {
    if (++this.#strays > this.#owner.limits.maxStrays) throw new ParleyError('msrp.refused', 'too many requests for unknown sessions');
    if (head.method === 'REPORT') return limited();
    this.answer(head, 481, 'Session does not exist', head.toPath[0] as string);
    return IGNORE;
  }

  #drained(): void {
    if (this.#closed) return;
    this.#pump();
    if (this.#stopped && (this.#outbox as Outbox).pending <= this.#owner.limits.highWater) {
      this.#stopped = false;
      this.#socket?.resume();
    }
  }

  #schedulePump(): void {
    if (this.#pumpDue || this.#reading || this.#outbox === null) return;
    this.#pumpDue = true;
    queueMicrotask(() => {
      this.#pumpDue = false;
      if (!this.#closed) this.#pump();
    });
  }

  #pump(): void {
    const outbox = this.#outbox as Outbox;
    while (this.#turns.length > 0 && outbox.pending < this.#owner.limits.highWater) {
      const source = this.#turns.shift() as ChunkSource;
      if (source.writeChunk(outbox)) this.#turns.push(source);
    }
    outbox.flush();
    if (this.#cancelUnread === null && outbox.pending > 0) this.#watchUnread(outbox);
  }

  /** A peer whose system answers but which never reads: no message's own timer runs before its first chunk had its turn. */
  #watchUnread(outbox: Outbox): void {
    const { taken } = outbox;
    this.#cancelUnread = this.#owner.clock.after(this.#owner.limits.unreadMs, () => {
      this.#cancelUnread = null;
      if (outbox.pending === 0) return;
      if (outbox.taken === taken) this.fail({ code: 'msrp.timeout', detail: 'the other side does not read' });
      else this.#watchUnread(outbox);
    });
  }
}
