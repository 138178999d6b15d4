import { contactOf, isFocus } from '../../../shared/protocol/cpm/names.ts';
import type { IncomingInvite } from '../../sip/port.ts';
import type { ServiceContext } from '../context.ts';
import type { Envelope } from '../envelope.ts';

/**
 * A file that is sent into a group goes out from its focus (seed 001 9.3.1) and belongs into the thread of the group, where its author is in it: he
 * stays whom the network asserts. Whoever only claims to speak for a group sends a file like any other.
 */
export async function inItsGroup(
  { store }: Pick<ServiceContext, 'store'>,
  { headers }: Pick<IncomingInvite, 'headers'>,
  envelope: Envelope,
): Promise<Envelope> {
  const identity = isFocus(headers) ? contactOf(headers) : null;
  const { peer: author, cpmConversationId } = envelope;
  const group = await store.groupBy({ author, identity, cpmConversationId });
  if (group === null) return envelope;
  return { ...envelope, group: { conversationId: group.conversationId, identity: group.identity ?? '' } };
}
