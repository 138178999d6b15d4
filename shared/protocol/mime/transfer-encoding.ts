import { fromBinaryString, toBinaryString } from '../../base/bytes.ts';
import { type ErrorCode, ParleyError } from '../../base/errors.ts';

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
      return decodeQuotedPrintable(toBinaryString(octets));
    default:
      throw new ParleyError(malformed, `Content-Transfer-Encoding ${JSON.stringify(encoding?.slice(0, 40))}`);
  }
}

/** Base64 in lines of 76 characters, as MIME wants it (RFC 2045 section 6.8). */
export function encodeBase64Lines(octets: Uint8Array): string {
  return (btoa(toBinaryString(octets)).match(/.{1,76}/g) ?? []).join('\r\n');
}

/** Space before a line end is not content; `=` before it joins two lines (RFC 2045 section 6.7). */
function decodeQuotedPrintable(text: string): Uint8Array {
  const lines = text.split('\n');
  const last = lines.length - 1;
  const decoded = lines.map((line, at) => {
    const content = at === last ? line : line.trimEnd();
    const joined = at < last && content.endsWith('=');
    const plain = (joined ? content.slice(0, -1) : content).replace(/=([0-9a-fA-F]{2})/g, (_, hex: string) => {
      return String.fromCharCode(Number.parseInt(hex, 16));
    });
    return at === last || joined ? plain : `${plain}\r\n`;
  });
  return fromBinaryString(decoded.join(''));
}

function decodeBase64(text: string, malformed: ErrorCode): Uint8Array {
  try {
    return fromBinaryString(atob(text.replace(/[^A-Za-z0-9+/=]/g, '')));
  } catch (cause) {
    throw new ParleyError(malformed, 'base64', { cause });
  }
}
