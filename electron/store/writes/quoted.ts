import type { WriteHandle } from '../../sqlite/handles.ts';
import type { Answered } from '../records.ts';

/** by Contribution-ID an answer finds one of so many newest messages: there is no index, as few peers name it by that alone */
const ANSWERED_WITHIN = 1000;

/** Finds the message that one answers, in its conversation; null when it is not there, or no longer. */
export function createQuoted(db: WriteHandle): (conversationId: number, answers: Answered) => number | null {
  const shownByImdn = db.one<{ id: number }>(
    'SELECT id FROM messages WHERE imdn_id = :imdnId AND conversation_id = :conversationId AND removed_at IS NULL',
  );
  const shownByContribution = db.one<{ id: number }>(
    `SELECT id FROM (
       SELECT id, contribution_id FROM messages WHERE conversation_id = :conversationId AND removed_at IS NULL ORDER BY id DESC LIMIT ${ANSWERED_WITHIN}
     ) WHERE contribution_id = :contributionId LIMIT 1`,
  );
  return (conversationId, { imdnId, contributionId }) => {
    const named = imdnId === null ? undefined : shownByImdn({ conversationId, imdnId });
    const found = named ?? (contributionId === null ? undefined : shownByContribution({ conversationId, contributionId }));
    return found?.id ?? null;
  };
}
