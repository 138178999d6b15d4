import { createHash } from 'node:crypto';
import { utf8 } from '../../../shared/base/bytes.ts';
import type { StoredObject } from '../../../shared/protocol/cpm-objects/stored-object.ts';

const LONGEST = 150;
/** what says which message of whom an object is, where there is no id */
const NO_CONVERSATION = 'No-Conversation-ID';

/**
 * Conversation folder, and in it the session folder for what belongs to a session (cpm.md section 16.7). Ids go into names as they are but for what
 * some mail server would take for a level or a wildcard.
 */
export function folderOf({ kind, headers }: StoredObject): string[] {
  const { conversationId, contributionId, service } = headers;
  const conversation = folderName(conversationId ?? NO_CONVERSATION);
  const isOfSession = kind === 'session' || kind === 'group-state' || /oma\.cpm\.session(\.group)?$/i.test(service ?? '');
  return isOfSession && contributionId !== null ? [conversation, folderName(contributionId)] : [conversation];
}

function folderName(id: string): string {
  const name = Array.from(utf8(id), (octet) => {
    const character = String.fromCharCode(octet);
    return /[A-Za-z0-9_+-]/.test(character) ? character : `=${octet.toString(16).toUpperCase().padStart(2, '0')}`;
  }).join('');
  return name.length <= LONGEST ? name : `${name.slice(0, LONGEST - 33)}-${createHash('sha256').update(id).digest('hex').slice(0, 32)}`;
}

/** The same for the same object, however often it is recorded. */
export function objectKey(object: StoredObject): string {
  const { headers, kind } = object;
  const { conversationId, contributionId, imdnMessageId, direction, from } = headers;
  const about = [kind, conversationId, contributionId, imdnMessageId, direction, from?.address ?? null];
  const hash = createHash('sha256').update(JSON.stringify(about));
  if (kind === 'message' && imdnMessageId === null) hash.update(object.content);
  // where it is described, and where it is with its octets
  if (kind === 'file') hash.update(JSON.stringify([object.transfer.files, object.files.length]));
  // an invitation that is sent again is the same one
  if (kind === 'session') hash.update(contributionId === null ? object.session.sdp : (object.session.outcome ?? ''));
  if (kind === 'group-state') hash.update(JSON.stringify(object.group));
  return hash.digest('hex').slice(0, 32);
}
