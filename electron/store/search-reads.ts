import type { ReadHandle } from './handles.ts';
import type { FoundMessage } from './port.ts';
import { MESSAGE_COLUMNS, type MessageRow, pageSize, toMessage } from './rows.ts';
import { excerptOf, rangesOf } from './search/highlight.ts';
import { matchExpression, type Term, termsOf } from './search/query.ts';
import type { Calls } from './worker-protocol.ts';

/** hits in one conversation are counted up to this */
export const MOST_COUNTED = 1000;

interface HitRow extends MessageRow {
  readonly peer: string;
  readonly title: string;
}

/** Search over all texts and file names: newest first, which is the order of the index, so that a page costs its own length. */
export function searchReads(db: ReadHandle): Calls<'searchMessages'> {
  const hits = db.many<HitRow>(
    `SELECT ${MESSAGE_COLUMNS}, c.peer, c.title
     FROM message_search AS s CROSS JOIN messages AS m ON m.id = s.rowid LEFT JOIN transfers AS t ON t.message_id = m.id
       CROSS JOIN conversations AS c ON c.id = m.conversation_id
     WHERE s.message_search MATCH :match AND s.rowid < :before ORDER BY s.rowid DESC LIMIT :limit`,
  );
  const count = db.one<{ count: number }>(
    `SELECT count(*) AS count FROM (SELECT s.rowid FROM message_search AS s WHERE s.message_search MATCH :match LIMIT ${MOST_COUNTED})`,
  );
  return {
    searchMessages({ text, conversationId, before, limit }) {
      const terms = termsOf(text);
      const counted = conversationId !== undefined && before === undefined;
      if (terms.length === 0) return { items: [], more: false, count: counted ? 0 : null };
      const match = matchExpression(terms, conversationId);
      const size = pageSize(limit);
      const rows = hits({ match, before: before ?? Number.MAX_SAFE_INTEGER, limit: size + 1 });
      return {
        items: rows.slice(0, size).map((row) => toHit(row, terms)),
        more: rows.length > size,
        count: counted ? (count({ match })?.count ?? 0) : null,
      };
    },
  };
}

function toHit(row: HitRow, terms: readonly Term[]): FoundMessage {
  const message = toMessage(row);
  const text = message.transfer?.name ?? message.text;
  const ranges = rangesOf(text, terms);
  return { message, peer: row.peer, title: row.title, ranges, excerpt: excerptOf(text, ranges) };
}
