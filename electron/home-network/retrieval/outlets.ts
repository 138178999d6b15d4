import { fromUtf8 } from '../../../shared/base/bytes.ts';
import { ParleyError } from '../../../shared/base/errors.ts';
import { CPIM_TYPE, cpimContent, decodeCpim } from '../../../shared/protocol/cpim/cpim.ts';
import { FILE_TRANSFER } from '../../../shared/protocol/cpm/names.ts';
import { NO_HEADERS, type ObjectHeaders } from '../../../shared/protocol/cpm-objects/object-headers.ts';
import type { StoredObject } from '../../../shared/protocol/cpm-objects/stored-object.ts';
import { mediaType } from '../../../shared/protocol/mime/content-type.ts';
import type { Deferral, DeferredItem } from '../deferral/port.ts';
import type { Directory } from '../directory.ts';
import { fileObject, LARGEST_FILE, messageObject, serviceUrn } from '../history/objects.ts';
import { descriptionIn } from '../media/description.ts';
import type { MessageStore } from '../message-store/port.ts';
import { noOutlet, type Outlets } from './retrieval-host.ts';

type Kept = Pick<Deferral, 'content' | 'record'>;

/**
 * Into the owner's mailboxes, as what he received (R-PF-55, R-PF-56). Rejects with `file.too-large` for a file that is more than a mail server is given,
 * and with what the store says; the item stays then.
 */
export function intoStore(directory: Directory, deferral: Kept, store: MessageStore | null): Outlets['store'] {
  if (store === null) return noOutlet;
  return async (item) => {
    const { id, owner, kind, from, sentAt, subject, conversationId, contributionId } = item;
    const to = [{ address: directory.addressOf({ user: owner }), name: '' }];
    const about = { ...NO_HEADERS, from: { address: from, name: '' }, to, date: sentAt, subject, conversationId, contributionId };
    const headers: ObjectHeaders = { ...about, direction: 'received' };
    const object = kind === 'file' ? await fileOf(item, headers, deferral) : messageObject(headers, CPIM_TYPE, await deferral.content(id));
    if (object === null) throw new ParleyError('request.invalid', 'nothing that is kept');
    await store.keep(owner, object);
  };
}

/** What an item says, with its type: of a file its octets, of anything else the message/cpim. */
export async function letterOf({ id, kind, contentType }: DeferredItem, deferral: Kept): Promise<{ type: string; octets: Uint8Array }> {
  const octets = await deferral.content(id);
  if (kind !== 'file') return { type: CPIM_TYPE, octets };
  const wrapped = mediaType((await deferral.record(id)).mediaType ?? '') === CPIM_TYPE;
  return { type: wrapped ? CPIM_TYPE : contentType || 'application/octet-stream', octets };
}

async function fileOf(
  { id, size, subject, contentType, imdnId }: Omit<DeferredItem, 'uri'>,
  headers: ObjectHeaders,
  deferral: Kept,
): Promise<StoredObject> {
  if (size > LARGEST_FILE) throw new ParleyError('file.too-large', `${size} octets, and the message store takes ${LARGEST_FILE}`);
  const request = await deferral.record(id);
  const described = descriptionIn({ headers: request.fields, body: request.body });
  const octets = await deferral.content(id);
  const content = mediaType(request.mediaType ?? '') === CPIM_TYPE ? cpimContent(decodeCpim(octets)) : octets;
  const file = { name: subject, contentType: contentType === '' ? 'application/octet-stream' : contentType, content };
  const sdp = described === null ? '' : fromUtf8(described.sdp);
  return fileObject({ ...headers, imdnMessageId: imdnId, service: serviceUrn(FILE_TRANSFER) }, sdp, '1-1', file);
}
