import { NO_BYTES } from '../../shared/base/bytes.ts';
import { headers, type SipHeader, type SipRequest, type SipResponse } from '../../shared/protocol/sip/message.ts';
import { hasParam, withoutParam, withParam } from '../../shared/protocol/sip/params.ts';
import type { SipEssentials } from '../../shared/protocol/sip/validate.ts';
import { encodeVia, type Via } from '../../shared/protocol/sip/via.ts';

export const REASONS: Readonly<Record<number, string>> = {
  100: 'Trying',
  180: 'Ringing',
  200: 'OK',
  202: 'Accepted',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  407: 'Proxy Authentication Required',
  408: 'Request Timeout',
  413: 'Request Entity Too Large',
  416: 'Unsupported URI Scheme',
  420: 'Bad Extension',
  422: 'Session Interval Too Small',
  423: 'Interval Too Brief',
  480: 'Temporarily Unavailable',
  433: 'Anonymity Disallowed',
  481: 'Call/Transaction Does Not Exist',
  482: 'Loop Detected',
  483: 'Too Many Hops',
  487: 'Request Terminated',
  488: 'Not Acceptable Here',
  489: 'Bad Event',
  491: 'Request Pending',
  500: 'Server Internal Error',
  501: 'Not Implemented',
  503: 'Service Unavailable',
  603: 'Decline',
};

export interface Answer {
  readonly reason?: string;
  /** of another transaction, in place of its own */
  readonly toTag?: string;
  /** beyond Via, From, To, Call-ID and CSeq */
  readonly headers?: readonly SipHeader[];
  readonly body?: Uint8Array;
}

/**
 * RFC 3261 section 8.2.6: the answer to a request.
 * @param remote where the request came from, for `received` and `rport` (RFC 3581)
 */
export function responseTo(
  request: SipRequest,
  essentials: SipEssentials,
  remote: { readonly host: string; readonly port: number },
  status: number,
  toTag: string,
  answer: Answer,
  keepSeconds: number | null = null,
): SipResponse {
  const [, ...otherVias] = headers(request, 'Via');
  const fields: SipHeader[] = [{ name: 'Via', value: encodeVia(withSource(essentials.via, remote, keepSeconds)) }];
  for (const value of otherVias) fields.push({ name: 'Via', value });
  for (const { name, value } of request.headers) {
    if (name === 'From' || name === 'Call-ID' || name === 'CSeq') fields.push({ name, value });
    else if (name === 'To') fields.push({ name, value: essentials.toTag !== null || status === 100 ? value : `${value};tag=${toTag}` });
  }
  return {
    kind: 'response',
    status,
    reason: answer.reason ?? REASONS[status] ?? 'Unknown',
    headers: [...fields, ...(answer.headers ?? [])],
    body: answer.body ?? NO_BYTES,
  };
}

function withSource(via: Via, remote: { readonly host: string; readonly port: number }, keepSeconds: number | null): Via {
  const asksPort = hasParam(via.parameters, 'rport');
  let parameters = withoutParam(via.parameters, 'received');
  if (asksPort || via.host !== remote.host) {
    if (asksPort) parameters = withParam(parameters, 'rport', String(remote.port));
    const at = asksPort ? parameters.findIndex((param) => param.name.toLowerCase() === 'rport') + 1 : parameters.length;
    parameters = [...parameters.slice(0, at), { name: 'received', value: remote.host }, ...parameters.slice(at)];
  }
  // RFC 6223: how often the peer may send its keep-alives
  if (keepSeconds !== null && hasParam(parameters, 'keep')) parameters = withParam(parameters, 'keep', String(keepSeconds));
  return { ...via, parameters };
}
