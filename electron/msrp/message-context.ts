import type { Clock } from '../../shared/base/clock.ts';
import type { Connection } from './connection.ts';
import type { EngineLimits } from './limits.ts';
import type { SendHeads } from './send-heads.ts';

/** What the messages of a session, in either direction, ask of it. */
export interface MessageContext {
  readonly clock: Clock;
  readonly limits: EngineLimits;
  readonly localUri: string;
  /** our relays, then the path of the peer; empty before it is known */
  readonly toPath: readonly string[];
  readonly heads: SendHeads;
  /** null before the session is bound and after its end */
  readonly connection: Connection | null;
  /** The peer is told that no more comes. `close` waits for it to take note. @returns to be called with its answer */
  tells(): () => void;
  /** 481 or 506 was the answer to a message: the peer has no such session any more */
  refused(status: number, comment: string | null): void;
}
