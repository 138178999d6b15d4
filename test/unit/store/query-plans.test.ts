import { expect, test } from 'vitest';
import { compose, openInThread, openWith } from './fixture.ts';

/** every table that may be long, under each name that the queries give it */
const TABLES = 'messages|m|transfers|t|legs|l|conversations|c|outbox|o|f|w|b|members|p|recipients|r|g|d|deferred_items';
/** indexes that hold open rows only, or that are walked in their order up to a limit */
const WALKED =
  'outbox_in_work|transfers_open|legs_open|conversations_in_list|conversations_unread|conversations_blocked|deferred_shown|deferred_ordered|groups_open';
const LONG = new RegExp(`^SCAN (${TABLES})\\b(?!.* USING (COVERING )?INDEX (${WALKED}))`);

function plans(): { sql: string; plan: string[] }[] {
  const { database, sql, store } = openInThread();
  compose(store, openWith(store).id, 'i');
  return sql.map((text) => {
    const rows = database.prepare(`EXPLAIN QUERY PLAN ${text.replace(/:(\w+)/g, '1')}`).all() as { detail: string }[];
    return { sql: text, plan: rows.map((row) => row.detail) };
  });
}

test('no query walks through a table; a walk over an index follows its order or holds open rows only', () => {
  const all = plans();
  expect(all.length).toBeGreaterThan(30);
  for (const { sql, plan } of all) {
    // once a start, where there are old copies of files
    if (sql.includes('SELECT source_path AS path FROM transfers')) continue;
    // once for each change of the rules of folding
    if (sql === 'SELECT id AS conversationId, peer FROM conversations WHERE merged_into IS NULL ORDER BY id') continue;
    expect(
      plan.filter((step) => LONG.test(step)),
      sql,
    ).toEqual([]);
  }
});

test('pages come in the order of an index, without a sort', () => {
  const pages = plans().filter(({ sql }) => /LIMIT :limit/.test(sql) && !/FROM outbox|waiting/.test(sql));
  expect(pages).toHaveLength(8);
  for (const { sql, plan } of pages) expect(plan.join('\n'), sql).not.toMatch(/TEMP B-TREE/);
  const list = pages.filter(({ sql }) => /c.archived = :archived/.test(sql)).map(({ plan }) => plan[0]);
  expect(list).toEqual(['SEARCH c USING INDEX conversations_in_list (request=? AND archived=? AND (pinned,updated_at)<(?,?))']);
  const thread = pages.filter(({ sql }) => /conversation_id = :conversationId/.test(sql)).map(({ plan }) => plan[0]);
  expect(thread).toEqual([
    'SEARCH m USING INDEX messages_by_conversation (conversation_id=? AND rowid<?)',
    'SEARCH m USING INDEX messages_by_conversation (conversation_id=? AND rowid>? AND rowid<?)',
    'SEARCH m USING INDEX messages_files (conversation_id=? AND id<?)',
    'SEARCH messages USING INDEX messages_by_conversation (conversation_id=? AND rowid<?)',
  ]);
});

test('a search walks its hits from the newest on, over the index of words, and stops at its limit', () => {
  const plan = (wanted: RegExp) => plans().find(({ sql }) => wanted.test(sql))?.plan;
  // 64: ordered by rowid, 128: descending
  expect(plan(/message_search MATCH/)).toEqual(['SCAN s VIRTUAL TABLE INDEX 192:M1<']);
  expect(plan(/json_each\(:ids\)/)).toEqual([
    'SCAN j VIRTUAL TABLE INDEX 1:',
    'SEARCH m USING INTEGER PRIMARY KEY (rowid=?)',
    'SEARCH t USING INDEX sqlite_autoindex_transfers_1 (message_id=?) LEFT-JOIN',
    'SEARCH q USING INTEGER PRIMARY KEY (rowid=?) LEFT-JOIN',
    'SEARCH qt USING INDEX sqlite_autoindex_transfers_1 (message_id=?) LEFT-JOIN',
    'SEARCH c USING INTEGER PRIMARY KEY (rowid=?)',
    'CORRELATED SCALAR SUBQUERY 1',
    'SEARCH r USING PRIMARY KEY (message_id=?)',
    'CORRELATED SCALAR SUBQUERY 3',
    'SEARCH r USING PRIMARY KEY (message_id=?)',
    'CORRELATED SCALAR SUBQUERY 2',
    'SEARCH p USING PRIMARY KEY (conversation_id=?)',
    'CORRELATED SCALAR SUBQUERY 4',
    'SEARCH g USING INTEGER PRIMARY KEY (rowid=?)',
    'CORRELATED SCALAR SUBQUERY 5',
    'SEARCH k USING INDEX sqlite_autoindex_conversations_1 (peer=?)',
    'CORRELATED SCALAR SUBQUERY 6',
    'SEARCH p USING INDEX participants_by_address (conversation_id=? AND address=?)',
    'CORRELATED SCALAR SUBQUERY 7',
    'SEARCH l USING INDEX sqlite_autoindex_legs_1 (transfer_id=?)',
    'CORRELATED SCALAR SUBQUERY 8',
    'SEARCH n USING INTEGER PRIMARY KEY (rowid=?)',
    'CORRELATED SCALAR SUBQUERY 9',
    'SEARCH k USING INDEX sqlite_autoindex_conversations_1 (peer=?)',
    'CORRELATED SCALAR SUBQUERY 10',
    'SEARCH p USING INDEX participants_by_address (conversation_id=? AND address=?)',
  ]);
});

test('what is unread is found by an index of unread messages', () => {
  const unread = plans().filter(({ sql }) => /status = 'received'/.test(sql) && /SELECT id/.test(sql));
  const first = plans().flatMap(({ plan }) => plan.filter((step) => / u( |$)/.test(step)));
  expect(first.length).toBeGreaterThan(1);
  expect(new Set(first)).toEqual(new Set(['SEARCH u USING COVERING INDEX messages_unread (conversation_id=?)']));
  expect(unread.map(({ plan }) => plan)).toEqual([
    ['SEARCH messages USING COVERING INDEX messages_unread (conversation_id=? AND rowid<?)'],
  ]);
});

test('the check would see a walk through the messages', () => {
  expect('SCAN m').toMatch(LONG);
  expect('SCAN messages USING COVERING INDEX messages_by_imdn').toMatch(LONG);
  expect('SEARCH m USING INTEGER PRIMARY KEY (rowid=?)').not.toMatch(LONG);
});

test('what is due next is found by hops over an index, however much waits', () => {
  const heads = plans().filter(({ sql }) => /WITH RECURSIVE waiting/.test(sql));
  expect(heads).toHaveLength(5);
  for (const { sql, plan } of heads) {
    expect(plan.join('\n'), sql).toMatch(/SEARCH o USING COVERING INDEX outbox_lanes \(kind=\? AND conversation_id>\?\)/);
    // of files that broke off, which are few, the one that has waited longest is looked for
    if (!sql.includes('ORDER BY f.not_before')) expect(plan.join('\n'), sql).not.toMatch(/TEMP B-TREE/);
  }
});
