import { ParleyError } from '../../../shared/base/errors.ts';
import type { Calls } from '../calls.ts';
import type { MessageParts } from './messages.ts';

/** Texts that were sent or received elsewhere before, at their places in the thread. Nothing is owed about them, and nothing leaves. */
export function importWrites({ ledger, correspondence }: Pick<MessageParts, 'ledger' | 'correspondence'>): Calls<'importTexts'> {
  return {
    importTexts({ texts, peer, title, cpmConversationId, now }) {
      const { conversation } = correspondence({ peer, title, cpmConversationId, now }, true);
      if (conversation.blocked) throw new ParleyError('peer.blocked', 'blocked here');
      let imported = 0;
      for (const { direction, imdnId, contributionId, text, sentAt, reached } of texts) {
        if (ledger.find(conversation.id, direction, imdnId) !== null) continue;
        imported += 1;
        const added = { conversationId: conversation.id, direction, kind: 'text', text, line: text, transferState: null, imdnId } as const;
        const id = ledger.add({
          ...added,
          contributionId,
          cpmConversationId: null,
          sentAt,
          now,
          notify: null,
          quotedId: null,
          inPlace: true,
        });
        if (direction === 'in') ledger.move(id, 'read', now);
        else {
          ledger.move(id, 'attempt', now);
          ledger.move(id, 'accepted', now);
          if (reached !== null) ledger.move(id, reached, now);
        }
      }
      ledger.recount(conversation.id);
      return { conversation: ledger.conversation(conversation.id), imported };
    },
  };
}
