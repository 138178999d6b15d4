import { ParleyError } from '../../../../shared/base/errors.ts';
import { SIP_LIMITS } from '../../../../shared/protocol/sip/limits.ts';

export const SIP_WORDS = [
  ...[
    'sip:',
    'sips:',
    'tel:',
    'SIP/2.0',
    ';tag=',
    ';branch=z9hG4bK',
    ';lr',
    ';gr=',
    'INVITE',
    'MESSAGE',
    '200 OK',
    '\r\nContent-Length: ',
    '\r\nl:',
  ],
  ...[
    '\r\nVia: ',
    '\r\nCall-ID: ',
    '\r\nContact: ',
    '\r\nX: ',
    'Digest ',
    'realm="',
    'nonce=',
    'qop="auth,auth-int"',
    '[2001:db8::1]',
    '@',
    '<sip:a@b>',
  ],
];

/** octets of all header fields of a message together, and so of one */
export const HEADER = SIP_LIMITS.headerOctets;

/** A part that may be broken by itself without harm to the rest. */
export function optional(run: () => unknown): void {
  try {
    run();
  } catch (thrown) {
    if (!(thrown instanceof ParleyError)) throw thrown;
  }
}
