import { CPIM_TYPE, encodeCpim } from '../../shared/protocol/cpim/cpim.ts';
import { ALL_DISPOSITIONS, formatDateTime, makeCpim } from '../../shared/protocol/cpim/cpim-message.ts';
import { acceptContact, type CpmService, PAGER_MODE, preferredService } from '../../shared/protocol/cpm/names.ts';
import { messageRejection } from '../../shared/protocol/cpm/rejection.ts';
import type { FinalAnswer, Header, OutgoingRequest } from '../sip/port.ts';
import type { OutboxItem } from '../store/port.ts';
import type { Link, ServiceContext } from './context.ts';
import type { Attempt } from './outbox.ts';

/** how long the network may keep a message that it cannot deliver at once, seconds (RFC 3428 section 7) */
const MESSAGE_EXPIRES_S = 86_400;

/**
 * Octets of a MESSAGE body; a larger one leaves in large message mode (cpm.md section 1). RFC 3428 section 8 allows 1300 to whoever cannot
 * know that no hop on the way is UDP, and a client behind its proxy cannot.
 */
export const PAGER_LIMIT = 1300;

/** Answers to a MESSAGE that send the same text in large message mode, once (cpm.md section 15.2; 513 is a server's 413). */
const USE_LARGE_MODE: ReadonlySet<number> = new Set([405, 413, 501, 513]);

type TextItem = Extract<OutboxItem, { kind: 'text' }>;

/** The message/cpim of a text: the same octets in either mode, and in each attempt. */
export function textCpim(context: ServiceContext, { message, peer, answers }: TextItem): Uint8Array {
  return encodeCpim(
    makeCpim({
      from: context.account.address,
      to: peer,
      dateTime: formatDateTime(message.sentAt),
      imdnMessageId: message.imdnId,
      dispositions: ALL_DISPOSITIONS,
      answers: answers?.imdnId,
      contentType: 'text/plain;charset=UTF-8',
      content: message.text,
    }),
  );
}

/** All that a text needs to leave in pager mode (seed 004 7.2.1, cpm.md section 4). */
function pagerMessage(context: ServiceContext, item: TextItem, cpim: Uint8Array): OutgoingRequest {
  return {
    target: item.peer,
    headers: [
      ...originatorHeaders(PAGER_MODE, context.account.address, item),
      { name: 'Date', value: new Date(item.message.sentAt).toUTCString() },
      { name: 'Expires', value: String(MESSAGE_EXPIRES_S) },
    ],
    contactParameters: '',
    contentType: CPIM_TYPE,
    body: cpim,
  };
}

/** What every request that starts something carries: for whom, from whom, and where it belongs (cpm.md sections 2.2, 2.3, 2.7). */
export function originatorHeaders(
  service: CpmService,
  address: string,
  ids: {
    readonly cpmConversationId: string;
    readonly contributionId: string;
    readonly answers?: { readonly contributionId: string } | null;
  },
): Header[] {
  const answers = ids.answers ? [{ name: 'InReplyTo-Contribution-ID', value: ids.answers.contributionId }] : [];
  return [
    { name: 'Accept-Contact', value: acceptContact(service) },
    { name: 'P-Preferred-Service', value: preferredService(service) },
    { name: 'P-Preferred-Identity', value: `<${address}>` },
    { name: 'Conversation-ID', value: ids.cpmConversationId },
    { name: 'Contribution-ID', value: ids.contributionId },
    ...answers,
  ];
}

/** In the mode that its size asks for. @param sendLarge sends the message/cpim in large message mode */
export async function sendText(
  context: ServiceContext,
  item: TextItem,
  link: Link,
  sendLarge: (item: TextItem, link: Link, cpim: Uint8Array) => Promise<Attempt>,
): Promise<Attempt> {
  const cpim = textCpim(context, item);
  if (cpim.length > PAGER_LIMIT) return sendLarge(item, link, cpim);
  const answer = await link.agent.message(pagerMessage(context, item, cpim));
  return USE_LARGE_MODE.has(answer.status) ? sendLarge(item, link, cpim) : attemptFromAnswer(answer);
}

/** What the answer to a MESSAGE, or to a request with rules of its own, means for the next try (cpm.md section 15.2). */
export function attemptFromAnswer(answer: FinalAnswer, rejectionOf = messageRejection): Attempt {
  if (answer.status < 300) return { kind: 'accepted' };
  const rejection = rejectionOf(answer.status, answer.headers);
  const error = { code: rejection.code, detail: `${answer.status} ${answer.reason}` };
  if (rejection.permanent) return { kind: 'failed', error };
  return { kind: 'postponed', error, whenOnline: false, retryAfterMs: rejection.retryAfter === null ? null : rejection.retryAfter * 1000 };
}
