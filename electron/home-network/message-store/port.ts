import type { StoredObject } from '../../../shared/protocol/cpm-objects/stored-object.ts';

/** Where something is, or soon will be, in its owner's mailboxes. */
export interface StoredReference {
  /** user name */
  readonly owner: string;
  /** Conversation-ID, and Contribution-ID where it belongs to a session, as names of folders */
  readonly folder: readonly string[];
  /** its Message-ID, by which it is found in there, without brackets */
  readonly messageId: string;
}

/** The Message Storage Server as the rest of the network sees it, whichever server that is (cpm.md section 16.7). */
export interface MessageStore {
  /**
   * Into the owner's own mailboxes, once however often it is called for the same thing. When it resolves nothing can lose it any more; it may take a
   * while until it is where the reference says.
   * @param owner user name
   * @throws ParleyError `history.full`, `store.*`; `multipart.malformed` for what no stored object can carry
   */
  keep(owner: string, object: StoredObject): Promise<StoredReference>;
  /** @throws ParleyError `request.not-found`, `history.*` */
  fetch(reference: StoredReference): Promise<StoredObject>;
}
