import { decodeCSeq } from './cseq.ts';
import { header, headers, type SipMessage } from './message.ts';
import { decodeNameAddr, type NameAddr } from './name-addr.ts';
import { paramValue } from './params.ts';
import { decodeNumber, malformed } from './text.ts';
import { decodeSipUri, uriScheme } from './uri.ts';
import { decodeVia, type Via, viaBranch } from './via.ts';

/** What every layer above the codec needs of a message, decoded once. */
export interface SipEssentials {
  /** the topmost */
  readonly via: Via;
  /** with the magic cookie; null from an old peer (RFC 2543) */
  readonly branch: string | null;
  readonly from: NameAddr;
  readonly fromTag: string | null;
  readonly to: NameAddr;
  readonly toTag: string | null;
  readonly callId: string;
  readonly sequence: number;
  /** of CSeq */
  readonly method: string;
  /** null when the field is missing */
  readonly maxForwards: number | null;
}

/** Longer than the cookie alone (RFC 3261 section 8.1.1.7). */
const UNIQUE_BRANCH = /^z9hG4bK./i;

const ONCE = ['From', 'To', 'Call-ID', 'CSeq', 'Max-Forwards', 'Expires', 'Content-Type'] as const;

/**
 * Checks the fields RFC 3261 section 8.1.1 demands of every message, and what a Request-URI may be.
 * @throws ParleyError `sip.malformed`, its detail fit for the reason phrase of a 400
 */
export function essentials(message: SipMessage): SipEssentials {
  for (const name of ONCE) {
    let count = 0;
    for (const field of message.headers) if (field.name === name) count++;
    if (count > 1) throw malformed(`more than one ${name}`);
  }
  const vias = headers(message, 'Via');
  if (vias[0] === undefined) throw malformed('no Via');
  const via = decodeVia(vias[0]);
  for (let at = 1; at < vias.length; at++) decodeVia(vias[at] as string);
  const branch = viaBranch(via);
  const from = decodeNameAddr(need(message, 'From'));
  const to = decodeNameAddr(need(message, 'To'));
  const callId = need(message, 'Call-ID');
  if (!/^\S{1,1024}$/.test(callId)) throw malformed('not a Call-ID');
  const { sequence, method } = decodeCSeq(need(message, 'CSeq'));
  for (const value of headers(message, 'Contact')) decodeNameAddr(value);
  const maxForwards = header(message, 'Max-Forwards');
  if (message.kind === 'request') {
    if (method !== message.method) throw malformed('CSeq names another method');
    checkRequestUri(message.uri);
  }
  return {
    via,
    branch: branch !== null && UNIQUE_BRANCH.test(branch) ? branch : null,
    from,
    fromTag: tagOf(from),
    to,
    toTag: tagOf(to),
    callId,
    sequence,
    method,
    maxForwards: maxForwards === null ? null : decodeNumber(maxForwards, 'Max-Forwards', 255),
  };
}

function checkRequestUri(uri: string): void {
  const scheme = uriScheme(uri);
  if (scheme !== 'sip' && scheme !== 'sips') return;
  // RFC 3261 table 1: no headers in a Request-URI
  if (decodeSipUri(uri).headers !== null) throw malformed('headers in the Request-URI');
}

function tagOf(address: NameAddr): string | null {
  const tag = paramValue(address.parameters, 'tag');
  return tag === '' ? null : tag;
}

function need(message: SipMessage, name: string): string {
  const value = header(message, name);
  if (value === null || value === '') throw malformed(`no ${name}`);
  return value;
}
