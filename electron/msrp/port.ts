import type { CodedError } from '../../shared/base/errors.ts';
import type { FailureReport } from '../../shared/protocol/msrp/headers.ts';
import type { MsrpPlace } from '../../shared/protocol/sdp/msrp-media.ts';

/**
 * MSRP (RFC 4975) for one client: one listening port shared by all sessions (tcp), one writer per connection, round-robin between the
 * messages that wait on it, memory that does not grow with a file. All sizes are octets; offsets in this interface count from 0.
 */
export interface MsrpEngine {
  /** host and port to announce in `a=path`, after {@link listen} */
  readonly address: { readonly host: string; readonly port: number };
  /** binds the listening port; port 0 lets the system choose. @throws ParleyError `msrp.unreachable` */
  listen(at: { host: string; port: number }): Promise<void>;
  /**
   * Makes the local session URI; octets flow after {@link MsrpSession.connect}.
   * @param setup `active`: this end will connect and cannot be connected to, so the URI has port 9 (RFC 6135 section 4.2.2)
   */
  createSession(handlers: SessionHandlers, setup?: 'active'): MsrpSession;
  /** ends every session with `msrp.lost` and closes the port */
  close(): Promise<void>;
}

export interface SessionHandlers {
  /**
   * First chunk of a message: says where its octets go, or refuses it with an MSRP status (413, 415, 403).
   * Called once per Message-ID. A body-less SEND is answered by the engine and never gets here.
   */
  onMessage(head: IncomingHead): MessageSink | { readonly refuse: 403 | 413 | 415; readonly comment?: string };
  /**
   * the session is of no use any more: connection lost, 481 or 506, or an engine error. At most once; not after {@link MsrpSession.close}
   */
  onClosed(error: CodedError): void;
}

export interface IncomingHead {
  readonly messageId: string;
  readonly contentType: string;
  /** whole size, null when Byte-Range says `*` */
  readonly total: number | null;
  /** what its sender asks for (RFC 4975 section 7.1.1); the engine sees to it */
  readonly successReport: boolean;
  readonly failureReport: FailureReport;
  readonly headers: readonly { readonly name: string; readonly value: string }[];
}

/**
 * Where the octets of one message go. `write` may be called with overlapping ranges and out of order (placed by Byte-Range).
 * The engine stops reading the connection while a returned promise is pending: back-pressure. `octets` is only valid until that promise
 * settles.
 */
export interface MessageSink {
  write(offset: number, octets: Uint8Array): void | Promise<void>;
  /**
   * When chunks that were written may be answered, so that the other side has no more under way than there is room for here: what waits
   * behind octets that nobody takes cannot be overtaken, a chat message neither. null: now
   */
  answerable?(): Promise<void> | null;
  /** all octets from 0 to `size` came and `$` was seen; a rejection makes the final answer or REPORT a failure */
  complete(size: number): void | Promise<void>;
  /** `#`, or the session ended before the message was complete */
  abort(error: CodedError): void;
}

export interface MsrpSession {
  /** `msrp://host:port/session;tcp`, session part of at least 80 random bits; `msrps` where {@link announce} says TLS */
  readonly localUri: string;
  /**
   * Where a session description says that this session is reached; a relay of ours is asked for a place first (RFC 4976). Once, before
   * {@link connect}.
   * @param answered what an offer that is answered says of its end: one over TLS with a fingerprint is answered in kind, with a fingerprint of
   * ours (RFC 4975 section 14.4), any other one over TCP. Absent for an offer of ours: the engine's `offersTls` decides.
   * @throws ParleyError `relay.unreachable`, `relay.refused`, `sdp.malformed` (the fingerprint)
   */
  announce(answered?: { readonly fingerprint: string | null }): Promise<MsrpPlace>;
  /**
   * Binds the session to a connection. Active: connects to `host:port` of the first URI of `remotePath` (or to `via`), reuses a connection
   * that is there, and sends a body-less SEND unless content follows at once. Passive: waits for the peer's first SEND.
   * @throws ParleyError `msrp.unreachable`, `msrp.timeout` (30 s), `msrp.refused`, `msrp.untrusted` (another certificate than the one announced)
   */
  connect(options: {
    readonly role: 'active' | 'passive';
    readonly remotePath: readonly string[];
    /** where to connect instead of the first URI of `remotePath`, which To-Path still names (CEMA, RFC 6714) */
    readonly via?: { readonly host: string; readonly port: number } | undefined;
    /** of the certificate that the peer must show, whoever connects; absent: what {@link announce} was given */
    readonly fingerprint?: string | null | undefined;
    readonly signal?: AbortSignal | undefined;
  }): Promise<void>;
  /** Sends one message and resolves when every chunk was answered 200 and, when asked for, success REPORTs covered all of it. */
  send(message: OutgoingMessage): Promise<void>;
  /**
   * Ends the session; a message on its way is ended with `#` (sender) and answered 413 (receiver). Closes the connection when no session
   * uses it.
   * @param isLost nobody wanted that it ends: nothing is said of a message on its way, so that it looks lost to the other side, neither
   * given up nor refused, and may be taken up again
   */
  close(isLost?: boolean): Promise<void>;
}

export interface OutgoingMessage {
  /** a fresh token when absent */
  readonly messageId?: string | undefined;
  readonly contentType: string;
  readonly contentDisposition?: string | undefined;
  /** further `Content-` fields, such as Content-ID; any others, and those the engine writes itself, are left out */
  readonly headers?: readonly { readonly name: string; readonly value: string }[] | undefined;
  readonly source: Uint8Array | FileSource | StreamSource;
  readonly successReport: boolean;
  /**
   * Which failures the peer tells of (RFC 4975 section 7.1.1): default `yes`, every chunk is answered. With `no` and `partial` nothing says
   * that a chunk arrived: `send` resolves once the system has taken the last octet, or with the success REPORT where one is asked for, and
   * progress means octets that left. An error that comes before that still counts with `partial`.
   */
  readonly failureReport?: FailureReport | undefined;
  /**
   * octets of body a chunk. Default: 10240; through relays never more than 2048. From 65536 on (what Parley peers take) it is
   * what the engine begins with: while answers come at once, chunks grow up to four times that.
   */
  readonly chunkSize?: number | undefined;
  /** ends the message with `#`; `send` rejects with `file.cancelled`, or with the signal's reason where that is a ParleyError */
  readonly signal?: AbortSignal | undefined;
  /** octets acknowledged without gap, a few times a second and each quarter of a MiB, and the last of it before `send` settles, either way */
  readonly onProgress?: ((acknowledged: number) => void) | undefined;
}

/**
 * An open file to stream from. The engine reads it in its own reused buffers. `onRead` sees each octet of [start, end) once, in order, for
 * hashing while streaming. A short read (the file shrank) rejects `send` with `file.changed`.
 */
export interface FileSource {
  readonly fd: number;
  readonly start: number;
  readonly end: number;
  /** what the message begins with, before the octets of the file; not seen by `onRead` */
  readonly prefix?: Uint8Array | undefined;
  readonly onRead?: ((octets: Uint8Array) => void) | undefined;
  /**
   * called after the last octet was read and before the last chunk is ended with `$`: a throw ends the message with `#` and rejects `send`
   * with it
   */
  readonly onEnd?: (() => void) | undefined;
}

/**
 * Octets that leave as they come in. {@link createPassage} makes one out of a message of another session; what is taken stays valid until
 * `release` was called for it, in the order it was taken.
 */
export interface StreamSource {
  /** of the whole; null: not known before the end, so Byte-Range says `*` */
  readonly size: number | null;
  /** once, before anything is taken. @param ready to be called when octets, or the end, are there after `take` returned null */
  open(ready: () => void): void;
  /**
   * the next octets, at most `limit`; null: none now. The last ones, and none but the last ones, end at `size`: some are kept back until the
   * end is known
   */
  take(limit: number): Uint8Array | null;
  release(): void;
  /** nothing is taken any more */
  close(): void;
}

/**
 * A message that is passed on from one session to another with bounded memory (`createPassage` of passage.ts), as an anchor does:
 *
 *     onMessage: (head) => {
 *       const passage = createPassage(head);
 *       passage.sendOn(otherSession).catch(() => {});
 *       return passage.sink;
 *     }
 *
 * Message-ID, type, disposition, other `Content-` fields, size and the wishes for reports stay what they were. When the memory of a passage
 * is full the incoming connection is not read until the outgoing one took some. `complete` of the sink waits for `sendOn`, so whoever sent
 * the message hears (answer or REPORT) what its receiver said; a refusal there (413, 415 …) becomes one here, `#` or a loss here ends it with `#` there.
 * Octets must come in order; repeated ones are dropped, a gap is refused with 413.
 */
export interface Passage {
  readonly sink: MessageSink;
  /** once; the session may still be unconnected. Resolves and rejects as {@link MsrpSession.send}. */
  sendOn(session: Pick<MsrpSession, 'send'>): Promise<void>;
}

/* Errors of `send`: `msrp.lost`, `msrp.timeout` (no answer 30 s after a chunk), `msrp.stopped` (413), `msrp.refused` (other 4xx/5xx,
   detail = status and comment), `file.cancelled`, `file.changed`, `file.unreadable`. */
