import { NO_BYTES } from '../../../shared/base/bytes.ts';
import { ParleyError, toCodedError } from '../../../shared/base/errors.ts';
import { CPIM_TYPE, contentHeader, decodeCpim } from '../../../shared/protocol/cpim/cpim.ts';
import { mediaType } from '../../../shared/protocol/mime/content-type.ts';
import { acceptsType, acceptsWrapped } from '../../../shared/protocol/sdp/file-offer.ts';
import type { Setup } from '../../../shared/protocol/sdp/msrp-media.ts';
import { decodeSdp } from '../../../shared/protocol/sdp/sdp.ts';
import { header, type SipHeader, type SipRequest, type SipResponse } from '../../../shared/protocol/sip/message.ts';
import { decodeDeltaSeconds } from '../../../shared/protocol/sip/text.ts';
import { chunkSizeFor } from '../../msrp/chunk-size.ts';
import type { MsrpSession } from '../../msrp/port.ts';
import type { Binding } from '../bindings.ts';
import type { DialogOwner } from '../dialogs.ts';
import { legRequest } from '../fork.ts';
import { Invitation } from '../invitation.ts';
import { dialogRequest, FRESH, type Leg, legTo } from '../leg.ts';
import { descriptionIn, fromOctet, redirect } from '../media/description.ts';
import { isLed, roleAnswered, viaOf, wayTo } from '../media/led-media.ts';
import type { ServerTransaction } from '../server-transaction.ts';
import type { HomeUser } from '../settings.ts';
import type { Content } from './collection.ts';
import type { FocusHost } from './focus-host.ts';
import { CPIM_HEAD, type Octets } from './spool.ts';

/** what is made up for devices that rang until the end */
const UNANSWERED: SipResponse = { kind: 'response', status: 408, reason: 'Request Timeout', headers: [], body: NO_BYTES };

/** What one recipient is offered. */
export interface Parcel {
  /** as its sender sent it, without a list of recipients */
  readonly request: SipRequest;
  /** of the INVITE that it came with */
  readonly maxForwards: number | null;
  readonly sender: HomeUser;
  /** of the medium that carries it */
  readonly mediaIndex: number;
  readonly content: Content;
  /** of the focus */
  readonly contact: SipHeader;
  /** octets that the device has already; above 0 the description says which ones follow */
  readonly start: number;
}

/** How it ended. */
export interface End {
  readonly isDelivered: boolean;
  /** the one that took it, or began to */
  readonly device: Binding | null;
  /** the best refusal of all devices; null: there was none, or somebody took it */
  readonly refusal: SipResponse | null;
  /** what its answer lists does not let it in, by its type or its size */
  readonly isUnfit: boolean;
  /** octets from the first of the whole that the device acknowledged */
  readonly acknowledged: number;
}

/**
 * One recipient's copy: an INVITE to all his devices, and the octets to the first one that takes it, at the speed of that one.
 *
 *     asking --(2xx)--> sending --(report)--> over: delivered
 *     asking --(refused, no device, no answer)--> over: missed          sending --(anything else)--> over: missed
 */
export class Delivery implements DialogOwner {
  readonly #host: FocusHost;
  readonly #parcel: Parcel;
  readonly #over: (end: End) => void;
  readonly #sessions = new Map<Leg, { readonly session: MsrpSession; readonly device: Binding }>();
  readonly #abort = new AbortController();
  #setup: Setup = 'actpass';
  #leg: Leg | null = null;
  #ack: Uint8Array | null = null;
  #isOver = false;
  #isUnfit = false;
  #acknowledged: number;
  #hasDialog = false;

  /** @param over called once; what did not get there is not tried again here */
  constructor(host: FocusHost, parcel: Parcel, recipient: string, devices: readonly Binding[], over: (end: End) => void) {
    this.#host = host;
    this.#acknowledged = parcel.start;
    this.#parcel = parcel;
    this.#over = over;
    try {
      this.#invite(recipient, devices);
    } catch (thrown) {
      // no room for another session, or preferences that cannot be read
      if (!(thrown instanceof ParleyError)) throw thrown;
      this.#end(false);
    }
  }

  #invite(recipient: string, devices: readonly Binding[]): void {
    const { layer } = this.#host;
    const { request } = this.#parcel;
    if (devices.length === 0) {
      this.#end(false);
      return;
    }
    const branches = devices.map((device) => this.#branch(device, recipient));
    const expires = header(request, 'Expires');
    new Invitation(layer(), branches, expires === null ? null : decodeDeltaSeconds(expires), {
      onAccepted: (leg, response) => void this.#deliver(leg, response),
      onRefused: (response) => this.#end(false, response),
      onUnanswered: () => this.#end(false, UNANSWERED),
      onRepeated: (leg) => {
        if (this.#ack !== null) leg.flow.send(this.#ack);
      },
    });
  }

  #branch(device: Binding, recipient: string): { leg: Leg; request: SipRequest } {
    const { msrp, relay } = this.#host;
    const { request, maxForwards, sender, mediaIndex, contact, content, start } = this.#parcel;
    const recordRoute = relay.recordRoute();
    const leg = legTo(device, request, recordRoute.value);
    const described = descriptionIn(request);
    if (described === null) throw new ParleyError('sdp.malformed', 'no offer');
    const offer = decodeSdp(described.sdp);
    const offered = offer.media[mediaIndex];
    // who would connect to his one recipient by himself has it done by this network
    const setup = isLed(offered) && offered.setup === 'active' ? 'active' : 'actpass';
    this.#setup = setup;
    const session = msrp.createSession(
      { onMessage: () => ({ refuse: 413 }), onClosed: () => undefined },
      setup === 'active' ? setup : undefined,
    );
    this.#sessions.set(leg, { session, device });
    const ways = offer.media.map((_, at) => (at === mediaIndex ? wayTo(session.localUri, setup) : 'closed'));
    const led = redirect(described.sdp, msrp.address.host, ways);
    const body = described.with(start === 0 ? led : fromOctet(led, mediaIndex, start, content.octets.size));
    const ids = { callId: leg.callId, localTag: leg.localTag, sequence: 1 };
    const onward = { essentials: { maxForwards }, request: { ...request, uri: recipient, body } };
    return { leg, request: legRequest(relay, onward, sender, device, ids, [recordRoute], contact) };
  }

  async #deliver(leg: Leg, response: SipResponse): Promise<void> {
    const { dialogs, layer } = this.#host;
    this.#leg = leg;
    this.#hasDialog = true;
    dialogs.add(this, leg);
    this.#ack = layer().acknowledge(leg.flow, dialogRequest(leg, 'ACK', FRESH, 1, []));
    const { session } = this.#sessions.get(leg) as { session: MsrpSession };
    for (const other of this.#sessions.values()) if (other.session !== session) void other.session.close();
    try {
      await this.#send(session, response);
      this.#end(true);
    } catch (thrown) {
      this.#isUnfit = thrown instanceof ParleyError && (thrown.code === 'peer.unsupported' || thrown.code === 'peer.too-large');
      this.#end(false);
    }
  }

  /** Resolves when the recipient has all of it. @throws ParleyError */
  async #send(session: MsrpSession, response: SipResponse): Promise<void> {
    const { content, mediaIndex } = this.#parcel;
    const { octets, contentType, headers } = content;
    const { start } = this.#parcel;
    const described = descriptionIn(response);
    const answer = described === null ? null : decodeSdp(described.sdp);
    const media = answer?.media[mediaIndex];
    if (answer === null || !isLed(media)) throw new ParleyError('peer.declined', 'no MSRP in the answer');
    // who does not take the type gets none of it (seed 001 9.3.1(1)); the sender hears so
    const inner = mediaType(contentType) === CPIM_TYPE ? await innerType(octets) : null;
    const isTaken = inner === null ? acceptsType(media.acceptTypes, contentType) : acceptsWrapped(media, inner);
    if (!isTaken) throw new ParleyError('peer.unsupported', `accept-types ${media.acceptTypes.join(' ').slice(0, 200)}`);
    if (media.maxSize !== null && media.maxSize < octets.size) throw new ParleyError('peer.too-large', `max-size ${media.maxSize}`);
    const { signal } = this.#abort;
    const role = roleAnswered(this.#setup, media.setup);
    await session.connect({ role, remotePath: media.path, via: viaOf(media, answer), signal });
    let isTakenWhole = false;
    const sent = session.send({
      contentType,
      headers,
      source: start === 0 || octets.source instanceof Uint8Array ? octets.source : { ...octets.source, start },
      successReport: true,
      chunkSize: chunkSizeFor(response.headers),
      signal,
      onProgress: (acknowledged) => {
        this.#acknowledged = start + acknowledged;
        isTakenWhole = this.#acknowledged >= octets.size;
      },
    });
    await sent.catch((thrown) => {
      // all of it was answered, and no report came: not everybody sends one
      if (!isTakenWhole || toCodedError(thrown).code !== 'msrp.timeout') throw thrown;
    });
  }

  acknowledged(): void {}

  request(_: Leg, transaction: ServerTransaction): void {
    const { method, body } = transaction.request;
    if (method === 'BYE') {
      this.#hasDialog = false;
      transaction.respond(200);
      this.#abort.abort();
    } else if (method === 'UPDATE' && body.length === 0) transaction.respond(200, { headers: [this.#parcel.contact] });
    else if (method === 'INVITE' || method === 'UPDATE') transaction.respond(488);
    else transaction.respond(405, { headers: [{ name: 'Allow', value: 'INVITE, ACK, CANCEL, BYE, UPDATE' }] });
  }

  /** Octets may go on beside a connection that is gone. */
  flowClosed(): void {
    this.#hasDialog = false;
  }

  #end(isDelivered: boolean, refusal: SipResponse | null = null): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const leg = this.#leg;
    // what is still on its way is ended with `#` first
    void Promise.all([...this.#sessions.values()].map(({ session }) => session.close())).then(() => {
      if (leg !== null && this.#hasDialog) {
        this.#host.layer().send(leg.flow, dialogRequest(leg, 'BYE', FRESH, null, []), { onFinal: () => undefined });
      }
      this.#host.dialogs.remove(this);
    });
    const device = leg === null ? null : (this.#sessions.get(leg)?.device ?? null);
    this.#over({ isDelivered, device, refusal, isUnfit: this.#isUnfit, acknowledged: this.#acknowledged });
  }
}

/** The type inside of a message/cpim; what cannot be read is its recipient's to judge. */
async function innerType(octets: Octets): Promise<string | null> {
  try {
    return contentHeader(decodeCpim(await octets.head(CPIM_HEAD)), 'Content-Type');
  } catch {
    return null;
  }
}
