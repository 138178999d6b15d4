import type { ErrorCode } from '../../shared/base/errors.ts';

/** The first line a person reads for a coded error. `who` is the other person's name, where there is one. */
type Line = string | ((who: string) => string);

const NOT_UNDERSTOOD = 'The answer could not be understood';
const TOO_LARGE_ANSWER = 'The answer is larger than allowed';

const LINES: Record<ErrorCode, Line> = {
  'sip.malformed': NOT_UNDERSTOOD,
  'sip.too-large': TOO_LARGE_ANSWER,
  'msrp.malformed': NOT_UNDERSTOOD,
  'msrp.too-large': TOO_LARGE_ANSWER,
  'cpim.malformed': 'The message could not be understood',
  'cpim.too-large': 'The message is larger than allowed',
  'xml.malformed': NOT_UNDERSTOOD,
  'xml.too-large': TOO_LARGE_ANSWER,
  'imdn.malformed': 'The delivery report could not be understood',
  'sdp.malformed': NOT_UNDERSTOOD,
  'sdp.too-large': TOO_LARGE_ANSWER,
  'multipart.malformed': NOT_UNDERSTOOD,
  'multipart.too-large': TOO_LARGE_ANSWER,
  'imap.malformed': NOT_UNDERSTOOD,
  'imap.too-large': TOO_LARGE_ANSWER,
  'contract.malformed': 'This window and its client do not understand each other',
  'contract.closed': 'This window lost its client',
  'link.unreachable': 'The server cannot be reached',
  'link.lost': 'The connection was lost',
  'link.timeout': 'No answer from the server',
  'link.certificate': 'The server could not prove that it is the right one',
  'link.credentials': 'The server does not accept the user name or password',
  'link.unknown-account': 'The server does not know this account',
  'link.refused': 'The server refused this account',
  'link.server': 'The server has a problem',
  'link.offline': 'This device is offline',
  'peer.unknown': (who) => `The server does not know ${who}`,
  'peer.unavailable': (who) => `${who} cannot be reached at the moment`,
  'peer.declined': (who) => `${who} declined`,
  'peer.unsupported': (who) => `${who} uses a program that cannot receive this`,
  'peer.too-large': (who) => `Too large for ${who}`,
  'peer.not-allowed': (who) => `Sending to ${who} is not allowed`,
  'peer.timeout': (who) => `No answer from ${who}`,
  'peer.anonymity': (who) => `${who} takes no message without a name`,
  'peer.no-lists': 'The server does not send to several people at once',
  'peer.no-files': 'This group does not take files',
  'peer.malformed': (who) => `The answer of ${who} could not be understood`,
  'network.not-subscribed': 'This account is not subscribed to messages',
  'network.not-offered': 'The network does not allow this',
  'network.screened': 'The content is not allowed',
  'deferred.gone': 'The network no longer has it',
  'deferred.refused': 'The network does not allow this',
  'deferred.undelivered': 'The network did not send it',
  'relay.unreachable': 'The relay of this account cannot be reached',
  'relay.refused': 'The relay does not accept this account',
  'peer.blocked': (who) => `${who} is blocked here`,
  'peer.undelivered': (who) => `It could not be delivered to ${who}`,
  'history.unreachable': 'The message store of your network cannot be reached',
  'history.refused': 'The message store of your network does not accept this account',
  'history.failed': 'The message store of your network could not do this',
  'history.full': 'Your message store in the network is full',
  'msrp.unreachable': 'No connection for the file could be made',
  'msrp.lost': 'The connection for the file was lost',
  'msrp.timeout': 'The file did not move for too long',
  'msrp.refused': 'The other side refused the file',
  'msrp.stopped': 'The other side stopped the transfer',
  'msrp.untrusted': (who) => `It is not certain that the secure connection leads to ${who}`,
  'file.missing': 'The file is no longer there',
  'file.changed': 'The file changed while it was sent',
  'file.unreadable': 'The file cannot be read',
  'file.is-folder': 'A folder cannot be sent, only files',
  'file.too-large': 'The file is larger than this account allows',
  'file.disk-full': 'There is not enough space on the disk',
  'file.unwritable': 'The file cannot be saved in the download folder',
  'file.hash-mismatch': 'The content differs from what was announced',
  'file.size-mismatch': 'The size differs from what was announced',
  'file.cancelled': 'Cancelled',
  'file.paused': 'Paused',
  'file.not-asked-for': 'This is not the file that was asked for',
  'store.corrupt': 'The message history is damaged',
  'store.full': 'There is no space left for the message history',
  'store.closed': 'Parley is closing',
  'store.newer-version': 'The message history was written by a newer version of Parley',
  'account.malformed': 'The account is not complete',
  'account.exists': 'There is an account with this address already',
  'account.secret': 'The password of this account cannot be read',
  'account.list-damaged': 'The list of accounts was damaged and begins anew',
  'account.list-unusable': 'The list of accounts cannot be used by this version of Parley',
  'request.not-found': 'This is no longer there',
  'request.invalid-state': 'This is not possible any more',
  'request.too-many': 'These are more recipients than this account allows',
  'message.cancelled': 'Cancelled',
  'request.invalid': 'This is not possible here',
  internal: 'Something in Parley failed',
};

/** Plain words for a coded error: no code, no detail, no full stop. */
export function errorLine(code: ErrorCode, who = 'The other person'): string {
  const line = LINES[code];
  return typeof line === 'string' ? line : capital(line(who));
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
