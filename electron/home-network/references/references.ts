import { NO_BYTES } from '../../../shared/base/bytes.ts';
import type { Clock } from '../../../shared/base/clock.ts';
import { ParleyError, toCodedError } from '../../../shared/base/errors.ts';
import { randomToken } from '../../../shared/base/random.ts';
import { CPIM_TYPE, type CpimMessage, contentHeader, decodeCpim, encodeCpim } from '../../../shared/protocol/cpim/cpim.ts';
import { contactFeature, FILE_TRANSFER, LARGE_MESSAGE } from '../../../shared/protocol/cpm/names.ts';
import { encodeWarning } from '../../../shared/protocol/cpm/warning.ts';
import { decodeImapUrl, type ImapUrl } from '../../../shared/protocol/imap/imap-url.ts';
import { mediaType } from '../../../shared/protocol/mime/content-type.ts';
import { decodeExternalBody, isExternalBody } from '../../../shared/protocol/mime/external-body.ts';
import { header, type SipRequest } from '../../../shared/protocol/sip/message.ts';
import { trySipUri } from '../../../shared/protocol/sip/uri.ts';
import type { Bindings } from '../bindings.ts';
import type { Directory } from '../directory.ts';
import type { Taken } from '../focus/collection.ts';
import { Delivery, type End } from '../focus/delivery.ts';
import type { FocusHost } from '../focus/focus-host.ts';
import { wishesIn } from '../focus/offer.ts';
import type { Spooled } from '../focus/spool.ts';
import type { Mailboxes } from '../history/open.ts';
import type { Witness } from '../history/witness.ts';
import type { NotificationFilter } from '../notification-filter.ts';
import type { Reach } from '../reach.ts';
import type { ServerTransaction } from '../server-transaction.ts';
import type { HomeUser } from '../settings.ts';
import { fileInvitation, largeInvitation } from './invitation.ts';
import { type StoredContent, storedContent } from './stored-content.ts';

export interface ReferencesHost {
  readonly mailboxes: Mailboxes;
  readonly witness: Pick<Witness, 'asked' | 'forget' | 'hear'>;
  readonly directory: Directory;
  readonly bindings: Bindings;
  readonly notifications: NotificationFilter;
  readonly reach: Reach;
  readonly focus: FocusHost;
  readonly clock: Clock;
  readonly log: (line: string) => void;
}

/** octets of the body of a MESSAGE (RFC 3428 section 8); a longer text leaves in large message mode, a file in a session of its own */
const LONGEST_MESSAGE = 1300;
/** references of one user that are looked up at a time */
const AT_ONCE = 4;
/** ms; the sender of a MESSAGE waits for 32 s */
const PATIENCE = 20_000;
/** what may be said of a mailbox that is not there now */
const LATER = new Set(['history.unreachable', 'history.full', 'file.disk-full', 'file.unwritable']);

interface Resolved {
  readonly cpim: CpimMessage;
  readonly content: StoredContent;
  readonly recipient: HomeUser;
}

/**
 * Messages that name a stored object in the place of their content (R-PF-20, R-PF-21): a message/cpim around a message/external-body whose URL leads into
 * the sender's own mailboxes in this network's message store. What it names takes its place before anything else is decided, so that its recipient sees an
 * ordinary message, or file, and policy, deferring and notifications know no difference.
 */
export class References {
  readonly #host: ReferencesHost;
  readonly #busy = new Map<string, number>();
  /** what is too much for a MESSAGE, until its recipient was looked at */
  readonly #large = new WeakMap<ServerTransaction, Resolved>();

  constructor(host: ReferencesHost) {
    this.#host = host;
  }

  /**
   * Looks up what a MESSAGE refers to. @param onward goes on with the request, which has the content then
   * @returns false where it refers to nothing of this store
   */
  resolve(transaction: ServerTransaction, sender: HomeUser, onward: () => void): boolean {
    const found = referenceIn(transaction.request);
    if (found === null) return false;
    const busy = this.#busy.get(sender.user) ?? 0;
    if (busy >= AT_ONCE) {
      transaction.respond(480, { headers: [{ name: 'Retry-After', value: '5' }] });
      return true;
    }
    this.#busy.set(sender.user, busy + 1);
    const stop = this.#host.clock.after(PATIENCE, () =>
      this.#refuse(transaction, new ParleyError('history.unreachable', 'no answer in time')),
    );
    this.#put(transaction, sender, found, onward)
      .catch((thrown) => this.#refuse(transaction, thrown))
      .finally(() => {
        stop();
        const others = (this.#busy.get(sender.user) ?? 1) - 1;
        if (others > 0) this.#busy.set(sender.user, others);
        else this.#busy.delete(sender.user);
      });
    return true;
  }

  /** Takes what is too much for a MESSAGE to its recipient by a session of this network's own. @returns false for anything else */
  carry(transaction: ServerTransaction, sender: HomeUser): boolean {
    const resolved = this.#large.get(transaction);
    if (resolved === undefined) return false;
    this.#large.delete(transaction);
    this.#session(transaction, sender, resolved).catch((thrown) => this.#refuse(transaction, thrown));
    return true;
  }

  async #put(transaction: ServerTransaction, sender: HomeUser, { cpim, url }: Reference, onward: () => void): Promise<void> {
    const { mailboxes, witness } = this.#host;
    const content = await this.#read(sender, mailboxes, url);
    if (transaction.isAnswered) return;
    const { request } = transaction;
    const body = encodeCpim(withContent(cpim, content.contentType, content.kind === 'text' ? content.content : NO_BYTES));
    if (content.kind === 'file' || body.length > LONGEST_MESSAGE) {
      const uri = trySipUri(request.uri);
      // of what goes to several, or by a gateway, no more than a message is taken
      const target = uri === null ? null : this.#host.bindings.resolve(uri);
      if (target === null) throw new ParleyError('peer.too-large', 'only to a single user of this network');
      this.#large.set(transaction, { cpim, content, recipient: target.user });
    }
    transaction.substitute(body);
    witness.asked(transaction);
    onward();
  }

  async #read(sender: HomeUser, mailboxes: Mailboxes, url: string): Promise<StoredContent> {
    const named = decodeImapUrl(url);
    if (!this.#isOwn(sender, named)) throw new ParleyError('peer.not-allowed', 'not in a mailbox of the sender');
    const mail = await mailboxes.connect(sender);
    try {
      return await storedContent(mail, named);
    } finally {
      await mail.close();
    }
  }

  /** The store by its address or by the name of the network, and in it the mailboxes of whoever sends. */
  #isOwn(sender: HomeUser, { user, host, port }: ImapUrl): boolean {
    const { mailboxes, directory } = this.#host;
    const isHere = (host === mailboxes.host.toLowerCase() && port === mailboxes.port) || host === directory.domain.toLowerCase();
    return isHere && user === mailboxes.nameOf(sender);
  }

  async #session(transaction: ServerTransaction, sender: HomeUser, { cpim, content, recipient }: Resolved): Promise<void> {
    const { clock, focus, notifications, reach, witness } = this.#host;
    const { request, essentials } = transaction;
    const isFile = content.kind === 'file';
    const octets = isFile ? content.content : encodeCpim(withContent(cpim, content.contentType, content.content));
    const spooled = await focus.spool.open(octets.length);
    const place = { host: focus.msrp.address.host, now: clock.now() };
    let invite: SipRequest;
    try {
      await spooled.write(0, octets);
      invite = isFile
        ? fileInvitation(request, cpim, { ...content, size: octets.length, hashes: await hashesOf(spooled) }, place)
        : largeInvitation(request, octets.length, place);
    } catch (thrown) {
      spooled.release();
      throw thrown;
    }
    notifications.sent(sender.user, request);
    if (isFile) {
      // as a file with its name, not as a message
      witness.forget(transaction);
      const hearing = witness.hear(invite, sender, recipient, 'caller', content.contentType);
      hearing?.write(0, octets);
      hearing?.complete(octets.length);
    }
    transaction.respond(202);
    const contentType = isFile ? content.contentType : CPIM_TYPE;
    const taken: Taken = { octets: spooled, contentType, headers: [] };
    const contact = {
      name: 'Contact',
      value: `<${focus.ownUri(`stored-${randomToken(16)}`)}>;${contactFeature([isFile ? FILE_TRANSFER : LARGE_MESSAGE])}`,
    };
    const parcel = { request: invite, maxForwards: essentials.maxForwards, sender, mediaIndex: 0, content: taken, contact, start: 0 };
    const devices = reach.devices(invite, request.uri, sender);
    new Delivery(focus, parcel, request.uri, devices, (end) => void this.#over(taken, invite, sender, end));
  }

  /** What his devices do not take waits for him, or the sender hears that it failed. */
  async #over(content: Taken, request: SipRequest, sender: HomeUser, { isDelivered, refusal }: End): Promise<void> {
    try {
      if (isDelivered) return;
      const parts = await wishesIn(request, content);
      await this.#host.reach.missed({ request, parts, sender, service: request.uri }, request.uri, refusal, content);
    } catch (thrown) {
      this.#host.log(`reference: ${toCodedError(thrown).detail}`);
    } finally {
      content.octets.release();
    }
  }

  #refuse(transaction: ServerTransaction, thrown: unknown): void {
    if (transaction.isAnswered) return;
    const { code, detail } = toCodedError(thrown);
    this.#host.log(`reference: ${code}: ${detail}`);
    if (LATER.has(code)) {
      transaction.respond(480, { headers: [{ name: 'Retry-After', value: '30' }] });
      return;
    }
    const why = code === 'peer.not-allowed' ? detail : (REASONS[code] ?? 'cannot be sent');
    const text = `Referenced stored object: ${why}`;
    transaction.respond(403, {
      headers: [{ name: 'Warning', value: encodeWarning({ code: 399, agent: this.#host.directory.domain, text }) }],
    });
  }
}

const REASONS: Readonly<Record<string, string>> = { 'request.not-found': 'not there', 'peer.too-large': 'too large' };

interface Reference {
  readonly cpim: CpimMessage;
  readonly url: string;
}

/** Null for a message with its content, and for one that names something which is not in a mailbox: that is its recipient's to judge. */
function referenceIn(request: SipRequest): Reference | null {
  if (request.method !== 'MESSAGE' || mediaType(header(request, 'Content-Type') ?? '') !== CPIM_TYPE) return null;
  try {
    const cpim = decodeCpim(request.body);
    const type = contentHeader(cpim, 'Content-Type') ?? '';
    if (!isExternalBody(type)) return null;
    const { url } = decodeExternalBody(type, cpim.content);
    return /^imaps?:/i.test(url) ? { cpim, url } : null;
  } catch {
    return null;
  }
}

function withContent(cpim: CpimMessage, contentType: string, content: Uint8Array): CpimMessage {
  return { ...cpim, contentHeaders: [{ name: 'Content-Type', value: contentType }], content };
}

async function hashesOf(octets: Spooled): Promise<{ algorithm: string; hex: string }[]> {
  return [
    { algorithm: 'sha-1', hex: await octets.hash('sha1') },
    { algorithm: 'sha-256', hex: await octets.hash('sha256') },
  ];
}
