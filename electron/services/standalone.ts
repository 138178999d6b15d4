import { listServerOf } from '../../shared/model/account.ts';
import { domainOf } from '../../shared/model/address.ts';
import { CPIM_TYPE, encodeCpim } from '../../shared/protocol/cpim/cpim.ts';
import { ALL_DISPOSITIONS, formatDateTime, makeCpim } from '../../shared/protocol/cpim/cpim-message.ts';
import { acceptContact, type CpmService, PAGER_MODE, preferredService } from '../../shared/protocol/cpm/names.ts';
import { listRejection, messageRejection } from '../../shared/protocol/cpm/rejection.ts';
import { encodeExternalBody } from '../../shared/protocol/mime/external-body.ts';
import type { FinalAnswer, Header, OutgoingRequest } from '../sip/port.ts';
import type { OutboxItem } from '../store/port.ts';
import type { Link, ServiceContext } from './context.ts';
import type { Attempt } from './outbox.ts';
import { RECIPIENT_LIST_MESSAGE, withRecipients } from './recipient-body.ts';

/** how long the network may keep a message that it cannot deliver at once, seconds (RFC 3428 section 7) */
const MESSAGE_EXPIRES_S = 86_400;

/**
 * Octets of a MESSAGE body; a larger one leaves in large message mode (cpm.md section 1). RFC 3428 section 8 allows 1300 to whoever cannot
 * know that no hop on the way is UDP, and a client behind its proxy cannot.
 */
export const PAGER_LIMIT = 1300;

/** how a message without a name says who it is from (cpm.md section 2.7) */
const ANONYMOUS = 'sip:anonymous@anonymous.invalid';

export type TextItem = Extract<OutboxItem, { kind: 'text' }>;

/** Where one request with a text goes. */
export interface Destination {
  /** Request-URI and CPIM To */
  readonly target: string;
  /** whom the server at `target` is to send it to; empty where it is for `target` itself */
  readonly recipients: readonly string[];
}

/** Sends in large message mode. @param cpim the whole message/cpim */
export type SendLarge = (item: TextItem, link: Link, destination: Destination, cpim: Uint8Array) => Promise<Attempt>;

/**
 * The message/cpim of a text: the same octets in either mode, and in each attempt. One without the name asks for no notification (RFC 5438
 * section 12.1.1); it keeps its id, by which a repetition is known.
 */
export function textCpim(context: ServiceContext, { message, answers, reference }: TextItem, to: string): Uint8Array {
  const content =
    reference === null
      ? { contentType: 'text/plain;charset=UTF-8', content: message.text }
      : referenceContent(reference, `${message.imdnId}@${domainOf(context.account.address) ?? 'parley.invalid'}`);
  return encodeCpim(
    makeCpim({
      from: message.anonymous ? ANONYMOUS : context.account.address,
      to,
      dateTime: formatDateTime(message.sentAt),
      imdnMessageId: message.imdnId,
      dispositions: message.anonymous ? [] : ALL_DISPOSITIONS,
      answers: answers?.imdnId,
      ...content,
    }),
  );
}

/** What the network puts its stored object in the place of (R-PF-20, R-PF-21); what that is stands in the store. */
function referenceContent(url: string, contentId: string): { contentType: string; content: Uint8Array } {
  const { contentType, body } = encodeExternalBody({ url, contentType: 'application/octet-stream', contentId });
  return { contentType, content: body };
}

/** All that a text needs to leave in pager mode (seed 004 7.2.1, cpm.md section 4). */
function pagerMessage(context: ServiceContext, item: TextItem, { target, recipients }: Destination, cpim: Uint8Array): OutgoingRequest {
  const isList = recipients.length > 0;
  return {
    target,
    headers: [
      ...textHeaders(PAGER_MODE, context.account.address, item),
      ...(isList ? [{ name: 'Require', value: RECIPIENT_LIST_MESSAGE }] : []),
      { name: 'Date', value: new Date(item.message.sentAt).toUTCString() },
      { name: 'Expires', value: String(MESSAGE_EXPIRES_S) },
    ],
    contactParameters: '',
    ...(isList ? withRecipients({ type: CPIM_TYPE, body: cpim }, recipients) : { contentType: CPIM_TYPE, body: cpim }),
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

/** And what the person wants of a text: no name (the agent leaves it out of From and Contact by this), replies elsewhere (R-PM-04, R-PM-06). */
export function textHeaders(service: CpmService, address: string, item: TextItem): Header[] {
  const { anonymous, replyTo } = item.message;
  return [
    ...originatorHeaders(service, address, item),
    ...(anonymous ? [{ name: 'Privacy', value: 'id' }] : []),
    ...(replyTo === null ? [] : [{ name: 'Reply-To', value: `<${replyTo}>` }]),
  ];
}

/** In the mode that its size asks for; to a list by its server, or one by one where that takes none. */
export async function sendText(context: ServiceContext, item: TextItem, link: Link, sendLarge: SendLarge): Promise<Attempt> {
  const send = (destination: Destination) => sendTo(context, item, link, sendLarge, destination);
  // what is referred to is put into a message to one of them, not into one with a list
  if (item.audience === 'list' && item.reference !== null) return sendOneByOne(context, item, waitingOf(item), send);
  if (item.audience !== 'list') return send({ target: item.target, recipients: [] });
  const waiting = waitingOf(item);
  // some have it by themselves already, so the others get it in the same way
  if (waiting.length === item.recipients.length) {
    const attempt = await send({ target: listServerOf(context.account), recipients: waiting });
    if (attempt.kind !== 'failed' || attempt.error.code !== 'peer.no-lists') return attempt;
    context.log(`no list service: message ${item.message.id} goes to ${waiting.length} recipients one by one`);
  }
  return sendOneByOne(context, item, waiting, send);
}

function waitingOf({ recipients }: TextItem): string[] {
  return recipients.filter(({ status }) => status === 'queued').map(({ address }) => address);
}

/** cpm.md section 15.2, 420. What became of each is committed by itself, so that nobody gets it again by the next try. */
async function sendOneByOne(
  context: ServiceContext,
  { message }: TextItem,
  waiting: readonly string[],
  send: (destination: Destination) => Promise<Attempt>,
): Promise<Attempt> {
  const { store, notices, clock } = context;
  let postponed: Attempt | null = null;
  let failed: Attempt | null = null;
  let accepted = false;
  for (const target of waiting) {
    const attempt = await send({ target, recipients: [] });
    if (attempt.kind === 'postponed') {
      postponed = attempt;
      // nobody else can be reached without the link either
      if (attempt.whenOnline) break;
      continue;
    }
    // the person wants it to go to nobody any more
    if (attempt.kind === 'failed' && attempt.error.code === 'message.cancelled') return attempt;
    const row = { messageId: message.id, address: target, now: clock.now() };
    if (attempt.kind === 'accepted') {
      accepted = true;
      notices.changed(await store.recipientUpdate({ ...row, event: 'accepted' }));
    } else {
      failed = attempt;
      notices.changed(await store.recipientUpdate({ ...row, event: 'failed', error: attempt.error }));
    }
  }
  const all = (await store.messageInfo(message.id)).recipients;
  accepted ||= all.some(({ status }) => status === 'sent' || status === 'delivered' || status === 'displayed');
  return postponed ?? (accepted || failed === null ? { kind: 'accepted' } : failed);
}

async function sendTo(
  context: ServiceContext,
  item: TextItem,
  link: Link,
  sendLarge: SendLarge,
  destination: Destination,
): Promise<Attempt> {
  const cpim = textCpim(context, item, destination.target);
  const request = pagerMessage(context, item, destination, cpim);
  // the network looks into a MESSAGE, so a reference leaves in nothing else; its length has a limit of its own
  const isReference = item.reference !== null;
  if (!isReference && request.body.length > PAGER_LIMIT) return sendLarge(item, link, destination, cpim);
  const answer = await link.agent.message(request);
  const isList = destination.recipients.length > 0;
  if (!isReference && answer.status >= 300 && messageRejection(answer.status).tryLarge) return sendLarge(item, link, destination, cpim);
  const attempt = attemptFromAnswer(answer, isList ? listRejection : messageRejection);
  // for several it says that a server distributes it
  return answer.status === 202 && item.audience === 'person' ? { kind: 'accepted', kept: true } : attempt;
}

/** What the answer to a MESSAGE, or to a request with rules of its own, means for the next try (cpm.md section 15.2). */
export function attemptFromAnswer(answer: FinalAnswer, rejectionOf = messageRejection): Attempt {
  if (answer.status < 300) return { kind: 'accepted' };
  const rejection = rejectionOf(answer.status, answer.headers);
  const error = { code: rejection.code, detail: `${answer.status} ${answer.reason}` };
  if (rejection.permanent) return { kind: 'failed', error };
  return { kind: 'postponed', error, whenOnline: false, retryAfterMs: rejection.retryAfter === null ? null : rejection.retryAfter * 1000 };
}
