import { ParleyError } from '../../../shared/base/errors.ts';
import { randomUuid } from '../../../shared/base/random.ts';
import { addressTitle } from '../../../shared/model/address.ts';
import type { ConversationSettings } from '../../../shared/model/conversation.ts';
import { CHAT_SESSION, contactFeature, contactOf, instanceOf } from '../../../shared/protocol/cpm/names.ts';
import { makeChatOffer, readChatAnswer } from '../../../shared/protocol/sdp/chat-offer.ts';
import { makeOrigin } from '../../../shared/protocol/sdp/file-offer.ts';
import { decodeSdp, encodeSdp, SDP_TYPE } from '../../../shared/protocol/sdp/sdp.ts';
import type { FinalAnswer, OutgoingRequest } from '../../sip/port.ts';
import type { Link } from '../context.ts';
import { answerWithin } from '../invite-answer.ts';
import { MAX_MESSAGE } from '../session-sink.ts';
import { originatorHeaders } from '../standalone.ts';
import { ChatSession, type ChatSessionPorts } from './chat-session.ts';

/**
 * A device that takes chats by itself answers at once; one that asks its person first may ring. A text does not wait for a person: after
 * this long comes CANCEL, and the text leaves as a message of its own.
 */
const ANSWER_WITHIN_MS = 20_000;

/** Whom a session is for, and the conversation it belongs to. */
export interface ChatTarget {
  /** canonical address */
  readonly peer: string;
  /** where requests go, where that is not the peer's address itself: the sip URI that stands for a number */
  readonly route?: string | null | undefined;
  readonly cpmConversationId: string;
  /** how texts leave in that conversation; without it as the account's settings have it */
  readonly mode?: ConversationSettings['mode'] | undefined;
  /** the peer is not to know who it is (R-SES-08); such a session carries nothing that has a name */
  readonly anonymous?: boolean | undefined;
  /** whose session is entered and left by its person */
  readonly isGroup?: boolean | undefined;
}

/** Under which its sessions are kept: those with a name and those without are apart. */
export function targetKey({ peer, anonymous }: ChatTarget): string {
  return anonymous ? `anonymous ${peer}` : peer;
}

/** The INVITE got a final answer that is no 2xx. */
export class InviteRefused extends ParleyError {
  readonly answer: FinalAnswer;

  constructor(answer: FinalAnswer) {
    super('peer.declined', `${answer.status} ${answer.reason}`);
    this.answer = answer;
  }
}

/**
 * Starts a session (seed 004 7.3.1, cpm.md section 7, F05). An offer whose types or path are refused goes out once more without CEMA
 * (cpm.md section 15.2).
 * @throws InviteRefused; ParleyError `peer.timeout`, `peer.unsupported`, `peer.malformed`, `msrp.*`, `relay.*`, `link.*`, or the reason of the abort. The
 * session is over then
 */
export async function startChat(ports: ChatSessionPorts, target: ChatTarget, link: Link, abort: AbortController): Promise<ChatSession> {
  const contributionId = randomUuid();
  const { peer, cpmConversationId } = target;
  const session = new ChatSession(
    ports,
    targetKey(target),
    {
      ...target,
      aliases: [],
      route: target.route ?? null,
      title: addressTitle(target.peer),
      contributionId,
      originInstance: null,
      answersContribution: null,
      fallbackId: '',
      replyTo: null,
      alsoTo: [],
    },
    'us',
  );
  await callChat(ports.context, session, link, abort, {
    request: (sdp) => ({
      target: target.route ?? peer,
      headers: [
        ...originatorHeaders(CHAT_SESSION, ports.context.account.address, { cpmConversationId, contributionId }),
        ...(target.anonymous ? [{ name: 'Privacy', value: 'id' }] : []),
      ],
      contactParameters: contactFeature([CHAT_SESSION]),
      contentType: SDP_TYPE,
      body: sdp,
    }),
  });
  return session;
}

export interface ChatCall {
  /** @param sdp our offer */
  readonly request: (sdp: Uint8Array) => OutgoingRequest;
  /** it is the focus of a group that answers */
  readonly isGroup?: boolean;
  /** ms; {@link ANSWER_WITHIN_MS} when left out */
  readonly answerWithin?: number;
}

/**
 * INVITE, and MSRP as it was agreed on; the session is over where that fails.
 * @returns the 2xx. @throws InviteRefused; ParleyError as of {@link startChat}
 */
export async function callChat(
  context: ChatSessionPorts['context'],
  session: ChatSession,
  link: Link,
  abort: AbortController,
  { request, isGroup, answerWithin: within = ANSWER_WITHIN_MS }: ChatCall,
): Promise<FinalAnswer> {
  const cancel = () => session.end('cancelled');
  abort.signal.addEventListener('abort', cancel, { once: true });
  try {
    abort.signal.throwIfAborted();
    let refused: FinalAnswer | null = null;
    const place = await session.announce();
    const end = { origin: makeOrigin(place.address, context.clock.now()), place, maxSize: MAX_MESSAGE, isGroup };
    for (const cema of [true, false]) {
      const offer = makeChatOffer(end, cema);
      const invite = link.agent.invite(request(encodeSdp(offer)));
      session.attach(invite);
      const answer = await answerWithin(within, invite, context.clock, abort);
      if (answer.status < 300) {
        const media = readChatAnswer(offer, decodeSdp(answer.body));
        if (!media.takesText && !isGroup) throw new ParleyError('peer.unsupported', 'texts are not among the types it takes');
        await session.connect(offer, media, instanceOf(answer.headers), contactOf(answer.headers));
        return answer;
      }
      refused = answer;
      if (answer.status !== 488 && answer.status !== 606) break;
    }
    throw new InviteRefused(refused as FinalAnswer);
  } catch (thrown) {
    session.end('refused');
    throw thrown;
  } finally {
    abort.signal.removeEventListener('abort', cancel);
  }
}
