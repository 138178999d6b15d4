import { type CodedError, toCodedError } from '../../shared/base/errors.ts';
import type { Header, IncomingMessage } from '../sip/port.ts';
import type { ServiceContext } from './context.ts';
import { readEnvelope, senderAddresses } from './envelope.ts';
import type { Inbox } from './inbox.ts';
import { answerOwnCopy, isOwnCopy } from './own-copies.ts';
import { READABLE_TYPES } from './reading.ts';
import { NoRoom } from './stranger-room.ts';

/** A MESSAGE is answered 200 after the commit (cpm.md section 4): whatever was acknowledged is on disk. */
export async function answerMessage(context: ServiceContext, inbox: Inbox, message: IncomingMessage): Promise<void> {
  if (isOwnCopy(context, message)) return answerOwnCopy(context, message);
  // cpm.md section 15.3: whoever is blocked is not told
  if (context.contacts.isBlocked(senderAddresses(message, context.account))) return message.answer(200, 'OK');
  try {
    const envelope = { ...readEnvelope(message, context.account), date: dateOf(message.headers) };
    await inbox.take(envelope, message.contentType, message.body);
    message.answer(200, 'OK');
  } catch (thrown) {
    const error = toCodedError(thrown);
    if (error.code === 'peer.blocked') return message.answer(200, 'OK');
    const { status, headers } = thrown instanceof NoRoom ? { status: 480, headers: thrown.headers } : refusalOf(error);
    context.log(`MESSAGE ${message.callId} answered ${status}: ${error.code} ${error.detail}`);
    message.answer(status, undefined, headers);
  }
}

/** Of one that was kept for us, it says when it was sent (RFC 3428 section 7). */
function dateOf(headers: readonly Header[]): number | null {
  const time = Date.parse(headers.find((header) => header.name.toLowerCase() === 'date')?.value ?? '');
  return Number.isNaN(time) || time < 0 ? null : time;
}

function refusalOf(error: CodedError): { status: number; headers: readonly Header[] } {
  if (error.code === 'peer.unsupported') {
    return { status: 415, headers: [{ name: 'Accept', value: READABLE_TYPES }] };
  }
  if (error.code.endsWith('.too-large')) return { status: 413, headers: [] };
  // the sender keeps it and tries again: nothing is lost while this device has trouble of its own
  if (error.code.startsWith('store.') || error.code === 'internal') return { status: 500, headers: [{ name: 'Retry-After', value: '60' }] };
  return { status: 400, headers: [] };
}
