import { ParleyError } from '../../../shared/base/errors.ts';
import { CPIM_TYPE } from '../../../shared/protocol/cpim/cpim.ts';
import { FILE_TRANSFER, serviceOf } from '../../../shared/protocol/cpm/names.ts';
import { mediaType } from '../../../shared/protocol/mime/content-type.ts';
import { decodeMultipart, type Part } from '../../../shared/protocol/multipart/multipart.ts';
import { decodeSdp } from '../../../shared/protocol/sdp/sdp.ts';
import { header, type SipRequest } from '../../../shared/protocol/sip/message.ts';
import { descriptionIn } from '../media/description.ts';
import { isLed } from '../media/led-media.ts';
import { checkSizes, type MediaPolicy } from '../media/policy.ts';
import type { Letter } from '../reach.ts';
import type { ServerTransaction } from '../server-transaction.ts';
import { Collection, type Content, type Taken } from './collection.ts';
import { Delivery, type End } from './delivery.ts';
import type { FocusHost } from './focus-host.ts';
import { CPIM_HEAD } from './spool.ts';

/**
 * Files and large messages to a list of people or to a pre-defined group (seed 001 9.3.1, flow F18-04): taken from the sender once, kept
 * on disk, and offered to each of the others by an INVITE of its own. The sender is done when this network has it; what becomes of it
 * at each of them he hears by their notifications, or by one that it failed.
 */
export class Focus {
  readonly #host: FocusHost;

  constructor(host: FocusHost) {
    this.#host = host;
  }

  /** @param requestTo the INVITE as one of them gets it, but for Request-URI, Contact and the place where octets come from */
  invite(
    transaction: ServerTransaction,
    about: Pick<Letter, 'sender' | 'service'>,
    recipients: readonly string[],
    requestTo: (recipient: string) => SipRequest,
  ): void {
    if (!this.#host.dialogs.admits(transaction)) return;
    try {
      const { request, essentials } = transaction;
      const { sender } = about;
      const { description, mediaIndex } = takeable(request, this.#host.policy);
      const copies = recipients.map((recipient) => ({ recipient, request: requestTo(recipient) }));
      new Collection(this.#host, { transaction, sender, description, mediaIndex }, (content, contact) => {
        for (const { recipient, request: copy } of copies) {
          content.octets.hold();
          const letter = { ...about, request: copy };
          const parcel = { request: copy, maxForwards: essentials.maxForwards, sender, mediaIndex, content, contact, start: 0 };
          const devices = this.#host.reach.devices(copy, recipient, sender);
          new Delivery(this.#host, parcel, recipient, devices, (end) => void this.#over(content, letter, recipient, end));
        }
      });
    } catch (thrown) {
      if (!(thrown instanceof ParleyError) || thrown.code === 'sip.malformed') throw thrown;
      const { status, headers } = this.#host.mediaRefusal(thrown);
      transaction.respond(status, { headers });
    }
  }

  async #over(content: Taken, letter: Omit<Letter, 'parts'>, recipient: string, end: End): Promise<void> {
    try {
      if (end.isDelivered) return;
      const parts = await wishesIn(letter.request, content);
      await this.#host.reach.missed({ ...letter, parts }, recipient, end.refusal, content);
    } finally {
      content.octets.release();
    }
  }
}

/** What says which notifications are wanted: parts beside the description, or the head of the message itself. */
export async function wishesIn(request: SipRequest, { octets, contentType }: Content): Promise<readonly Part[]> {
  if (mediaType(contentType) === CPIM_TYPE) {
    return [{ headers: [{ name: 'Content-Type', value: CPIM_TYPE }], body: await octets.head(CPIM_HEAD) }];
  }
  const type = header(request, 'Content-Type') ?? '';
  return /^\s*multipart\//i.test(type) ? decodeMultipart(request.body, type).parts : [];
}

/** The one medium of an INVITE that this network can be the end of. @throws ParleyError for what cannot be taken */
export function takeable(request: SipRequest, policy: MediaPolicy) {
  const described = descriptionIn(request);
  if (described === null) throw new ParleyError('sdp.malformed', 'no offer');
  const description = decodeSdp(described.sdp);
  // one file an INVITE (cpm.md section 10.1, NOTE)
  const mediaIndex = description.media.findIndex(isLed);
  const media = description.media[mediaIndex];
  if (!isLed(media)) throw new ParleyError('peer.unsupported', 'no MSRP that ends here');
  if (media.direction === 'recvonly' || media.direction === 'inactive') throw new ParleyError('peer.unsupported', 'nothing is sent');
  if ((media.fileRange?.start ?? 1) !== 1) throw new ParleyError('peer.unsupported', 'a part of a file');
  const isFile = serviceOf(request.headers) === FILE_TRANSFER;
  if (isFile && (media.fileSelector?.size ?? null) === null) throw new ParleyError('peer.unsupported', 'a file without its size');
  checkSizes(description, policy);
  return { description, mediaIndex };
}
