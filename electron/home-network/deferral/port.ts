import type { Emitter } from '../../../shared/base/emitter.ts';
import type { SipHeader } from '../../../shared/protocol/sip/message.ts';
import type { Binding } from '../bindings.ts';

/** A `notification` (IMDN) is pushed always and never listed. */
export type DeferredKind = 'pager' | 'large' | 'chat' | 'file' | 'notification';

/** What waits for one user, as far as anybody is told of it (cpm.md section 16.2). */
export interface DeferredItem {
  readonly id: number;
  /** `sip:dm-<token>@domain`: by which its owner names it */
  readonly uri: string;
  /** whom it waits for: the user part of the address */
  readonly owner: string;
  readonly kind: DeferredKind;
  /** who wrote it, as the owner may see it */
  readonly from: string;
  /** ms since the epoch */
  readonly sentAt: number;
  /** octets: of a message with its head, of a file without */
  readonly size: number;
  /** ms since the epoch */
  readonly expiresAt: number;
  /** of what is inside of a message/cpim */
  readonly contentType: string;
  /** of a file its name */
  readonly subject: string | null;
  readonly conversationId: string | null;
  readonly contributionId: string | null;
  readonly imdnId: string | null;
}

/** All that is kept of an item, but for the octets of a large message or a file. */
export interface DeferredRecord extends DeferredItem {
  /** who wrote it, whatever the owner may see */
  readonly author: string;
  /** the only device that it is for, `urn:uuid:…`; null: any */
  readonly instance: string | null;
  /** the device that it was sent from */
  readonly origin: string | null;
  /** of the request, but for those of one leg, with From and To without tags */
  readonly fields: readonly SipHeader[];
  /** of the request: the message/cpim of a MESSAGE, the description of an INVITE */
  readonly body: Uint8Array;
  /** the type of what came by MSRP; null for a MESSAGE */
  readonly mediaType: string | null;
  /** the name of its file in the folder, where it has one */
  readonly file: string | null;
  /** one device has it already */
  readonly isDelivered: boolean;
  /** its author has heard so */
  readonly isReported: boolean;
  /** by the instance of a device that has begun to take it: octets of it that it acknowledged */
  readonly taken: Readonly<Record<string, number>>;
  /** instances of the devices that have all of it */
  readonly holders: readonly string[];
}

/** How an item ends before its time. */
export type Settlement = 'delivered' | 'deleted' | 'stored' | 'interworked';

/** What one user is asked about, or told of, by the pull interface (cpm.md section 11). */
export interface Deferral {
  /** not expired, and not in delivery elsewhere; in the order in which they came. No notifications. */
  list(owner: string): Promise<readonly DeferredItem[]>;
  /** Of two who ask for an item at once one gets it. Each has to be settled or released. */
  claim(owner: string, ids: readonly number[] | 'all', by: string): Promise<readonly DeferredItem[]>;
  /** The message/cpim as it came. @throws ParleyError `request.not-found` */
  content(id: number): Promise<Uint8Array>;
  /** All else that is kept of it. @throws ParleyError `request.not-found` */
  record(id: number): Promise<DeferredRecord>;
  /** @returns false when it had gone before */
  settle(id: number, how: Settlement): Promise<boolean>;
  release(ids: readonly number[]): Promise<void>;
  /** By an INVITE of the network's own (F21-03); its claim is taken over. */
  deliverFile(item: DeferredItem, device: Binding): void;
  readonly changed: Emitter<DeferredChange>;
}

export interface DeferredChange {
  readonly owner: string;
  readonly added: readonly DeferredItem[];
  /** their URIs */
  readonly removed: readonly string[];
}
