import { ParleyError } from '../../base/errors.ts';
import { DIGEST_ALGORITHMS, type DigestChallenge, decodeChallenge, digestHash } from '../sip/digest.ts';
import type { MsrpResponse } from './codec.ts';
import { headerValue } from './headers.ts';
import { decodeMsrpUri } from './uri.ts';

/** What a relay says to AUTH (RFC 4976 section 5.1). */
export type AuthAnswer =
  /** `usePath`: the relays from us outwards; `expires`: seconds, null when the relay does not say */
  | { readonly kind: 'granted'; readonly usePath: readonly string[]; readonly expires: number | null; readonly nextNonce: string | null }
  | { readonly kind: 'challenged'; readonly challenge: DigestChallenge }
  /** 423: seconds that the relay would grant */
  | { readonly kind: 'interval'; readonly expires: number }
  | { readonly kind: 'refused'; readonly status: number; readonly comment: string };

/** relays one after the other; the framer's limit on a whole path stands above it */
const MAX_RELAYS = 8;
const MAX_EXPIRES = 2 ** 31;

/**
 * @throws ParleyError `msrp.malformed`: a 200 without a path that can be used, a 401 without a challenge that may be answered (Digest with qop
 * `auth`, no session algorithm: RFC 4976 section 9.1), a 423 without an interval; `msrp.too-large`
 */
export function decodeAuthAnswer(head: Omit<MsrpResponse, 'transactionId'>): AuthAnswer {
  switch (head.status) {
    case 200:
      return {
        kind: 'granted',
        usePath: decodeUsePath(headerValue(head, 'Use-Path')),
        expires: seconds(headerValue(head, 'Expires')),
        nextNonce: nextNonce(headerValue(head, 'Authentication-Info')),
      };
    case 401:
      return { kind: 'challenged', challenge: strongestChallenge(head) };
    case 423: {
      const expires = seconds(headerValue(head, 'Min-Expires')) ?? seconds(headerValue(head, 'Max-Expires'));
      if (expires === null) throw new ParleyError('msrp.malformed', '423 without an interval');
      return { kind: 'interval', expires };
    }
    default:
      return { kind: 'refused', status: head.status, comment: head.comment ?? '' };
  }
}

/** Every relay is named with its port, by a URI with a secret of its own (RFC 4976 section 4.2), and reached over TLS. */
function decodeUsePath(value: string | null): string[] {
  const uris = (value ?? '').split(' ').filter((uri) => uri !== '');
  if (uris.length === 0) throw new ParleyError('msrp.malformed', 'no Use-Path');
  if (uris.length > MAX_RELAYS) throw new ParleyError('msrp.too-large', `${uris.length} relays in Use-Path`);
  for (const text of uris) {
    const uri = decodeMsrpUri(text);
    if (uri.scheme !== 'msrps' || uri.port === null || uri.port === 0 || uri.sessionId === null || uri.transport !== 'tcp') {
      throw new ParleyError('msrp.malformed', 'Use-Path');
    }
  }
  return uris;
}

/** RFC 8760 section 2.4: of several challenges the strongest that is understood. */
function strongestChallenge(head: Omit<MsrpResponse, 'transactionId'>): DigestChallenge {
  const usable = head.headers
    .filter(({ name }) => name.toLowerCase() === 'www-authenticate')
    .flatMap(({ value }) => tryChallenge(value))
    .sort((a, b) => rank(a) - rank(b));
  if (usable[0] === undefined) throw new ParleyError('msrp.malformed', 'no challenge that can be answered');
  return usable[0];
}

function tryChallenge(value: string): DigestChallenge[] {
  try {
    const challenge = decodeChallenge(value);
    const algorithm = digestHash(challenge.algorithm);
    return algorithm !== null && !algorithm.session && challenge.qop.includes('auth') ? [challenge] : [];
  } catch {
    return [];
  }
}

function rank({ algorithm }: DigestChallenge): number {
  const names: readonly (string | undefined)[] = DIGEST_ALGORITHMS;
  return names.indexOf(digestHash(algorithm)?.hash);
}

function seconds(value: string | null): number | null {
  const number = value !== null && /^[0-9]{1,10}$/.test(value) ? Number(value) : 0;
  return number > 0 && number <= MAX_EXPIRES ? number : null;
}

function nextNonce(value: string | null): string | null {
  return /(?:^|[,\s])nextnonce="([^"\\]+)"/i.exec(value ?? '')?.[1] ?? null;
}
