import { fromUtf8 } from '../../../shared/base/bytes.ts';
import { CHAT_SESSION, FILE_TRANSFER, LARGE_MESSAGE, serviceOf } from '../../../shared/protocol/cpm/names.ts';
import type { SessionKind } from '../../../shared/protocol/cpm-objects/descriptions.ts';
import type { ObjectHeaders } from '../../../shared/protocol/cpm-objects/object-headers.ts';
import type { StoredObject } from '../../../shared/protocol/cpm-objects/stored-object.ts';
import { decodeSdp } from '../../../shared/protocol/sdp/sdp.ts';
import { header, type SipRequest } from '../../../shared/protocol/sip/message.ts';
import { trySipUri } from '../../../shared/protocol/sip/uri.ts';
import type { Bindings } from '../bindings.ts';
import type { Directory } from '../directory.ts';
import { descriptionIn } from '../media/description.ts';
import { isLed } from '../media/led-media.ts';
import type { Side } from '../media/media-path.ts';
import type { Hearing, Witnessed } from '../media/witnessed.ts';
import type { MessageStore } from '../message-store/port.ts';
import { isPrivate } from '../relay-headers.ts';
import type { Rules } from '../rules/rules.ts';
import type { ServerTransaction } from '../server-transaction.ts';
import type { HomeUser } from '../settings.ts';
import { Captures } from './captures.ts';
import { type Context, correspondentIn, fileObject, headersOf, messageObject, serviceUrn, sessionObject } from './objects.ts';

export interface WitnessHost {
  readonly directory: Directory;
  readonly bindings: Bindings;
  readonly rules: Rules;
  readonly store: MessageStore;
  readonly now: () => number;
  readonly log: (line: string) => void;
  /** octets of sessions pass by this network */
  readonly isAnchored: boolean;
}

interface Asked {
  readonly request: SipRequest;
  readonly sender: HomeUser;
  readonly recipients: readonly HomeUser[];
  readonly kind: SessionKind;
}

/** what an invitation comes to that nobody took */
const MISSED = new Set([408, 480, 487]);
const REFUSED = new Set([486, 603]);

/**
 * Sees what passes and has it recorded for those who want that (R-PF-46): each MESSAGE that was taken, each session and each invitation that came to nothing,
 * and of sessions whose octets pass by this network their messages and files too. Of sessions from device to device it knows no more than their signalling.
 */
export class Witness implements Witnessed {
  readonly #host: WitnessHost;
  readonly #captures = new Captures();
  readonly #asked = new WeakMap<ServerTransaction, Asked>();

  constructor(host: WitnessHost) {
    this.#host = host;
  }

  /** A request has come; its body is there until it is answered. */
  asked(transaction: ServerTransaction): void {
    const { request, essentials } = transaction;
    if (essentials.toTag !== null || (request.method !== 'MESSAGE' && request.method !== 'INVITE')) return;
    const asked = this.#parties(transaction);
    if (asked !== null && [asked.sender, ...asked.recipients].some((user) => this.#records(user))) this.#asked.set(transaction, asked);
  }

  /** It is recorded otherwise. */
  forget(transaction: ServerTransaction): void {
    this.#asked.delete(transaction);
  }

  answered(transaction: ServerTransaction, status: number): void {
    const asked = this.#asked.get(transaction);
    if (asked === undefined) return;
    this.#asked.delete(transaction);
    if (asked.request.method === 'MESSAGE') {
      if (status < 300) this.#message(asked);
    } else this.#invitation(asked, status);
  }

  hear(request: SipRequest, sender: HomeUser, recipient: HomeUser, from: Side, contentType: string): Hearing | null {
    if (![sender, recipient].some((user) => this.#records(user))) return null;
    const service = serviceOf(request.headers);
    const asked: Asked = { request, sender, recipients: [recipient], kind: '1-1' };
    return this.#captures.begin((content) => {
      if (service === FILE_TRANSFER) {
        this.#keepAll(asked, from, (headers) => fileObject(headers, sdpOf(request), '1-1', content && { ...fileIn(request), content }));
      } else if (content !== null) {
        this.#keepAll(asked, from, (headers) => messageObject({ ...headers, service: serviceIn(request) }, contentType, content));
      }
    });
  }

  #message(asked: Asked): void {
    const { request } = asked;
    this.#keepAll(asked, 'caller', (headers) => messageObject(headers, header(request, 'Content-Type') ?? 'text/plain', request.body));
  }

  #invitation(asked: Asked, status: number): void {
    const { request, kind } = asked;
    const service = serviceOf(request.headers);
    const outcome = status < 300 ? 'accepted' : MISSED.has(status) ? 'missed' : REFUSED.has(status) ? 'refused' : null;
    if (outcome === null || service === LARGE_MESSAGE) return;
    const sdp = sdpOf(request);
    if (service === FILE_TRANSFER && outcome === 'accepted') {
      // with its octets where they pass here, at the end of it
      if (!this.#host.isAnchored) this.#keepAll(asked, 'caller', (headers) => fileObject(headers, sdp, kind, null));
    } else if (service === FILE_TRANSFER || service === CHAT_SESSION) {
      const urn = serviceIn(request);
      this.#keepAll(asked, 'caller', (headers) => sessionObject({ ...headers, service: urn }, { sessionType: kind, sdp, outcome }));
    }
  }

  /** For each party that wants it, as that party has it. @param from whose it is */
  #keepAll(asked: Asked, from: Side, make: (headers: ObjectHeaders) => StoredObject | null): void {
    const { sender, recipients, request } = asked;
    const context = this.#context(asked, from);
    for (const user of new Set([sender, ...recipients])) {
      if (!this.#records(user)) continue;
      const isSender = from === 'caller' ? user === sender : user !== sender;
      const object = make(headersOf({ ...context, request }, isSender ? 'sent' : 'received'));
      if (object === null) continue;
      this.#host.store.keep(user.user, object).catch((thrown) => this.#host.log(`history of ${user.user}: ${String(thrown)}`));
    }
  }

  #context({ request, sender, recipients }: Asked, from: Side): Context {
    const { directory, now } = this.#host;
    const hidden = isPrivate(request);
    const one = (user: HomeUser) => ({ address: directory.addressOf(user), name: user.displayName });
    const caller = hidden ? correspondentIn(null) : one(sender);
    const called = { ...correspondentIn(`<${request.uri}>`), name: '' };
    const callee = recipients.length === 1 && recipients[0] !== undefined ? one(recipients[0]) : called;
    return from === 'caller' ? { request, from: caller, to: [callee], now: now() } : { request, from: callee, to: [caller], now: now() };
  }

  #parties({ request, flow, essentials }: ServerTransaction): Asked | null {
    const { bindings, directory } = this.#host;
    const own = bindings.onFlow(flow).map(({ user }) => user);
    const sender = own.find((user) => directory.byAddress(essentials.from) === user) ?? own[0];
    const uri = trySipUri(request.uri);
    if (sender === undefined || uri === null) return null;
    const group = directory.groupByUri(uri);
    if (group !== null) {
      const members = group.members.flatMap((name) => directory.byName(name) ?? []);
      return { request, sender, recipients: members.filter((member) => member !== sender), kind: 'Pre-Defined' };
    }
    const target = bindings.resolve(uri)?.user ?? directory.byUri(uri);
    return { request, sender, recipients: target === null ? [] : [target], kind: target === null ? 'Ad-Hoc' : '1-1' };
  }

  #records(user: HomeUser): boolean {
    return this.#host.rules.of(user).recording;
  }
}

function serviceIn({ headers }: SipRequest): string | null {
  const service = serviceOf(headers);
  return service === null ? null : serviceUrn(service);
}

function sdpOf(request: SipRequest): string {
  try {
    const described = descriptionIn(request);
    return described === null ? '' : fromUtf8(described.sdp);
  } catch {
    return '';
  }
}

/** Name and type of the file that an offer is for. */
function fileIn(request: SipRequest): { readonly name: string | null; readonly contentType: string } {
  const none = { name: null, contentType: 'application/octet-stream' };
  try {
    const described = descriptionIn(request);
    const selector = described === null ? null : (decodeSdp(described.sdp).media.find(isLed)?.fileSelector ?? null);
    return { name: selector?.name ?? null, contentType: selector?.type ?? none.contentType };
  } catch {
    return none;
  }
}
