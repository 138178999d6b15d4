import { utf8 } from '../../base/bytes.ts';
import { CPIM_NAMESPACE, type CpimHeader, type CpimMessage, cpimHeaders, IMDN_NAMESPACE } from './cpim.ts';
import { quoteCpim, unescapeCpim } from './escape.ts';

export type DispositionRequest = 'positive-delivery' | 'negative-delivery' | 'processing' | 'display';

/** of the headers that RCS adds to CPIM */
const RCS_NAMESPACE = 'http://www.gsma.com/rcs/';
const REPLY = 'Reply';
const LONGEST_ID = 256;

const REQUESTS: readonly string[] = ['positive-delivery', 'negative-delivery', 'processing', 'display'] satisfies DispositionRequest[];

/** What Parley asks for by default (cpm.md section 6). */
export const ALL_DISPOSITIONS: readonly DispositionRequest[] = ['positive-delivery', 'negative-delivery', 'display'];

export interface ImdnRequest {
  readonly messageId: string | null;
  readonly dispositions: ReadonlySet<DispositionRequest>;
  /** IMDN-Record-Route, top first: the way of the notifications, where it can be gone */
  readonly route: readonly string[];
  /** Original-To: whom the message was for before a list server passed it on */
  readonly originalTo: string | null;
}

/** more hops than any message takes; a way that is longer, or that cannot be gone, is none */
const MOST_HOPS = 8;
const SIP_URI = /^sips?:[!-~]{1,256}$/i;

/** What the author wants to know (RFC 5438 section 6). Without a Message-ID nothing can be reported. */
export function imdnRequest(message: CpimMessage): ImdnRequest {
  const dispositions = new Set<DispositionRequest>();
  for (const value of cpimHeaders(message, 'Disposition-Notification', IMDN_NAMESPACE)) {
    for (const part of value.split(',')) {
      const name = (part.split(';', 1)[0] ?? '').trim().toLowerCase();
      if (REQUESTS.includes(name)) dispositions.add(name as DispositionRequest);
    }
  }
  const messageId = cpimHeaders(message, 'Message-ID', IMDN_NAMESPACE)[0] ?? '';
  const route = cpimHeaders(message, 'IMDN-Record-Route', IMDN_NAMESPACE).map(uriOf);
  const canGo = route.length <= MOST_HOPS && route.every((uri) => uri !== null && SIP_URI.test(uri));
  const originalTo = uriOf(cpimHeaders(message, 'Original-To', IMDN_NAMESPACE)[0] ?? '');
  return {
    messageId: messageId === '' ? null : messageId,
    dispositions,
    route: canGo ? route.filter((uri) => uri !== null) : [],
    originalTo: originalTo !== null && originalTo.length <= 256 ? originalTo : null,
  };
}

/** `[Formal-name] <URI>`; null where there are no brackets, or nothing in them. */
function uriOf(value: string): string | null {
  const uri = value.slice(value.lastIndexOf('<') + 1, Math.max(0, value.lastIndexOf('>')));
  return uri === '' ? null : uri;
}

/** imdn.Message-ID of the message that this one answers, null when it answers none: Reference-ID and Reference-Type of RCC.07. */
export function cpimAnswers(message: CpimMessage): string | null {
  const type = cpimHeaders(message, 'Reference-Type', RCS_NAMESPACE)[0] ?? '';
  const id = cpimHeaders(message, 'Reference-ID', RCS_NAMESPACE)[0]?.trim() ?? '';
  return id !== '' && id.length <= LONGEST_ID && type.trim().replace(/^\+/, '').toLowerCase() === REPLY.toLowerCase() ? id : null;
}

const DATE_TIME = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/;

/** DateTime verbatim (an IMDN repeats it) and as ms since the epoch; null for what is no RFC 3339 time. */
export function cpimDateTime(message: CpimMessage): { readonly text: string | null; readonly time: number | null } {
  const text = cpimHeaders(message, 'DateTime')[0] ?? null;
  if (text === null || !DATE_TIME.test(text)) return { text, time: null };
  const time = Date.parse(text.toUpperCase());
  return { text, time: Number.isNaN(time) ? null : time };
}

/** Milliseconds since the epoch in the form of DateTime: `2026-03-02T09:15:30.120Z`. */
export function formatDateTime(time: number): string {
  return new Date(time).toISOString();
}

/** `From` or `To`: the URI and the formal name, '' when there is none; null when the header is missing or broken. */
export function cpimAddress(message: CpimMessage, name: 'From' | 'To'): { readonly uri: string; readonly name: string } | null {
  const value = cpimHeaders(message, name, CPIM_NAMESPACE)[0] ?? '';
  const open = value.lastIndexOf('<');
  const close = value.lastIndexOf('>');
  if (open < 0 || close < open) return null;
  const formal = value.slice(0, open).trim();
  const quoted = formal.length > 1 && formal.startsWith('"') && formal.endsWith('"');
  return { uri: value.slice(open + 1, close), name: unescapeCpim(quoted ? formal.slice(1, -1) : formal) };
}

export interface CpimToSend {
  /** bare URIs */
  readonly from: string;
  readonly to: string;
  readonly fromName?: string | undefined;
  /** see {@link formatDateTime} */
  readonly dateTime: string;
  readonly imdnMessageId?: string | undefined;
  /** asked for only with an `imdnMessageId` */
  readonly dispositions?: readonly DispositionRequest[] | undefined;
  /** imdn.Message-ID of the message that it answers */
  readonly answers?: string | undefined;
  /** IMDN-Route of a notification, top first */
  readonly route?: readonly string[] | undefined;
  readonly contentType: string;
  readonly contentDisposition?: string | undefined;
  readonly content: Uint8Array | string;
}

/** The shape of a CPM message (cpm.md section 2.5, F02-01). */
export function makeCpim(message: CpimToSend): CpimMessage {
  const content = typeof message.content === 'string' ? utf8(message.content) : message.content;
  const formal = message.fromName === undefined || message.fromName === '' ? '' : `${quoteCpim(message.fromName)} `;
  const headers: CpimHeader[] = [
    header('From', `${formal}<${message.from}>`),
    header('To', `<${message.to}>`),
    header('DateTime', message.dateTime),
  ];
  if (message.imdnMessageId !== undefined) {
    headers.push(header('NS', `imdn <${IMDN_NAMESPACE}>`), header('imdn.Message-ID', message.imdnMessageId));
    const dispositions = message.dispositions ?? [];
    if (dispositions.length > 0) headers.push(header('imdn.Disposition-Notification', dispositions.join(', ')));
    for (const uri of message.route ?? []) headers.push(header('imdn.IMDN-Route', `<${uri}>`));
  }
  if (message.answers !== undefined) {
    headers.push(header('NS', `rcs <${RCS_NAMESPACE}>`), header('rcs.Reference-ID', message.answers), header('rcs.Reference-Type', REPLY));
  }
  const contentHeaders = [{ name: 'Content-Type', value: message.contentType }];
  if (message.contentDisposition !== undefined) contentHeaders.push({ name: 'Content-Disposition', value: message.contentDisposition });
  contentHeaders.push({ name: 'Content-Length', value: String(content.length) });
  return { headers, contentHeaders, content };
}

function header(name: string, value: string): CpimHeader {
  return { name, value, parameters: '' };
}
