import { type CodedError, ParleyError, toCodedError } from '../../../shared/base/errors.ts';
import { encodeWarning } from '../../../shared/protocol/cpm/warning.ts';
import { decodeSdp, type SessionDescription } from '../../../shared/protocol/sdp/sdp.ts';
import type { SipHeader, SipMessage, SipResponse } from '../../../shared/protocol/sip/message.ts';
import type { EngineLimits } from '../../msrp/limits.ts';
import { descriptionIn } from './description.ts';
import { END_TO_END, type MediaPath } from './media-path.ts';

/** What the network does with octets. */
export interface MediaPolicy {
  /** `end-to-end`: between the two devices; `anchor`: by way of this network, which both of them connect to */
  readonly msrp: 'end-to-end' | 'anchor';
  /** octets of a file, and of any message that is anchored; 0: no limit */
  readonly maxFileSize: number;
  /** ms after which a session that is anchored and carries nothing is ended */
  readonly idle: number;
}

export const DEFAULT_MEDIA: MediaPolicy = { msrp: 'end-to-end', maxFileSize: 0, idle: 3_600_000 };

/**
 * Of the MSRP engine: who is waited for has less time than who waits for us, so that nobody is told that a message has arrived while the
 * next hop is still silent.
 */
export const PATIENCE: Pick<EngineLimits, 'connectMs' | 'answerMs' | 'holdAnswerMs'> = {
  connectMs: 20_000,
  answerMs: 25_000,
  holdAnswerMs: 28_000,
};

/** @throws ParleyError `file.too-large` for a file that is above the policy's limit, by what its selector says */
export function checkSizes({ media }: SessionDescription, { maxFileSize }: MediaPolicy): void {
  if (maxFileSize === 0) return;
  for (const each of media) {
    const size = each.kind === 'msrp' && each.port !== 0 ? (each.fileSelector?.size ?? 0) : 0;
    if (size > maxFileSize) throw new ParleyError('file.too-large', `${size} octets, at most ${maxFileSize}`);
  }
}

/** The path of octets that do not come here; sizes are looked at where the policy limits them. */
export function endToEnd(policy: MediaPolicy): MediaPath {
  if (policy.maxFileSize === 0) return END_TO_END;
  const check = (message: SipMessage): Uint8Array => {
    const described = descriptionIn(message);
    if (described !== null) checkSizes(decodeSdp(described.sdp), policy);
    return message.body;
  };
  const isAnswer = ({ status }: SipResponse): boolean => status >= 200 && status < 300;
  return {
    ...END_TO_END,
    request: (_, request) => check(request),
    response: (_, response) => (isAnswer(response) ? check(response) : response.body),
  };
}

/** What a request is answered whose octets find no way. */
export function mediaRefusal(thrown: unknown, host: string): { readonly status: number; readonly headers: readonly SipHeader[] } {
  const error: CodedError = toCodedError(thrown);
  const warn = (text: string): SipHeader[] => [{ name: 'Warning', value: encodeWarning({ code: 399, agent: host, text }) }];
  switch (error.code) {
    case 'file.too-large':
      return { status: 403, headers: warn('133 Size exceeded') };
    case 'request.invalid-state':
      return { status: 491, headers: [] };
    case 'msrp.refused':
    case 'file.disk-full':
      return { status: 503, headers: [{ name: 'Retry-After', value: '30' }] };
    case 'multipart.malformed':
    case 'multipart.too-large':
      return { status: 415, headers: [{ name: 'Accept', value: 'application/sdp, multipart/mixed, multipart/related' }] };
    default:
      return { status: 488, headers: warn(`Session description not taken: ${error.code}`) };
  }
}
