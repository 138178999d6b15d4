import type { Clock } from '../../../shared/base/clock.ts';
import type { LeftBy } from '../../../shared/protocol/imdn/imdn.ts';
import type { Part } from '../../../shared/protocol/multipart/multipart.ts';
import { header, type SipRequest } from '../../../shared/protocol/sip/message.ts';
import { decodeNameAddr } from '../../../shared/protocol/sip/name-addr.ts';
import { addressOfRecord, trySipUri } from '../../../shared/protocol/sip/uri.ts';
import type { Directory } from '../directory.ts';
import { failureNotice, interworkedNotice } from '../failure-notice.ts';
import { isPrivate } from '../relay-headers.ts';
import type { Rules } from '../rules/rules.ts';
import type { HomeUser } from '../settings.ts';
import type { StoredItem } from './database.ts';
import type { Settlement } from './port.ts';

/** Of an item, what its end needs. */
type Ended = Omit<StoredItem, 'token'>;

export interface EndingsHost {
  readonly directory: Directory;
  readonly clock: Clock;
  readonly rules: Rules;
  /** by item: who has it under way */
  readonly claims: Map<number, string>;
  userOf(address: string): HomeUser | null;
  /** what says which notifications the author of something that came by MSRP wants */
  wishes(item: Ended, mediaType: string): Promise<readonly Part[]>;
  /** rejects where there is no store, or none for such a thing */
  intoStore(item: Ended): Promise<void>;
  /** @returns false when it could not be kept */
  tell(user: HomeUser, from: string, notice: SipRequest): Promise<boolean>;
  remove(item: Ended, how: Settlement): Promise<unknown>;
  failed(thrown: unknown): void;
}

/** What becomes of items that nobody has fetched or taken: stored, or given back to who wrote them (cpm.md section 16.2). */
export class Endings {
  readonly #host: EndingsHost;

  constructor(host: EndingsHost) {
    this.#host = host;
  }

  /** Nobody has taken this file, and whoever has it under way has claimed it (R-PF-31). Where it cannot go it waits. */
  async unaccepted(item: Ended): Promise<void> {
    const user = this.#host.directory.byName(item.owner);
    const wish = user === null ? 'keep' : this.#host.rules.of(user).unaccepted;
    if (wish === 'discard') await this.end(item);
    else if (wish === 'store' && (await this.#isStored(item))) await this.#host.remove(item, 'stored');
  }

  /** Its time is over. @returns false when it has to stay for now */
  async expire(item: Ended): Promise<boolean> {
    if (this.#host.claims.has(item.id)) return false;
    // from here on nobody takes it
    this.#host.claims.set(item.id, 'expiry');
    try {
      if (!this.#isWanted(item) || !(await this.#isStored(item))) return await this.end(item);
      await this.#host.remove(item, 'stored');
      return true;
    } finally {
      this.#host.claims.delete(item.id);
    }
  }

  /** Whether its owner wants to have it in his message store when its time is over (R-PF-29). */
  #isWanted({ owner, isDelivered, kind }: Ended): boolean {
    const user = this.#host.directory.byName(owner);
    return user !== null && this.#host.rules.of(user).expired === 'store' && !isDelivered && kind !== 'notification';
  }

  /** Whether it went into its owner's message store (R-PF-55). */
  async #isStored(item: Ended): Promise<boolean> {
    try {
      await this.#host.intoStore(item);
      return true;
    } catch (thrown) {
      this.#host.failed(thrown);
      return false;
    }
  }

  /** Another service has it. Its author hears so before it goes, where he wanted to. */
  async interworked(item: Ended, leftBy: LeftBy): Promise<void> {
    if (!item.isDelivered && item.kind !== 'notification') await this.#tell(item, leftBy);
  }

  /** Whoever wrote it hears that it was not delivered, where he wanted to (R-PF-30). @returns false when that could not be kept */
  async end(item: Ended): Promise<boolean> {
    if (!item.isDelivered && item.kind !== 'notification' && !(await this.#tell(item, null))) return false;
    await this.#host.remove(item, 'deleted');
    return true;
  }

  /** @param leftBy null: nobody gets it. @returns false when that could not be kept */
  async #tell(item: Ended, leftBy: LeftBy | null): Promise<boolean> {
    const { directory, clock } = this.#host;
    const author = this.#host.userOf(item.author);
    if (author === null) return true;
    const parts = item.mediaType === null ? [] : await this.#host.wishes(item, item.mediaType);
    const found = noticeOf(item, leftBy, parts, directory, author, clock.now());
    return found === null || (await this.#host.tell(author, found.from, found.notice));
  }
}

/**
 * What its author is told of an item that nobody gets (R-PF-30), or that left by another service, and in whose name: the recipient's, or the group's
 * that it was sent to. Null where he did not ask, or did not say who he is.
 */
function noticeOf(
  { fields, body, owner }: Pick<StoredItem, 'fields' | 'body' | 'owner'>,
  leftBy: LeftBy | null,
  parts: readonly Part[],
  directory: Directory,
  author: HomeUser,
  now: number,
): { readonly from: string; readonly notice: SipRequest } | null {
  const recipient = directory.addressOf({ user: owner });
  const request: SipRequest = { kind: 'request', method: 'MESSAGE', uri: recipient, headers: fields, body };
  if (isPrivate(request)) return null;
  const to = trySipUri(decodeNameAddr(header(request, 'To') ?? '').uri);
  const from = to === null ? recipient : addressOfRecord(to);
  const address = directory.addressOf(author);
  const notice =
    leftBy === null
      ? failureNotice(request, parts, from, address, recipient, now)
      : interworkedNotice(request, parts, from, address, recipient, now, leftBy);
  return notice === null ? null : { from, notice };
}
