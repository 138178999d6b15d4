import { ParleyError, toCodedError } from '../../../shared/base/errors.ts';
import { CPIM_TYPE } from '../../../shared/protocol/cpim/cpim.ts';
import { type CpmService, contactFeature } from '../../../shared/protocol/cpm/names.ts';
import { encodeWarning } from '../../../shared/protocol/cpm/warning.ts';
import { type ChatMedia, makeChatAnswer, readChatOffer } from '../../../shared/protocol/sdp/chat-offer.ts';
import { makeOrigin } from '../../../shared/protocol/sdp/file-offer.ts';
import { decodeSdp, encodeSdp, SDP_TYPE, type SessionDescription } from '../../../shared/protocol/sdp/sdp.ts';
import type { Header, IncomingInvite } from '../../sip/port.ts';
import type { ServiceContext } from '../context.ts';
import type { Envelope } from '../envelope.ts';
import type { Inbox } from '../inbox.ts';
import { findPart } from '../session-body.ts';
import { MAX_MESSAGE } from '../session-sink.ts';
import type { ChatSession } from './chat-session.ts';

export interface ReadOffer {
  readonly offer: SessionDescription;
  readonly media: ChatMedia;
}

/** An offer that is answered with 488: it is no use to anybody (cpm.md section 15.3). */
export class OfferRefused extends ParleyError {
  readonly headers: readonly Header[];

  constructor(code: number, text: string) {
    super('peer.unsupported', text);
    this.headers = [{ name: 'Warning', value: encodeWarning({ code, agent: 'parley', text }) }];
  }
}

/** @param ownHost where MSRP listens. @throws OfferRefused; ParleyError `sdp.*`, `multipart.*` */
export function readInvitation(invite: IncomingInvite, ownHost: string): ReadOffer {
  const sdp = findPart(invite.contentType, invite.body, SDP_TYPE);
  if (!sdp) throw new OfferRefused(399, 'No session description');
  const offer = decodeSdp(sdp);
  const { media, refusal } = readChatOffer(offer, ownHost);
  if (refusal) throw new OfferRefused(refusal.code, refusal.text);
  return { offer, media };
}

/**
 * Some peers put their first message beside the offer (cpm.md section 7). It is on disk before the 200 says that it was taken; one that
 * nobody could read does not keep the session from being one.
 * @throws ParleyError `store.*`
 */
export async function takeFirstMessage(context: ServiceContext, inbox: Inbox, invite: IncomingInvite, envelope: Envelope): Promise<void> {
  const cpim = findPart(invite.contentType, invite.body, CPIM_TYPE);
  if (!cpim) return;
  try {
    await inbox.take(envelope, CPIM_TYPE, cpim);
  } catch (thrown) {
    const error = toCodedError(thrown);
    if (error.code.startsWith('store.')) throw thrown;
    context.log(`message in INVITE ${invite.callId}: ${error.code} ${error.detail}`);
  }
}

/** 200, and MSRP as it was agreed on. @throws ParleyError; the session is over then */
export async function acceptChat(
  session: ChatSession,
  invite: IncomingInvite,
  { offer, media }: ReadOffer,
  instance: string | null,
  { service, now }: { readonly service: CpmService; readonly now: number },
): Promise<void> {
  session.attach(invite);
  invite.onCancelled(() => session.end('cancelled'));
  try {
    const place = await session.announce();
    const end = { origin: makeOrigin(place.address, now), place, maxSize: MAX_MESSAGE };
    await invite.accept({
      contentType: SDP_TYPE,
      body: encodeSdp(makeChatAnswer(offer, media, end)),
      contactParameters: contactFeature([service]),
      // which conversation this is, as F05-04 has it
      headers: invite.headers.filter(({ name }) => /^(conversation|contribution)-id$/i.test(name)),
    });
    await session.connect(media, instance);
  } catch (thrown) {
    session.end('lost');
    throw thrown;
  }
}
