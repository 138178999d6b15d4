import { fromUtf8 } from '../../shared/base/bytes.ts';
import { ParleyError, toCodedError } from '../../shared/base/errors.ts';
import { MAX_TEXT } from '../../shared/ipc/contract.ts';
import { addressTitle, canonicalAddress } from '../../shared/model/address.ts';
import { type CpimMessage, contentHeader, CPIM_TYPE, cpimContent, decodeCpim } from '../../shared/protocol/cpim/cpim.ts';
import { cpimDateTime, imdnRequest } from '../../shared/protocol/cpim/cpim-message.ts';
import { decodeImdn, IMDN_TYPE } from '../../shared/protocol/imdn/imdn.ts';
import { decodeContentType } from '../../shared/protocol/mime/content-type.ts';
import { decodeMultipart } from '../../shared/protocol/multipart/multipart.ts';
import type { Header, IncomingMessage } from '../sip/port.ts';
import type { Notify } from '../store/port.ts';
import type { ServiceContext } from './context.ts';

const ACCEPT: Header = { name: 'Accept', value: 'message/cpim, text/plain, multipart/mixed' };
/** one level of multipart around the CPIM part is all that CPM uses */
const MAX_NESTING = 3;

/** A MESSAGE answers itself with what its handling came to. */
class Refusal extends Error {
  readonly status: number;
  readonly headers: readonly Header[];

  constructor(status: number, detail: string, headers: readonly Header[] = []) {
    super(detail);
    this.status = status;
    this.headers = headers;
  }
}

interface Envelope {
  readonly peer: string;
  readonly title: string;
  readonly cpmConversationId: string;
  readonly contributionId: string;
  readonly originInstance: string | null;
  /** for a message without an id of its own: Call-ID and CSeq name the request (never Call-ID alone) */
  readonly fallbackId: string;
}

/**
 * Pager-mode messages and notifications that arrive. The 200 leaves after the commit, so whatever was acknowledged is on disk; an
 * acknowledged notification request is on disk with it.
 */
export class IncomingMessages {
  readonly #context: ServiceContext;
  readonly #outboxChanged: () => void;

  constructor(context: ServiceContext, outboxChanged: () => void) {
    this.#context = context;
    this.#outboxChanged = outboxChanged;
  }

  async handle(message: IncomingMessage): Promise<void> {
    try {
      const envelope = readEnvelope(message, this.#context.account.address);
      await this.#take(envelope, message.contentType, message.body, MAX_NESTING);
      message.answer(200, 'OK');
    } catch (thrown) {
      const refusal = asRefusal(thrown);
      this.#context.log(`MESSAGE ${message.callId} answered ${refusal.status}: ${refusal.message}`);
      message.answer(refusal.status, undefined, refusal.headers);
    }
  }

  async #take(envelope: Envelope, contentTypeText: string, body: Uint8Array, nesting: number): Promise<void> {
    const contentType = decodeContentType(contentTypeText);
    if (contentType.type === CPIM_TYPE) return this.#takeCpim(envelope, decodeCpim(body));
    if (contentType.type === 'text/plain') {
      const now = this.#context.clock.now();
      return this.#takeText(envelope, decodeText(body, contentType.parameters.get('charset')), {
        imdnId: envelope.fallbackId,
        sentAt: now,
        notify: { positiveDelivery: false, display: false, originInstance: null, dateTime: '' },
      });
    }
    if (contentType.type === 'application/im-iscomposing+xml') return;
    if (contentType.type.startsWith('multipart/') && nesting > 0) {
      const { parts } = decodeMultipart(contentTypeText, body);
      const part =
        parts.find((candidate) => decodeContentType(candidate.contentType).type === CPIM_TYPE) ??
        parts.find((candidate) => /^(text\/plain|multipart\/)/.test(decodeContentType(candidate.contentType).type));
      if (part) return this.#take(envelope, part.contentType, part.body, nesting - 1);
    }
    throw new Refusal(415, `cannot show ${contentType.type}`, [ACCEPT]);
  }

  async #takeCpim(envelope: Envelope, cpim: CpimMessage): Promise<void> {
    const { store, notices, clock } = this.#context;
    const now = clock.now();
    const contentType = decodeContentType(contentHeader(cpim, 'Content-Type') ?? 'text/plain');
    if (contentType.type === IMDN_TYPE) {
      const imdn = decodeImdn(cpimContent(cpim));
      const event = imdn.status === 'delivered' || imdn.status === 'displayed' ? imdn.status : imdn.status === 'failed' ? 'failed' : null;
      if (event) notices.changed(await store.applyReceipt({ peer: envelope.peer, imdnId: imdn.messageId, event, now }));
      return;
    }
    if (contentType.type === 'application/im-iscomposing+xml') return;
    if (contentType.type !== 'text/plain') throw new Refusal(415, `cannot show ${contentType.type}`, [ACCEPT]);
    const request = imdnRequest(cpim);
    const dateTime = cpimDateTime(cpim);
    await this.#takeText(envelope, decodeText(cpimContent(cpim), contentType.parameters.get('charset')), {
      imdnId: request.messageId ?? envelope.fallbackId,
      sentAt: dateTime.time ?? now,
      notify: {
        positiveDelivery: request.messageId !== null && request.dispositions.has('positive-delivery'),
        display: request.messageId !== null && request.dispositions.has('display'),
        originInstance: envelope.originInstance,
        dateTime: dateTime.text ?? new Date(now).toISOString(),
      },
    });
  }

  async #takeText(envelope: Envelope, text: string, about: { imdnId: string; sentAt: number; notify: Notify }): Promise<void> {
    if (text.length > MAX_TEXT) throw new Refusal(413, `${text.length} characters`);
    const { store, notices, clock } = this.#context;
    const rows = await store.receiveText({ ...envelope, ...about, text, now: clock.now() });
    if (!rows.duplicate) notices.changed(rows);
    this.#outboxChanged();
  }
}

function readEnvelope(message: IncomingMessage, ownAddress: string): Envelope {
  const peer = canonicalAddress(message.originator);
  if (!peer) throw new Refusal(400, 'no usable originator');
  const header = (name: string) => message.headers.find((candidate) => candidate.name.toLowerCase() === name)?.value;
  return {
    peer,
    title: addressTitle(peer, message.originatorName),
    // without one, the pair of addresses is the conversation (cpm.md section 2.3)
    cpmConversationId: cpmId(header('conversation-id')) ?? [canonicalAddress(ownAddress) ?? ownAddress, peer].sort().join(' '),
    contributionId: cpmId(header('contribution-id')) ?? `${message.callId} ${message.cseq}`.slice(0, 128),
    originInstance: /\+sip\.instance="(<urn:[^">\s]{1,128}>)"/i.exec(header('contact') ?? '')?.[1] ?? null,
    fallbackId: `sip:${message.callId};${message.cseq}`,
  };
}

/** Conversation-ID and Contribution-ID are opaque text of up to 128 octets (cpm.md section 2.3). */
export function cpmId(value: string | undefined): string | null {
  const id = value?.trim();
  return id && id.length <= 128 ? id : null;
}

function decodeText(octets: Uint8Array, charset: string | undefined): string {
  if (!charset || /^(utf-?8|us-ascii)$/i.test(charset)) return fromUtf8(octets);
  try {
    return new TextDecoder(charset).decode(octets);
  } catch {
    throw new Refusal(415, `unknown charset ${charset.slice(0, 40)}`, [ACCEPT]);
  }
}

function asRefusal(thrown: unknown): Refusal {
  if (thrown instanceof Refusal) return thrown;
  const { code, detail } = toCodedError(thrown);
  if (code.startsWith('store.') || code === 'internal') {
    // the sender keeps it and tries again: nothing is lost while this device has trouble of its own
    return new Refusal(500, `${code} ${detail}`, [{ name: 'Retry-After', value: '60' }]);
  }
  if (thrown instanceof ParleyError && code.endsWith('.too-large')) return new Refusal(413, detail);
  return new Refusal(400, `${code} ${detail}`);
}
