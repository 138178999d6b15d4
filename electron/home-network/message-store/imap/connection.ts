import type { Socket } from 'node:net';
import { concatBytes, fromUtf8, utf8 } from '../../../../shared/base/bytes.ts';
import { ParleyError, toCodedError } from '../../../../shared/base/errors.ts';
import { announcedLiteral, COMMAND_LIMITS, decodeCommand, type ImapCommand, tokenText } from '../../../../shared/protocol/imap/command.ts';
import { parseMailDate } from '../../../../shared/protocol/mime/mail-headers.ts';
import { appendMessage } from './append.ts';
import type { MailHost } from './host.ts';
import { MAILBOX_COMMANDS, mailboxName } from './mailbox-commands.ts';
import { flagsIn, MESSAGE_COMMANDS } from './message-commands.ts';
import { OctetReader } from './octet-reader.ts';
import { bad, no, ok, type Reply, replyTo } from './reply.ts';
import { ImapSession } from './session.ts';
import { capabilities, SESSION_COMMANDS } from './session-commands.ts';

/** commands of one connection that cannot be read */
const MOST_FAULTS = 20;
/** while one of these is answered, no message may lose its number (RFC 3501 section 7.4.1) */
const KEEPS_NUMBERS = new Set(['FETCH', 'STORE', 'SEARCH']);
const COMMANDS = { ...SESSION_COMMANDS, ...MAILBOX_COMMANDS, ...MESSAGE_COMMANDS };
const APPEND = /^[^ ]{1,64} APPEND /i;

/** One connection to the message store: its commands, one after the other. Resolves when it has ended. */
export async function serveConnection(socket: Socket, host: MailHost, left: (owner: string) => void): Promise<void> {
  const reader = new OctetReader(socket);
  const write = (text: string | Uint8Array): Promise<void> => send(socket, text);
  const line = async (): Promise<string | null> => {
    const octets = await reader.line(COMMAND_LIMITS.maxOctets);
    return octets === null ? null : fromUtf8(octets);
  };
  const session = new ImapSession(host, write, async (prompt) => {
    await write(`+ ${prompt}\r\n`);
    return line();
  });
  const stop = host.onChanged((mailboxId) => {
    if (session.selected?.id === mailboxId) session.selected.isStale = true;
  });
  let faults = 0;
  socket.setTimeout(host.bounds.idleBefore, () => socket.destroy());
  try {
    await write(`* OK [CAPABILITY ${capabilities(session)}] Message store\r\n`);
    while (!session.isOver && faults < MOST_FAULTS) {
      const wasSignedIn = session.owner !== null;
      const reply = await nextCommand(session, reader);
      if (reply === null) break;
      if (reply === 'BAD') faults++;
      if (!wasSignedIn && session.owner !== null) socket.setTimeout(host.bounds.idle);
    }
  } catch (thrown) {
    // the other side is gone, or says what cannot be followed any more
    if (toCodedError(thrown).code === 'imap.too-large') await write('* BYE Too long\r\n').catch(() => undefined);
  } finally {
    stop();
    if (session.owner !== null) left(session.owner);
    socket.end();
    setTimeout(() => socket.destroy(), 1000).unref();
  }
}

/** @returns how it was answered; null when there is nothing more */
async function nextCommand(session: ImapSession, reader: OctetReader): Promise<Reply['status'] | null> {
  const pieces: Uint8Array[] = [];
  for (;;) {
    const line = await reader.line(COMMAND_LIMITS.maxOctets);
    if (line === null) return null;
    pieces.push(line);
    const announced = announcedLiteral(fromUtf8(line.subarray(-20)));
    if (announced === null) break;
    if (isLastOfAppend(pieces)) return appendFrom(session, reader, concatBytes(pieces), announced);
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0) + announced.octets;
    if (length > COMMAND_LIMITS.maxOctets) throw new ParleyError('imap.too-large', 'a command');
    if (announced.isAwaited) await session.write('+ Go on\r\n');
    pieces.push(utf8('\r\n'), await reader.whole(announced.octets));
  }
  const octets = concatBytes(pieces);
  let command: ImapCommand | null = null;
  let reply: Reply;
  try {
    command = decodeCommand(octets);
    reply = command.name === 'IDLE' ? await idle(session, reader) : await run(session, command);
  } catch (thrown) {
    reply = replyTo(thrown);
  }
  return answer(session, command?.tag ?? tagOf(octets), command?.name ?? '', reply);
}

async function run(session: ImapSession, command: ImapCommand): Promise<Reply> {
  const handler = Object.hasOwn(COMMANDS, command.name) ? COMMANDS[command.name] : undefined;
  return handler === undefined ? bad('No such command') : handler(session, command);
}

async function answer(session: ImapSession, tag: string, name: string, { status, text }: Reply): Promise<Reply['status']> {
  if (!session.isOver) await session.tellChanges(KEEPS_NUMBERS.has(name));
  if (session.isOver && name !== 'LOGOUT') await session.write('* BYE Enough\r\n');
  await session.write(`${tag} ${status} ${text}\r\n`);
  return status;
}

/** The tag of a line that cannot be read. */
function tagOf(octets: Uint8Array): string {
  return /^[A-Za-z0-9.]{1,64}(?= )/.exec(fromUtf8(octets.subarray(0, 65)))?.[0] ?? '*';
}

/** Whether the literal that is announced is the message: the name of the mailbox may be one as well. */
function isLastOfAppend(pieces: readonly Uint8Array[]): boolean {
  if (!APPEND.test(fromUtf8((pieces[0] as Uint8Array).subarray(0, 80)))) return false;
  try {
    return decodeCommand(withoutAnnouncement(concatBytes(pieces))).parameters.length > 0;
  } catch {
    return false;
  }
}

function withoutAnnouncement(octets: Uint8Array): Uint8Array {
  return octets.subarray(0, octets.lastIndexOf(0x7b));
}

/** The message passes to where it is kept as it comes. One that is refused is read to its end where its sender does not wait. */
async function appendFrom(
  session: ImapSession,
  reader: OctetReader,
  octets: Uint8Array,
  { octets: length, isAwaited }: { readonly octets: number; readonly isAwaited: boolean },
): Promise<Reply['status'] | null> {
  const { host } = session;
  let command: ImapCommand | null = null;
  let reply: Reply;
  let isRead = false;
  try {
    command = decodeCommand(withoutAnnouncement(octets));
    const { parameters } = command;
    const owner = session.user;
    const mailbox = mailboxName(parameters[0]);
    const flags = parameters[1]?.kind === 'list' ? flagsIn(parameters[1]) : [];
    const date = tokenText(parameters[parameters[1]?.kind === 'list' ? 2 : 1]);
    const received = date === null ? host.now() : (parseMailDate(date.trim()) ?? host.now());
    if (length > host.bounds.message) throw new ParleyError('history.full', 'larger than a message may be');
    if ((await host.mail.usage(owner)) + length > host.bounds.quota) throw new ParleyError('history.full', 'the mailboxes are full');
    if ((await host.mail.status(owner, mailbox)) === null) {
      reply = no('[TRYCREATE] No such mailbox');
    } else {
      if (isAwaited) await session.write('+ Go on\r\n');
      isRead = true;
      const { uidValidity, uid, mailboxId } = await appendMessage(host.mail, { owner, mailbox, flags, received }, reader.octets(length));
      host.changed(mailboxId);
      reply = ok(`[APPENDUID ${uidValidity} ${uid}] Kept`);
    }
  } catch (thrown) {
    // octets that were not read stand before the next command
    if (isRead && !(thrown instanceof ParleyError && thrown.code !== 'link.lost')) throw thrown;
    if (isRead) session.isOver = true;
    reply = replyTo(thrown);
  }
  const isFollowed = isRead || !isAwaited;
  if (!isRead && !isAwaited) for await (const _ of reader.octets(length));
  if (isFollowed && !session.isOver && (await reader.line(COMMAND_LIMITS.maxOctets)) === null) return null;
  return answer(session, command?.tag ?? tagOf(octets), 'APPEND', reply);
}

/** RFC 2177: what changes is told at once, until DONE. */
async function idle(session: ImapSession, reader: OctetReader): Promise<Reply> {
  if (session.user === '') return bad('Sign in first');
  let telling = Promise.resolve();
  const stop = session.host.onChanged(() => {
    telling = telling.then(() => session.tellChanges(false)).catch(() => undefined);
  });
  try {
    await session.write('+ Idling\r\n');
    await session.tellChanges(false);
    const done = await reader.line(COMMAND_LIMITS.maxOctets);
    stop();
    await telling;
    if (done === null) throw new ParleyError('link.lost', 'ended while idling');
    return fromUtf8(done).trim().toUpperCase() === 'DONE' ? ok('Done') : bad('DONE was expected');
  } finally {
    stop();
  }
}

function send(socket: Socket, text: string | Uint8Array): Promise<void> {
  if (socket.destroyed) return Promise.reject(new ParleyError('link.lost', 'closed'));
  // one character an octet
  const hasRoom = typeof text === 'string' ? socket.write(text, 'latin1') : socket.write(text);
  if (hasRoom) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const settle = (run: () => void) => (): void => {
      socket.off('drain', drained);
      socket.off('close', closed);
      run();
    };
    const drained = settle(resolve);
    const closed = settle(() => reject(new ParleyError('link.lost', 'closed')));
    socket.on('drain', drained);
    socket.on('close', closed);
  });
}
