import { randomToken, randomUuid } from '../../../shared/base/random.ts';
import { CPIM_TYPE, type CpimMessage, contentHeader, decodeCpim } from '../../../shared/protocol/cpim/cpim.ts';
import { cpimDateTime, imdnRequest } from '../../../shared/protocol/cpim/cpim-message.ts';
import { contactFeature, FILE_TRANSFER, instanceOf, preferredService, serviceOf } from '../../../shared/protocol/cpm/names.ts';
import { encodeWarning } from '../../../shared/protocol/cpm/warning.ts';
import { mediaType } from '../../../shared/protocol/mime/content-type.ts';
import { header, type SipHeader, type SipRequest } from '../../../shared/protocol/sip/message.ts';
import { decodeDeltaSeconds } from '../../../shared/protocol/sip/text.ts';
import type { Binding } from '../bindings.ts';
import { FRESH } from '../leg.ts';
import { isPrivate, type RelayHeaders, withoutTag } from '../relay-headers.ts';
import type { HomeUser } from '../settings.ts';
import type { NewItem } from './database.ts';
import type { DeferredKind, DeferredRecord } from './port.ts';

/** RFC 3323 section 4.1.1.3 */
const NOBODY = 'sip:anonymous@anonymous.invalid';
/** counts from when it was sent, so it would say something else later */
const OF_THE_FIRST_TRY = new Set(['Expires', 'Accept-Contact', 'P-Asserted-Service']);
/** of what is pushed, in place of the service that it was sent by (flow F21-01) */
export const TAG: readonly SipHeader[] = [
  { name: 'Accept-Contact', value: `*;${contactFeature(['oma.cpm.deferred'])}` },
  { name: 'P-Asserted-Service', value: preferredService('oma.cpm.deferred') },
];

const LONGEST_TEXT = 256;

/** What is deferred, and for whom. */
export interface Letter {
  readonly kind: DeferredKind;
  /** as its sender sent it */
  readonly request: SipRequest;
  /** null: this network */
  readonly sender: HomeUser | null;
  /** address of who wrote it */
  readonly author: string;
  /** the user that it waits for */
  readonly owner: string;
  /** by which he was addressed */
  readonly recipient: string;
  /** the only device that it is for */
  readonly instance: string | null;
}

/**
 * The part of an item that its request says.
 * @param cpim the message, where it could be read
 * @param maxLife seconds: what the operator allows at most (R-PF-28)
 */
export function itemOf(
  letter: Letter,
  cpim: CpimMessage | null,
  { now, maxLife, relay }: { readonly now: number; readonly maxLife: number; readonly relay: RelayHeaders },
): NewItem {
  const { kind, request, sender, author, owner, recipient, instance } = letter;
  const wanted = request.method === 'MESSAGE' ? header(request, 'Expires') : null;
  const life = Math.min(wanted === null ? maxLife : decodeDeltaSeconds(wanted), maxLife);
  const fields: SipHeader[] = [
    { name: 'From', value: withoutTag(header(request, 'From') ?? '') },
    { name: 'To', value: withoutTag(header(request, 'To') ?? '') },
    { name: 'P-Called-Party-ID', value: `<${recipient}>` },
    ...relay.passing(request, sender),
  ];
  const asserted = sender === null && !isPrivate(request) ? request.headers.filter(({ name }) => name === 'P-Asserted-Identity') : [];
  const contentType = cpim === null ? header(request, 'Content-Type') : contentHeader(cpim, 'Content-Type');
  return {
    token: randomToken(24),
    owner,
    kind,
    from: isPrivate(request) ? NOBODY : author,
    author,
    sentAt: (cpim === null ? null : cpimDateTime(cpim).time) ?? now,
    size: request.body.length,
    expiresAt: now + life * 1000,
    contentType: cut(mediaType(contentType ?? 'text/plain')),
    subject: cutOrNull(header(request, 'Subject')),
    conversationId: header(request, 'Conversation-ID'),
    contributionId: header(request, 'Contribution-ID'),
    imdnId: cpim === null ? null : imdnRequest(cpim).messageId,
    instance,
    origin: instanceOf(request.headers),
    fields: [...fields, ...asserted],
    body: request.body,
    mediaType: null,
    content: null,
    file: null,
  };
}

/** Of what came by an INVITE. */
export function kindOf(request: SipRequest): 'file' | 'large' {
  return serviceOf(request.headers) === FILE_TRANSFER ? 'file' : 'large';
}

/** The message/cpim of a MESSAGE; null for what is none, or cannot be read: that is its recipient's to judge. */
export function cpimOf(body: Uint8Array, contentType: string | null): CpimMessage | null {
  try {
    return mediaType(contentType ?? '') === CPIM_TYPE ? decodeCpim(body) : null;
  } catch {
    return null;
  }
}

/** The MESSAGE of flow F21-01: who wrote it and what is in it stay as they were. */
export function pushed({ fields, body }: DeferredRecord, device: Binding): SipRequest {
  const from = header({ headers: fields }, 'From') ?? '';
  const headers: SipHeader[] = [
    FRESH,
    ...device.path.map((value) => ({ name: 'Route', value })),
    { name: 'From', value: `${from};tag=${randomToken(10)}` },
    { name: 'To', value: header({ headers: fields }, 'To') ?? '' },
    { name: 'Call-ID', value: randomUuid() },
    { name: 'CSeq', value: '1 MESSAGE' },
    ...TAG,
    ...fields.filter(({ name }) => !OF_THE_FIRST_TRY.has(name) && name !== 'From' && name !== 'To'),
  ];
  return { kind: 'request', method: 'MESSAGE', uri: device.contact.uri, headers, body };
}

/** RFC 3261 section 21.4.18: there is no room now, and there may be later. 413 would speak of the size of this one message. */
export function noRoom(domain: string): SipHeader[] {
  const text = 'The recipient has no room for more deferred messages';
  return [
    { name: 'Warning', value: encodeWarning({ code: 399, agent: domain, text }) },
    { name: 'Retry-After', value: '1800' },
  ];
}

function cut(text: string): string {
  return text.slice(0, LONGEST_TEXT);
}

function cutOrNull(text: string | null): string | null {
  return text === null ? null : cut(text);
}
