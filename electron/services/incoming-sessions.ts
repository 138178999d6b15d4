import { ParleyError, toCodedError } from '../../shared/base/errors.ts';
import { CPIM_TYPE } from '../../shared/protocol/cpim/cpim.ts';
import { type CpmService, contactFeature } from '../../shared/protocol/cpm/names.ts';
import { makeOrigin, preferredRole, setupRole } from '../../shared/protocol/sdp/file-offer.ts';
import { EMPTY_MSRP_MEDIA, type MsrpMedia, type MsrpPlace } from '../../shared/protocol/sdp/msrp-media.ts';
import { decodeSdp, encodeSdp, type Media, SDP_TYPE, type SessionDescription } from '../../shared/protocol/sdp/sdp.ts';
import type { MsrpEngine } from '../msrp/port.ts';
import type { IncomingInvite } from '../sip/port.ts';
import type { ServiceContext } from './context.ts';
import { COMPOSING_TYPE, type Inbox, readEnvelope } from './inbox.ts';
import { findPart } from './session-body.ts';
import { MAX_MESSAGE, messageSink } from './session-sink.ts';

/**
 * Chat sessions and large messages that others start are taken without asking (cpm.md section 1, auto-accept); what comes in them lands in the same
 * conversation as a pager message would, and the answer leaves in pager mode.
 */
export class IncomingSessions {
  readonly #context: ServiceContext;
  readonly #msrp: MsrpEngine;
  readonly #inbox: Inbox;

  constructor(context: ServiceContext, msrp: MsrpEngine, inbox: Inbox) {
    this.#context = context;
    this.#msrp = msrp;
    this.#inbox = inbox;
  }

  async handle(invite: IncomingInvite, service: CpmService): Promise<void> {
    try {
      await this.#accept(invite, service);
    } catch (thrown) {
      const error = toCodedError(thrown);
      this.#context.log(`INVITE ${invite.callId}: ${error.code} ${error.detail}`);
      invite.reject(488, undefined, [{ name: 'Warning', value: '399 parley "no usable MSRP session"' }]);
      await invite.end().catch(() => undefined);
    }
  }

  async #accept(invite: IncomingInvite, service: CpmService): Promise<void> {
    const envelope = readEnvelope(invite, this.#context.account.address);
    const sdp = findPart(invite.contentType, invite.body, SDP_TYPE);
    if (!sdp) throw new ParleyError('peer.unsupported', 'no session description');
    const offer = decodeSdp(sdp);
    const index = offer.media.findIndex((media) => media.kind === 'msrp' && media.port !== 0 && media.path.length > 0);
    const offered = offer.media[index];
    if (offered?.kind !== 'msrp') throw new ParleyError('peer.unsupported', 'no MSRP line');
    const role = setupRole(offered.setup, preferredRole(offered.path));
    const session = this.#msrp.createSession({
      onMessage: (head) => messageSink(this.#inbox, envelope, head),
      onClosed: () => void invite.end().catch(() => undefined),
    });
    invite.onEnded(() => void session.close());
    try {
      const place = await session.announce();
      await invite.accept({
        contentType: SDP_TYPE,
        body: encodeSdp(this.#answer(offer, index, offered, place, role)),
        contactParameters: contactFeature([service]),
        headers: [],
      });
      await session.connect({ role, remotePath: offered.path });
    } catch (thrown) {
      await session.close();
      throw thrown;
    }
  }

  #answer(offer: SessionDescription, index: number, offered: MsrpMedia, place: MsrpPlace, setup: 'active' | 'passive'): SessionDescription {
    const media = offer.media.map((each, at): Media => {
      if (at !== index) return each.kind === 'msrp' ? { ...EMPTY_MSRP_MEDIA, protocol: each.protocol } : { ...each, port: 0 };
      return {
        ...EMPTY_MSRP_MEDIA,
        protocol: place.protocol,
        port: place.port,
        direction: offered.direction === 'sendonly' ? 'recvonly' : null,
        acceptTypes: [CPIM_TYPE, COMPOSING_TYPE],
        acceptWrappedTypes: ['text/plain', 'message/imdn+xml'],
        maxSize: MAX_MESSAGE,
        path: place.path,
        setup,
        fileSelector: offered.fileSelector,
      };
    });
    return { origin: makeOrigin(place.address, this.#context.clock.now()), name: '-', address: place.address, media };
  }
}
