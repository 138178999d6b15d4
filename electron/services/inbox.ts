import { fromUtf8 } from '../../shared/base/bytes.ts';
import { ParleyError } from '../../shared/base/errors.ts';
import { MAX_TEXT } from '../../shared/ipc/contract.ts';
import type { Account } from '../../shared/model/account.ts';
import { addressTitle, canonicalAddress, numberRoute } from '../../shared/model/address.ts';
import { CPIM_TYPE, type CpimMessage, contentHeader, cpimContent, decodeCpim } from '../../shared/protocol/cpim/cpim.ts';
import { cpimAnswers, cpimDateTime, formatDateTime, imdnRequest } from '../../shared/protocol/cpim/cpim-message.ts';
import { decodeStored } from '../../shared/protocol/cpim/stored.ts';
import { instanceOf, serviceOf } from '../../shared/protocol/cpm/names.ts';
import { COMPOSING_TYPE } from '../../shared/protocol/iscomposing/iscomposing.ts';
import { type ContentType, decodeContentType } from '../../shared/protocol/mime/content-type.ts';
import { decodeMultipart, partContent, partContentType } from '../../shared/protocol/multipart/multipart.ts';
import type { Header, IncomingMessage } from '../sip/port.ts';
import type { Answered, Notify } from '../store/port.ts';
import type { ServiceContext } from './context.ts';
import { NOTHING_ASKED, notificationsIn, notifyOf, takeNotifications } from './receipts.ts';

/** one level of multipart around the CPIM part is all that CPM uses */
const MAX_NESTING = 3;

/** Who a message is from and where it belongs, by the SIP request that brought it or the session it came in. */
export interface Envelope {
  readonly peer: string;
  /** further addresses that the network asserts to be the same person's */
  readonly aliases: readonly string[];
  /** where a request to a number goes */
  readonly route: string | null;
  readonly title: string;
  readonly cpmConversationId: string;
  readonly contributionId: string;
  readonly originInstance: string | null;
  /** InReplyTo-Contribution-ID */
  readonly answersContribution: string | null;
  /** Date of a MESSAGE, ms since the epoch: when a text was sent that tells no other time */
  readonly date?: number | null;
  /** for a message without an id of its own */
  readonly fallbackId: string;
}

/** @throws ParleyError `peer.malformed` when there is nobody it could be from */
export function readEnvelope(request: Omit<IncomingMessage, 'answer'>, account: Pick<Account, 'address' | 'countryCode'>): Envelope {
  const { address: ownAddress, countryCode } = account;
  const [peer, ...aliases] = senderAddresses(request, account);
  if (!peer) throw new ParleyError('peer.malformed', 'no usable originator');
  return {
    peer,
    aliases,
    route: numberRoute(request.originator, countryCode),
    title: addressTitle(peer, request.originatorName),
    // without one, the pair of addresses is the conversation (cpm.md section 2.3)
    cpmConversationId: cpmId(request.headers, 'conversation-id') ?? [canonicalAddress(ownAddress) ?? ownAddress, peer].sort().join(' '),
    contributionId: cpmId(request.headers, 'contribution-id') ?? `${request.callId} ${request.cseq}`.slice(0, 128),
    originInstance: instanceOf(request.headers),
    // of a session it is the session that answers, not each text in it
    answersContribution: serviceOf(request.headers) === 'oma.cpm.session' ? null : cpmId(request.headers, 'inreplyto-contribution-id'),
    // Call-ID and CSeq name the request; never Call-ID alone
    fallbackId: `sip:${request.callId};${request.cseq}`,
  };
}

/** All addresses by which a request says who sent it, the one that is written to first; empty when there is none. */
export function senderAddresses(
  { originator, alsoKnownAs = [] }: Pick<IncomingMessage, 'originator' | 'alsoKnownAs'>,
  { countryCode }: Pick<Account, 'countryCode'>,
): string[] {
  const folded = [originator, ...alsoKnownAs].map((address) => canonicalAddress(address, countryCode));
  const [peer] = folded;
  return peer == null ? [] : [...new Set(folded.filter((address) => address !== null))];
}

/** What the store has to know of a sender. */
export function senderOf(
  { contacts, settings }: ServiceContext,
  { peer, aliases, route, title, cpmConversationId, contributionId }: Envelope,
) {
  const asRequest = settings.current.requests && !contacts.names.has(peer);
  return { peer, aliases, route, title, cpmConversationId, contributionId, asRequest };
}

/**
 * Conversation-ID and Contribution-ID are opaque text of up to 128 octets (cpm.md section 2.3). They come back in what we send: one that could
 * not be written there counts as none.
 */
function cpmId(headers: readonly Header[], name: string): string | null {
  const id = headers.find((header) => header.name.toLowerCase() === name)?.value.trim();
  return id && /^[\x20-\x7e]{1,128}$/.test(id) ? id : null;
}

/** Hears who is typing; nothing of that is kept. */
export interface TypingListener {
  /** @throws ParleyError `xml.*` */
  take(peer: string, document: Uint8Array): void;
  ended(peer: string): void;
}

/** Takes in what arrives, by whatever way. When {@link take} resolves it is on disk, and a notification that was asked for with it. */
export class Inbox {
  readonly #context: ServiceContext;
  readonly #outboxChanged: () => void;
  readonly #typing: TypingListener;

  constructor(context: ServiceContext, outboxChanged: () => void, typing: TypingListener) {
    this.#context = context;
    this.#outboxChanged = outboxChanged;
    this.#typing = typing;
  }

  /**
   * @throws ParleyError `peer.unsupported` for a type nobody could read here, `peer.too-large`, `*.malformed`, `*.too-large`; `store.*` when it could not
   * be kept
   */
  async take(envelope: Envelope, contentTypeText: string, body: Uint8Array, nesting = MAX_NESTING): Promise<void> {
    // a session may have begun before
    if (this.#context.contacts.isBlocked([envelope.peer, ...envelope.aliases])) return;
    const contentType = decodeContentType(contentTypeText);
    if (contentType.type === CPIM_TYPE) return this.#takeCpim(envelope, decodeCpim(body));
    if (contentType.type === COMPOSING_TYPE) return this.#typing.take(envelope.peer, body);
    if (contentType.type === 'text/plain') {
      const { cpim, text } = decodeStored(body);
      if (cpim !== null) return this.#takeCpim(envelope, cpim);
      const now = this.#context.clock.now();
      return this.#takeText(envelope, decodeText(text, contentType), {
        imdnId: envelope.fallbackId,
        answers: { imdnId: null, contributionId: envelope.answersContribution },
        sentAt: Math.min(envelope.date ?? now, now),
        notify: NOTHING_ASKED,
      });
    }
    if (contentType.type.startsWith('multipart/') && nesting > 0) {
      const typed = decodeMultipart(body, contentTypeText).parts.map((part) => ({ part, type: partContentType(part).type }));
      const chosen = typed.find(({ type }) => type === CPIM_TYPE) ?? typed.find(({ type }) => /^(text\/plain$|multipart\/)/.test(type));
      if (chosen) {
        const innerType = chosen.part.headers.find((header) => header.name.toLowerCase() === 'content-type')?.value ?? 'text/plain';
        return this.take(envelope, innerType, partContent(chosen.part), nesting - 1);
      }
    }
    throw unreadable(contentType);
  }

  async #takeCpim(envelope: Envelope, cpim: CpimMessage): Promise<void> {
    const contentType = decodeContentType(contentHeader(cpim, 'Content-Type') ?? 'text/plain');
    const notifications = notificationsIn(cpim);
    if (notifications.length > 0) {
      await takeNotifications(this.#context, envelope.peer, notifications);
      return this.#outboxChanged();
    }
    if (contentType.type === COMPOSING_TYPE) return this.#typing.take(envelope.peer, cpimContent(cpim));
    if (contentType.type !== 'text/plain') throw unreadable(contentType);
    const now = this.#context.clock.now();
    const request = imdnRequest(cpim);
    const dateTime = cpimDateTime(cpim);
    await this.#takeText(envelope, decodeText(cpimContent(cpim), contentType), {
      imdnId: request.messageId ?? envelope.fallbackId,
      answers: { imdnId: cpimAnswers(cpim), contributionId: envelope.answersContribution },
      sentAt: dateTime.time ?? now,
      notify: notifyOf(this.#context, request, envelope.originInstance, dateTime.text ?? formatDateTime(now)),
    });
  }

  async #takeText(
    envelope: Envelope,
    text: string,
    about: { imdnId: string; answers: Answered; sentAt: number; notify: Notify },
  ): Promise<void> {
    if (text.length > MAX_TEXT) throw new ParleyError('peer.too-large', `${text.length} characters`);
    const { store, notices, clock } = this.#context;
    const rows = await store.receiveText({ ...senderOf(this.#context, envelope), ...about, text, now: clock.now() });
    this.#typing.ended(envelope.peer);
    notices.changed(rows.duplicate ? { merged: rows.merged } : rows);
    this.#outboxChanged();
  }
}

function unreadable(contentType: ContentType): ParleyError {
  return new ParleyError('peer.unsupported', `cannot show ${contentType.type.slice(0, 80)}`);
}

function decodeText(octets: Uint8Array, contentType: ContentType): string {
  const charset = contentType.parameters.get('charset') ?? 'utf-8';
  if (/^(utf-?8|us-ascii)$/i.test(charset)) return fromUtf8(octets);
  try {
    return new TextDecoder(charset).decode(octets);
  } catch {
    throw new ParleyError('peer.unsupported', `unknown charset ${charset.slice(0, 40)}`);
  }
}
