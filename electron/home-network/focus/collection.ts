import { ParleyError, toCodedError } from '../../../shared/base/errors.ts';
import { randomToken } from '../../../shared/base/random.ts';
import { CPIM_TYPE } from '../../../shared/protocol/cpim/cpim.ts';
import { contactFeature, IS_FOCUS, serviceOf } from '../../../shared/protocol/cpm/names.ts';
import { mediaType } from '../../../shared/protocol/mime/content-type.ts';
import { makeFileAnswer, makeOrigin, setupRole, takenLine } from '../../../shared/protocol/sdp/file-offer.ts';
import type { MsrpMedia } from '../../../shared/protocol/sdp/msrp-media.ts';
import { encodeSdp, SDP_TYPE, type SessionDescription } from '../../../shared/protocol/sdp/sdp.ts';
import { headers, type SipHeader } from '../../../shared/protocol/sip/message.ts';
import type { IncomingHead, MessageSink, MsrpSession } from '../../msrp/port.ts';
import type { DialogOwner } from '../dialogs.ts';
import { dialogRequest, FRESH, type Leg, legFrom, reason } from '../leg.ts';
import { viaOf, wayTo } from '../media/led-media.ts';
import type { ServerTransaction } from '../server-transaction.ts';
import { type HomeUser, SERVER_NAME } from '../settings.ts';
import type { FocusHost } from './focus-host.ts';
import type { Octets, Spooled } from './spool.ts';

/** ms for the BYE of a sender that is done: one that has another file for the same people waits for 30 s */
const LINGER = 60_000;
/** what a message/cpim around a file may add to it */
const WRAPPER = 65_536;

/** One message as it came from its sender. */
export interface Content {
  readonly octets: Octets;
  readonly contentType: string;
  readonly headers: IncomingHead['headers'];
}

export interface Taken extends Content {
  readonly octets: Spooled;
}

/** What becomes of it; its sender has the last answer only after that, and hears of a failure that is thrown. */
type Whole = (content: Taken, contact: SipHeader) => void | Promise<void>;

interface Asked {
  readonly transaction: ServerTransaction;
  readonly sender: HomeUser;
  readonly description: SessionDescription;
  /** of the medium that is taken */
  readonly mediaIndex: number;
  /** identity of the group session that it is for; null: this session has one of its own */
  readonly identity: string | null;
}

/**
 * The end of a session at which this network takes one message from its sender.
 *
 *     opening --(200)--> taking --(all octets)--> done --(BYE, or none for a minute)--> ended
 *     opening --(CANCEL)--> ended      taking --(`#`, a loss, BYE, no ACK)--> ended: nobody gets anything
 */
export class Collection implements DialogOwner {
  readonly #host: FocusHost;
  readonly #asked: Asked;
  readonly #whole: Whole;
  readonly #over: () => void;
  readonly #contact: SipHeader;
  readonly #leg: Leg;
  #session: MsrpSession | null = null;
  #spooled: Spooled | null = null;
  #state: 'opening' | 'taking' | 'done' | 'ended' = 'opening';
  #isBegun = false;
  #hasAck = false;
  #hasFlow = true;
  #stopTimer: () => void = () => undefined;

  /** @param whole hears once that all of it is there, and what the Contact of this focus is; who wants the octets for longer holds them at once */
  /** @param over called once, at the end of the session */
  constructor(host: FocusHost, asked: Asked, whole: Whole, over: () => void = () => undefined) {
    this.#host = host;
    this.#over = over;
    this.#asked = asked;
    this.#whole = whole;
    const { transaction, sender, identity } = asked;
    const services = [serviceOf(transaction.request.headers)].filter((service) => service !== null);
    const uri = identity ?? host.ownUri(`cpm-conf-${randomToken(16)}`);
    this.#contact = { name: 'Contact', value: `<${uri}>;${IS_FOCUS};${contactFeature(services)}` };
    this.#leg = legFrom(transaction, sender);
    transaction.respond(100);
    transaction.onCancel = () => {
      transaction.respond(487);
      this.#end();
    };
    void this.#open();
  }

  async #open(): Promise<void> {
    const { spool, mediaRefusal } = this.#host;
    const { transaction } = this.#asked;
    try {
      const spooled = await spool.open(this.#media.fileSelector?.size ?? 0);
      if (this.#state !== 'opening') {
        spooled.release();
        return;
      }
      this.#spooled = spooled;
      this.#answer();
    } catch (thrown) {
      const { status, headers } = mediaRefusal(thrown);
      transaction.respond(status, { headers });
      this.#end();
    }
  }

  #answer(): void {
    const { msrp, dialogs, layer } = this.#host;
    const { transaction, description, mediaIndex } = this.#asked;
    const session = msrp.createSession({
      onMessage: (head) => this.#onMessage(head),
      onClosed: ({ detail }) => this.#lost(detail),
    });
    this.#session = session;
    const { host: address } = msrp.address;
    const media = this.#media;
    const role = setupRole(media.setup, 'passive');
    const { port } = wayTo(session.localUri, role);
    const place = { protocol: 'TCP/MSRP', address, port, path: [session.localUri] } as const;
    const origin = makeOrigin(address, layer().clock.now());
    const lines = new Map([[mediaIndex, takenLine(media, { place, setup: role })]]);
    const answer = makeFileAnswer(description, { origin, address, lines });
    this.#state = 'taking';
    dialogs.add(this, this.#leg);
    this.#stopTimer = layer().clock.after(layer().timing.transaction, () => {
      if (!this.#hasAck) this.#hangUp('No ACK');
    });
    transaction.respond(200, {
      headers: [
        ...headers(transaction.request, 'Record-Route').map((value) => ({ name: 'Record-Route', value })),
        this.#contact,
        { name: 'Server', value: SERVER_NAME },
        { name: 'Content-Type', value: SDP_TYPE },
      ],
      body: encodeSdp(answer),
    });
    session
      .connect({ role, remotePath: media.path, via: viaOf(media, description) })
      .catch((thrown) => this.#lost(toCodedError(thrown).detail));
  }

  acknowledged(): void {
    this.#hasAck = true;
  }

  request(_: Leg, transaction: ServerTransaction): void {
    const { method, body } = transaction.request;
    if (method === 'BYE') {
      transaction.respond(200);
      this.#end();
      // a refresh of the session changes nothing
    } else if (method === 'UPDATE' && body.length === 0) transaction.respond(200, { headers: [this.#contact] });
    else if (method === 'INVITE' || method === 'UPDATE') transaction.respond(488);
    else transaction.respond(405, { headers: [{ name: 'Allow', value: 'INVITE, ACK, CANCEL, BYE, UPDATE' }] });
  }

  /** Octets may go on beside a connection that is gone; without them the end comes by itself. */
  flowClosed(): void {
    this.#hasFlow = false;
    if (this.#state !== 'taking') this.#end();
  }

  get #media(): MsrpMedia {
    return this.#asked.description.media[this.#asked.mediaIndex] as MsrpMedia;
  }

  #onMessage(head: IncomingHead): MessageSink | { readonly refuse: 413 } {
    const spooled = this.#spooled;
    const { maxFileSize } = this.#host.policy;
    const announced = this.#media.fileSelector?.size ?? null;
    const limit = announced === null ? maxFileSize || Number.POSITIVE_INFINITY : announced + WRAPPER;
    // one file is one message is one session (RFC 5547 section 8.7)
    if (this.#state !== 'taking' || spooled === null || this.#isBegun || (head.total ?? 0) > limit) return { refuse: 413 };
    this.#isBegun = true;
    const { contentType, headers } = head;
    return {
      write: (offset, octets) => {
        if (offset + octets.length > limit) throw new ParleyError('file.size-mismatch', `more than ${limit} octets`);
        return spooled.write(offset, octets);
      },
      complete: (size) => {
        const { fileSelector, fileTransferId } = this.#media;
        const isRaw = fileTransferId !== null && mediaType(contentType) !== CPIM_TYPE;
        if (isRaw && fileSelector?.size !== size) throw new ParleyError('file.size-mismatch', `${size} octets`);
        if (this.#state !== 'taking') return;
        this.#rest();
        return this.#whole({ octets: spooled, contentType, headers }, this.#contact);
      },
      abort: ({ code, detail }) => (code === 'msrp.stopped' ? this.#rest() : this.#lost(detail)),
    };
  }

  /** The message has its end, by its last octet or by `#`; BYE is its sender's. */
  #rest(): void {
    this.#state = 'done';
    this.#stopTimer();
    this.#stopTimer = this.#host.layer().clock.after(LINGER, () => this.#hangUp('nothing more to take'));
  }

  #lost(why: string): void {
    if (this.#state === 'taking') this.#hangUp(why);
  }

  #hangUp(why: string): void {
    if (this.#state === 'ended') return;
    if (this.#hasFlow) {
      const bye = dialogRequest(this.#leg, 'BYE', FRESH, null, [reason(`SIP;cause=480;text="${why.replace(/[^\w .:-]/g, ' ')}"`)]);
      this.#host.layer().send(this.#leg.flow, bye, { onFinal: () => undefined });
    }
    this.#end();
  }

  #end(): void {
    if (this.#state === 'ended') return;
    this.#over();
    this.#state = 'ended';
    this.#stopTimer();
    this.#host.dialogs.remove(this);
    void this.#session?.close();
    this.#spooled?.release();
  }
}
