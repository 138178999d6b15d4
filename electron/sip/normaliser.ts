import { createHash, createHmac, randomBytes } from 'node:crypto';
import type { Core } from 'sip.js';
import { fromBinaryString, NO_BYTES } from '../../shared/base/bytes.ts';
import { header, headers, type SipHeader, type SipMessage, type SipRequest, type SipResponse } from '../../shared/protocol/sip/message.ts';
import { decodeParams, paramValue } from '../../shared/protocol/sip/params.ts';
import { readAddress } from './addresses.ts';
import { libraryRequest, libraryResponse } from './library-message.ts';
import { unmaskToken, unmaskUri } from './masking.ts';
import { ALLOW } from './own-headers.ts';

/** Header fields of ours travel through sip.js under this prefix, so that it reads none of them. */
export const PRIVATE_PREFIX = 'Parley-';

const COOKIE = 'z9hG4bK';
/** how long an answered request is kept for retransmissions of the answer: a little longer than sip.js keeps its transaction */
const ANSWERED_MS = 6_000;
/** the 2xx to an INVITE is repeated for 64 * T1 (RFC 3261 section 13.3.1.4) */
const ANSWERED_INVITE_MS = 33_000;
/** unanswered requests at once, and octets of their bodies; more are refused, because nobody is there who could read them */
const MAX_OPEN_REQUESTS = 1000;
const MAX_OPEN_OCTETS = 32 * 1_048_576;
/** INVITEs whose Accept-Contact is remembered for their CANCEL and ACK */
const MAX_REMEMBERED_INVITES = 256;

/** this end of the flow, as a Via has it */
export interface SentBy {
  readonly protocol: string;
  readonly host: string;
  readonly port: number;
}

interface Received {
  /** without its body */
  readonly request: SipRequest;
  readonly octets: number;
  /** runs once it is answered */
  timer: NodeJS.Timeout | undefined;
}

/**
 * Stands between the wire and sip.js. What comes in is decoded by our own codec and handed on as the smallest message that moves the
 * state machines of sip.js (`library-message.ts`): masked addresses, one Via, a body of one octet. What goes out keeps what sip.js
 * decided (method, status, branch, tags, CSeq, route) and gets everything else from the original request or from the caller. So neither
 * what sip.js cannot parse nor what it would re-escape, re-order or drop can do harm.
 */
export class Normaliser {
  readonly #secret = randomBytes(32);
  readonly #received = new Map<string, Received>();
  #open = 0;
  #openOctets = 0;
  readonly #acceptContacts = new Map<string, readonly SipHeader[]>();

  /**
   * The request for sip.js; `admission.ts` let it through.
   * @returns null when too many requests, or octets, are open
   */
  requestForLibrary(request: SipRequest): Core.IncomingRequestMessage | null {
    const branch = serverBranch(request);
    const key = `${branch} ${request.method}`;
    if (request.method !== 'ACK' && !this.#received.has(key)) {
      const octets = request.body.length;
      if (this.#open >= MAX_OPEN_REQUESTS || this.#openOctets + octets > MAX_OPEN_OCTETS) return null;
      this.#open += 1;
      this.#openOctets += octets;
      this.#received.set(key, { request: { ...request, body: NO_BYTES }, octets, timer: undefined });
    }
    return libraryRequest(request, branch);
  }

  /** @returns null when the response does not belong to a request of ours */
  responseForLibrary(response: SipResponse): Core.IncomingResponseMessage | null {
    const vias = headers(response, 'Via');
    const method = /^[0-9]+\s+([A-Z]+)$/.exec(header(response, 'CSeq') ?? '')?.[1];
    // RFC 3261 section 8.1.3.3: more than one Via means it was misrouted
    if (vias.length !== 1 || method === undefined) return null;
    const branch = this.#libraryBranch(branchOf(vias[0] ?? '') ?? '', header(response, 'Call-ID') ?? '');
    return branch === null ? null : libraryResponse(response, branch, method);
  }

  /** @returns null when sip.js answers a request that is not known any more */
  forNetwork(text: string, via: SentBy): SipMessage | null {
    const headEnd = text.indexOf('\r\n\r\n');
    const [startLine = '', ...lines] = text.slice(0, headEnd).split('\r\n');
    const fields = lines.map((line): SipHeader => {
      const colon = line.indexOf(':');
      return { name: line.slice(0, colon), value: line.slice(colon + 1).trim() };
    });
    const body = fromBinaryString(text.slice(headEnd + 4));
    return startLine.startsWith('SIP/2.0 ')
      ? this.#responseForNetwork(startLine, fields, body)
      : this.#requestForNetwork(startLine, fields, body, via);
  }

  /** Forgets every request: the flow they came by is gone. */
  reset(): void {
    for (const { timer } of this.#received.values()) clearTimeout(timer);
    this.#received.clear();
    this.#open = 0;
    this.#openOctets = 0;
    this.#acceptContacts.clear();
  }

  #requestForNetwork(startLine: string, fields: readonly SipHeader[], body: Uint8Array, sentBy: SentBy): SipMessage | null {
    const [method = '', maskedTarget = ''] = startLine.split(' ');
    const uri = unmaskUri(maskedTarget);
    const callId = unmaskToken(fieldValue(fields, 'Call-ID'));
    const branch = branchOf(fieldValue(fields, 'Via'));
    if (uri === null || callId === null || branch === null) return null;
    const routes = fields.filter((field) => field.name === 'Route').map((field) => unmaskUri(field.value.replace(/^</, '')) ?? '');
    const own = privateFields(fields);
    const keep = method === 'REGISTER' ? ';keep' : '';
    const outgoing: SipHeader[] = [
      {
        name: 'Via',
        value: `SIP/2.0/${sentBy.protocol} ${sentBy.host}:${sentBy.port};branch=${this.#networkBranch(branch, callId)};rport${keep}`,
      },
      { name: 'Max-Forwards', value: '70' },
      ...(routes.length === 0 ? [] : [{ name: 'Route', value: routes.join(', ') }]),
      { name: 'From', value: unmaskParty(fieldValue(fields, 'From')) },
      { name: 'To', value: unmaskParty(fieldValue(fields, 'To')) },
      { name: 'Call-ID', value: callId },
      { name: 'CSeq', value: fieldValue(fields, 'CSeq') },
      ...this.#callerPreferences(method, branch, own),
      ...own,
    ];
    return { kind: 'request', method, uri, headers: outgoing, body };
  }

  #responseForNetwork(startLine: string, fields: readonly SipHeader[], body: Uint8Array): SipMessage | null {
    const [, statusText = '', reason = ''] = /^SIP\/2\.0 ([0-9]{3}) ?(.*)$/.exec(startLine) ?? [];
    const status = Number(statusText);
    const method = fieldValue(fields, 'CSeq').split(' ')[1] ?? '';
    const key = `${branchOf(fieldValue(fields, 'Via')) ?? ''} ${method}`;
    const received = this.#received.get(key);
    if (received === undefined) return null;
    if (status >= 200 && received.timer === undefined) {
      this.#open -= 1;
      this.#openOctets -= received.octets;
      const wait = method === 'INVITE' ? ANSWERED_INVITE_MS : ANSWERED_MS;
      received.timer = setTimeout(() => this.#received.delete(key), wait).unref();
    }
    const { request } = received;
    const toTag = status === 100 ? null : (/;tag=([^;\s]+)/.exec(fieldValue(fields, 'To'))?.[1] ?? null);
    const own = privateFields(fields);
    const outgoing = [
      ...answerHeaders(request, toTag === null ? null : (unmaskToken(toTag) ?? toTag), method === 'INVITE' && status > 100 && status < 300),
      ...fields.filter((field) => field.name === 'Retry-After'),
      ...(status === 405 ? [{ name: 'Allow', value: ALLOW }] : []),
      ...own,
    ];
    return { kind: 'response', status, reason, headers: outgoing, body };
  }

  /** RFC 3841 section 5: CANCEL, and ACK to a refusal, repeat the preferences of their INVITE. Both have its branch. */
  #callerPreferences(method: string, branch: string, own: readonly SipHeader[]): readonly SipHeader[] {
    if (method === 'ACK' || method === 'CANCEL') return this.#acceptContacts.get(branch) ?? [];
    if (method !== 'INVITE') return [];
    const preferences = own.filter(({ name }) => name === 'Accept-Contact' || name === 'Reject-Contact');
    if (preferences.length > 0) this.#acceptContacts.set(branch, preferences);
    if (this.#acceptContacts.size > MAX_REMEMBERED_INVITES) {
      for (const oldest of this.#acceptContacts.keys()) {
        this.#acceptContacts.delete(oldest);
        break;
      }
    }
    return [];
  }

  /** The branch on the wire cannot be guessed, and says by itself which transaction of sip.js it belongs to. */
  #networkBranch(libraryBranch: string, callId: string): string {
    return `${libraryBranch}.${this.#seal(libraryBranch, callId)}`;
  }

  #libraryBranch(networkBranch: string, callId: string): string | null {
    const dot = networkBranch.indexOf('.');
    const libraryBranch = networkBranch.slice(0, Math.max(0, dot));
    return dot > 0 && networkBranch.slice(dot + 1) === this.#seal(libraryBranch, callId) ? libraryBranch : null;
  }

  #seal(libraryBranch: string, callId: string): string {
    return createHmac('sha256', this.#secret).update(`${libraryBranch} ${callId}`).digest('base64url').slice(0, 20);
  }
}

/**
 * What every answer repeats of its request (RFC 3261 section 8.2.6.2), and of one that makes a dialog also Record-Route (section 12.1.1).
 * @param toTag null: none is added, as in a 100
 */
export function answerHeaders(request: SipRequest, toTag: string | null, withRecordRoute: boolean): SipHeader[] {
  const repeated = request.headers.filter(
    ({ name }) =>
      name === 'Via' ||
      name === 'From' ||
      name === 'To' ||
      name === 'Call-ID' ||
      name === 'CSeq' ||
      (withRecordRoute && name === 'Record-Route'),
  );
  const needsTag = toTag !== null && readAddress(header(request, 'To') ?? '').tag === null;
  return needsTag
    ? repeated.map((field) => (field.name === 'To' ? { name: 'To', value: `${asNameAddr(field.value)};tag=${toTag}` } : field))
    : repeated;
}

/** An address without brackets would take the tag for a parameter of the URI (RFC 3261 section 20). */
function asNameAddr(value: string): string {
  return value.includes('<') ? value : value.replace(/^[^;]*/, (uri) => `<${uri}>`);
}

/** RFC 3261 section 17.2.3: ACK and CANCEL share the identity of their INVITE, and the sender's address is part of it. */
function serverBranch(request: SipRequest): string {
  const via = headers(request, 'Via')[0] ?? '';
  const branch = branchOf(via) ?? '';
  const sentBy = /^SIP\s*\/\s*2\.0\s*\/\s*\S+\s+([^;\s]+)/i.exec(via)?.[1]?.toLowerCase() ?? '';
  const method = request.method === 'ACK' || request.method === 'CANCEL' ? 'INVITE' : request.method;
  const identity = [branch, sentBy, method, header(request, 'Call-ID'), Number.parseInt(header(request, 'CSeq') ?? '', 10)];
  return COOKIE + createHash('sha256').update(identity.join('\n')).digest('hex').slice(0, 32);
}

function branchOf(via: string): string | null {
  const semicolon = via.indexOf(';');
  if (semicolon < 0) return null;
  try {
    return paramValue(decodeParams(via, semicolon), 'branch');
  } catch {
    return null;
  }
}

function fieldValue(fields: readonly SipHeader[], name: string): string {
  return fields.find((field) => field.name === name)?.value ?? '';
}

function privateFields(fields: readonly SipHeader[]): SipHeader[] {
  return fields
    .filter((field) => field.name.startsWith(PRIVATE_PREFIX))
    .map((field) => ({ name: field.name.slice(PRIVATE_PREFIX.length), value: field.value }));
}

/** `<sip:x…@masked.invalid>;tag=x…` to the name-addr and tag it carries */
function unmaskParty(value: string): string {
  const [, uri = '', tag] = /^(?:"[^"]*" ?)?<([^>]*)>(?:;tag=(\S*))?/.exec(value) ?? [];
  const realTag = tag === undefined ? null : (unmaskToken(tag) ?? tag);
  return `${unmaskUri(uri) ?? ''}${realTag === null || realTag === '' ? '' : `;tag=${realTag}`}`;
}
