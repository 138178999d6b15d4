import { randomToken } from '../../../shared/base/random.ts';
import { CPIM_TYPE, type CpimMessage, contentHeader, decodeCpim } from '../../../shared/protocol/cpim/cpim.ts';
import { cpimDateTime, imdnRequest } from '../../../shared/protocol/cpim/cpim-message.ts';
import { instanceOf } from '../../../shared/protocol/cpm/names.ts';
import { mediaType } from '../../../shared/protocol/mime/content-type.ts';
import { header, type SipHeader, type SipRequest } from '../../../shared/protocol/sip/message.ts';
import { decodeDeltaSeconds } from '../../../shared/protocol/sip/text.ts';
import { isPrivate, type RelayHeaders, withoutTag } from '../relay-headers.ts';
import type { HomeUser } from '../settings.ts';
import type { NewItem } from './database.ts';
import type { DeferredKind } from './port.ts';

/** RFC 3323 section 4.1.1.3 */
const NOBODY = 'sip:anonymous@anonymous.invalid';
/** counts from when it was sent, so it would say something else later */
const OF_THE_FIRST_TRY = new Set(['Expires', 'Accept-Contact', 'P-Asserted-Service']);
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
    offset: 0,
  };
}

/** The message/cpim of a MESSAGE; null for what is none, or cannot be read: that is its recipient's to judge. */
export function cpimOf(body: Uint8Array, contentType: string | null): CpimMessage | null {
  try {
    return mediaType(contentType ?? '') === CPIM_TYPE ? decodeCpim(body) : null;
  } catch {
    return null;
  }
}

/** The fields of a request that begins here and has kept what it was, with the tag of what comes late (flow F21-01). */
export function withDeferredTag(fields: readonly SipHeader[], tag: readonly SipHeader[]): SipHeader[] {
  return [...tag, ...fields.filter(({ name }) => !OF_THE_FIRST_TRY.has(name) && name !== 'From' && name !== 'To')];
}

function cut(text: string): string {
  return text.slice(0, LONGEST_TEXT);
}

function cutOrNull(text: string | null): string | null {
  return text === null ? null : cut(text);
}
