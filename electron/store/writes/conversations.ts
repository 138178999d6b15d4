import { ParleyError } from '../../../shared/base/errors.ts';
import { type ConversationKind, kindOfKey, type Member } from '../../../shared/model/audience.ts';
import type { Message } from '../../../shared/model/message.ts';
import type { Settings } from '../../../shared/model/settings.ts';
import type { WriteHandle } from '../../sqlite/handles.ts';
import type { Calls } from '../calls.ts';
import type { Identities, MergedConversation, StoredConversation } from '../port.ts';
import type { Reads } from '../reads.ts';
import type { Ledger } from './ledger.ts';
import type { OutboxRows } from './outbox-rows.ts';
import { isNameless, type People } from './people.ts';
import type { Recipients } from './recipients.ts';

/** Finds or makes the conversation with a peer. */
export type Correspondence = (
  row: Identities & {
    title: string;
    cpmConversationId: string;
    now: number;
    kind?: ConversationKind | undefined;
    members?: readonly Member[] | undefined;
    asRequest?: boolean | undefined;
  },
  incoming: boolean,
) => { readonly conversation: StoredConversation; readonly merged: MergedConversation[] };

export function createCorrespondence(db: WriteHandle, reads: Reads, people: People): Correspondence {
  const insert = db.change(
    `INSERT INTO conversations (kind, peer, title, cpm_conversation_id, updated_at, request)
     VALUES (:kind, :peer, :title, :cpmConversationId, :now, :request)`,
  );
  const insertMember = db.change('INSERT INTO members (conversation_id, position, address, name) VALUES (:id, :position, :address, :name)');
  const setTitle = db.change('UPDATE conversations SET title = :title WHERE id = :id');
  const setCpmId = db.change('UPDATE conversations SET cpm_conversation_id = :cpmConversationId WHERE id = :id');

  return ({ title, cpmConversationId, now, kind, members = [], asRequest, ...identities }, incoming) => {
    const { peer } = identities;
    const merged = people.learn(identities);
    const known = people.find(peer);
    if (!known) {
      const request = Number(incoming && (asRequest ?? false));
      const { id: made } = insert({ kind: kindOfKey(peer) ?? kind ?? 'person', peer, title, cpmConversationId, now, request });
      members.forEach(({ address, name }, position) => void insertMember({ id: made, position, address, name }));
      people.learn(identities);
      return { conversation: reads.conversation(made), merged: [] };
    }
    const { id } = known;
    // a name is better than an address; one name does not replace another
    if (isNameless(known) && title !== '' && title !== known.title) setTitle({ id, title });
    // an id of ours that nobody saw yet gives way, so that both ends keep one (cpm.md section 2.3)
    if (incoming && known.lastMessageId === null && cpmConversationId !== known.cpmConversationId) setCpmId({ id, cpmConversationId });
    return { conversation: reads.conversation(id), merged: merged.map((gone) => ({ id: gone, into: id })) };
  };
}

/** What the author of what is read here is to hear of it: of a request, and from whom is blocked, nothing. */
export function displayReportsOf(reads: Reads, conversationId: number, ofAccount: Settings['displayReports'] = 'send') {
  const { conversation, displayReports } = reads.conversationDetails(conversationId);
  return conversation.request || conversation.blocked ? 'silent' : (displayReports ?? ofAccount);
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
  const setDraft = db.change(`UPDATE conversations SET draft = :text, draft_files = :files,
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

  return {
    setSetting(key, value) {
      setSetting({ key, value });
    },
    openConversation(row) {
      const { id } = correspondence(row, false).conversation;
      show({ id, now: row.now });
      return reads.conversation(id);
    },
    forgetReplyTo(conversationId) {
      const { id } = reads.conversation(conversationId);
      forgetReplyTo({ id });
      return ledger.conversation(id);
    },
    arrangeConversation({ conversationId, pinned, archived, markedUnread }) {
      const { id } = reads.conversation(conversationId);
      arrange({ id, pinned: flag(pinned), archived: flag(archived), markedUnread: flag(markedUnread) });
      return ledger.conversation(id);
    },
    removeConversation(conversationId, now) {
      const { id } = reads.conversation(conversationId);
      if (open({ id })) throw new ParleyError('request.invalid-state', 'a file is under way');
      outbox.withdraw(id);
      recipients.clearAll(id);
      ledger.removeAll(id, now);
    },
    saveDraft({ conversationId, text, quotedId, files }) {
      const { id } = reads.conversation(conversationId);
      setDraft({ id, text, quotedId: quotedId ?? null, files: JSON.stringify(files ?? []) });
      return ledger.conversation(id);
    },
    markRead({ conversationId: asked, upTo, now, displayReports }) {
      const { id: conversationId } = reads.conversation(asked);
      const reports = displayReportsOf(reads, conversationId, displayReports) === 'send';
      arrange({ id: conversationId, pinned: null, archived: null, markedUnread: 0 });
      const messages: Message[] = [];
      for (const id of ledger.unread(conversationId, upTo)) {
        ledger.move(id, 'read', now);
        const record = ledger.record(id);
        // a file counts as displayed when it was opened (cpm.md section 6)
        if (reports && record.kind === 'text' && record.notifyDisplay === 1) outbox.queueDisplayed(record, now);
        messages.push(reads.message(id));
      }
      return { conversation: ledger.conversation(conversationId), messages };
    },
  };
}
