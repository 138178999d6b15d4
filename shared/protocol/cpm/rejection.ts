import type { ErrorCode } from '../../base/errors.ts';
import { type HeaderField, headerValues } from './header-scan.ts';
import { readWarnings, type Warning } from './warning.ts';

/** What a final answer that is no 2xx means for what was sent. */
export interface Rejection {
  readonly code: ErrorCode;
  /** another try of the same request will not change it */
  readonly permanent: boolean;
  /** seconds to wait before another try (RFC 3261 section 20.33), null when not said */
  readonly retryAfter: number | null;
}

type Row = readonly [code: ErrorCode, permanent: boolean];

/** Column MESSAGE of cpm.md 15.2. */
const MESSAGE: Readonly<Record<number, Row>> = {
  400: ['peer.malformed', true],
  401: ['link.credentials', true],
  403: ['peer.not-allowed', true],
  404: ['peer.unknown', true],
  405: ['peer.unsupported', true],
  406: ['peer.unsupported', true],
  407: ['link.credentials', true],
  408: ['peer.timeout', false],
  410: ['peer.unknown', true],
  413: ['peer.too-large', true],
  415: ['peer.unsupported', true],
  420: ['peer.unsupported', true],
  430: ['link.lost', false],
  433: ['peer.anonymity', true],
  480: ['peer.unavailable', false],
  486: ['peer.unavailable', false],
  487: ['peer.unavailable', false],
  488: ['peer.unsupported', true],
  491: ['peer.unavailable', false],
  501: ['peer.unsupported', true],
  513: ['peer.too-large', true],
  600: ['peer.declined', true],
  603: ['peer.declined', true],
  604: ['peer.unknown', true],
  606: ['peer.unsupported', true],
};

/** Column INVITE of cpm.md 15.2 with 10.5, where it differs from MESSAGE. 603 is what CPM 2.0 sends, 488 what its drafts sent. */
const FILE: Readonly<Record<number, Row>> = {
  487: ['file.cancelled', true],
  488: ['peer.declined', true],
  606: ['peer.declined', true],
};

/** What a server answers that takes no lists, or where there is none: the recipients get the message one by one (cpm.md section 15.2). */
const NO_LISTS: ReadonlySet<number> = new Set([404, 405, 410, 420, 501, 604]);

const CLASSES: Readonly<Record<number, Row>> = {
  3: ['peer.unavailable', true],
  4: ['peer.unsupported', true],
  5: ['link.server', false],
  6: ['peer.declined', true],
};

/** The answer to a MESSAGE (cpm.md section 15.2). */
export function messageRejection(status: number, headers: readonly HeaderField[] = []): Rejection {
  return rejection(MESSAGE[status] ?? byClass(status), headers);
}

/** The answer to the INVITE of a file (cpm.md sections 10.5, 15.1, 15.2). */
export function fileRejection(status: number, headers: readonly HeaderField[] = []): Rejection {
  const warnings = readWarnings(headers);
  if (status === 403 && warnings.some(isSizeWarning)) return rejection(['peer.too-large', true], headers);
  if ((status === 488 || status === 606) && warnings.some(isMediaWarning)) return rejection(['peer.unsupported', true], headers);
  return rejection(FILE[status] ?? MESSAGE[status] ?? byClass(status), headers);
}

/**
 * The answer to the INVITE of a large message (cpm.md sections 15.1, 15.2). A text is tried again where a MESSAGE would be; 488 and 606 mean
 * that its media type or path is not taken.
 */
export function largeMessageRejection(status: number, headers: readonly HeaderField[] = []): Rejection {
  if (status === 403 && readWarnings(headers).some(isSizeWarning)) return rejection(['peer.too-large', true], headers);
  return messageRejection(status, headers);
}

/** The same answers to a request with a list of recipients, in pager or large message mode: {@link NO_LISTS} is `peer.no-lists`. */
export function listRejection(
  status: number,
  headers: readonly HeaderField[] = [],
  otherwise: (status: number, headers: readonly HeaderField[]) => Rejection = messageRejection,
): Rejection {
  return NO_LISTS.has(status) ? rejection(['peer.no-lists', true], headers) : otherwise(status, headers);
}

/** A group whose server does not carry files (`122 Function not allowed`, in whatever code: cpm.md section 10.8). */
export function refusesFiles(headers: readonly HeaderField[]): boolean {
  return readWarnings(headers).some(({ text }) => /\b122\b|function not allowed/i.test(text));
}

function byClass(status: number): Row {
  return CLASSES[Math.floor(status / 100)] ?? ['peer.malformed', true];
}

function isSizeWarning({ text }: Warning): boolean {
  return /\b133\b|size exceeded/i.test(text);
}

/** Codes 300 to 398 speak of the session description (RFC 3261 section 20.43); 399 is free text. */
function isMediaWarning({ code }: Warning): boolean {
  return code >= 300 && code < 399;
}

function rejection([code, permanent]: Row, headers: readonly HeaderField[]): Rejection {
  const seconds = /^\d{1,7}/.exec(headerValues(headers, 'Retry-After')[0]?.trim() ?? '');
  return { code, permanent, retryAfter: seconds === null ? null : Number(seconds[0]) };
}
