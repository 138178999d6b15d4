/** What one engine grants the network. Times in milliseconds, sizes in octets. */
export interface EngineLimits {
  readonly maxConnections: number;
  /** of those, incoming ones that have not named a session; the oldest makes room for the next */
  readonly maxHalfOpen: number;
  readonly maxSessions: number;
  /** messages a peer may have begun and not ended, a session */
  readonly maxOpenMessages: number;
  /** the same with those that came as a whole and are being put away: as many as a store writes down together, and again so many */
  readonly maxMessages: number;
  /** gaps a peer may leave in one message */
  readonly maxGaps: number;
  /** requests for sessions nobody knows, a connection */
  readonly maxStrays: number;
  /** an incoming connection must name one of our sessions within this time */
  readonly halfOpenMs: number;
  /** a chunk must be answered within this time after its last octet left (RFC 4975 section 7.1.1) */
  readonly answerMs: number;
  /** TCP set-up, and a passive session's wait for its peer */
  readonly connectMs: number;
  /** a success REPORT must cover the message within this time after the last answer */
  readonly reportMs: number;
  /** how long a sink's `complete` may hold back the last answer; a REPORT tells the rest */
  readonly holdAnswerMs: number;
  /** how long `close` waits for the peer to take note, and an incoming connection without sessions stays */
  readonly lingerMs: number;
  /** how long the connection to our relay stays without a session */
  readonly relayIdleMs: number;
  /** octets handed to a socket and not yet taken by the system */
  readonly highWater: number;
  /** how long a peer may leave what is handed to the system unread; then the connection ends, for all that wait on it */
  readonly unreadMs: number;
  /** answers a peer may leave unread before its requests are no longer read */
  readonly maxUnreadAnswers: number;
  /** chunks of a message on their way without an answer */
  readonly window: number;
  /**
   * the same where a relay is on the path: it answers for itself, before the next hop has anything, and what piles up there it may drop with the
   * connection (Kamailio: 64 KiB a connection)
   */
  readonly relayedWindow: number;
}

export const ENGINE_LIMITS: EngineLimits = {
  maxConnections: 256,
  maxHalfOpen: 64,
  maxSessions: 1024,
  maxOpenMessages: 32,
  maxMessages: 128,
  maxGaps: 1024,
  maxStrays: 32,
  halfOpenMs: 30_000,
  answerMs: 30_000,
  connectMs: 30_000,
  reportMs: 120_000,
  holdAnswerMs: 20_000,
  lingerMs: 2_000,
  relayIdleMs: 300_000,
  highWater: 524_288,
  unreadMs: 120_000,
  maxUnreadAnswers: 1_048_576,
  window: 1024,
  relayedWindow: 16,
};

/** Chunk sizes by peer: see {@link OutgoingMessage.chunkSize}. */
export const CHUNK_PARLEY = 65_536;
/** what every known stack takes end to end; Kamailio's relay ends at 10,240 octets a body */
export const CHUNK_DIRECT = 10_240;
export const CHUNK_RELAYED = 2_048;
/** no more than a block of the pool */
export const CHUNK_MAX = 524_288;
