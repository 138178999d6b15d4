import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { concatBytes, utf8 } from '../../shared/base/bytes.ts';
import { ParleyError } from '../../shared/base/errors.ts';
import { encodeXcapTarget, type XcapTarget } from '../../shared/protocol/xcap/selector.ts';
import { decodeXcapConflict } from '../../shared/protocol/xcap/xcap-error.ts';
import { credentials, freshNonce, type Nonce, strongestByRealm } from '../digest/digest.ts';
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
  let known: Nonce | null = null;

  const send = async (target: XcapTarget, sent: Sent): Promise<Reply> => {
    const url = new URL(`${account.root}${encodeXcapTarget(target)}`);
    const uri = `${url.pathname}${url.search}`;
    for (let round = 0; ; round++) {
      const asked = { method: sent.method, uri, body: utf8(sent.body) };
      const headers = known === null ? sent.headers : { ...sent.headers, Authorization: credentials(known, account, asked) };
      const reply = await exchange(url, { ...sent, headers }, account.caCertificates);
      if (reply.status !== 401) return reply;
      const [challenge] = strongestByRealm(reply.challenges);
      // twice: what was kept may be stale, and the fresh one is answered once
      if (challenge === undefined || round === 2 || (round > 0 && !challenge.stale)) {
        throw new ParleyError('link.credentials', `XCAP: ${reply.status}`);
      }
      known = freshNonce(challenge);
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
    challenges: headersDistinct['www-authenticate'] ?? [],
    body: concatBytes(parts),
  };
}
