import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { concatBytes } from '../../../shared/base/bytes.ts';
import { ParleyError } from '../../../shared/base/errors.ts';
import { trySipUri } from '../../../shared/protocol/sip/uri.ts';
import { decodeXcapTarget, type XcapTarget } from '../../../shared/protocol/xcap/selector.ts';
import { encodeXcapConflict, XCAP_ERROR_TYPE } from '../../../shared/protocol/xcap/xcap-error.ts';
import type { DigestAuthenticator } from '../digest-auth.ts';
import type { Directory } from '../directory.ts';
import type { HomeUser } from '../settings.ts';
import { type Documents, MOST_DOCUMENTS } from './documents.ts';
import { CAPABILITIES, capabilities, DOCUMENT_LIMITS, type Usage } from './usages.ts';
import { answerXcap, type XcapAnswer } from './xcap.ts';

/** below which every document is */
export const ROOT_PATH = '/xcap-root';
const PATIENCE_MS = 10_000;
const CONNECTIONS = 200;

export interface XdmParts {
  readonly documents: Documents;
  readonly digest: DigestAuthenticator;
  readonly directory: Directory;
  readonly usages: readonly Usage[];
  readonly log: (line: string) => void;
}

export interface XdmServer {
  /** `http://127.0.0.1:8080/xcap-root`; what follows begins with `/` */
  readonly root: string;
  close(): Promise<void>;
}

/** The documents by XCAP (RFC 4825), for their owners alone. Rejects with the error of `listen` when the address cannot be taken. */
export async function startXdmServer(parts: XdmParts, host: string, port: number): Promise<XdmServer> {
  const server = createServer({ maxHeaderSize: 16_384, headersTimeout: PATIENCE_MS, requestTimeout: PATIENCE_MS }, (request, response) => {
    respond(parts, request, response).catch((thrown) => {
      parts.log(`XCAP: ${thrown instanceof Error ? thrown.stack : String(thrown)}`);
      if (!response.headersSent) send(response, request, { status: 500, headers: {}, body: '' });
    });
  });
  server.maxConnections = CONNECTIONS;
  await listen(server, host, port);
  const at = server.address() as AddressInfo;
  return {
    root: `http://${host.includes(':') ? `[${host}]` : host}:${at.port}${ROOT_PATH}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function respond(parts: XdmParts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await readBody(request);
  if (body === null) {
    response.once('finish', () => request.destroy());
    send(response, request, { status: 413, headers: { Connection: 'close' }, body: '' });
    return;
  }
  send(response, request, await answer(parts, request, body));
}

async function answer({ documents, digest, directory, usages }: XdmParts, request: IncomingMessage, body: Uint8Array): Promise<XcapAnswer> {
  const { method = 'GET', url = '/', headers } = request;
  const owner = authenticate(digest, method, url, headers.authorization);
  if ('status' in owner) return owner;
  const target = targetOf(url);
  if (target === null) return plain(404);
  const asked = {
    method,
    node: target.node,
    contentType: headers['content-type'] ?? '',
    ifMatch: headers['if-match'] ?? null,
    ifNoneMatch: headers['if-none-match'] ?? null,
    body,
  };
  const isRead = method === 'GET' || method === 'HEAD';
  if (target.user === null) {
    if (target.auid !== CAPABILITIES.auid || target.document !== 'index') return plain(404);
    return isRead ? answerXcap(CAPABILITIES, asked, capabilities(usages)) : plain(405, { Allow: 'GET, HEAD' });
  }
  // nobody else's, and nobody learns who there is (RFC 4825 section 5.7: read and write by the owner alone)
  if (userOf(directory, target.user) !== owner) return plain(403);
  const usage = usages.find(({ auid }) => auid === target.auid);
  if (usage === undefined) return plain(404);
  const key = { user: owner.user, auid: usage.auid, name: target.document };
  if (isRead) return answerXcap(usage, asked, documents.read(key));
  return documents.change(key, (current) => {
    const result = answerXcap(usage, asked, current);
    if (current === null && typeof result.document === 'string' && documents.count(owner.user) >= MOST_DOCUMENTS)
      return { result: tooMany() };
    return { document: result.document, result };
  });
}

/** Whose tree that is: the XUI of a path is an address. */
export function userOf(directory: Directory, xui: string): HomeUser | null {
  const uri = trySipUri(xui);
  return uri === null ? null : directory.byUri(uri);
}

function authenticate(digest: DigestAuthenticator, method: string, uri: string, authorization: string | undefined): HomeUser | XcapAnswer {
  const headers = authorization === undefined ? [] : [{ name: 'Authorization', value: authorization }];
  try {
    const verdict = digest.verify({ method, uri, headers }, 'Authorization');
    if (verdict.kind === 'proven') return verdict.user;
    return { status: 401, headers: { 'WWW-Authenticate': digest.challenges(verdict.kind === 'stale') }, body: '' };
  } catch (thrown) {
    if (thrown instanceof ParleyError && thrown.code === 'sip.malformed') return plain(400);
    throw thrown;
  }
}

function targetOf(url: string): XcapTarget | null {
  if (!url.startsWith(`${ROOT_PATH}/`)) return null;
  try {
    return decodeXcapTarget(url.slice(ROOT_PATH.length));
  } catch (thrown) {
    if (thrown instanceof ParleyError && thrown.code === 'request.invalid') return null;
    throw thrown;
  }
}

/** @returns null for more than any document may have; the rest is not waited for */
function readBody(request: IncomingMessage): Promise<Uint8Array | null> {
  return new Promise((resolve, reject) => {
    const parts: Uint8Array[] = [];
    let octets = 0;
    request.on('data', (part: Uint8Array) => {
      octets += part.length;
      if (octets > (DOCUMENT_LIMITS.maxOctets ?? 0)) resolve(null);
      else parts.push(part);
    });
    request.on('end', () => resolve(concatBytes(parts)));
    request.on('error', reject);
  });
}

function send(response: ServerResponse, request: IncomingMessage, { status, headers, body }: XcapAnswer): void {
  const octets = Buffer.from(body);
  response.writeHead(status, { ...headers, 'Cache-Control': 'no-store', ...(status === 304 ? {} : { 'Content-Length': octets.length }) });
  response.end(request.method === 'HEAD' || status === 304 ? undefined : octets);
}

function plain(status: number, headers: XcapAnswer['headers'] = {}): XcapAnswer {
  return { status, headers, body: '' };
}

function tooMany(): XcapAnswer {
  const phrase = `at most ${MOST_DOCUMENTS} documents`;
  return { status: 409, headers: { 'Content-Type': XCAP_ERROR_TYPE }, body: encodeXcapConflict({ kind: 'constraint-failure', phrase }) };
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
