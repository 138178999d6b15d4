import { ParleyError } from '../../../../shared/base/errors.ts';
import { type ImapCommand, type ImapToken, tokenText } from '../../../../shared/protocol/imap/command.ts';
import { decodeFetchItems, type FetchItem } from '../../../../shared/protocol/imap/fetch-items.ts';
import { decodeSearch } from '../../../../shared/protocol/imap/search-keys.ts';
import { encodeSequenceSet } from '../../../../shared/protocol/imap/sequence-set.ts';
import type { FlagChange, MessageRow } from '../storage/calls.ts';
import { writeFetched } from './fetch.ts';
import { type Command, mailboxName } from './mailbox-commands.ts';
import { no, ok, type Reply } from './reply.ts';
import type { ImapSession } from './session.ts';

const SYSTEM_FLAGS = ['\\Answered', '\\Flagged', '\\Deleted', '\\Seen', '\\Draft'];
const KEYWORD = /^[A-Za-z0-9$_.:+-]{1,64}$/;

/** @throws ParleyError `imap.malformed` */
export function flagsIn(token: ImapToken | undefined): string[] {
  const items = token?.kind === 'list' ? token.items : token === undefined ? [] : [token];
  return items.map((each) => {
    const text = tokenText(each) ?? '';
    const system = SYSTEM_FLAGS.find((flag) => flag.toLowerCase() === text.toLowerCase());
    if (system === undefined && !KEYWORD.test(text)) throw new ParleyError('imap.malformed', 'a flag');
    return system ?? text;
  });
}

function setOf(session: ImapSession, token: ImapToken | undefined, name: string): number[] {
  const text = tokenText(token);
  if (text === null) throw new ParleyError('imap.malformed', 'which messages');
  return session.mailbox.uidsIn(text, name.startsWith('UID '));
}

/** The number after a word in a list of modifiers: `(CHANGEDSINCE 12)`; null where it is not there. */
function modifier(token: ImapToken | undefined, name: string): number | null {
  if (token?.kind !== 'list') return null;
  const at = token.items.findIndex((each) => tokenText(each)?.toUpperCase() === name);
  if (at < 0) return null;
  const text = tokenText(token.items[at + 1]) ?? '';
  if (!/^\d{1,15}$/.test(text)) throw new ParleyError('imap.malformed', name);
  return Number(text);
}

async function fetch(session: ImapSession, { name, parameters }: ImapCommand): Promise<Reply> {
  const { mailbox, host } = session;
  const items = [...decodeFetchItems(parameters[1])];
  const since = modifier(parameters[2], 'CHANGEDSINCE');
  const add = (item: 'UID' | 'MODSEQ' | 'FLAGS'): void => {
    if (!items.some((each) => each.kind === 'value' && each.name === item)) items.push({ kind: 'value', name: item });
  };
  if (name === 'UID FETCH') add('UID');
  if (since !== null) add('MODSEQ');
  session.hasCondstore ||= items.some((each) => each.kind === 'value' && each.name === 'MODSEQ');
  const uids = setOf(session, parameters[0], name);
  let rows = await host.mail.rows(mailbox.id, uids, since ?? -1);
  const marks = items.some((each) => each.kind === 'section' && !each.isPeek);
  if (marks && !mailbox.isReadOnly && rows.some(({ flags }) => !flags.includes('\\Seen'))) {
    rows = await changeFlags(
      session,
      rows.map(({ uid }) => uid),
      { mode: 'add', flags: ['\\Seen'], unchangedSince: null },
    );
    add('FLAGS');
  }
  for (const row of rows) await tell(session, row, items);
  return ok('Fetched');
}

async function tell(session: ImapSession, row: MessageRow, items: readonly FetchItem[]): Promise<void> {
  const sequence = session.mailbox.sequenceOf(row.uid);
  if (sequence > 0) await writeFetched(session.host.mail, session.write, sequence, row, items);
}

async function changeFlags(session: ImapSession, uids: readonly number[], change: FlagChange): Promise<MessageRow[]> {
  const { mailbox, host } = session;
  const { changed } = await host.mail.store(mailbox.id, uids, change);
  mailbox.told(changed);
  host.changed(mailbox.id);
  return changed;
}

async function store(session: ImapSession, { name, parameters }: ImapCommand): Promise<Reply> {
  const { writable, host } = session;
  const uids = setOf(session, parameters[0], name);
  const unchangedSince = modifier(parameters[1], 'UNCHANGEDSINCE');
  const [item, ...rest] = parameters.slice(parameters[1]?.kind === 'list' ? 2 : 1);
  const match = /^([+-]?)FLAGS(\.SILENT)?$/i.exec(tokenText(item) ?? '');
  if (match === null) throw new ParleyError('imap.malformed', 'STORE');
  const mode = match[1] === '+' ? 'add' : match[1] === '-' ? 'remove' : 'set';
  if (unchangedSince !== null) session.hasCondstore = true;
  const flags = rest.flatMap(flagsIn);
  const { changed, modified } = await host.mail.store(writable.id, uids, { mode, flags, unchangedSince });
  writable.told(changed);
  host.changed(writable.id);
  const isSilent = match[2] !== undefined;
  const items = isSilent ? session.flagItems.filter((each) => each.kind === 'value' && each.name !== 'FLAGS') : session.flagItems;
  if (!isSilent || session.hasCondstore) for (const row of changed) await tell(session, row, items);
  if (modified.length === 0) return ok('Stored');
  const numbers = name === 'UID STORE' ? modified : writable.sequencesOf(modified);
  return ok(`[MODIFIED ${encodeSequenceSet(numbers)}] Some had changed`);
}

async function search(session: ImapSession, { name, parameters }: ImapCommand): Promise<Reply> {
  const { mailbox, host } = session;
  const [first] = parameters;
  // RETURN (RFC 4731) is not offered
  if (tokenText(first)?.toUpperCase() === 'RETURN') throw new ParleyError('imap.malformed', 'RETURN');
  let key: ReturnType<typeof decodeSearch>;
  try {
    key = decodeSearch(parameters);
  } catch (thrown) {
    if (thrown instanceof ParleyError && thrown.detail === 'charset') return no('[BADCHARSET (UTF-8)] Only UTF-8');
    throw thrown;
  }
  const uids = await host.mail.search(mailbox.id, key);
  const numbers = name === 'UID SEARCH' ? uids : mailbox.sequencesOf(uids);
  let modseq = '';
  if (JSON.stringify(key).includes('"modseq"') && uids.length > 0) {
    session.hasCondstore = true;
    const rows = await host.mail.rows(mailbox.id, uids, -1);
    modseq = ` (MODSEQ ${Math.max(...rows.map((row) => row.modseq))})`;
  }
  await session.write(`* SEARCH${numbers.map((number) => ` ${number}`).join('')}${modseq}\r\n`);
  return ok('Searched');
}

async function expunge(session: ImapSession, { name, parameters }: ImapCommand): Promise<Reply> {
  const { writable, host } = session;
  const wanted = name === 'UID EXPUNGE' ? setOf(session, parameters[0], name) : null;
  if ((await host.mail.expunge(writable.id, wanted)).length > 0) host.changed(writable.id);
  return ok('Expunged');
}

async function copy(session: ImapSession, { name, parameters }: ImapCommand): Promise<Reply> {
  const { mailbox, host } = session;
  const uids = setOf(session, parameters[0], name);
  const to = mailboxName(parameters[1]);
  const target = await host.mail.status(session.user, to);
  if (target === null) return no('[TRYCREATE] No such mailbox');
  if (uids.length === 0) return ok('Nothing to copy');
  const copied = await host.mail.copy(mailbox.id, uids, session.user, to);
  host.changed(target.id);
  return ok(`[COPYUID ${copied.uidValidity} ${encodeSequenceSet(copied.from)} ${encodeSequenceSet(copied.to)}] Copied`);
}

export const MESSAGE_COMMANDS: Readonly<Record<string, Command>> = {
  FETCH: fetch,
  'UID FETCH': fetch,
  STORE: store,
  'UID STORE': store,
  SEARCH: search,
  'UID SEARCH': search,
  COPY: copy,
  'UID COPY': copy,
  EXPUNGE: expunge,
  'UID EXPUNGE': expunge,
};
