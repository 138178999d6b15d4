import { fromUtf8, LF, NO_BYTES, utf8 } from '../../base/bytes.ts';
import { ParleyError } from '../../base/errors.ts';
import { canonicalName } from './header-names.ts';
import { SIP_LIMITS, type SipLimits } from './limits.ts';
import type { SipHeader, SipMessage } from './message.ts';
import { isToken, malformed } from './text.ts';

/**
 * Decodes one whole message (RFC 3261 section 7). Without Content-Length the body is the rest; octets beyond it are dropped (section 18.3).
 * It checks the shape only: `validate.ts` has the fields a message must carry.
 * @throws ParleyError `sip.malformed` or `sip.too-large`
 */
export function decodeSip(octets: Uint8Array, limits: Partial<SipLimits> = {}): SipMessage {
  const maximum = { ...SIP_LIMITS, ...limits };
  let start = 0;
  while (octets[start] === 0x0d && octets[start + 1] === LF) start += 2;
  const bodyStart = endOfHead(octets, start, maximum.headerOctets);
  const text = fromUtf8(octets.subarray(start, bodyStart - 2));

  let lineEnd = text.indexOf('\r\n');
  const startLine = text.slice(0, lineEnd);
  const fields: SipHeader[] = [];
  let contentLength = -1;
  while (lineEnd + 2 < text.length) {
    const lineStart = lineEnd + 2;
    lineEnd = text.indexOf('\r\n', lineStart);
    let next = text.charCodeAt(lineEnd + 2);
    let line = text.slice(lineStart, lineEnd);
    if (next === 0x20 || next === 0x09) {
      const parts = [line.trimEnd()];
      do {
        const foldStart = lineEnd + 2;
        lineEnd = text.indexOf('\r\n', foldStart);
        parts.push(text.slice(foldStart, lineEnd).trim());
        next = text.charCodeAt(lineEnd + 2);
      } while (next === 0x20 || next === 0x09);
      line = parts.join(' ');
    }
    const colon = line.indexOf(':');
    if (colon <= 0) throw malformed('a header line has no name');
    let name = line.slice(0, colon);
    const known = canonicalName(name);
    if (known === name && !isToken(name)) {
      name = name.trimEnd();
      if (!isToken(name)) throw malformed('a header name is not a token');
      name = canonicalName(name);
    } else {
      name = known;
    }
    const value = line.slice(colon + 1).trim();
    if (name === 'Content-Length') {
      if (contentLength >= 0) throw malformed('more than one Content-Length');
      contentLength = decodeContentLength(value);
    } else {
      if (fields.length === maximum.headerCount) throw new ParleyError('sip.too-large', 'too many header fields');
      fields.push({ name, value });
    }
  }

  const available = octets.length - bodyStart;
  if (contentLength > available) throw malformed('Content-Length is larger than the body');
  const length = contentLength < 0 ? available : contentLength;
  if (length > maximum.bodyOctets) throw new ParleyError('sip.too-large', `body of ${length} octets`);
  const body = length === 0 ? NO_BYTES : new Uint8Array(octets.subarray(bodyStart, bodyStart + length));
  return decodeStartLine(startLine, fields, body);
}

/**
 * Encodes a message with its computed Content-Length as the last header field.
 * @throws ParleyError `sip.malformed` when a value would break the framing (a line break inside)
 */
export function encodeSip(message: SipMessage): Uint8Array<ArrayBuffer> {
  let text =
    message.kind === 'request' ? `${message.method} ${message.uri} SIP/2.0\r\n` : `SIP/2.0 ${message.status} ${message.reason}\r\n`;
  if (text.indexOf('\n') !== text.length - 1 || text.indexOf('\r') !== text.length - 2) throw malformed('line break in the start line');
  for (const { name, value } of message.headers) {
    if (name === 'Content-Length') continue;
    if (value.includes('\n') || value.includes('\r') || !isToken(name)) throw malformed(`header ${name} cannot be encoded`);
    text += `${name}: ${value}\r\n`;
  }
  const head = utf8(`${text}Content-Length: ${message.body.length}\r\n\r\n`);
  if (message.body.length === 0) return head as Uint8Array<ArrayBuffer>;
  const octets = new Uint8Array(head.length + message.body.length);
  octets.set(head);
  octets.set(message.body, head.length);
  return octets;
}

/** @returns the index of the first octet of the body; every line up to there ends with CRLF */
function endOfHead(octets: Uint8Array, start: number, maximum: number): number {
  let lineStart = start;
  for (;;) {
    const lf = octets.indexOf(LF, lineStart);
    if (lf < 0) {
      if (octets.length - start > maximum) throw new ParleyError('sip.too-large', `headers of more than ${maximum} octets`);
      throw malformed('the headers do not end');
    }
    if (lf === start || octets[lf - 1] !== 0x0d) throw malformed('a line does not end with CRLF');
    if (lf + 1 - start > maximum) throw new ParleyError('sip.too-large', `headers of more than ${maximum} octets`);
    if (lf - 1 === lineStart) return lf + 1;
    lineStart = lf + 1;
  }
}

function decodeContentLength(value: string): number {
  if (!/^[0-9]{1,10}$/.test(value)) throw malformed('Content-Length is not a number');
  return Number(value);
}

function decodeStartLine(line: string, fields: SipHeader[], body: Uint8Array): SipMessage {
  if (line.includes('\r')) throw malformed('CR in the start line');
  for (const { value } of fields) if (value.includes('\r')) throw malformed('CR in a header value');
  if (line.startsWith('SIP/')) {
    const found = /^SIP\/2\.0 ([1-6][0-9][0-9])(?: (.*))?$/is.exec(line);
    if (found === null) throw malformed('the status line is not one of SIP/2.0');
    return { kind: 'response', status: Number(found[1]), reason: found[2] ?? '', headers: fields, body };
  }
  const first = line.indexOf(' ');
  const last = line.lastIndexOf(' ');
  const method = line.slice(0, first);
  const uri = line.slice(first + 1, last);
  if (first <= 0 || last <= first || !isToken(method)) throw malformed('the request line is not one');
  if (uri === '' || /[\s<>"]/.test(uri)) throw malformed('the Request-URI is not a URI');
  if (!/^SIP\/2\.0$/i.test(line.slice(last + 1))) throw malformed('the version is not SIP/2.0');
  return { kind: 'request', method, uri, headers: fields, body };
}
