import { ParleyError } from '../../shared/base/errors.ts';
import { CPIM_TYPE } from '../../shared/protocol/cpim/cpim.ts';
import { COMPOSING_TYPE } from '../../shared/protocol/iscomposing/iscomposing.ts';
import { mediaType } from '../../shared/protocol/mime/content-type.ts';
import type { IncomingHead, MessageSink } from '../msrp/port.ts';
import type { Envelope } from './envelope.ts';
import type { Inbox } from './inbox.ts';

/** octets of one message with its wrapper; texts are capped well below */
export const MAX_MESSAGE = 1_048_576;

/** What comes in a session lands in the inbox: the last chunk is reported once it is on disk. */
export function messageSink(inbox: Inbox, envelope: Envelope, head: IncomingHead): MessageSink | { readonly refuse: 413 | 415 } {
  const type = mediaType(head.contentType);
  if (type !== CPIM_TYPE && type !== COMPOSING_TYPE && type !== 'text/plain') return { refuse: 415 };
  if (type !== COMPOSING_TYPE && !inbox.hasRoom(envelope, head.total ?? 0)) return { refuse: 413 };
  return gatheringSink(head, (octets) => inbox.take({ ...envelope, fallbackId: `msrp:${head.messageId}` }, head.contentType, octets));
}

/** One message as a whole. @param take when it resolves the message is on disk */
export function gatheringSink(
  head: Pick<IncomingHead, 'total'>,
  take: (octets: Uint8Array) => Promise<void>,
): MessageSink | { readonly refuse: 413 } {
  if ((head.total ?? 0) > MAX_MESSAGE) return { refuse: 413 };
  let parts: Placed[] = [];
  let held = 0;
  return {
    write: (offset, octets) => {
      held += octets.length;
      if (offset + octets.length > MAX_MESSAGE || held > 2 * MAX_MESSAGE)
        throw new ParleyError('msrp.too-large', `${offset + octets.length} octets`);
      parts.push({ offset, octets: octets.slice() });
    },
    complete: (size) => take(assemble(parts, size)),
    abort: () => {
      parts = [];
    },
  };
}

interface Placed {
  readonly offset: number;
  readonly octets: Uint8Array;
}

/** Chunks placed by their Byte-Range; where two overlap the later one wins (RFC 4975 section 7.3.1). Together they cover all of `size`. */
function assemble(parts: readonly Placed[], size: number): Uint8Array {
  const whole = new Uint8Array(size);
  for (const { offset, octets } of parts) if (offset < size) whole.set(octets.subarray(0, size - offset), offset);
  return whole;
}
