import { ParleyError, toCodedError } from '../../../shared/base/errors.ts';
import { CPIM_TYPE } from '../../../shared/protocol/cpim/cpim.ts';
import { CHAT_SESSION, type CpmService, contactFeature, contactOf } from '../../../shared/protocol/cpm/names.ts';
import { encodeWarning } from '../../../shared/protocol/cpm/warning.ts';
import { type ChatMedia, makeChatAnswer, makeChatOffer, readChatAnswer, readChatOffer } from '../../../shared/protocol/sdp/chat-offer.ts';
import { makeOrigin } from '../../../shared/protocol/sdp/file-offer.ts';
import { decodeSdp, encodeSdp, SDP_TYPE, type SessionDescription } from '../../../shared/protocol/sdp/sdp.ts';
import type { IncomingInvite, SessionBody } from '../../sip/port.ts';
import type { ServiceContext } from '../context.ts';
import type { Envelope } from '../envelope.ts';
import type { Inbox } from '../inbox.ts';
import { findPart, offerOf, Unacceptable } from '../session-body.ts';
import { MAX_MESSAGE } from '../session-sink.ts';
import { NoRoom } from '../stranger-room.ts';
import type { ChatSession } from './chat-session.ts';

/** What the peer offers; `own`: nothing, it answers an offer of ours (RFC 3261 section 13.2.1). */
export type ReadOffer = 'own' | { readonly offer: SessionDescription; readonly media: ChatMedia };

/** @param ownHost where MSRP listens. @throws Unacceptable; ParleyError `sdp.*`, `multipart.*` */
export function readInvitation(invite: IncomingInvite, service: CpmService, ownHost: string): ReadOffer {
  const sdp = offerOf(invite);
  // a large message has one sender, and it is not us who offers to take it
  if (!sdp && service === CHAT_SESSION) return 'own';
  if (!sdp) throw unusable(399, 'No session description');
  const offer = decodeSdp(sdp);
  const { media, refusal } = readChatOffer(offer, ownHost);
  if (refusal) throw unusable(refusal.code, refusal.text);
  return { offer, media };
}

function unusable(code: number, text: string): Unacceptable {
  return new Unacceptable(488, [{ name: 'Warning', value: encodeWarning({ code, agent: 'parley', text }) }], text);
}

/**
 * Some peers put their first message beside the offer (cpm.md section 7). It is on disk before the 200 says that it was taken; one that
 * nobody could read does not keep the session from being one.
 * @throws NoRoom; ParleyError `store.*`
 */
export async function takeFirstMessage(context: ServiceContext, inbox: Inbox, invite: IncomingInvite, envelope: Envelope): Promise<void> {
  const cpim = findPart(invite.contentType, invite.body, CPIM_TYPE);
  if (!cpim) return;
  try {
    await inbox.take(envelope, CPIM_TYPE, cpim);
  } catch (thrown) {
    const error = toCodedError(thrown);
    if (error.code.startsWith('store.') || thrown instanceof NoRoom) throw thrown;
    context.log(`message in INVITE ${invite.callId}: ${error.code} ${error.detail}`);
  }
}

/** @throws ParleyError as of {@link readChatAnswer}, `sdp.*`, `multipart.*`; `peer.malformed` where the ACK has no answer */
function readAck(offer: SessionDescription, { contentType, body }: SessionBody): ChatMedia {
  const sdp = findPart(contentType, body, SDP_TYPE);
  if (!sdp) throw new ParleyError('peer.malformed', 'no answer in the ACK');
  return readChatAnswer(offer, decodeSdp(sdp));
}

/** 200, and MSRP as it was agreed on. @throws ParleyError; the session is over then */
export async function acceptChat(
  session: ChatSession,
  invite: IncomingInvite,
  read: ReadOffer,
  instance: string | null,
  { service, now, isGroup }: { readonly service: CpmService; readonly now: number; readonly isGroup?: boolean },
): Promise<void> {
  session.attach(invite);
  invite.onCancelled(() => session.end('cancelled'));
  try {
    const place = await session.announce(read === 'own' ? undefined : read.media);
    const end = { origin: makeOrigin(place.address, now), place, maxSize: MAX_MESSAGE, isGroup };
    const description = read === 'own' ? makeChatOffer(end) : makeChatAnswer(read.offer, read.media, end);
    const acknowledged = await invite.accept({
      contentType: SDP_TYPE,
      body: encodeSdp(description),
      contactParameters: contactFeature([service]),
      // which conversation this is, as F05-04 has it
      headers: invite.headers.filter(({ name }) => /^(conversation|contribution)-id$/i.test(name)),
    });
    const media = read === 'own' ? readAck(description, acknowledged) : read.media;
    await session.connect(description, media, instance, contactOf(invite.headers));
  } catch (thrown) {
    session.end('lost');
    throw thrown;
  }
}
