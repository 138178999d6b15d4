import { fromBinaryString, fromUtf8 } from '../../../../shared/base/bytes.ts';
import { encodeString, type ImapCommand, tokenText } from '../../../../shared/protocol/imap/command.ts';
import { DELIMITER } from '../../../../shared/protocol/imap/mailbox-name.ts';
import { SERVER_NAME } from '../../settings.ts';
import type { Command } from './mailbox-commands.ts';
import { bad, no, ok, type Reply } from './reply.ts';
import type { ImapSession } from './session.ts';

/** refused passwords of one connection */
const MOST_REFUSALS = 3;

export function capabilities(session: ImapSession): string {
  const always = 'IMAP4rev1 LITERAL+ ID ENABLE NAMESPACE UIDPLUS CONDSTORE IDLE UNSELECT CHILDREN';
  const { message } = session.host.bounds;
  return session.owner === null ? `${always} SASL-IR AUTH=PLAIN` : `${always} APPENDLIMIT=${message}`;
}

async function signIn(session: ImapSession, user: string, password: string): Promise<Reply> {
  if (session.owner !== null) return bad('Signed in already');
  const owner = session.host.signIn(user, password);
  if (owner === null) {
    session.refusals++;
    session.isOver = session.refusals >= MOST_REFUSALS;
    return no('[AUTHENTICATIONFAILED] Unknown user or wrong password');
  }
  if (!session.host.admit(owner)) return no('[LIMIT] Too many connections');
  session.owner = owner;
  if ((await session.host.mail.status(owner, 'INBOX')) === null) await session.host.mail.create(owner, 'INBOX').catch(() => undefined);
  return ok(`[CAPABILITY ${capabilities(session)}] Signed in`);
}

async function authenticate(session: ImapSession, { parameters }: ImapCommand): Promise<Reply> {
  if (tokenText(parameters[0])?.toUpperCase() !== 'PLAIN') return no('[CANNOT] Only PLAIN');
  const given = tokenText(parameters[1]) ?? (await session.ask('')) ?? '*';
  if (given === '*') return bad('Cancelled');
  let text: string;
  try {
    text = fromUtf8(fromBinaryString(atob(given)));
  } catch {
    return bad('Not base64');
  }
  // RFC 4616: authorisation identity, user, password
  const [as = '', user = '', password = ''] = text.split('\0');
  return as === '' || as === user ? signIn(session, user, password) : no('[AUTHORIZATIONFAILED] Only as oneself');
}

export const SESSION_COMMANDS: Readonly<Record<string, Command>> = {
  CAPABILITY: async (session) => {
    await session.write(`* CAPABILITY ${capabilities(session)}\r\n`);
    return ok('Told');
  },
  NOOP: async () => ok('Done'),
  CHECK: async () => ok('Done'),
  LOGOUT: async (session) => {
    await session.write('* BYE Signing out\r\n');
    session.isOver = true;
    return ok('Done');
  },
  ID: async (session) => {
    await session.write(`* ID ("name" ${encodeString(SERVER_NAME)})\r\n`);
    return ok('Told');
  },
  NAMESPACE: async (session) => {
    // who is not signed in has none
    if (session.user !== '') await session.write(`* NAMESPACE (("" "${DELIMITER}")) NIL NIL\r\n`);
    return ok('Told');
  },
  ENABLE: async (session, { parameters }) => {
    const wanted = parameters.some((each) => tokenText(each)?.toUpperCase() === 'CONDSTORE');
    if (session.user !== '' && wanted) session.hasCondstore = true;
    await session.write(`* ENABLED${wanted ? ' CONDSTORE' : ''}\r\n`);
    return ok('Enabled');
  },
  LOGIN: (session, { parameters }) => signIn(session, tokenText(parameters[0]) ?? '', tokenText(parameters[1]) ?? ''),
  AUTHENTICATE: authenticate,
};
