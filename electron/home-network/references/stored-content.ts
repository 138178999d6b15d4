import { fromUtf8, utf8 } from '../../../shared/base/bytes.ts';
import { ParleyError } from '../../../shared/base/errors.ts';
import { CPIM_TYPE, contentHeader, cpimContent, decodeCpim } from '../../../shared/protocol/cpim/cpim.ts';
import { decodeStoredObject, type MessageObject, type StoredObject } from '../../../shared/protocol/cpm-objects/stored-object.ts';
import type { ImapUrl } from '../../../shared/protocol/imap/imap-url.ts';
import { IMDN_TYPE } from '../../../shared/protocol/imdn/imdn.ts';
import { mediaType } from '../../../shared/protocol/mime/content-type.ts';
import { isExternalBody } from '../../../shared/protocol/mime/external-body.ts';
import type { MailClient, MailFolder } from '../../imap/port.ts';

/** What a recipient gets for a reference. */
export interface StoredContent {
  /** text goes as a message, anything else as a file */
  readonly kind: 'text' | 'file';
  readonly name: string | null;
  readonly contentType: string;
  readonly content: Uint8Array;
}

/** octets of a stored object: a file of 16 MiB in base64, and what stands around it */
const LONGEST_OBJECT = 24_117_248;
/** of the history of one session */
const MOST_MESSAGES = 1000;
const LONGEST_HISTORY = 1_048_576;

/**
 * Reads what a URL names in its owner's mailboxes: of a message its text, of a file the file (with SECTION the part of that number), of a session, or of
 * its folder, what was said in it, line by line. @throws ParleyError `request.not-found`, `peer.too-large`, `peer.unsupported`, `history.*`
 */
export async function storedContent(mail: MailClient, { folder, uidValidity, uid, section }: ImapUrl): Promise<StoredContent> {
  if (uidValidity !== null && (await mail.uidValidity(folder)) !== uidValidity)
    throw new ParleyError('request.not-found', 'another mailbox of that name');
  if (uid === null) return historyIn(mail, folder);
  const object = await objectAt(mail, folder, uid);
  switch (object.kind) {
    case 'file': {
      // the first part is the description
      const file = object.files[section === null ? 0 : Number(section) - 2];
      if (file === undefined) throw new ParleyError('request.not-found', 'the store has no octets of that file');
      return { kind: 'file', name: file.name, contentType: file.contentType, content: file.content };
    }
    case 'session':
      return historyIn(mail, folder);
    case 'message': {
      if (section !== null && section !== '1') throw new ParleyError('request.not-found', 'a message has one part');
      const found = contentIn(object);
      if (found === null) throw new ParleyError('peer.unsupported', 'nothing that could be sent');
      return found;
    }
    default:
      throw new ParleyError('peer.unsupported', 'the state of a group');
  }
}

async function objectAt(mail: MailClient, folder: MailFolder, uid: number): Promise<StoredObject> {
  const [head] = await mail.heads(folder, [uid]);
  if (head === undefined) throw new ParleyError('request.not-found', 'no such message');
  if (head.size > LONGEST_OBJECT) throw new ParleyError('peer.too-large', `${head.size} octets`);
  return decodeStoredObject(await mail.message(folder, uid, LONGEST_OBJECT));
}

/** Null for a notification, what refers to something else, and what cannot be read. */
function contentIn({ contentType, content }: MessageObject): StoredContent | null {
  const inner = mediaType(contentType) === CPIM_TYPE ? unwrapped(content) : { type: contentType, octets: content };
  if (inner === null || mediaType(inner.type) === IMDN_TYPE || isExternalBody(inner.type)) return null;
  const kind = mediaType(inner.type) === 'text/plain' ? 'text' : 'file';
  return { kind, name: null, contentType: inner.type, content: inner.octets };
}

function unwrapped(octets: Uint8Array): { readonly type: string; readonly octets: Uint8Array } | null {
  try {
    const cpim = decodeCpim(octets);
    return { type: contentHeader(cpim, 'Content-Type') ?? 'text/plain', octets: cpimContent(cpim) };
  } catch {
    return null;
  }
}

/** `2026-11-20 16:27 UTC, Alice: text`, oldest first. */
async function historyIn(mail: MailClient, folder: MailFolder): Promise<StoredContent> {
  const uids = await mail.uids(folder);
  if (uids.length > MOST_MESSAGES) throw new ParleyError('peer.too-large', `${uids.length} messages`);
  const lines: { readonly at: number; readonly line: string }[] = [];
  let octets = 0;
  for (const { uid, size, received } of uids.length === 0 ? [] : await mail.heads(folder, uids)) {
    octets += size;
    if (octets > LONGEST_OBJECT) throw new ParleyError('peer.too-large', 'a long session');
    const object = decodeStoredObject(await mail.message(folder, uid, LONGEST_OBJECT));
    const said = object.kind === 'message' ? contentIn(object) : null;
    if (said?.kind !== 'text') continue;
    const { from, date } = object.headers;
    const at = date ?? received;
    const time = new Date(at).toISOString().slice(0, 16).replace('T', ' ');
    lines.push({ at, line: `${time} UTC, ${from?.name || from?.address.replace(/^sip:/, '') || '?'}: ${fromUtf8(said.content)}` });
  }
  if (lines.length === 0) throw new ParleyError('request.not-found', 'nothing was said there');
  lines.sort((one, other) => one.at - other.at);
  const content = utf8(lines.map(({ line }) => line).join('\n'));
  if (content.length > LONGEST_HISTORY) throw new ParleyError('peer.too-large', `${content.length} octets`);
  return { kind: 'text', name: null, contentType: 'text/plain;charset=UTF-8', content };
}
