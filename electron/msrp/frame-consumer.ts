import { ParleyError } from '../../shared/base/errors.ts';
import type { MsrpByteRange } from '../../shared/protocol/msrp/byte-range.ts';
import type { MsrpFlag, MsrpResponse } from '../../shared/protocol/msrp/codec.ts';

export type Answer = Omit<MsrpResponse, 'transactionId'>;

/** Gets the answer to one of our requests. */
export interface AnswerTaker {
  answered(status: number, comment: string | null, head: Answer): void;
}

/** Takes the rest of one frame. */
export interface FrameConsumer {
  /** @returns a promise (never rejected) to stop reading until it settles */
  body(octets: Uint8Array): void | Promise<void>;
  end(flag: MsrpFlag): void;
  /**
   * The same request came again but for transaction id and Byte-Range: the next chunk of a message.
   * @returns false where that is not for it to take any more
   */
  again?(transactionId: string, range: MsrpByteRange): boolean;
}

export const IGNORE: FrameConsumer = { body() {}, end() {} };
/** RFC 4975 section 7.1: bodies of requests other than SEND */
const MAX_OTHER_BODY = 10_240;
/** Swallows the body of a frame that should have none, up to what RFC 4975 section 7.1 allows. */
export function limited(): FrameConsumer {
  let size = 0;
  return {
    body(octets) {
      size += octets.length;
      if (size > MAX_OTHER_BODY) throw new ParleyError('msrp.too-large', 'body of a request other than SEND');
    },
    end() {},
  };
}
