import type { CodedError } from '../../shared/base/errors.ts';
import { toCodedError } from '../../shared/base/errors.ts';
import type { MsrpByteRange } from '../../shared/protocol/msrp/byte-range.ts';
import type { MsrpRequest } from '../../shared/protocol/msrp/codec.ts';
import { byteRangeOf, failureReportOf, headerValue, successReportOf } from '../../shared/protocol/msrp/headers.ts';
import type { FrameConsumer } from './frame-consumer.ts';
import { IdTable } from './id-table.ts';
import { IncomingMessage } from './incoming-message.ts';
import type { MessageContext } from './message-context.ts';
import type { MessageSink, SessionHandlers } from './port.ts';

/** How many ended messages are remembered, so that late chunks of theirs get the answer the message got. */
const REMEMBERED = 64;

/** The SENDs of one session: finds or opens the message of each chunk (RFC 4975 section 7.3.1). */
export class Receiver {
  readonly #session: MessageContext;
  readonly #handlers: SessionHandlers;
  readonly #open = new IdTable<IncomingMessage>();
  readonly #ended = new IdTable<{ status: number; comment: string }>();
  /** the ids of those, the oldest at the place that is written next */
  readonly #endedIds: string[] = [];
  #endedAt = 0;
  /** messages that we stopped and whose sender has not ended them yet */
  readonly #stopped = new Set<string>();
  #stopping = false;
  #idle: (() => void) | null = null;

  constructor(session: MessageContext, handlers: SessionHandlers) {
    this.#session = session;
    this.#handlers = handlers;
  }

  begin(request: MsrpRequest, hasBody: boolean): FrameConsumer {
    const id = headerValue(request, 'Message-ID') ?? '';
    const open = this.#open.get(id);
    // Without a Byte-Range it says nothing about the message's octets.
    if (!hasBody && (open === null || headerValue(request, 'Byte-Range') === null)) return this.#bodyless(request, open);
    let range: MsrpByteRange;
    try {
      range = byteRangeOf(request) ?? { start: 1, end: null, total: null };
    } catch {
      return this.#discard(request, 400, 'Byte-Range not understood');
    }
    if (id === '') return this.#discard(request, 400, 'No Message-ID');
    const ended = this.#ended.get(id);
    if (ended !== null) return this.#discard(request, ended.status, ended.comment, id);
    if (open !== null) return open.nextChunk(request, range);
    const opened = this.#openMessage(request, id, range);
    if ('status' in opened) {
      this.#remember(id, opened);
      return this.#discard(request, opened.status, opened.comment);
    }
    this.#open.add(id, opened);
    return opened.nextChunk(request, range);
  }

  /** The session closes: messages on their way are answered 413, and the peer gets a moment to take note; finished ones get their end. */
  stop(): Promise<void> {
    this.#stopping = true;
    for (const message of this.#open.values()) if (message.stop()) this.#stopped.add(message.id);
    if (!this.#busy) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = this.#session.clock.after(this.#session.limits.lingerMs, resolve);
      this.#idle = () => {
        cancel();
        resolve();
      };
    });
  }

  lost(error: CodedError): void {
    for (const message of this.#open.values()) message.lost(error);
    this.#open.clear();
    this.#stopped.clear();
    this.#idle?.();
  }

  get #busy(): boolean {
    return this.#open.size > 0 || this.#stopped.size > 0;
  }

  /** The sender ended a message, or it is complete here. */
  #settled(id: string): void {
    this.#stopped.delete(id);
    if (this.#stopping && !this.#busy) this.#idle?.();
  }

  #openMessage(request: MsrpRequest, messageId: string, range: MsrpByteRange): IncomingMessage | { status: number; comment: string } {
    if (this.#stopping) return { status: 413, comment: 'Session closes' };
    const { maxOpenMessages, maxMessages } = this.#session.limits;
    const begun = [...this.#open.values()].filter(({ isWhole }) => !isWhole).length;
    if (begun >= maxOpenMessages || this.#open.size >= maxMessages) return { status: 413, comment: 'Too many messages at once' };
    const contentType = headerValue(request, 'Content-Type');
    if (contentType === null) return { status: 400, comment: 'No Content-Type' };
    let sink: MessageSink;
    try {
      const answer = this.#handlers.onMessage({
        messageId,
        contentType,
        total: range.total,
        successReport: successReportOf(request),
        failureReport: failureReportOf(request),
        headers: request.headers,
      });
      if ('refuse' in answer) return { status: answer.refuse, comment: answer.comment?.replace(/[\r\n]+/g, ' ') ?? REASONS[answer.refuse] };
      sink = answer;
    } catch (thrown) {
      return { status: 413, comment: `Not taken: ${toCodedError(thrown).code}` };
    }
    return new IncomingMessage(this.#session, messageId, sink, {
      ended: (status, comment) => {
        this.#open.take(messageId);
        this.#remember(messageId, { status, comment });
        this.#settled(messageId);
      },
      senderEnded: () => this.#settled(messageId),
    });
  }

  #remember(id: string, ended: { status: number; comment: string }): void {
    const oldest = this.#endedIds[this.#endedAt];
    if (oldest !== undefined) this.#ended.take(oldest);
    this.#ended.add(id, ended);
    this.#endedIds[this.#endedAt] = id;
    this.#endedAt = (this.#endedAt + 1) % REMEMBERED;
  }

  /** Binds a session, keeps a NAT open, or gives a message up. */
  #bodyless(request: MsrpRequest, open: IncomingMessage | null): FrameConsumer {
    return {
      body() {},
      end: (flag) => {
        if (flag === '#') open?.givenUp();
        this.#answer(request, 200, 'OK');
      },
    };
  }

  /** The error is told at once: the peer need not send the rest (RFC 4975 section 7.3.2). */
  #discard(request: MsrpRequest, status: number, comment: string, id?: string): FrameConsumer {
    if (status !== 200) this.#answer(request, status, comment);
    return {
      body() {},
      end: (flag) => {
        if (status === 200) this.#answer(request, 200, 'OK');
        if (id !== undefined && flag !== '+') this.#settled(id);
      },
    };
  }

  #answer(request: MsrpRequest, status: number, comment: string): void {
    this.#session.connection?.answer(request, status, comment, this.#session.localUri);
  }
}

const REASONS = { 403: 'Not allowed', 413: 'Stop sending this message', 415: 'Media type not understood' } as const;
