import { createHash, randomBytes } from 'node:crypto';
import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { concatBytes } from '../../shared/base/bytes.ts';
import { ParleyError } from '../../shared/base/errors.ts';
import {
  DIGEST_ALGORITHMS,
  type DigestChallenge,
  type DigestHash,
  decodeChallenge,
  digestHash,
  digestResponse,
  encodeCredentials,
} from '../../shared/protocol/sip/digest.ts';
import { splitOutsideQuotes } from '../../shared/protocol/sip/text.ts';
import { encodeXcapTarget, type XcapTarget } from '../../shared/protocol/xcap/selector.ts';
import { decodeXcapConflict } from '../../shared/protocol/xcap/xcap-error.ts';
import type { XcapAccount, XcapClient, XcapExpected, XcapResource } from './port.ts';

/** of an answer; the lists of one person are far smaller */
const MAX_OCTETS = 262_144;
const PATIENCE_MS = 15_000;

interface Reply {
  readonly status: number;
  readonly etag: string;
  readonly challenges: readonly string[];
  readonly body: Uint8Array;
}

interface Sent {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** XCAP over HTTP with digest credentials (RFC 7616); each request is one connection, because there are few of them. */
export function createXcapClient(account: XcapAccount): XcapClient {
  /** for the next request: saves the round of a challenge */
  let known: DigestChallenge | null = null;
  let uses = 0;

  const authorization = (challenge: DigestChallenge, method: string, uri: string): string => {
    uses += 1;
    const { realm, nonce, algorithm, opaque } = challenge;
    const fields = {
      ...{ username: account.user, realm, nonce, uri, algorithm, opaque },
      qop: challenge.qop.includes('auth') ? 'auth' : null,
      cnonce: randomBytes(12).toString('base64url'),
      nc: uses.toString(16).padStart(8, '0'),
    };
    const response = digestResponse({ ...fields, password: account.password, method }, hash);
    return encodeCredentials({ ...fields, response });
  };

  const send = async (target: XcapTarget, sent: Sent): Promise<Reply> => {
    const url = new URL(`${account.root}${encodeXcapTarget(target)}`);
    const uri = `${url.pathname}${url.search}`;
    for (let round = 0; ; round++) {
      const headers = known === null ? sent.headers : { ...sent.headers, Authorization: authorization(known, sent.method, uri) };
      const reply = await exchange(url, { ...sent, headers }, account.caCertificates);
      if (reply.status !== 401) return reply;
      const challenge = strongest(reply.challenges);
      // twice: what was kept may be stale, and the fresh one is answered once
      if (challenge === null || round === 2 || (round > 0 && !challenge.stale)) {
        throw new ParleyError('link.credentials', `XCAP: ${reply.status}`);
      }
      known = challenge;
      uses = 0;
    }
  };

  return {
    async get(target): Promise<XcapResource | null> {
      const { status, etag, body } = await send(target, { method: 'GET', headers: {}, body: '' });
      if (status === 404) return null;
      if (status !== 200) throw refusal(status, body);
      return { etag, body };
    },
    async put(target, contentType, body, expected): Promise<boolean> {
      const headers = { 'Content-Type': contentType, ...conditionOf(expected) };
      const reply = await send(target, { method: 'PUT', headers, body });
      if (reply.status === 412) return false;
      if (reply.status !== 200 && reply.status !== 201) throw refusal(reply.status, reply.body);
      return true;
    },
    async remove(target): Promise<void> {
      const { status, body } = await send(target, { method: 'DELETE', headers: {}, body: '' });
      if (status !== 200 && status !== 404) throw refusal(status, body);
    },
  };
}

function conditionOf(expected: XcapExpected): Readonly<Record<string, string>> {
  if (expected === 'any') return {};
  return expected === 'absent' ? { 'If-None-Match': '*' } : { 'If-Match': expected.etag };
}

function refusal(status: number, body: Uint8Array): ParleyError {
  if (status === 409 || status === 413) return new ParleyError('request.invalid', `XCAP: ${status} ${conflictIn(body)}`);
  return new ParleyError(status >= 500 ? 'link.server' : 'link.refused', `XCAP: ${status}`);
}

function conflictIn(body: Uint8Array): string {
  try {
    const conflict = decodeXcapConflict(body);
    return conflict === null ? '' : `${conflict.kind}${'phrase' in conflict ? ` ${conflict.phrase}` : ''}`.slice(0, 200);
  } catch {
    return '';
  }
}

function strongest(values: readonly string[]): DigestChallenge | null {
  let found: { readonly challenge: DigestChallenge; readonly rank: number } | null = null;
  for (const value of values) {
    if (!/^Digest\s/i.test(value)) continue;
    try {
      const challenge = decodeChallenge(value);
      const algorithm = digestHash(challenge.algorithm);
      const rank = algorithm === null || algorithm.session ? -1 : DIGEST_ALGORITHMS.indexOf(algorithm.hash);
      if (rank >= 0 && (found === null || rank < found.rank)) found = { challenge, rank };
    } catch {
      // one that cannot be read is none
    }
  }
  return found?.challenge ?? null;
}

function exchange(url: URL, { method, headers, body }: Sent, ca: string | undefined): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const request = url.protocol === 'https:' ? requestHttps : requestHttp;
    const octets = Buffer.from(body);
    const length = method === 'GET' ? {} : { 'Content-Length': octets.length };
    const options = { method, headers: { ...headers, ...length }, agent: false, ...(ca === undefined ? {} : { ca }) };
    const sending = request(url, options, (response) => {
      readReply(response).then(resolve, reject);
    });
    sending.setTimeout(PATIENCE_MS, () => sending.destroy(new ParleyError('link.timeout', 'XCAP: no answer')));
    sending.on('error', (thrown) =>
      reject(thrown instanceof ParleyError ? thrown : new ParleyError('link.unreachable', `XCAP: ${thrown.message}`, { cause: thrown })),
    );
    sending.end(method === 'GET' ? undefined : octets);
  });
}

async function readReply(response: IncomingMessage): Promise<Reply> {
  const parts: Uint8Array[] = [];
  let octets = 0;
  for await (const part of response as AsyncIterable<Uint8Array>) {
    octets += part.length;
    if (octets > MAX_OCTETS) throw new ParleyError('link.server', 'XCAP: an answer that is too large');
    parts.push(part);
  }
  const { headersDistinct } = response;
  return {
    status: response.statusCode ?? 0,
    etag: headersDistinct.etag?.[0] ?? '',
    challenges: (headersDistinct['www-authenticate'] ?? []).flatMap(challengesIn),
    body: concatBytes(parts),
  };
}

/** Several may stand in one header, parted by the same comma as their fields (RFC 7235 section 4.1). */
function challengesIn(value: string): string[] {
  const challenges: string[] = [];
  for (const part of splitOutsideQuotes(value, ',')) {
    if (/^[A-Za-z]+\s+[A-Za-z]+\s*=/.test(part) || challenges.length === 0) challenges.push(part);
    else challenges.push(`${challenges.pop()}, ${part}`);
  }
  return challenges;
}

function hash(algorithm: DigestHash, octets: Uint8Array): string {
  return createHash(algorithm === 'MD5' ? 'md5' : algorithm === 'SHA-256' ? 'sha256' : 'sha512-256')
    .update(octets)
    .digest('hex');
}
