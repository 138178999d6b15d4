import { inTransactions, type WriteHandle } from '../sqlite/handles.ts';
import type { Calls, StoreMethod } from './calls.ts';
import type { ReadMethod, Reads } from './reads.ts';
import { contactWrites } from './writes/contacts.ts';
import { conversationWrites, createCorrespondence } from './writes/conversations.ts';
import { deferredWrites } from './writes/deferred.ts';
import { groupWrites } from './writes/groups.ts';
import { importWrites } from './writes/imports.ts';
import { createLedger } from './writes/ledger.ts';
import { messageWrites } from './writes/messages.ts';
import { outboxWrites } from './writes/outbox.ts';
import { createOutboxRows } from './writes/outbox-rows.ts';
import { ownCopyWrites } from './writes/own-copies.ts';
import { createPeople } from './writes/people.ts';
import { createRecipients } from './writes/recipients.ts';
import { createTransferLedger, transferWrites } from './writes/transfers.ts';

export type Writes = Calls<Exclude<StoreMethod, ReadMethod>>;

/** Every change of the store; each call is one transaction. */
export function createWrites(db: WriteHandle, reads: Reads): Writes {
  const ledger = createLedger(db, reads);
  const outbox = createOutboxRows(db);
  const recipients = createRecipients(db, ledger);
  const people = createPeople(db, ledger);
  const correspondence = createCorrespondence(db, reads, people);
  const transfers = createTransferLedger(db, { ledger, outbox, recipients }, reads);
  const parts = { ledger, outbox, correspondence, transfers, recipients, people };
  return inTransactions(db, {
    ...conversationWrites(db, parts, reads),
    ...contactWrites(db, parts, reads),
    ...messageWrites(db, parts, reads),
    ...ownCopyWrites(db, parts, reads),
    ...outboxWrites(parts, reads),
    ...transferWrites(db, parts, reads),
    ...importWrites(parts),
    ...deferredWrites(db, ledger),
    ...groupWrites(db, parts, reads),
  });
}
