import { ParleyError } from '../../../shared/base/errors.ts';
import { type ConversationKind, kindOfKey, type Member } from '../../../shared/model/audience.ts';
import type { Message } from '../../../shared/model/message.ts';
import type { WriteHandle } from '../handles.ts';
import type { StoredConversation } from '../port.ts';
import { found, type Reads } from '../reads.ts';
import type { Calls } from '../worker-protocol.ts';
import type { Ledger } from './ledger.ts';
import type { OutboxRows } from './outbox-rows.ts';
import type { Recipients } from './recipients.ts';

/** Finds or makes the conversation with a peer. */
export type Correspondence = (
  row: {
    peer: string;
    title: string;
    cpmConversationId: string;
    now: number;
    kind?: ConversationKind | undefined;
    members?: readonly Member[] | undefined;
  },
  incoming: boolean,
) => StoredConversation;

export function createCorrespondence(db: WriteHandle, reads: Reads): Correspondence {
  const byPeer = db.one<{ id: number }>('SELECT id FROM conversations WHERE peer = :peer');
  const insert = db.change(
    `INSERT INTO conversations (kind, peer, title, cpm_conversation_id, updated_at)
     VALUES (:kind, :peer, :title, :cpmConversationId, :now)`,
  );
  const insertMember = db.change('INSERT INTO members (conversation_id, position, address, name) VALUES (:id, :position, :address, :name)');
  const setTitle = db.change('UPDATE conversations SET title = :title WHERE id = :id');
  const setCpmId = db.change('UPDATE conversations SET cpm_conversation_id = :cpmConversationId WHERE id = :id');

  return ({ peer, title, cpmConversationId, now, kind, members = [] }, incoming) => {
    const known = byPeer({ peer });
    if (!known) {
      const { id: made } = insert({ kind: kindOfKey(peer) ?? kind ?? 'person', peer, title, cpmConversationId, now });
      members.forEach(({ address, name }, position) => void insertMember({ id: made, position, address, name }));
      return reads.conversation(made);
    }
    const { id } = known;
    const conversation = reads.conversation(id);
    // a name is better than an address; one name does not replace another
    const nameless = conversation.title === '' || peer === conversation.title || peer.endsWith(`:${conversation.title}`);
    if (nameless && title !== '' && title !== conversation.title) setTitle({ id, title });
    // an id of ours that nobody saw yet gives way, so that both ends keep one (cpm.md section 2.3)
    if (incoming && conversation.last === null && cpmConversationId !== conversation.cpmConversationId) setCpmId({ id, cpmConversationId });
    return reads.conversation(id);
  };
}

function flag(value: boolean | undefined): number | null {
  return value === undefined ? null : Number(value);
}

type Method = 'setSetting' | 'openConversation' | 'forgetReplyTo' | 'arrangeConversation' | 'removeConversation' | 'saveDraft' | 'markRead';

export function conversationWrites(
  db: WriteHandle,
  {
    ledger,
    outbox,
    correspondence,
    recipients,
  }: { ledger: Ledger; outbox: OutboxRows; correspondence: Correspondence; recipients: Recipients },
  reads: Reads,
): Calls<Method> {
  const setSetting = db.change(
    'INSERT INTO settings (key, value) VALUES (:key, :value) ON CONFLICT (key) DO UPDATE SET value = excluded.value',
  );
  const setDraft = db.change(`UPDATE conversations SET draft = :text,
       draft_quoted_id = (SELECT m.id FROM messages AS m WHERE m.id = :quotedId AND m.conversation_id = :id AND m.removed_at IS NULL)
     WHERE id = :id`);
  const show = db.change(
    'UPDATE conversations SET removed_at = NULL, updated_at = max(updated_at, :now) WHERE id = :id AND removed_at IS NOT NULL',
  );
  const forgetReplyTo = db.change("UPDATE conversations SET reply_to = NULL WHERE id = :id AND kind <> 'anonymous'");
  const arrange = db.change(
    `UPDATE conversations SET pinned = ifnull(:pinned, pinned), archived = ifnull(:archived, archived),
       marked_unread = ifnull(:markedUnread, marked_unread)
     WHERE id = :id`,
  );
  const open = db.one<{ id: number }>(
    `SELECT t.id FROM transfers AS t CROSS JOIN messages AS m ON m.id = t.message_id
     WHERE t.state NOT IN ('done', 'declined', 'expired', 'cancelled', 'failed', 'quarantined') AND m.conversation_id = :id LIMIT 1`,
  );
  const unread = db.many<{ id: number }>(
    "SELECT id FROM messages WHERE conversation_id = :conversationId AND status = 'received' AND id <= :upTo ORDER BY id",
  );

  return {
    setSetting(key, value) {
      setSetting({ key, value });
    },
    openConversation(row) {
      const { id } = correspondence(row, false);
      show({ id, now: row.now });
      return reads.conversation(id);
    },
    forgetReplyTo(id) {
      forgetReplyTo({ id });
      return ledger.conversation(id);
    },
    arrangeConversation({ conversationId: id, pinned, archived, markedUnread }) {
      arrange({ id, pinned: flag(pinned), archived: flag(archived), markedUnread: flag(markedUnread) });
      return ledger.conversation(id);
    },
    removeConversation(id, now) {
      reads.conversation(id);
      if (open({ id })) throw new ParleyError('request.invalid-state', 'a file is under way');
      outbox.withdraw(id);
      recipients.clearAll(id);
      ledger.removeAll(id, now);
    },
    saveDraft(id, text, quotedId) {
      found(setDraft({ id, text, quotedId: quotedId ?? null }).changes === 1 ? id : undefined, 'conversation', id);
      return ledger.conversation(id);
    },
    markRead({ conversationId, upTo, now }) {
      arrange({ id: conversationId, pinned: null, archived: null, markedUnread: 0 });
      const messages: Message[] = [];
      for (const { id } of unread({ conversationId, upTo })) {
        ledger.move(id, 'read', now);
        const record = ledger.record(id);
        // a file counts as displayed when it was opened (cpm.md section 6)
        if (record.kind === 'text' && record.notifyDisplay) outbox.queueDisplayed(record, now);
        messages.push(reads.message(id));
      }
      return { conversation: ledger.conversation(conversationId), messages };
    },
  };
}
