import { toCodedError } from '../../../shared/base/errors.ts';
import { randomToken } from '../../../shared/base/random.ts';
import { CPIM_TYPE } from '../../../shared/protocol/cpim/cpim.ts';
import { contactFeature, FILE_TRANSFER, serviceOf } from '../../../shared/protocol/cpm/names.ts';
import { mediaType } from '../../../shared/protocol/mime/content-type.ts';
import { makeFileAnswer, makeOrigin, setupRole, takenLine } from '../../../shared/protocol/sdp/file-offer.ts';
import { selectorHash } from '../../../shared/protocol/sdp/file-selector.ts';
import type { MsrpMedia } from '../../../shared/protocol/sdp/msrp-media.ts';
import { decodeSdp, encodeSdp, SDP_TYPE, type SessionDescription } from '../../../shared/protocol/sdp/sdp.ts';
import { headers, type SipHeader, type SipRequest } from '../../../shared/protocol/sip/message.ts';
import type { MsrpSession } from '../../msrp/port.ts';
import type { DialogOwner } from '../dialogs.ts';
import type { FocusHost } from '../focus/focus-host.ts';
import type { Octets } from '../focus/spool.ts';
import { dialogRequest, FRESH, type Leg, legFrom, reason } from '../leg.ts';
import { descriptionIn } from '../media/description.ts';
import { isLed, viaOf, wayTo } from '../media/led-media.ts';
import type { ServerTransaction } from '../server-transaction.ts';
import { type HomeUser, SERVER_NAME } from '../settings.ts';
import type { DeferredRecord } from './port.ts';

/** ms after the last octet, or without an ACK, in which whoever asked says BYE */
const LINGER = 60_000;

/** A file that a client asks for (cpm.md section 10.7, flow F16). */
export interface Pull {
  readonly description: SessionDescription;
  readonly mediaIndex: number;
  readonly media: MsrpMedia;
  /** octets from the first of the whole: from here, to there */
  readonly start: number;
  readonly stop: number | null;
}

/** What that INVITE asks for; null: it asks for no file, or for several, or by a way on which this network can give none. */
export function pullIn(request: SipRequest): Pull | null {
  if (serviceOf(request.headers) !== FILE_TRANSFER) return null;
  try {
    const described = descriptionIn(request);
    if (described === null) return null;
    const description = decodeSdp(described.sdp);
    const mediaIndex = description.media.findIndex(isLed);
    const media = description.media[mediaIndex];
    const isOne = description.media.filter(({ port }) => port !== 0).length === 1;
    if (!isOne || !isLed(media) || media.direction !== 'recvonly' || media.fileSelector === null) return null;
    return { description, mediaIndex, media, start: (media.fileRange?.start ?? 1) - 1, stop: media.fileRange?.stop ?? null };
  } catch {
    // whoever is asked says what is wrong with it
    return null;
  }
}

/** Whether this is what is asked for: by its hash, which is all that tells two files apart. */
export function isAskedFor({ media, start, stop }: Pull, item: DeferredRecord): boolean {
  const described = descriptionIn({ headers: item.fields, body: item.body });
  const kept = described === null ? null : (decodeSdp(described.sdp).media.find(isLed)?.fileSelector ?? null);
  if (kept === null || media.fileSelector === null) return false;
  const wanted = selectorHash(media.fileSelector, 'sha-1');
  const isSame = wanted !== null && wanted === selectorHash(kept, 'sha-1');
  // what is wrapped has other octets than the file
  const isPart = start > 0 || stop !== null;
  return isSame && start < item.size && (stop ?? item.size) <= item.size && !(isPart && mediaType(item.mediaType ?? '') === CPIM_TYPE);
}

/** How it ended. */
export interface PullEnd {
  /** all that was asked for has been answered */
  readonly isSent: boolean;
  /** octets from the first of the whole */
  readonly acknowledged: number;
}

/**
 * The end of a session at which this network gives a file that it keeps to who asks for it.
 *
 *     giving --(all octets)--> done --(BYE, or none for a minute)--> ended      giving --(BYE, a loss, no ACK)--> ended
 */
export class PullSession implements DialogOwner {
  readonly #host: FocusHost;
  readonly #pull: Pull;
  readonly #over: (end: PullEnd) => void;
  readonly #contact: SipHeader;
  readonly #leg: Leg;
  readonly #session: MsrpSession;
  readonly #abort = new AbortController();
  #acknowledged: number;
  #isOver = false;
  #hasDialog = true;
  #stopTimer: () => void = () => undefined;

  constructor(
    host: FocusHost,
    transaction: ServerTransaction,
    asker: HomeUser,
    pull: Pull,
    { octets, contentType }: { readonly octets: Octets; readonly contentType: string },
    over: (end: PullEnd) => void,
  ) {
    this.#host = host;
    this.#pull = pull;
    this.#over = over;
    this.#acknowledged = pull.start;
    this.#contact = { name: 'Contact', value: `<${host.ownUri(`deferred-${randomToken(16)}`)}>;${contactFeature([FILE_TRANSFER])}` };
    this.#leg = legFrom(transaction, asker);
    this.#session = host.msrp.createSession({ onMessage: () => ({ refuse: 413 }), onClosed: () => undefined });
    this.#answer(transaction);
    void this.#give(octets, contentType);
  }

  #answer(transaction: ServerTransaction): void {
    const { msrp, dialogs, layer } = this.#host;
    const { description, mediaIndex, media } = this.#pull;
    const { host: address } = msrp.address;
    const setup = setupRole(media.setup, 'passive');
    const { localUri } = this.#session;
    const place = { protocol: 'TCP/MSRP', address, port: wayTo(localUri, setup).port, path: [localUri] } as const;
    const origin = makeOrigin(address, layer().clock.now());
    const answer = makeFileAnswer(description, { origin, address, lines: new Map([[mediaIndex, takenLine(media, { place, setup })]]) });
    dialogs.add(this, this.#leg);
    this.#stopTimer = layer().clock.after(layer().timing.transaction, () => this.#hangUp('No ACK'));
    const route = headers(transaction.request, 'Record-Route').map((value) => ({ name: 'Record-Route', value }));
    transaction.respond(200, {
      headers: [...route, this.#contact, { name: 'Server', value: SERVER_NAME }, { name: 'Content-Type', value: SDP_TYPE }],
      body: encodeSdp(answer),
    });
  }

  async #give(octets: Octets, contentType: string): Promise<void> {
    const { description, media, start, stop } = this.#pull;
    const { signal } = this.#abort;
    try {
      const role = setupRole(media.setup, 'passive');
      await this.#session.connect({ role, remotePath: media.path, via: viaOf(media, description), signal });
      const end = stop ?? octets.size;
      const { source } = octets;
      await this.#session.send({
        contentType,
        source: source instanceof Uint8Array ? source.subarray(start, end) : { ...source, start, end },
        successReport: true,
        signal,
        onProgress: (acknowledged) => {
          this.#acknowledged = start + acknowledged;
        },
      });
      this.#acknowledged = end;
      this.#finish(true);
      this.#stopTimer = this.#host.layer().clock.after(LINGER, () => this.#hangUp('nothing more to give'));
    } catch (thrown) {
      this.#hangUp(toCodedError(thrown).detail);
    }
  }

  acknowledged(): void {
    this.#stopTimer();
  }

  request(_: Leg, transaction: ServerTransaction): void {
    const { method, body } = transaction.request;
    if (method === 'BYE') {
      this.#hasDialog = false;
      transaction.respond(200);
      this.#hangUp('ended');
      // a refresh of the session changes nothing
    } else if (method === 'UPDATE' && body.length === 0) transaction.respond(200, { headers: [this.#contact] });
    else if (method === 'INVITE' || method === 'UPDATE') transaction.respond(488);
    else transaction.respond(405, { headers: [{ name: 'Allow', value: 'INVITE, ACK, CANCEL, BYE, UPDATE' }] });
  }

  /** Octets may go on beside a connection that is gone. */
  flowClosed(): void {
    this.#hasDialog = false;
  }

  #finish(isSent: boolean): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stopTimer();
    this.#over({ isSent, acknowledged: this.#acknowledged });
  }

  #hangUp(why: string): void {
    this.#abort.abort();
    this.#finish(false);
    this.#stopTimer();
    if (this.#hasDialog) {
      this.#hasDialog = false;
      const bye = dialogRequest(this.#leg, 'BYE', FRESH, null, [
        reason(`SIP;cause=480;text="${why.replace(/[^\w .:-]/g, ' ').slice(0, 100)}"`),
      ]);
      this.#host.layer().send(this.#leg.flow, bye, { onFinal: () => undefined });
    }
    this.#host.dialogs.remove(this);
    void this.#session.close();
  }
}
