import type { Migration } from '../../sqlite/migration.ts';

/** What the index holds of a message: `m` in a query, `new` in a trigger. */
export const WORDS = (message: string) =>
  `search_words(ifnull((SELECT t.name FROM transfers AS t WHERE t.message_id = ${message}.id), ${message}.text), ${message}.conversation_id)`;

/**
 * The index of all texts and file names. It keeps words only, no second copy of the texts; `search_words` (index-text.ts) makes them, so
 * that FTS5 has nothing to do but to split at spaces. Prefixes of up to three characters have an index of their own. Triggers keep it:
 * whatever way a message comes, moves or goes, it is found where it is.
 */
export const search: Migration = {
  version: 2,
  sql: `
    CREATE VIRTUAL TABLE message_search USING fts5 (
      words, content = '', contentless_delete = 1, tokenize = 'ascii', prefix = '1 2 3'
    );
    INSERT INTO message_search (rowid, words) SELECT m.id, ${WORDS('m')} FROM messages AS m;

    CREATE TRIGGER search_message AFTER INSERT ON messages WHEN new.kind = 'text' BEGIN
      INSERT INTO message_search (rowid, words) VALUES (new.id, ${WORDS('new')});
    END;
    CREATE TRIGGER search_file AFTER INSERT ON transfers BEGIN
      INSERT INTO message_search (rowid, words)
        SELECT m.id, search_words(new.name, m.conversation_id) FROM messages AS m WHERE m.id = new.message_id;
    END;
    CREATE TRIGGER search_changed AFTER UPDATE OF text, conversation_id ON messages BEGIN
      DELETE FROM message_search WHERE rowid = old.id;
      INSERT INTO message_search (rowid, words) VALUES (new.id, ${WORDS('new')});
    END;
    CREATE TRIGGER search_deleted AFTER DELETE ON messages BEGIN
      DELETE FROM message_search WHERE rowid = old.id;
    END;
  `,
};
