import type { Migration } from '../../sqlite/migration.ts';
import { WORDS } from './0002-search.ts';

/**
 * Prefixes of four characters get an index of their own, too: FTS5 gathers all messages that have any word beginning with a longer prefix
 * before it gives the first, which for a frequent beginning of four letters takes longer than a frame. FTS5 cannot add one to an index that
 * is there, so it is made anew.
 */
export const prefixes: Migration = {
  version: 9,
  sql: `
    DROP TABLE message_search;
    CREATE VIRTUAL TABLE message_search USING fts5 (
      words, content = '', contentless_delete = 1, tokenize = 'ascii', prefix = '1 2 3 4'
    );
    INSERT INTO message_search (rowid, words) SELECT m.id, ${WORDS('m')} FROM messages AS m;
  `,
};
