import { toCodedError } from '../../shared/base/errors.ts';
import { addressTitle, canonicalAddress } from '../../shared/model/address.ts';
import { type CpimMessage, decodeCpim } from '../../shared/protocol/cpim/cpim.ts';
import { cpimAddress, cpimAnswers, cpimDateTime, imdnRequest } from '../../shared/protocol/cpim/cpim-message.ts';
import { MESSAGE_DIRECTION } from '../../shared/protocol/cpm/names.ts';
import { header, headers } from '../../shared/protocol/sip/message.ts';
import { decodeNameAddr } from '../../shared/protocol/sip/name-addr.ts';
import type { IncomingMessage } from '../sip/port.ts';
import { groupOf } from './audience.ts';
import type { ServiceContext } from './context.ts';
import { readEnvelope } from './envelope.ts';
import { readBody } from './reading.ts';
import { notificationsIn } from './receipts.ts';

/**
 * A copy of what another device of this person has sent. Only the network can say so: by the identity that it asserts. What merely claims to be
 * from here is a message as any other.
 */
export function isOwnCopy({ account }: Pick<ServiceContext, 'account'>, message: Pick<IncomingMessage, 'headers'>): boolean {
  if (header(message, MESSAGE_DIRECTION)?.trim().toLowerCase() !== 'sent') return false;
  const own = canonicalAddress(account.address, account.countryCode);
  return headers(message, 'P-Asserted-Identity').some((value) => own !== null && addressIn(value, account.countryCode) === own);
}

/** Answered 200 whatever it is: there is nobody who could do better with a refusal. */
export async function answerOwnCopy(context: ServiceContext, message: IncomingMessage): Promise<void> {
  try {
    const cpim = decodeCpim(message.body);
    const to = canonicalAddress(cpimAddress(cpim, 'To')?.uri ?? '', context.account.countryCode);
    if (to !== null && to !== canonicalAddress(context.account.address)) await take(context, message, cpim, context.contacts.peerOf(to));
  } catch (thrown) {
    const { code, detail } = toCodedError(thrown);
    context.log(`copy of an own message ${message.callId} passed over: ${code} ${detail}`);
  }
  message.answer(200, 'OK');
}

async function take(context: ServiceContext, message: IncomingMessage, cpim: CpimMessage, peer: string): Promise<void> {
  const { store, notices, clock, account, contacts } = context;
  const now = clock.now();
  const { content } = readBody(message.contentType, message.body);
  if (content.kind === 'notification') {
    for (const { messageId, status } of notificationsIn(cpim)) {
      const read = status === 'displayed' ? await store.noteOwnDisplay({ peer, imdnId: messageId, now }) : null;
      for (const each of read?.messages ?? []) notices.changed({ message: each });
      notices.changed(read);
    }
    return;
  }
  const { messageId } = imdnRequest(cpim);
  // without its id it could be there twice
  if (content.kind !== 'text' || messageId === null) return;
  const { cpmConversationId, contributionId, answersContribution } = readEnvelope(message, account);
  const group = groupOf(account, peer);
  const rows = await store.noteOwnText({
    peer,
    title: addressTitle(peer, group?.name ?? contacts.names.get(peer)),
    kind: group === null ? 'person' : 'group',
    ...{ cpmConversationId, contributionId, imdnId: messageId, text: content.text, now },
    answers: { imdnId: cpimAnswers(cpim), contributionId: answersContribution },
    sentAt: cpimDateTime(cpim).time ?? now,
  });
  notices.changed(rows.created ? rows : { merged: rows.merged });
}

function addressIn(value: string, countryCode: string | undefined): string | null {
  try {
    return canonicalAddress(decodeNameAddr(value).uri, countryCode);
  } catch {
    return null;
  }
}
