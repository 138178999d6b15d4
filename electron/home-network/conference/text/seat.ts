import type { CodedError } from '../../../../shared/base/errors.ts';
import { CPIM_TYPE } from '../../../../shared/protocol/cpim/cpim.ts';
import { mediaType } from '../../../../shared/protocol/mime/content-type.ts';
import { acceptsWrapped } from '../../../../shared/protocol/sdp/file-offer.ts';
import type { IncomingHead, MessageSink, MsrpEngine, MsrpSession, OutgoingMessage } from '../../../msrp/port.ts';
import type { Seat, SeatHolder, SeatListener, SeatMedia } from './port.ts';
import { type Batch, Reader } from './reader.ts';
import { type Carried, octetsFor } from './said.ts';

/** times that a device may end its session over one entry before it is spared that one */
const MOST_TRIES = 3;
/** a session that ended, in the words of what was being sent */
const OF_SESSION = /^(?:481|506)\b/;

/** What a seat needs of its room. */
export interface SeatHost {
  readonly msrp: MsrpEngine;
  /** @throws ParleyError that its sender hears */
  take(seat: TextSeat, head: IncomingHead): MessageSink | { readonly refuse: 403 | 413 | 415; readonly comment?: string };
  /** for the holder of that seat */
  read(seat: TextSeat, after: number): Batch<Carried> | Promise<Batch<Carried>>;
  /** whom the others know as the holder of that seat, who is in To of what goes there */
  entity(address: string): string;
  /** the last entry that a device has */
  cursor(device: SeatHolder): number;
  passed(device: SeatHolder, seq: number): void;
  /** how often a device refused that entry in this way, this time included */
  refusals(device: SeatHolder, seq: number): number;
  /** The octets of an entry that are in a file. @throws ParleyError `file.unreadable` */
  open(file: string): Promise<{ readonly source: OutgoingMessage['source']; release(): void }>;
  connected(seat: TextSeat): void;
  left(seat: TextSeat): void;
}

/**
 * One device in the room.
 *
 *     taken --(connect)--> connected --(leave, expel, another seat of the device)--> left
 *                          connected --(octets find no way)--> left: broken is said
 */
export class TextSeat implements Seat {
  readonly session: MsrpSession;
  readonly device: SeatHolder;
  readonly #host: SeatHost;
  readonly #listener: SeatListener;
  #state: 'taken' | 'connected' | 'left' = 'taken';
  #media: SeatMedia | null = null;
  #reader: Reader<Carried> | null = null;

  /** @throws ParleyError `msrp.refused` for want of room */
  constructor(host: SeatHost, device: SeatHolder, listener: SeatListener) {
    this.device = device;
    this.#host = host;
    this.#listener = listener;
    this.session = host.msrp.createSession({
      onMessage: (head) => this.#onMessage(head),
      onClosed: (error) => this.#break(error),
    });
  }

  get isConnected(): boolean {
    return this.#state === 'connected';
  }

  get maySpeak(): boolean {
    return this.#state !== 'left' && this.#media?.maySpeak !== false;
  }

  async connect(media: SeatMedia): Promise<void> {
    this.#media = media;
    const { role, remotePath, via, fingerprint } = media;
    try {
      await this.session.connect({ role, remotePath, via, fingerprint });
    } catch (thrown) {
      await this.leave();
      throw thrown;
    }
    if (this.#state === 'left') return;
    this.#state = 'connected';
    this.#host.connected(this);
    if (!media.mayHear) return;
    this.#reader = new Reader<Carried>(
      {
        read: (after) => this.#host.read(this, after),
        send: (entry) => this.#send(entry),
        isFor: (entry) => this.#isFor(entry),
        passed: (seq) => this.#host.passed(this.device, seq),
        goesOnWithout: ({ seq }, error) => this.#goesOnWithout(seq, error),
        broken: (error) => this.#break(error),
      },
      this.#host.cursor(this.device),
    );
    this.wake();
  }

  wake(): void {
    this.#reader?.wake();
  }

  /** What is of use now or not at all; it is not for who is behind. @param end the newest entry */
  whisper(octets: Pick<Carried, 'before' | 'after' | 'contentType'>, end: number): void {
    const reader = this.#reader;
    // past what was for others
    reader?.wake();
    if (reader === null || reader.taken < end || reader.underWay > 0 || !this.#takes(octets.contentType, octets.after.length)) return;
    void this.#transmit(octetsFor(octets, { entity: this.#host.entity(this.device.address) }), 'no').catch(() => undefined);
  }

  /** @param isSudden nothing is said of what is on its way */
  async leave(isSudden = false): Promise<void> {
    if (this.#state === 'left') return;
    this.#state = 'left';
    this.#reader?.close();
    this.#host.left(this);
    await this.session.close(isSudden);
  }

  #onMessage(head: IncomingHead): ReturnType<SeatHost['take']> {
    if (!this.maySpeak) return { refuse: 403, comment: 'Nothing is taken here' };
    // what is composed is wrapped in a group, so that others see who does it (cpm.md section 7)
    return mediaType(head.contentType) === CPIM_TYPE ? this.#host.take(this, head) : { refuse: 415 };
  }

  #isFor({ author, origin, recipient, instance }: Carried): boolean {
    const { device } = this;
    if (recipient !== '' && recipient !== device.address) return false;
    if (instance !== null && instance !== device.instance) return false;
    return author !== device.address || (device.knowsOwn === true && origin !== device.instance);
  }

  #takes(contentType: string, size: number): boolean {
    const { acceptTypes, acceptWrappedTypes, maxSize } = this.#media as SeatMedia;
    return acceptsWrapped({ acceptTypes, acceptWrappedTypes }, contentType) && (maxSize === null || size <= maxSize);
  }

  async #send(entry: Carried): Promise<void> {
    const octets = octetsFor(entry, { entity: this.#host.entity(this.device.address) });
    // what the device has said that it does not take is not sent to it (cpm.md section 12, 8)
    if (!this.#takes(entry.contentType, octets.length + (entry.file === null ? 0 : entry.size))) return;
    if (entry.file === null) return this.#transmit(octets);
    const { source, release } = await this.#host.open(entry.file);
    try {
      if (source instanceof Uint8Array || !('fd' in source)) throw new TypeError('not a file');
      await this.#transmit({ ...source, start: entry.contentAt, prefix: octets });
    } finally {
      release();
    }
  }

  #transmit(source: OutgoingMessage['source'], failureReport: 'yes' | 'no' = 'yes'): Promise<void> {
    return this.session.send({
      contentType: CPIM_TYPE,
      source,
      successReport: false,
      failureReport,
      chunkSize: this.#media?.chunkSize,
    });
  }

  /** 413 says that it wants no more now; any other refusal is about this entry. */
  #goesOnWithout(seq: number, { code, detail }: CodedError): boolean {
    if (code === 'msrp.refused') return !OF_SESSION.test(detail);
    if (code === 'file.unreadable' || code === 'file.changed') return true;
    return code === 'msrp.stopped' && this.#host.refusals(this.device, seq) >= MOST_TRIES;
  }

  #break(error: CodedError): void {
    if (this.#state === 'left') return;
    const wasConnected = this.#state === 'connected';
    void this.leave();
    // who waits for the way hears it from there
    if (wasConnected) this.#listener.broken(`${error.code} ${error.detail}`.replace(/[^\w .:-]/g, ' ').slice(0, 100));
  }
}
