import { CR, fromBinaryString, LF, toBinaryString } from '../../base/bytes.ts';
import { type ErrorCode, ParleyError } from '../../base/errors.ts';

const EQUALS = 0x3d;

/**
 * Undoes a Content-Transfer-Encoding (RFC 2045 section 6); null means none.
 * @throws ParleyError with the given code for an unknown encoding or broken base64
 */
export function decodeTransferEncoding(octets: Uint8Array, encoding: string | null, malformed: ErrorCode): Uint8Array {
  switch (encoding?.trim().toLowerCase() ?? 'binary') {
    case '':
    case '7bit':
    case '8bit':
    case 'binary':
      return octets;
    case 'base64':
      return decodeBase64(toBinaryString(octets), malformed);
    case 'quoted-printable':
      return decodeQuotedPrintable(octets);
    default:
      throw new ParleyError(malformed, `Content-Transfer-Encoding ${JSON.stringify(encoding?.slice(0, 40))}`);
  }
}

/** Base64 in lines of 76 characters, as MIME wants it (RFC 2045 section 6.8). */
export function encodeBase64Lines(octets: Uint8Array): string {
  return (btoa(toBinaryString(octets)).match(/.{1,76}/g) ?? []).join('\r\n');
}

/** Space before a line end is not content; `=` before it joins two lines (RFC 2045 section 6.7). */
function decodeQuotedPrintable(octets: Uint8Array): Uint8Array {
  // a bare LF becomes CRLF
  const decoded = new Uint8Array(octets.length * 2);
  let length = 0;
  for (let at = 0; at < octets.length; ) {
    const lf = octets.indexOf(LF, at);
    let end = lf < 0 ? octets.length : lf;
    if (lf >= 0) while (end > at && isSpace(octets[end - 1])) end--;
    const isJoined = lf >= 0 && end > at && octets[end - 1] === EQUALS;
    if (isJoined) end--;
    while (at < end) {
      const octet = octets[at] as number;
      const value = octet === EQUALS && at + 2 < end ? hexValue(octets[at + 1]) * 16 + hexValue(octets[at + 2]) : Number.NaN;
      decoded[length++] = Number.isNaN(value) ? octet : value;
      at += Number.isNaN(value) ? 1 : 3;
    }
    if (lf < 0) break;
    if (!isJoined) {
      decoded[length++] = CR;
      decoded[length++] = LF;
    }
    at = lf + 1;
  }
  return decoded.slice(0, length);
}

function isSpace(octet: number | undefined): boolean {
  return octet === 0x20 || octet === 0x09 || octet === CR;
}

function hexValue(octet = 0): number {
  if (octet >= 0x30 && octet <= 0x39) return octet - 0x30;
  const lower = octet | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : Number.NaN;
}

function decodeBase64(text: string, malformed: ErrorCode): Uint8Array {
  try {
    return fromBinaryString(atob(text.replace(/[^A-Za-z0-9+/=]/g, '')));
  } catch (cause) {
    throw new ParleyError(malformed, 'base64', { cause });
  }
}
