import type { Conversation } from '../../../shared/model/conversation.ts';
import type { WriteHandle } from '../../sqlite/handles.ts';
import type { Calls } from '../calls.ts';
import type { MergedConversation } from '../port.ts';
import type { Reads } from '../reads.ts';
import type { Ledger } from './ledger.ts';
import type { OutboxRows } from './outbox-rows.ts';
import type { People } from './people.ts';

type Method = 'configureConversation' | 'acceptConversation' | 'blockConversation' | 'learnAliases' | 'refoldConversation';

/** What the person decided about somebody, and what the network tells of who is who. */
export function contactWrites(
  db: WriteHandle,
  { ledger, outbox, people }: { ledger: Ledger; outbox: OutboxRows; people: People },
  reads: Reads,
): Calls<Method> {
  const rename = db.change("UPDATE conversations SET given_name = nullif(:name, '') WHERE id = :id");
  const mute = db.change('UPDATE conversations SET muted_until = :until WHERE id = :id');
  const configure = {
    notifications: db.change('UPDATE conversations SET notifications = :value WHERE id = :id'),
    displayReports: db.change('UPDATE conversations SET display_reports = :value WHERE id = :id'),
    mode: db.change('UPDATE conversations SET mode = :value WHERE id = :id'),
  };
  const accept = db.change('UPDATE conversations SET request = 0 WHERE id = :id AND request = 1');
  const block = db.change('UPDATE conversations SET blocked_at = iif(:blocked, ifnull(blocked_at, :now), NULL) WHERE id = :id');
  const seen = db.many<{ id: number }>(
    `SELECT m.id FROM messages AS m INDEXED BY messages_by_conversation
     WHERE m.conversation_id = :id AND m.removed_at IS NULL AND m.direction = 'in' AND m.kind = 'text' AND m.status = 'read'
       AND m.notify_display = 1 AND m.display_notified = 0 ORDER BY m.id`,
  );

  const row = (id: number): Conversation => ledger.conversation(id);
  const into =
    (id: number) =>
    (gone: number): MergedConversation => ({ id: gone, into: id });

  return {
    configureConversation({ conversationId, givenName, mutedUntil, settings = {} }) {
      const { id } = reads.conversation(conversationId);
      if (givenName !== undefined) rename({ id, name: givenName.trim() });
      if (mutedUntil !== undefined) mute({ id, until: mutedUntil });
      for (const key of ['notifications', 'displayReports', 'mode'] as const) {
        const value = settings[key];
        if (value !== undefined) configure[key]({ id, value });
      }
      return row(id);
    },

    acceptConversation({ conversationId, now, displayReports = 'send' }) {
      const { id } = reads.conversation(conversationId);
      const wasRequest = accept({ id }).changes === 1;
      const reports = reads.conversationDetails(id).displayReports ?? displayReports;
      // what was seen meanwhile may be told now
      if (wasRequest && reports === 'send')
        for (const { id: messageId } of seen({ id })) outbox.queueDisplayed(ledger.record(messageId), now);
      return row(id);
    },

    blockConversation({ conversationId, blocked, now }) {
      const { id } = reads.conversation(conversationId);
      block({ id, blocked: Number(blocked), now });
      if (blocked) outbox.dropNotifications(id);
      return row(id);
    },

    learnAliases(identities) {
      const merged = people.learn(identities);
      const person = people.find(identities.peer);
      return person === undefined ? null : { conversation: row(person.id), merged: merged.map(into(person.id)) };
    },

    refoldConversation({ conversationId, before, ...identities }) {
      const gone = people.refold(conversationId, before, identities);
      const person = people.find(identities.peer);
      return gone === null || person === undefined ? [] : [into(person.id)(gone)];
    },
  };
}
