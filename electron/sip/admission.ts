import { NO_BYTES } from '../../shared/base/bytes.ts';
import { toCodedError } from '../../shared/base/errors.ts';
import { randomToken } from '../../shared/base/random.ts';
import { header, headers, type SipHeader, type SipRequest, type SipResponse } from '../../shared/protocol/sip/message.ts';
import { salvageRequest } from '../../shared/protocol/sip/salvage.ts';
import { trySipUri, unescapeUser } from '../../shared/protocol/sip/uri.ts';
import { essentials, type SipEssentials } from '../../shared/protocol/sip/validate.ts';
import { sourceOf } from './addresses.ts';
import { ACCEPT_ENCODING, unpacked } from './content-coding.ts';
import type { Gate } from './gate.ts';
import { answerHeaders } from './normaliser.ts';
import { ACCEPT, ALLOW, ALLOWED_METHODS } from './own-headers.ts';

/** extensions a peer may require of this agent */
const UNDERSTOOD = new Set(['gruu', 'outbound', 'path', 'timer']);

export interface Surroundings {
  /** user parts that are this account: of its addresses, contact and GRUUs, escapes undone */
  isOwnUser(user: string): boolean;
  hasDialog(request: SipEssentials): boolean;
  /** whether its source may ask so much; not asked for what belongs to a dialog */
  readonly gate: Gate;
  /** Contact value for answers that tell who we are */
  readonly contact: string;
}

export type Admission = { readonly kind: 'pass' } | { readonly kind: 'answer'; readonly response: SipResponse } | { readonly kind: 'drop' };

/** the source of all that cannot be read */
const UNREADABLE = 'requests that cannot be read';

const PASS: Admission = { kind: 'pass' };
const DROP: Admission = { kind: 'drop' };

/**
 * What becomes of a request before any state is touched (RFC 3261 section 8.2). OPTIONS and UPDATE are answered here, because sip.js
 * answers the one with capabilities of its own and does not know the other; so is everything sip.js would throw at.
 */
export function admit(request: SipRequest, surroundings: Surroundings): Admission {
  const isAck = request.method === 'ACK';
  let parts: SipEssentials;
  try {
    parts = essentials(request);
    if (parts.fromTag === null && isAck) return DROP;
    const isInside = parts.toTag !== null && surroundings.hasDialog(parts);
    const held = isInside ? null : holdBack(request, surroundings.gate);
    if (held !== null) return held;
  } catch (thrown) {
    const held = holdBack(request, surroundings.gate);
    if (held !== null) return held;
    // without Via, From, To, Call-ID and CSeq an answer would find nobody
    const answerable = ['Via', 'From', 'To', 'Call-ID', 'CSeq'].every((name) => header(request, name) !== null);
    return isAck || !answerable ? DROP : answer(request, 400, reasonOf(toCodedError(thrown).detail));
  }
  if (!isAck && request.method !== 'CANCEL') {
    const uri = trySipUri(request.uri);
    if (uri === null) return answer(request, 416, 'Unsupported URI Scheme');
    if (parts.toTag === null && uri.user !== null && !surroundings.isOwnUser(unescapeUser(uri.user)))
      return answer(request, 404, 'Not Found');
    const unknown = headers(request, 'Require').filter((tag) => !UNDERSTOOD.has(tag.toLowerCase()));
    if (unknown.length > 0) return answer(request, 420, 'Bad Extension', [{ name: 'Unsupported', value: unknown.join(', ') }]);
  }
  if (!ALLOWED_METHODS.has(request.method)) {
    // a dialog knows what it asked for
    if (request.method === 'NOTIFY' && parts.toTag !== null && surroundings.hasDialog(parts)) return PASS;
    if (request.method === 'NOTIFY' || request.method === 'PRACK') return answer(request, 481, 'Call/Transaction Does Not Exist');
    return answer(request, 405, 'Method Not Allowed', [{ name: 'Allow', value: ALLOW }]);
  }
  const isStray = parts.toTag !== null && !surroundings.hasDialog(parts);
  if (request.method === 'OPTIONS') return isStray ? noDialog(request) : answer(request, 200, 'OK', capabilities(surroundings));
  if (request.method === 'UPDATE') return isStray || parts.toTag === null ? noDialog(request) : answerUpdate(request, surroundings);
  if (request.method === 'INVITE' && parts.toTag === null && headers(request, 'Contact').length === 0) {
    return answer(request, 400, 'Missing Contact Header');
  }
  return PASS;
}

/**
 * 480 and not 503 to a source that asks too much: a proxy takes 503 for the state of the whole server, and goes to another one or sends the
 * others of this network nothing more (RFC 3261 section 16.7). Whoever has something to say tries again. Null: it is taken.
 */
function holdBack(request: SipRequest, gate: Gate): Admission | null {
  const judgement = gate.judge(sourceOf(request));
  if (judgement === 'take') return null;
  if (judgement === 'drop' || request.method === 'ACK') return DROP;
  return answer(request, 480, 'Temporarily Unavailable', [{ name: 'Retry-After', value: String(gate.retryAfter()) }]);
}

/** RFC 4028 section 9: a refresh without a body only moves the end of the session; an offer in an UPDATE would change it. */
function answerUpdate(request: SipRequest, surroundings: Surroundings): Admission {
  if (request.body.length > 0) return answer(request, 488, 'Not Acceptable Here');
  const interval = header(request, 'Session-Expires');
  const timer =
    interval === null
      ? []
      : [
          { name: 'Require', value: 'timer' },
          { name: 'Session-Expires', value: withRefresher(interval) },
        ];
  return answer(request, 200, 'OK', [{ name: 'Contact', value: surroundings.contact }, ...timer]);
}

/** Whoever refreshes goes on doing so: RFC 4028 section 9, table 2. */
export function withRefresher(interval: string): string {
  return /;\s*refresher\s*=/i.test(interval) ? interval : `${interval};refresher=uac`;
}

function capabilities(surroundings: Surroundings): SipHeader[] {
  return [
    { name: 'Contact', value: surroundings.contact },
    { name: 'Accept', value: ACCEPT },
    { name: 'Accept-Encoding', value: ACCEPT_ENCODING },
    { name: 'Allow', value: ALLOW },
    { name: 'Supported', value: 'timer, gruu, outbound, path' },
  ];
}

function noDialog(request: SipRequest): Admission {
  return answer(request, 481, 'Call/Transaction Does Not Exist');
}

function answer(request: SipRequest, status: number, reason: string, own: readonly SipHeader[] = []): Admission {
  return { kind: 'answer', response: answerTo(request, status, reason, own) };
}

export function answerTo(request: SipRequest, status: number, reason: string, own: readonly SipHeader[] = []): SipResponse {
  return { kind: 'response', status, reason, headers: [...answerHeaders(request, randomToken(16), false), ...own], body: NO_BYTES };
}

/** The request with its body unpacked, or why it is not taken; what has no answer keeps its body as it is. */
export function unpack(request: SipRequest): SipRequest | SipResponse {
  if (request.method === 'ACK') return request;
  try {
    return unpacked(request) ?? answerTo(request, 415, 'Unsupported Media Type', [{ name: 'Accept-Encoding', value: ACCEPT_ENCODING }]);
  } catch (thrown) {
    const { code, detail } = toCodedError(thrown);
    return code === 'sip.too-large' ? answerTo(request, 413, 'Request Entity Too Large') : answerTo(request, 400, reasonOf(detail));
  }
}

/** The answer to a request that could not be decoded; null where there is nobody to tell, or it is no fault of the sender. */
export function refusalOfUnread(octets: Uint8Array, thrown: unknown, gate: Gate): SipResponse | null {
  if (gate.judge(UNREADABLE) !== 'take') return null;
  const { code, detail } = toCodedError(thrown);
  const salvaged = code === 'sip.malformed' ? salvageRequest(octets) : null;
  if (salvaged === null) return null;
  return answerTo(salvaged.request, salvaged.status, salvaged.status === 505 ? 'Version Not Supported' : reasonOf(detail));
}

function reasonOf(detail: string): string {
  return `Bad Request: ${detail.replace(/[^\x20-\x7e]/g, '?').slice(0, 100)}`;
}
