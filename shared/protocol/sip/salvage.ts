import { fromUtf8, NO_BYTES } from '../../base/bytes.ts';
import { canonicalName } from './header-names.ts';
import { SIP_LIMITS } from './limits.ts';
import type { SipHeader, SipRequest } from './message.ts';
import { isToken } from './text.ts';

/** what an answer repeats (RFC 3261 section 8.2.6.2) */
const REPEATED: readonly string[] = ['Via', 'From', 'To', 'Call-ID', 'CSeq'];

export interface Salvaged {
  /** with the fields that an answer repeats, and nothing else that could be relied on */
  readonly request: SipRequest;
  /** 505 for another version of SIP, else 400 */
  readonly status: 400 | 505;
}

/**
 * As much of a request that `decodeSip` refused as it takes to refuse it to its sender (RFC 3261 section 8.2, RFC 4475 section 3.1.2).
 * @returns null where nobody could make use of an answer: a response, an ACK, a field that is missing or there more than once
 */
export function salvageRequest(octets: Uint8Array): Salvaged | null {
  const text = fromUtf8(octets.subarray(0, SIP_LIMITS.headerOctets)).replace(/^(?:\r\n)+/, '');
  const end = text.indexOf('\r\n\r\n');
  const [startLine = '', ...lines] = text
    .slice(0, end < 0 ? text.length : end)
    .replace(/\r\n[ \t]+/g, ' ')
    .split('\r\n');
  const method = startLine.trimStart().split(/[ \t]/, 1)[0] ?? '';
  if (!isToken(method) || method === 'ACK' || /^SIP$/i.test(startLine.split('/', 1)[0] ?? '')) return null;
  const headers: SipHeader[] = [];
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = canonicalName(line.slice(0, Math.max(colon, 0)).trim());
    const value = line.slice(colon + 1).trim();
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these would not be one line in an answer
    if (REPEATED.includes(name) && !/[\u0000-\u0008\u000a-\u001f\u007f]/.test(value)) headers.push({ name, value });
  }
  const count = (name: string): number => headers.filter((field) => field.name === name && field.value !== '').length;
  if (count('Via') === 0 || ['From', 'To', 'Call-ID', 'CSeq'].some((name) => count(name) !== 1)) return null;
  const version = /[ \t]SIP\/([0-9]+\.[0-9]+)[ \t]*$/i.exec(startLine)?.[1] ?? '2.0';
  return { request: { kind: 'request', method, uri: '', headers, body: NO_BYTES }, status: version === '2.0' ? 400 : 505 };
}
