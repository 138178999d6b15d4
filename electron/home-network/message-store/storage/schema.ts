import type { Migration } from '../../../sqlite/migration.ts';

/** `Pmst` */
export const APPLICATION_ID = 0x506d7374;

export const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    sql: `
CREATE TABLE owners (
  owner TEXT PRIMARY KEY,
  octets INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE mailboxes (
  id INTEGER PRIMARY KEY,
  owner TEXT NOT NULL,
  name TEXT NOT NULL,
  uid_validity INTEGER NOT NULL,
  uid_next INTEGER NOT NULL DEFAULT 1,
  -- the highest of its messages, of those too that are gone (RFC 7162)
  modseq INTEGER NOT NULL DEFAULT 1,
  is_subscribed INTEGER NOT NULL DEFAULT 0,
  UNIQUE (owner, name)
) STRICT;

-- what was appended; a copy shares it
CREATE TABLE bodies (
  id INTEGER PRIMARY KEY,
  owner TEXT NOT NULL,
  octets INTEGER NOT NULL DEFAULT 0,
  header TEXT NOT NULL DEFAULT '',
  -- lower case, of its texts: for SEARCH
  words TEXT NOT NULL DEFAULT '',
  structure TEXT NOT NULL DEFAULT '',
  -- one that is not was being appended when the network ended
  is_whole INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX bodies_begun ON bodies (id) WHERE is_whole = 0;

CREATE TABLE chunks (
  body_id INTEGER NOT NULL REFERENCES bodies ON DELETE CASCADE,
  number INTEGER NOT NULL,
  octets BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX chunks_in_order ON chunks (body_id, number);

CREATE TABLE messages (
  mailbox_id INTEGER NOT NULL REFERENCES mailboxes ON DELETE CASCADE,
  uid INTEGER NOT NULL,
  body_id INTEGER NOT NULL REFERENCES bodies,
  -- with spaces between them
  flags TEXT NOT NULL DEFAULT '',
  modseq INTEGER NOT NULL,
  -- ms
  received INTEGER NOT NULL,
  PRIMARY KEY (mailbox_id, uid)
) STRICT, WITHOUT ROWID;
CREATE INDEX messages_by_body ON messages (body_id);

CREATE TRIGGER body_added AFTER UPDATE OF is_whole ON bodies WHEN new.is_whole = 1 AND old.is_whole = 0 BEGIN
  INSERT INTO owners (owner, octets) VALUES (new.owner, new.octets) ON CONFLICT DO UPDATE SET octets = octets + new.octets;
END;
CREATE TRIGGER body_removed AFTER DELETE ON bodies WHEN old.is_whole = 1 BEGIN
  UPDATE owners SET octets = octets - old.octets WHERE owner = old.owner;
END;
CREATE TRIGGER message_removed AFTER DELETE ON messages
  WHEN NOT EXISTS (SELECT 1 FROM messages WHERE body_id = old.body_id) BEGIN
  DELETE FROM bodies WHERE id = old.body_id;
END;
`,
  },
];
