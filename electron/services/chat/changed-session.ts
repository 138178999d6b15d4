import type { ChatMedia } from '../../../shared/protocol/sdp/chat-offer.ts';
import { refusedLine } from '../../../shared/protocol/sdp/file-offer.ts';
import { decodeSdp, encodeSdp, type Media, nextVersion, SDP_TYPE, type SessionDescription } from '../../../shared/protocol/sdp/sdp.ts';
import type { IncomingReoffer } from '../../sip/port.ts';
import { offerOf } from '../session-body.ts';

/**
 * Answers a peer who describes a chat session anew: the chat goes on as it is, and what stands beside it, a file (RFC 5547 section 8.7) or a call, is
 * not taken: port 0. For a file there are dialogs of their own, so that the end of one is not the end of the other. Who would move the
 * chat, or end it this way, is refused, and it stays (RFC 3261 section 14.2).
 * @param local what we said of the session last @param media what the peer did
 * @returns what we say of it now
 * @throws Unacceptable; ParleyError `sdp.*`, `multipart.*`: nothing has been answered then
 */
export function answerChange(reoffer: IncomingReoffer, local: SessionDescription, media: ChatMedia): SessionDescription {
  const sdp = offerOf(reoffer);
  const offer = sdp && decodeSdp(sdp);
  const ours = local.media[media.mediaIndex];
  if (!offer || offer.media.length < local.media.length || ours?.kind !== 'msrp' || !isSame(offer.media[media.mediaIndex], media)) {
    reoffer.reject(488);
    return local;
  }
  const answer = {
    ...local,
    origin: nextVersion(local.origin),
    media: offer.media.map((line, at): Media => (at === media.mediaIndex ? { ...ours, setup: media.role } : refusedLine(line))),
  };
  reoffer.accept({ contentType: SDP_TYPE, body: encodeSdp(answer) });
  return answer;
}

function isSame(line: Media | undefined, { remotePath }: ChatMedia): boolean {
  return line?.kind === 'msrp' && line.port !== 0 && line.path.join(' ') === remotePath.join(' ');
}
