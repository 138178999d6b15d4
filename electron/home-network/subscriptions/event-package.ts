import type { EndReason } from '../../../shared/protocol/sip/event.ts';
import type { SipUri } from '../../../shared/protocol/sip/uri.ts';
import type { HomeUser } from '../settings.ts';

/** What a subscription asks for. */
export interface Asked {
  readonly subscriber: HomeUser;
  /** Request-URI: the resource */
  readonly uri: SipUri;
  /** one of the package's types: what its subscriber can read */
  readonly type: string;
}

/** The package's end of one subscription. */
export interface Listener {
  /** something is new: {@link Feed.next} is called as soon as its subscriber may hear of it */
  changed(): void;
  /** there is nothing to be told any more. @param owes `all`: but the whole state once more, as it is now; default: nothing */
  end(reason: EndReason, owes?: 'all'): void;
}

export interface Notice {
  readonly body: Uint8Array;
  /** the next one follows at once */
  readonly hasMore: boolean;
}

/** The state of a resource as one subscriber is told of it; versions are of this subscription (RFC 4575 section 4.3). */
export interface Feed {
  /**
   * @param isWhole the state as it is now, else what changed since the one before
   * @returns null where nothing changed; never for the whole
   */
  next(isWhole: boolean): Promise<Notice | null>;
  /** the subscription is over */
  close(): void;
}

/** An event package (RFC 6665 section 5) as {@link Subscriptions} serves it. */
export interface EventPackage {
  /** as in the Event header field */
  readonly name: string;
  /** media types it writes; the first one where its subscriber has no wish */
  readonly types: readonly string[];
  /** seconds: what is meant where SUBSCRIBE says nothing, and the longest that is granted */
  readonly defaultExpires: number;
  readonly maxExpires: number;
  /** ms between two notifications of one subscription */
  readonly pace: number;
  /** @returns the status that refuses it, 403 or 404 */
  open(asked: Asked, listener: Listener): Feed | number;
}
