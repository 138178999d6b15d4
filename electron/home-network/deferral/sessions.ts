import { ParleyError } from '../../../shared/base/errors.ts';
import { randomToken } from '../../../shared/base/random.ts';
import { CPIM_TYPE } from '../../../shared/protocol/cpim/cpim.ts';
import { imdnRequest } from '../../../shared/protocol/cpim/cpim-message.ts';
import { acceptContactInstance, FILE_TRANSFER, LARGE_MESSAGE, preferredService, serviceOf } from '../../../shared/protocol/cpm/names.ts';
import { mediaType } from '../../../shared/protocol/mime/content-type.ts';
import { type Part, partContentType } from '../../../shared/protocol/multipart/multipart.ts';
import { selectorHash } from '../../../shared/protocol/sdp/file-selector.ts';
import type { MsrpMedia } from '../../../shared/protocol/sdp/msrp-media.ts';
import { header, type SipHeader, type SipRequest } from '../../../shared/protocol/sip/message.ts';
import type { Binding } from '../bindings.ts';
import { Collection, type Taken } from '../focus/collection.ts';
import { Delivery, type End } from '../focus/delivery.ts';
import type { FocusHost } from '../focus/focus-host.ts';
import { takeable, wishesIn } from '../focus/offer.ts';
import { isLed } from '../media/led-media.ts';
import type { ServerTransaction } from '../server-transaction.ts';
import type { HomeUser } from '../settings.ts';
import type { NewItem } from './database.ts';
import { cpimOf, type Letter } from './envelope.ts';
import { type DeferralFiles, octetsIn } from './files.ts';
import type { Hold } from './holds.ts';
import type { DeferredRecord } from './port.ts';
import { nameOf, type Tried } from './push.ts';

/** a message up to so many octets is kept in the database, beside its item */
const SMALL = 65_536;

export interface SessionsHost {
  readonly focus: () => FocusHost;
  readonly files: DeferralFiles;
  readonly tag: SipHeader;
  /** the part of an item that its request says */
  item(letter: Letter, cpim: ReturnType<typeof cpimOf>): NewItem;
  hasRoom(owner: string, size: number): Promise<boolean>;
  /** @throws ParleyError `file.disk-full` for a quota that is used up */
  store(item: NewItem, how: Tried | Hold): Promise<void>;
  content(id: number): Promise<{ readonly octets: Uint8Array | null; readonly file: string | null } | null>;
  /** whom an address of ours means; null: nobody any more */
  userOf(address: string): HomeUser | null;
  noRoom(): SipHeader[];
}

/**
 * Large messages and files whose recipient is not there (cpm.md section 16.3): this network takes them from their sender in his place, and
 * begins a session of its own when a device comes. Deferring is a delivery that begins later: both ends are those of the focus.
 */
export class DeferredSessions {
  /** large messages that are coming in, by owner */
  readonly #taking = new Map<string, number>();
  readonly #host: SessionsHost;
  /** what an INVITE brings, while that is looked at, taken and kept */
  readonly #offers = new WeakMap<SipRequest, ReturnType<typeof takeable>>();

  constructor(host: SessionsHost) {
    this.#host = host;
  }

  /** Whether that INVITE is for something that can wait: one file or one large message, the whole of it. */
  canTake(request: SipRequest): boolean {
    const service = serviceOf(request.headers);
    if (service !== FILE_TRANSFER && service !== LARGE_MESSAGE) return false;
    try {
      const { description } = this.#offerOf(request);
      return description.media.filter(isLed).length === 1;
    } catch {
      return false;
    }
  }

  /** @throws as {@link takeable} does */
  #offerOf(request: SipRequest): ReturnType<typeof takeable> {
    const offer = this.#offers.get(request) ?? takeable(request, this.#host.focus().policy);
    this.#offers.set(request, offer);
    return offer;
  }

  /** A large message for him is coming in. */
  isTaking(owner: string): boolean {
    return (this.#taking.get(owner) ?? 0) > 0;
  }

  /** Answers an INVITE that {@link canTake} has looked at: 200, and the item is kept before the last octet is answered. */
  async take(transaction: ServerTransaction, letter: Letter & { readonly sender: HomeUser }, tried: Tried): Promise<void> {
    const focus = this.#host.focus();
    const { sender, owner, kind } = letter;
    const count = (change: number): void => void this.#taking.set(owner, (this.#taking.get(owner) ?? 0) + (kind === 'large' ? change : 0));
    const over = (): void => count(-1);
    count(1);
    transaction.onCancel = () => transaction.respond(487);
    try {
      const { description, mediaIndex } = this.#offerOf(letter.request);
      const announced = (description.media[mediaIndex] as MsrpMedia).fileSelector?.size ?? 0;
      if (!(await this.#host.hasRoom(letter.owner, announced))) {
        transaction.respond(480, { headers: this.#host.noRoom() });
        return over();
      }
      // its caller has given up, or gone
      if (transaction.isAnswered || !transaction.flow.isOpen) return over();
      new Collection(
        focus,
        { transaction, sender, description, mediaIndex, identity: null },
        (content) => this.keep(letter, content, tried),
        over,
      );
    } catch (thrown) {
      over();
      const { status, headers } = focus.mediaRefusal(thrown);
      transaction.respond(status, { headers });
    }
  }

  /** What has been taken already, for one who does not get it now. @throws ParleyError when it cannot be kept */
  async keep(letter: Letter, content: Taken, how: Tried | Hold): Promise<void> {
    const { octets, contentType } = content;
    const { description, mediaIndex } = this.#offerOf(letter.request);
    const { fileSelector } = description.media[mediaIndex] as MsrpMedia;
    const isFile = letter.kind === 'file';
    octets.hold();
    let file: string | null = null;
    try {
      const isWrapped = mediaType(contentType) === CPIM_TYPE;
      if (isFile && !isWrapped) await checkHash(octets, fileSelector);
      const wishes = (await wishesIn(letter.request, content)).find((part) => partContentType(part).type === CPIM_TYPE);
      const cpim = wishes === undefined ? null : cpimOf(wishes.body, CPIM_TYPE);
      const small = !isFile && octets.size <= SMALL ? await octets.head(octets.size) : null;
      if (small === null) {
        file = randomToken(24);
        await octets.keep(this.#host.files.path(file));
      }
      const item = this.#host.item(letter, cpim);
      const about = isFile ? { contentType: mediaType(fileSelector?.type ?? ''), subject: fileSelector?.name ?? item.subject } : {};
      const imdnId = cpim === null ? null : imdnRequest(cpim).messageId;
      await this.#host.store({ ...item, ...about, imdnId, size: octets.size, mediaType: contentType, content: small, file }, how);
    } catch (thrown) {
      if (file !== null) await this.#host.files.remove(file);
      throw thrown;
    } finally {
      octets.release();
    }
  }

  /** Resolves when it is over. @param start octets that the only device has */
  async deliver(item: DeferredRecord, devices: readonly Binding[], start = 0): Promise<End> {
    const focus = this.#host.focus();
    const found = await this.#host.content(item.id);
    if (found === null) throw new ParleyError('request.not-found', `deferred item ${item.id}`);
    const octets = found.file === null ? octetsIn(found.octets ?? new Uint8Array(0)) : await this.#host.files.open(found.file);
    try {
      const request = this.#invite(item, start > 0 ? (devices[0]?.instance ?? null) : null);
      const { mediaIndex } = takeable(request, { ...focus.policy, maxFileSize: 0 });
      const name = /^<([^>]*)>/.exec(header({ headers: item.fields }, 'P-Called-Party-ID') ?? '')?.[1] ?? item.uri;
      const sender = this.#host.userOf(item.author) ?? { user: '', password: '', displayName: '' };
      const contact = { name: 'Contact', value: `<${focus.ownUri(`deferred-${randomToken(16)}`)}>` };
      const content = { octets, contentType: item.mediaType ?? CPIM_TYPE, headers: [] };
      const parcel = { request, maxForwards: null, sender, mediaIndex, content, contact, start };
      return await new Promise<End>((resolve) => new Delivery(focus, parcel, name, devices, resolve));
    } finally {
      octets.release();
    }
  }

  /** What says which notifications its author wants. */
  async wishes({ id, fields, body }: Pick<DeferredRecord, 'id' | 'fields' | 'body'>, contentType: string): Promise<readonly Part[]> {
    const request: SipRequest = { kind: 'request', method: 'INVITE', uri: '', headers: fields, body };
    const found = await this.#host.content(id);
    if (found === null) return [];
    const octets = found.file === null ? octetsIn(found.octets ?? new Uint8Array(0)) : await this.#host.files.open(found.file);
    try {
      return await wishesIn(request, { octets, contentType, headers: [] });
    } finally {
      octets.release();
    }
  }

  /** F21-03, and for a large message the tag of what comes late. @param instance the device that had begun to take it */
  #invite({ fields, body, kind, author }: DeferredRecord, instance: string | null): SipRequest {
    const accept = fields.find(({ name }) => name === 'Accept-Contact')?.value.replace(/;(require|explicit)/gi, '') ?? '*';
    const own = ['Accept-Contact', 'P-Asserted-Identity', 'P-Asserted-Service', 'P-Called-Party-ID', 'Expires'];
    const headers: SipHeader[] = [
      kind === 'file' ? { name: 'Accept-Contact', value: accept } : this.#host.tag,
      ...(instance === null ? [] : [{ name: 'Accept-Contact', value: acceptContactInstance(instance) }]),
      { name: 'P-Preferred-Service', value: preferredService(kind === 'file' ? FILE_TRANSFER : 'oma.cpm.deferred') },
      ...(fields.some(({ name }) => name === 'Privacy') ? [] : [{ name: 'Referred-By', value: `<${author}>` }]),
      ...fields.filter(({ name }) => !own.includes(name)),
    ];
    return { kind: 'request', method: 'INVITE', uri: author, headers, body };
  }
}

/** @throws ParleyError `file.hash-mismatch` */
async function checkHash(octets: Taken['octets'], selector: MsrpMedia['fileSelector']): Promise<void> {
  for (const [name, algorithm] of [['sha-1', 'sha1'] as const, ['sha-256', 'sha256'] as const]) {
    const expected = selector === null ? null : selectorHash(selector, name);
    if (expected !== null && (await octets.hash(algorithm)) !== expected) throw new ParleyError('file.hash-mismatch', name);
  }
}

/** How far a device had come that is asked first; null: none has begun. */
export function begunBy(item: DeferredRecord, devices: readonly Binding[]): { readonly device: Binding; readonly start: number } | null {
  for (const device of devices) {
    const taken = item.taken[nameOf(device)];
    if (taken !== undefined && taken < item.size) return { device, start: taken };
  }
  return null;
}
