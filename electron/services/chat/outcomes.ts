import type { CodedError } from '../../../shared/base/errors.ts';
import { messageRejection } from '../../../shared/protocol/cpm/rejection.ts';
import type { FinalAnswer } from '../../sip/port.ts';
import type { Attempt } from '../outbox.ts';
import { attemptFromSession } from '../session-outcome.ts';
import { attemptFromAnswer } from '../standalone.ts';
import { InviteRefused } from './start-chat.ts';

/**
 * What a try to send in a session came to. `standalone`: sessions are not the way to that peer at the moment; the text leaves as a message
 * of its own, and no session is tried for so long.
 */
export type ChatAttempt = Attempt | { readonly kind: 'standalone'; readonly why: CodedError; readonly barredMs: number };

/** it may be different after a moment: another device, another network */
const SHORT_MS = 300_000;
/** it lies in what the peer's device can do */
const LONG_MS = 3_600_000;

/**
 * Answers to the INVITE of a chat that speak of the session and not of the person: the text itself is not refused by them (cpm.md
 * section 15.2, column INVITE). Where a MESSAGE would get the same answer it gets it, and with it the rules of the outbox.
 */
const SESSION_ONLY: Readonly<Record<number, number>> = {
  400: LONG_MS,
  403: LONG_MS,
  405: LONG_MS,
  406: LONG_MS,
  408: SHORT_MS,
  413: LONG_MS,
  415: LONG_MS,
  420: LONG_MS,
  480: SHORT_MS,
  486: SHORT_MS,
  487: SHORT_MS,
  488: LONG_MS,
  491: SHORT_MS,
  500: SHORT_MS,
  501: LONG_MS,
  502: SHORT_MS,
  504: SHORT_MS,
  606: LONG_MS,
};

/** @param answer no 2xx */
export function outcomeOfRefusal(answer: FinalAnswer): ChatAttempt {
  const barredMs = answer.status < 400 ? SHORT_MS : SESSION_ONLY[answer.status];
  if (barredMs === undefined) return attemptFromAnswer(answer);
  const { code } = messageRejection(answer.status, answer.headers);
  return { kind: 'standalone', why: { code, detail: `${answer.status} ${answer.reason}` }, barredMs };
}

/** No session came about. */
export function outcomeOfStart(thrown: InviteRefused | CodedError, attempts: number): ChatAttempt {
  if (thrown instanceof InviteRefused) return outcomeOfRefusal(thrown.answer);
  const { code, detail } = thrown;
  if (code.startsWith('link.') || code.startsWith('store.')) return attemptFromSession({ code, detail }, attempts);
  // not answered in time, or an answer that cannot be used, or octets that find no way
  const barredMs = code === 'peer.unsupported' || code === 'peer.malformed' || code.startsWith('sdp.') ? LONG_MS : SHORT_MS;
  return { kind: 'standalone', why: { code, detail }, barredMs };
}

/**
 * A text that an open session did not bring over (cpm.md section 15.4). `again`: the session is gone, and the text with it or not: it is
 * said once more in another one, with the same imdn.Message-ID.
 */
export function outcomeOfSend(error: CodedError, attempts: number): ChatAttempt | { readonly kind: 'again' } {
  switch (error.code) {
    case 'msrp.lost':
    case 'file.cancelled':
      return { kind: 'again' };
    case 'msrp.timeout':
      return { kind: 'standalone', why: error, barredMs: SHORT_MS };
    case 'msrp.refused': {
      const status = Number.parseInt(error.detail, 10);
      // the session is unknown there, or bound to another connection
      if (status === 481 || status === 506) return { kind: 'again' };
      if (status === 415 || status === 501) return { kind: 'standalone', why: error, barredMs: LONG_MS };
      return attemptFromSession(error, attempts);
    }
    default:
      return attemptFromSession(error, attempts);
  }
}
