import type { Message } from '../../../shared/model/message.ts';
import type { WriteHandle } from '../../sqlite/handles.ts';
import type { Calls } from '../calls.ts';
import type { OwnCopyCalls } from '../own-copies-port.ts';
import type { Reads } from '../reads.ts';
import type { MessageParts } from './messages.ts';
import { createQuoted } from './quoted.ts';

/** What this person did on another device. */
export function ownCopyWrites(
  db: WriteHandle,
  { ledger, correspondence, people }: Pick<MessageParts, 'ledger' | 'correspondence' | 'people'>,
  reads: Reads,
): Calls<keyof OwnCopyCalls> {
  const quoted = createQuoted(db);
  const acceptRequest = db.change('UPDATE conversations SET request = 0, marked_unread = 0 WHERE id = :id');
  return {
    noteOwnText({ text, answers, imdnId, contributionId, cpmConversationId, sentAt, now, ...whom }) {
      const { conversation, merged } = correspondence({ ...whom, cpmConversationId, now }, false);
      const known = ledger.find(conversation.id, 'out', imdnId);
      if (known !== null) return { ...ledger.changed(known), created: false, merged };
      acceptRequest({ id: conversation.id });
      const id = ledger.add({
        kind: 'text',
        text,
        line: text,
        transferState: null,
        conversationId: conversation.id,
        direction: 'out',
        imdnId,
        contributionId,
        cpmConversationId: cpmConversationId === conversation.cpmConversationId ? null : cpmConversationId,
        sentAt,
        now,
        notify: null,
        target: null,
        quotedId: quoted(conversation.id, answers),
      });
      ledger.move(id, 'accepted', now);
      return { ...ledger.changed(id), created: true, merged };
    },
    noteOwnDisplay({ peer, imdnId, now }) {
      const person = people.find(peer);
      const upTo = person === undefined ? null : ledger.find(person.id, 'in', imdnId);
      if (person === undefined || upTo === null) return null;
      const messages: Message[] = [];
      for (const id of ledger.unread(person.id, upTo)) {
        ledger.move(id, 'read', now);
        messages.push(reads.message(id));
      }
      return { conversation: ledger.conversation(person.id), messages };
    },
  };
}
