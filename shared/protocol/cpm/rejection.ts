import type { ErrorCode } from '../../base/errors.ts';
import { type HeaderField, headerValues } from './header-scan.ts';
import { readWarnings, type Warning } from './warning.ts';

/** What a final answer that is no 2xx means for what was sent. */
export interface Rejection {
  readonly code: ErrorCode;
  /** another try of the same request will not change it */
  readonly permanent: boolean;
  /** a text that was refused as a MESSAGE may leave in large message mode, once */
  readonly tryLarge: boolean;
  /** seconds to wait before another try (RFC 3261 section 20.33), null when not said */
  readonly retryAfter: number | null;
}

/** `never`: the same request need not be sent again; `later`: it may be taken another time; `large`: a text leaves in large message mode instead. */
type Verdict = 'never' | 'later' | 'large';
type Row = readonly [code: ErrorCode, verdict: Verdict];

interface Answers {
  /** MESSAGE of a text; a notification too, which is dropped where a text would fail; INVITE of a large message, which has no other mode left */
  readonly text: Row;
  /** INVITE of a file, where it differs: 603 is what CPM 2.0 sends, 488 what its drafts sent (cpm.md section 10.5) */
  readonly file?: Row;
  /** a request with a list: what a server answers that takes none, or where there is none; then the recipients get it one by one */
  readonly noLists?: true;
}

/**
 * THE table of what answers mean to what is in the outbox: cpm.md section 15.2, RFC 3261 section 21 where that is silent, and for codes of neither
 * by their class (RFC 3261 section 8.1.3.2). An answer that never came is no row here: `attemptFromError` in services/outbox.ts.
 */
const ANSWERS: Readonly<Record<number, Answers>> = {
  400: { text: ['peer.malformed', 'never'] },
  401: { text: ['link.credentials', 'never'] }, // what is left after the agent answered the challenges
  402: { text: ['peer.not-allowed', 'never'] }, // RFC 3261 section 21.4.3
  403: { text: ['peer.not-allowed', 'never'] },
  404: { text: ['peer.unknown', 'never'], noLists: true },
  405: { text: ['peer.unsupported', 'large'], noLists: true },
  406: { text: ['peer.unsupported', 'never'] },
  407: { text: ['link.credentials', 'never'] },
  408: { text: ['peer.timeout', 'later'] },
  410: { text: ['peer.unknown', 'never'], noLists: true },
  413: { text: ['peer.too-large', 'large'] },
  414: { text: ['peer.unknown', 'never'] }, // RFC 3261 section 21.4.12: of the address
  415: { text: ['peer.unsupported', 'never'] },
  416: { text: ['peer.unknown', 'never'] }, // RFC 3261 section 21.4.14
  420: { text: ['peer.unsupported', 'never'], noLists: true },
  430: { text: ['link.lost', 'later'] }, // RFC 5626 section 11.6: a new flow
  433: { text: ['peer.anonymity', 'never'] }, // RFC 5079
  480: { text: ['peer.unavailable', 'later'] },
  482: { text: ['link.server', 'never'] }, // RFC 3261 section 21.4.20
  483: { text: ['link.server', 'never'] }, // RFC 3261 section 21.4.21
  484: { text: ['peer.unknown', 'never'] }, // RFC 3261 section 21.4.22
  485: { text: ['peer.unknown', 'never'] }, // RFC 3261 section 21.4.23
  486: { text: ['peer.unavailable', 'later'] },
  487: { text: ['peer.unavailable', 'later'], file: ['file.cancelled', 'never'] },
  488: { text: ['peer.unsupported', 'never'], file: ['peer.declined', 'never'] },
  491: { text: ['peer.unavailable', 'later'] },
  501: { text: ['peer.unsupported', 'large'], noLists: true },
  505: { text: ['peer.unsupported', 'never'] }, // RFC 3261 section 21.5.6
  513: { text: ['peer.too-large', 'large'] }, // RFC 3261 section 21.5.7: a server's 413
  600: { text: ['peer.declined', 'never'] },
  603: { text: ['peer.declined', 'never'] },
  604: { text: ['peer.unknown', 'never'], noLists: true },
  606: { text: ['peer.unsupported', 'never'], file: ['peer.declined', 'never'] },
};

const CLASSES: Readonly<Record<number, Row>> = {
  3: ['peer.unavailable', 'never'],
  4: ['peer.unsupported', 'never'],
  5: ['link.server', 'later'],
  6: ['peer.declined', 'never'],
};

/** The answer to a MESSAGE (cpm.md section 15.2). */
export function messageRejection(status: number, headers: readonly HeaderField[] = []): Rejection {
  return rejection(ANSWERS[status]?.text ?? byClass(status), headers);
}

/** The answer to the INVITE of a file (cpm.md sections 10.5, 15.1, 15.2). */
export function fileRejection(status: number, headers: readonly HeaderField[] = []): Rejection {
  const warnings = readWarnings(headers);
  if (status === 403 && warnings.some(isSizeWarning)) return rejection(['peer.too-large', 'never'], headers);
  if ((status === 488 || status === 606) && warnings.some(isMediaWarning)) return rejection(['peer.unsupported', 'never'], headers);
  return rejection(ANSWERS[status]?.file ?? ANSWERS[status]?.text ?? byClass(status), headers);
}

/**
 * The answer to the INVITE of a large message (cpm.md sections 15.1, 15.2). A text is tried again where a MESSAGE would be; 488 and 606 mean
 * that its media type or path is not taken.
 */
export function largeMessageRejection(status: number, headers: readonly HeaderField[] = []): Rejection {
  if (status === 403 && readWarnings(headers).some(isSizeWarning)) return rejection(['peer.too-large', 'never'], headers);
  return messageRejection(status, headers);
}

/** The same answers to a request with a list of recipients, in pager or large message mode: one that tells that there is no service for lists is `peer.no-lists`. */
export function listRejection(
  status: number,
  headers: readonly HeaderField[] = [],
  otherwise: (status: number, headers: readonly HeaderField[]) => Rejection = messageRejection,
): Rejection {
  return ANSWERS[status]?.noLists ? rejection(['peer.no-lists', 'never'], headers) : otherwise(status, headers);
}

/** A group whose server does not carry files (`122 Function not allowed`, in whatever code: cpm.md section 10.8). */
export function refusesFiles(headers: readonly HeaderField[]): boolean {
  return readWarnings(headers).some(({ text }) => /\b122\b|function not allowed/i.test(text));
}

function byClass(status: number): Row {
  return CLASSES[Math.floor(status / 100)] ?? ['peer.malformed', 'never'];
}

function isSizeWarning({ text }: Warning): boolean {
  return /\b133\b|size exceeded/i.test(text);
}

/** Codes 300 to 398 speak of the session description (RFC 3261 section 20.43); 399 is free text. */
function isMediaWarning({ code }: Warning): boolean {
  return code >= 300 && code < 399;
}

/** What the operator lets nobody say: the text of a Warning, or the comment of an MSRP answer. */
export function isScreened(text: string): boolean {
  return /content not allowed/i.test(text);
}

/** What a network says that does not let something through: the first two of cpm.md section 15.1, the others our own. */
function refusedByNetwork(headers: readonly HeaderField[]): ErrorCode | null {
  const texts = readWarnings(headers).map(({ text }) => text);
  if (texts.some((text) => /\b127\b|service not authori[sz]ed/i.test(text))) return 'network.not-subscribed';
  if (refusesFiles(headers)) return 'network.not-offered';
  if (texts.some((text) => /referenced stored object/i.test(text))) return 'history.not-sent';
  return texts.some(isScreened) ? 'network.screened' : null;
}

function rejection([answered, verdict]: Row, headers: readonly HeaderField[]): Rejection {
  const code = answered === 'peer.not-allowed' ? (refusedByNetwork(headers) ?? answered) : answered;
  const seconds = /^\d{1,7}/.exec(headerValues(headers, 'Retry-After')[0]?.trim() ?? '');
  return { code, permanent: verdict !== 'later', tryLarge: verdict === 'large', retryAfter: seconds === null ? null : Number(seconds[0]) };
}
