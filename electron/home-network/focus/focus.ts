import { ParleyError } from '../../../shared/base/errors.ts';
import type { SipRequest } from '../../../shared/protocol/sip/message.ts';
import type { Held } from '../deferral/holds.ts';
import type { Letter, Reach } from '../reach.ts';
import type { ServerTransaction } from '../server-transaction.ts';
import { Collection, type Taken } from './collection.ts';
import { Delivery, type End } from './delivery.ts';
import type { FocusHost } from './focus-host.ts';
import { takeable, wishesIn } from './offer.ts';

/**
 * Files and large messages to a list of people or to a pre-defined group (seed 001 9.3.1, flow F18-04): taken from the sender once, kept
 * on disk, and offered to each of the others by an INVITE of its own. The sender is done when this network has it; what becomes of it
 * at each of them he hears by their notifications, or by one that it failed.
 */
export class Focus {
  readonly #host: FocusHost;
  readonly #reach: Reach;

  constructor(host: FocusHost, reach: Reach) {
    this.#host = host;
    this.#reach = reach;
  }

  /**
   * @param requestTo the INVITE as one of them gets it, but for Request-URI, Contact and the place where octets come from
   * @param identity of the group session that it goes to; null: to a list, or to people who have none
   */
  invite(
    transaction: ServerTransaction,
    about: Pick<Letter, 'sender' | 'service' | 'nameOf'>,
    recipients: readonly string[],
    requestTo: (recipient: string) => SipRequest,
    identity: string | null = null,
  ): void {
    if (!this.#host.dialogs.admits(transaction)) return;
    try {
      const { request, essentials } = transaction;
      const { sender } = about;
      const { description, mediaIndex } = takeable(request, this.#host.policy);
      const copies = recipients.map((recipient) => ({ recipient, request: requestTo(recipient) }));
      new Collection(this.#host, { transaction, sender, description, mediaIndex, identity }, async (content, contact) => {
        const each = copies.map(async ({ recipient, request: copy }) => {
          const letter = { ...about, request: copy };
          const parts = await wishesIn(copy, content);
          const held = await this.#reach.hold({ ...letter, parts }, recipient, content);
          if (held === 'known') return;
          content.octets.hold();
          const parcel = { request: copy, maxForwards: essentials.maxForwards, sender, mediaIndex, content, contact, start: 0 };
          const devices = this.#reach.devices(copy, recipient, sender);
          new Delivery(
            this.#host,
            parcel,
            recipient,
            devices,
            (end) => void this.#over(content, { ...letter, parts }, recipient, end, held),
          );
        });
        // it is kept for each of them before the sender hears that all of it was taken
        await Promise.all(each);
      });
    } catch (thrown) {
      if (!(thrown instanceof ParleyError) || thrown.code === 'sip.malformed') throw thrown;
      const { status, headers } = this.#host.mediaRefusal(thrown);
      transaction.respond(status, { headers });
    }
  }

  async #over(content: Taken, letter: Letter, recipient: string, end: End, held: Held | null): Promise<void> {
    try {
      if (end.isDelivered) await held?.over();
      // it would not be taken later either (seed 001 9.3.1(1))
      else if (end.isUnfit) {
        await held?.over();
        await this.#reach.failed(letter, recipient);
      } else await this.#reach.missed(letter, recipient, end.refusal, content, held);
    } finally {
      content.octets.release();
    }
  }
}
