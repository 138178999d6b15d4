import { ParleyError } from '../../../shared/base/errors.ts';
import { CPIM_TYPE } from '../../../shared/protocol/cpim/cpim.ts';
import { NO_HEADERS } from '../../../shared/protocol/cpm-objects/object-headers.ts';
import type { Deferral } from '../deferral/port.ts';
import type { Directory } from '../directory.ts';
import { messageObject } from '../history/objects.ts';
import type { MessageStore } from '../message-store/port.ts';
import { noOutlet, type Outlets } from './retrieval-host.ts';

/** Into the owner's mailboxes, as a message that he received. */
export function intoStore(directory: Directory, deferral: Pick<Deferral, 'content'>, store: MessageStore | null): Outlets['store'] {
  if (store === null) return noOutlet;
  return async ({ id, owner, kind, from, sentAt, subject, conversationId, contributionId }) => {
    if (kind === 'file') throw new ParleyError('peer.unsupported', 'a file waits for a device');
    const to = [{ address: directory.addressOf({ user: owner }), name: '' }];
    const about = { ...NO_HEADERS, from: { address: from, name: '' }, to, date: sentAt, subject, conversationId, contributionId };
    const object = messageObject({ ...about, direction: 'received' }, CPIM_TYPE, await deferral.content(id));
    if (object === null) throw new ParleyError('request.invalid', 'nothing that is kept');
    await store.keep(owner, object);
  };
}
