import type { MsrpRequest } from '../../shared/protocol/msrp/codec.ts';
import { failureReportOf } from '../../shared/protocol/msrp/headers.ts';

const START = 'MSRP ';
/** behind the transaction id of the end line */
const AFTER_ID = '$\r\n';

/** The 200 to a request, and to those after it that differ from it in transaction id and range only: written once, then changed in the id. */
export class AnswerFrame {
  readonly request: MsrpRequest;
  readonly from: string;
  readonly #octets: Buffer | null;
  readonly #idLength: number;

  constructor(request: MsrpRequest, from: string) {
    this.request = request;
    this.from = from;
    const text = answerTo(request, 200, 'OK', from);
    this.#octets = text === null ? null : Buffer.from(text);
    this.#idLength = request.transactionId.length;
  }

  /** @returns valid until it is asked again; null: no answer is wanted */
  octets(id: string): Buffer | null {
    const octets = this.#octets;
    if (octets === null || id.length !== this.#idLength) {
      const text = answerTo(this.request, 200, 'OK', this.from, id);
      return text === null ? null : Buffer.from(text);
    }
    const second = octets.length - AFTER_ID.length - id.length;
    for (let at = 0; at < id.length; at++) {
      const letter = id.charCodeAt(at);
      octets[START.length + at] = letter;
      octets[second + at] = letter;
    }
    return octets;
  }
}

/** @returns null where the request's Failure-Report wants none (RFC 4975 section 7.2) */
export function answerTo(request: MsrpRequest, status: number, comment: string, from: string, id = request.transactionId): string | null {
  const wanted = failureReportOf(request);
  if (wanted === 'no' || (wanted === 'partial' && status === 200)) return null;
  // RFC 4975 section 7.2
  const to = request.method === 'SEND' ? request.fromPath[0] : request.fromPath.join(' ');
  return `${START}${id} ${status} ${comment}\r\nTo-Path: ${to}\r\nFrom-Path: ${from}\r\n-------${id}${AFTER_ID}`;
}
