import { Core, NameAddrHeader, URI } from 'sip.js';
import { header, headers, type SipMessage, type SipRequest, type SipResponse } from '../../shared/protocol/sip/message.ts';
import { readAddress } from './addresses.ts';
import { MASKED_HOST, maskToken, maskUri } from './masking.ts';

/** the Via host sip.js knows; the real one is put in its place */
export const LIBRARY_VIA_HOST = 'via.invalid';

/** the address of record, contact and Request-URI sip.js knows itself by */
export const OWN_URI = new URI('sip', 'me', MASKED_HOST);

/** A URI for sip.js that carries any text. */
export function carrying(text: string): URI {
  return new URI('sip', maskToken(text), MASKED_HOST);
}

/**
 * The request as sip.js gets it. Built by hand and not by its parser, which would drop or misread what it does not know, and takes
 * milliseconds a message.
 */
export function libraryRequest(request: SipRequest, branch: string): Core.IncomingRequestMessage {
  const message = new Core.IncomingRequestMessage();
  message.method = request.method;
  message.ruri = OWN_URI.clone();
  fill(message, request, branch, readAddress(header(request, 'To') ?? '').tag);
  if (request.method === 'INVITE' || request.method === 'ACK') setBody(message, request.body);
  // sip.js refuses one without an event; which it is, and whose, is judged behind it
  if (request.method === 'NOTIFY') message.headers.Event = [{ raw: 'refer', parsed: { event: 'refer' } }];
  return message;
}

/** The response as sip.js gets it; `method` is that of its CSeq. */
export function libraryResponse(response: SipResponse, branch: string, method: string): Core.IncomingResponseMessage {
  const message = new Core.IncomingResponseMessage();
  // sip.js turns a 408 of the network into a time-out of its own
  message.statusCode = response.status === 408 ? 480 : response.status;
  message.reasonPhrase = response.reason;
  message.method = method;
  const { tag, uri } = readAddress(header(response, 'To') ?? '');
  // sip.js drops a 1xx or 2xx without To tag or Contact, and would wait for ever
  const makesDialog = response.status > 100 && response.status < 300;
  fill(message, response, branch, tag ?? (makesDialog ? '' : null));
  if (makesDialog && !message.hasHeader('Contact')) setParsed(message, 'Contact', new NameAddrHeader(carrying(uri), '', {}));
  if (method === 'INVITE') setBody(message, response.body);
  return message;
}

function fill(
  message: Core.IncomingRequestMessage | Core.IncomingResponseMessage,
  original: SipMessage,
  branch: string,
  toTag: string | null,
): void {
  const from = readAddress(header(original, 'From') ?? '');
  const to = readAddress(header(original, 'To') ?? '');
  message.data = '';
  message.body = '';
  message.via = { host: LIBRARY_VIA_HOST, port: undefined as unknown as number };
  message.viaBranch = branch;
  message.addHeader('Via', `SIP/2.0/TCP ${LIBRARY_VIA_HOST};branch=${branch}`);
  message.from = new NameAddrHeader(carrying(from.nameAddr), '', { tag: maskToken(from.tag ?? '') });
  message.fromTag = maskToken(from.tag ?? '');
  setParsed(message, 'From', message.from);
  message.to = new NameAddrHeader(carrying(to.nameAddr), '', toTag === null ? {} : { tag: maskToken(toTag) });
  if (toTag !== null) message.toTag = maskToken(toTag);
  setParsed(message, 'To', message.to);
  message.callId = maskToken(header(original, 'Call-ID') ?? '');
  message.addHeader('Call-ID', message.callId);
  message.cseq = Number.parseInt(header(original, 'CSeq') ?? '', 10);
  message.addHeader('CSeq', `${message.cseq} ${message.method}`);
  for (const route of headers(original, 'Record-Route')) message.addHeader('Record-Route', `<${maskUri(route)};lr>`);
  const target = readAddress(headers(original, 'Contact')[0] ?? '').uri;
  if (target !== '') setParsed(message, 'Contact', new NameAddrHeader(carrying(target), '', {}));
}

/** The offer and answer rules of sip.js need to know whether there is a body, not which one. */
function setBody(message: Core.IncomingRequestMessage | Core.IncomingResponseMessage, body: Uint8Array): void {
  if (body.length === 0) return;
  message.body = 'x';
  message.headers['Content-Type'] = [{ raw: 'application/sdp', parsed: 'application/sdp' }];
  message.headers['Content-Disposition'] = [{ raw: 'session', parsed: { type: 'session' } }];
}

function setParsed(message: Core.IncomingRequestMessage | Core.IncomingResponseMessage, name: string, value: NameAddrHeader): void {
  message.headers[name] = [{ raw: value.toString(), parsed: value }];
}
