import type { ReadHandle } from '../sqlite/handles.ts';
import type { Calls } from './calls.ts';
import type { FoundMessage } from './port.ts';
import { MESSAGE_COLUMNS, MESSAGE_TABLES, type MessageRow, pageSize, toMessage } from './rows.ts';
import { excerptOf, rangesOf } from './search/highlight.ts';
import { matchExpression, type Term, termsOf } from './search/query.ts';

/** hits in one conversation are counted up to this */
const MOST_COUNTED = 1000;

interface HitRow extends MessageRow {
  readonly peer: string;
  readonly title: string;
}

/** Search over all texts and file names: newest first, which is the order of the index, so that a page costs its own length. */
export function searchReads(db: ReadHandle): Calls<'searchMessages'> {
  const walk = db.many<{ id: number }>(
    `SELECT s.rowid AS id FROM message_search AS s
     WHERE s.message_search MATCH :match AND s.rowid < :before ORDER BY s.rowid DESC LIMIT :limit`,
  );
  // all rows at once: a call for each costs more than the walk
  const rows = db.many<HitRow>(
    `SELECT ${MESSAGE_COLUMNS}, c.peer, ifnull(c.given_name, c.title) AS title
     FROM json_each(:ids) AS j CROSS JOIN ${MESSAGE_TABLES} CROSS JOIN conversations AS c
     WHERE m.id = j.value AND c.id = m.conversation_id`,
  );
  return {
    searchMessages({ text, conversationId, before, limit }) {
      const terms = termsOf(text);
      const size = pageSize(limit);
      const counted = conversationId !== undefined && before === undefined;
      const most = counted ? Math.max(MOST_COUNTED, size + 1) : size + 1;
      const match = matchExpression(terms, conversationId);
      const ids = terms.length === 0 ? [] : walk({ match, before: before ?? Number.MAX_SAFE_INTEGER, limit: most });
      const page = rows({ ids: JSON.stringify(ids.slice(0, size).map(({ id }) => id)) });
      return {
        items: page.sort((x, y) => y.id - x.id).map((row) => toHit(row, terms)),
        more: ids.length > size,
        count: counted ? Math.min(ids.length, MOST_COUNTED) : null,
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
