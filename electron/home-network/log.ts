import type { SipRequest, SipResponse } from '../../shared/protocol/sip/message.ts';
import { trySipUri, unescapeUser } from '../../shared/protocol/sip/uri.ts';
import type { SipEssentials } from '../../shared/protocol/sip/validate.ts';

/** `10:02:13 MESSAGE alice -> bob 200 OK 1.3 ms`; what peers wrote cannot break or colour the line. */
export function logLine(at: Date, request: SipRequest, essentials: SipEssentials, response: SipResponse, milliseconds: number): string {
  const parts = [at.toTimeString().slice(0, 8), request.method, nameOf(essentials.from.uri)];
  if (request.method !== 'REGISTER') parts.push('->', nameOf(essentials.toTag === null ? request.uri : essentials.to.uri));
  parts.push(String(response.status), response.reason, `${milliseconds.toFixed(1)} ms`);
  return parts.map(printable).join(' ');
}

function nameOf(uri: string): string {
  const decoded = trySipUri(uri);
  return decoded === null ? uri : unescapeUser(decoded.user ?? decoded.host);
}

function printable(text: string): string {
  const plain = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?');
  return plain.length > 60 ? `${plain.slice(0, 59)}…` : plain;
}
