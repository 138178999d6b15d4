import { ParleyError } from '../../../../shared/base/errors.ts';
import { encodeString, type ImapCommand, type ImapToken, tokenText } from '../../../../shared/protocol/imap/command.ts';
import { DELIMITER, decodeMailboxName, encodeMailboxName, matchesPattern } from '../../../../shared/protocol/imap/mailbox-name.ts';
import { ok, type Reply } from './reply.ts';
import { Selected } from './selected.ts';
import type { ImapSession } from './session.ts';

export type Command = (session: ImapSession, command: ImapCommand) => Promise<Reply>;

const FLAGS = '\\Answered \\Flagged \\Deleted \\Seen \\Draft';
const MAX_PATTERN = 1000;

export function mailboxName(token: ImapToken | undefined): string {
  const text = tokenText(token);
  if (text === null) throw new ParleyError('imap.malformed', 'the name of a mailbox');
  return decodeMailboxName(text);
}

async function open(session: ImapSession, { parameters }: ImapCommand, isReadOnly: boolean): Promise<Reply> {
  const owner = session.user;
  session.selected = null;
  const name = mailboxName(parameters[0]);
  const [, options] = parameters;
  if (options?.kind === 'list' && options.items.some((each) => tokenText(each)?.toUpperCase() === 'CONDSTORE')) session.hasCondstore = true;
  const { host } = session;
  const status = await host.mail.status(owner, name);
  if (status === null) throw new ParleyError('request.not-found', 'no such mailbox');
  const selected = new Selected(host.mail, name, status, isReadOnly);
  await selected.open();
  session.selected = selected;
  await session.write(`* FLAGS (${FLAGS})\r\n* OK [PERMANENTFLAGS (${isReadOnly ? '' : `${FLAGS} \\*`})] Kept\r\n`);
  await session.write(`* ${selected.messages} EXISTS\r\n* 0 RECENT\r\n`);
  await session.write(`* OK [UIDVALIDITY ${status.uidValidity}] UIDs are valid\r\n* OK [UIDNEXT ${status.uidNext}] Next UID\r\n`);
  await session.write(`* OK [HIGHESTMODSEQ ${status.modseq}] Highest\r\n`);
  return ok(isReadOnly ? '[READ-ONLY] Opened' : '[READ-WRITE] Opened');
}

async function list(session: ImapSession, { name: command, parameters }: ImapCommand): Promise<Reply> {
  const owner = session.user;
  const isSubscribedOnly = command === 'LSUB';
  // a selection before (LIST-EXTENDED) is not taken
  const [reference, pattern] = [tokenText(parameters[0]), tokenText(parameters[1])];
  if (reference === null || pattern === null || reference.length + pattern.length > MAX_PATTERN)
    throw new ParleyError('imap.malformed', 'a pattern');
  if (pattern === '' && !isSubscribedOnly) {
    await session.write(`* LIST (\\Noselect) "${DELIMITER}" ""\r\n`);
    return ok('Listed');
  }
  const wanted = `${reference}${pattern}`;
  const mailboxes = await session.host.mail.mailboxes(owner);
  const parents = new Set(mailboxes.flatMap(({ name }) => (name.includes(DELIMITER) ? [name.slice(0, name.lastIndexOf(DELIMITER))] : [])));
  for (const { name, isSubscribed } of mailboxes) {
    if ((isSubscribedOnly && !isSubscribed) || !matchesPattern(encodeMailboxName(name), wanted.replace(/^inbox(?=$|\/)/i, 'INBOX')))
      continue;
    const attributes = [parents.has(name) ? '\\HasChildren' : '\\HasNoChildren', ...(isSubscribed ? ['\\Subscribed'] : [])];
    await session.write(`* ${command} (${attributes.join(' ')}) "${DELIMITER}" ${encodeString(encodeMailboxName(name))}\r\n`);
  }
  return ok('Listed');
}

async function status(session: ImapSession, { parameters }: ImapCommand): Promise<Reply> {
  const name = mailboxName(parameters[0]);
  const found = await session.host.mail.status(session.user, name);
  if (found === null) throw new ParleyError('request.not-found', 'no such mailbox');
  const [, items] = parameters;
  if (items?.kind !== 'list') throw new ParleyError('imap.malformed', 'what of the mailbox');
  const values: Readonly<Record<string, number>> = {
    MESSAGES: found.messages,
    RECENT: 0,
    UIDNEXT: found.uidNext,
    UIDVALIDITY: found.uidValidity,
    UNSEEN: found.unseen,
    HIGHESTMODSEQ: found.modseq,
  };
  const told = items.items.map((each) => {
    const item = tokenText(each)?.toUpperCase() ?? '';
    const value = values[item];
    if (value === undefined) throw new ParleyError('imap.malformed', 'what of the mailbox');
    if (item === 'HIGHESTMODSEQ') session.hasCondstore = true;
    return `${item} ${value}`;
  });
  await session.write(`* STATUS ${encodeString(encodeMailboxName(name))} (${told.join(' ')})\r\n`);
  return ok('Told');
}

function subscribing(isSubscribed: boolean): Command {
  return async (session, { parameters }) => {
    await session.host.mail.subscribe(session.user, mailboxName(parameters[0]), isSubscribed);
    return ok('Done');
  };
}

async function close(session: ImapSession, isExpunging: boolean): Promise<Reply> {
  const { mailbox, host } = session;
  if (isExpunging && !mailbox.isReadOnly && (await host.mail.expunge(mailbox.id, null)).length > 0) host.changed(mailbox.id);
  session.selected = null;
  return ok('Closed');
}

export const MAILBOX_COMMANDS: Readonly<Record<string, Command>> = {
  SELECT: (session, command) => open(session, command, false),
  EXAMINE: (session, command) => open(session, command, true),
  LIST: list,
  LSUB: list,
  STATUS: status,
  SUBSCRIBE: subscribing(true),
  UNSUBSCRIBE: subscribing(false),
  CLOSE: (session) => close(session, true),
  UNSELECT: (session) => close(session, false),
  CREATE: async (session, { parameters }) => {
    // a delimiter at the end says that there will be more below it
    const text = tokenText(parameters[0])?.replace(/\/$/, '') ?? '';
    await session.host.mail.create(session.user, decodeMailboxName(text));
    return ok('Created');
  },
  DELETE: async (session, { parameters }) => {
    const name = mailboxName(parameters[0]);
    const before = await session.host.mail.status(session.user, name);
    await session.host.mail.remove(session.user, name);
    if (before !== null) session.host.changed(before.id);
    return ok('Deleted');
  },
  RENAME: async (session, { parameters }) => {
    await session.host.mail.rename(session.user, mailboxName(parameters[0]), mailboxName(parameters[1]));
    return ok('Renamed');
  },
};
