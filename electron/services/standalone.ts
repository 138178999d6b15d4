import { encodeCpim } from '../../shared/protocol/cpim/cpim.ts';
import { ALL_DISPOSITIONS, formatDateTime, makeCpim } from '../../shared/protocol/cpim/cpim-message.ts';
import { acceptContact, type CpmService, PAGER_MODE, preferredService } from '../../shared/protocol/cpm/names.ts';
import { messageRejection } from '../../shared/protocol/cpm/rejection.ts';
import type { FinalAnswer, Header, OutgoingRequest } from '../sip/port.ts';
import type { OutboxItem } from '../store/port.ts';
import type { Link, ServiceContext } from './context.ts';
import type { Attempt } from './outbox.ts';

/** how long the network may keep a message that it cannot deliver at once, seconds (RFC 3428 section 7) */
const MESSAGE_EXPIRES_S = 86_400;

/** All that a text needs to leave in pager mode (seed 004 7.2.1, cpm.md section 4). */
export function pagerMessage(context: ServiceContext, item: Extract<OutboxItem, { kind: 'text' }>): OutgoingRequest {
  const { address } = context.account;
  const { message } = item;
  return {
    target: item.peer,
    headers: [
      ...originatorHeaders(PAGER_MODE, address),
      { name: 'Conversation-ID', value: item.cpmConversationId },
      { name: 'Contribution-ID', value: item.contributionId },
      { name: 'Date', value: new Date(message.sentAt).toUTCString() },
      { name: 'Expires', value: String(MESSAGE_EXPIRES_S) },
    ],
    contactParameters: '',
    contentType: 'message/cpim',
    body: encodeCpim(
      makeCpim({
        from: address,
        to: item.peer,
        dateTime: formatDateTime(message.sentAt),
        imdnMessageId: message.imdnId,
        dispositions: ALL_DISPOSITIONS,
        contentType: 'text/plain;charset=UTF-8',
        content: message.text,
      }),
    ),
  };
}

/** Accept-Contact, P-Preferred-Service and P-Preferred-Identity of a request that starts something (cpm.md sections 2.2, 2.7). */
export function originatorHeaders(service: CpmService, address: string): Header[] {
  return [
    { name: 'Accept-Contact', value: acceptContact(service) },
    { name: 'P-Preferred-Service', value: preferredService(service) },
    { name: 'P-Preferred-Identity', value: `<${address}>` },
  ];
}

export async function sendText(context: ServiceContext, item: Extract<OutboxItem, { kind: 'text' }>, link: Link): Promise<Attempt> {
  return attemptFromAnswer(await link.agent.message(pagerMessage(context, item)));
}

/** What the answer to a MESSAGE means for the next try (cpm.md section 15.2). */
export function attemptFromAnswer(answer: FinalAnswer): Attempt {
  if (answer.status < 300) return { kind: 'accepted' };
  const rejection = messageRejection(answer.status, answer.headers);
  const error = { code: rejection.code, detail: `${answer.status} ${answer.reason}` };
  if (rejection.permanent) return { kind: 'failed', error };
  return { kind: 'postponed', error, whenOnline: false, retryAfterMs: rejection.retryAfter === null ? null : rejection.retryAfter * 1000 };
}
