import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { basename } from 'node:path';
import { type WebSocket, WebSocketServer } from 'ws';
import { ParleyError } from '../../shared/base/errors.ts';
import { randomToken } from '../../shared/base/random.ts';
import { FRAME_LIMITS } from '../../shared/ipc/frames.ts';
import { serveContract } from '../../shared/ipc/wire.ts';
import { saveIncoming } from '../app/incoming-file.ts';
import { pageFile, pageHeaders, plainHeaders, previewHeaders } from '../app/page.ts';
import { incomingFolder } from '../app/paths.ts';
import type { HostedAccount } from '../app/port.ts';
import { pictureAsked } from '../app/preview.ts';
import { isOwnHost, isOwnOrigin, sameToken } from './access.ts';
import { answerError, answerFile, answerJson, answerText, attachment } from './answers.ts';
import { pathToOpen } from './host-actions.ts';
import { socketChannel } from './socket-channel.ts';

const LOOPBACK = '127.0.0.1';
/** octets of one upload where the account sets no limit */
const MAX_UPLOAD = 4 * 1024 ** 3;
/** most pages of one account at a time */
const MAX_SOCKETS = 32;
/** how long the rest of a refused upload is read, so that the browser sees the answer; ms */
const DRAIN = 1000;
/** how long an account that is gone may still answer what was asked before, ms */
const LAST_ANSWER = 500;
const GOING_AWAY = 1001;
/** octets of a text in UTF-8 are at most three times its UTF-16 units */
const MAX_PAYLOAD = 3 * FRAME_LIMITS.maxCall;

const PRIVILEGED = /^(?:\/(?<name>[a-z0-9-]+))?\/(?<what>contract|files|preview|saved)(?:\/(?<which>[\w/-]{1,160}))?$/;
const ID = /^[1-9]\d{0,15}$/;

export interface HeadlessAccount {
  readonly address: string;
  /** of the page, with the token in its fragment */
  readonly url: string;
  /** of the contract's WebSocket, with the token */
  readonly contract: string;
}

export interface HeadlessServer {
  /** the pages of an account are served from now on, until it is ended; asking again gives the same */
  serve(account: HostedAccount): HeadlessAccount;
  /** its token opens nothing any more, and its pages are let go once the last answer is out */
  end(name: string): void;
  close(): Promise<void>;
}

export interface HeadlessServerOptions {
  /** 0 = any free one */
  readonly port: number;
  /** absolute folder of the built renderer */
  readonly page: string;
  readonly log: (line: string) => void;
}

interface Served {
  readonly hosted: HostedAccount;
  readonly token: string;
  readonly sockets: Set<WebSocket>;
}

/** What a privileged address asks for, and whose it is. */
interface Asked {
  readonly served: Served;
  readonly what: 'contract' | 'files' | 'preview' | 'saved';
  /** what comes after it */
  readonly which: string;
  readonly query: URLSearchParams;
}

/**
 * One HTTP and WebSocket server on loopback for all accounts: the page and its files below `/<name>/`, and what `HEADLESS_PATHS`
 * lists, for whoever has the account's token.
 * @throws ParleyError `link.unreachable` where it cannot listen
 */
export async function startServer(options: HeadlessServerOptions): Promise<HeadlessServer> {
  const all = new Map<string, Served>();
  const http = createServer({ headersTimeout: 10_000, requestTimeout: 0, maxHeaderSize: 16 * 1024 });
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_PAYLOAD, perMessageDeflate: false, clientTracking: true });
  const problem = (where: string, thrown: unknown): void => options.log(`headless: ${where}: ${String(thrown)}`);

  await new Promise<void>((resolve, reject) => {
    http.once('error', (error: NodeJS.ErrnoException) => {
      reject(new ParleyError('link.unreachable', `cannot listen on ${LOOPBACK}:${options.port} (${error.code})`, { cause: error }));
    });
    http.listen(options.port, LOOPBACK, resolve);
  });
  http.on('error', (error) => problem('server', error));
  const { port } = http.address() as { port: number };
  const headers = pageHeaders({ images: [], connect: [`ws://127.0.0.1:${port}`, `ws://localhost:${port}`] });

  http.on('request', (request, response) => {
    response.on('error', () => response.destroy());
    answer(request, response).catch((thrown) => answerError(response, thrown));
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!isOwnHost(request.headers.host, port)) return answerText(response, 421, 'this is not the host you asked for');
    const url = parseUrl(request);
    if (url === null) return answerText(response, 400, 'bad address');
    if (PRIVILEGED.test(url.pathname)) return answerPrivileged(request, response, url);
    if (request.method !== 'GET' && request.method !== 'HEAD') return answerText(response, 405, 'only GET', { Allow: 'GET, HEAD' });
    const [, name = '', rest] = /^\/([a-z0-9-]*)(\/.*)?$/.exec(url.pathname) ?? [];
    if (!all.has(name)) return answerText(response, 404, 'open the address that was printed at the start');
    if (rest === undefined) return answerText(response, 308, 'below', { Location: `/${name}/` });
    const file = await pageFile(options.page, rest);
    if (file === null) return answerText(response, 404, rest === '/' ? 'the page is not built' : 'not found');
    response.writeHead(200, { 'Content-Type': file.type, 'Content-Length': file.body.length, 'Cache-Control': 'no-cache', ...headers });
    response.end(request.method === 'HEAD' ? undefined : file.body);
  }

  async function answerPrivileged(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    const asked = identify(url);
    if (asked === null || !isOwnOrigin(request)) return answerText(response, 403, 'the token is missing or wrong');
    const method = asked.what === 'files' ? 'POST' : 'GET';
    if (request.method !== method) return answerText(response, 405, `only ${method}`, { Allow: method });
    if (asked.what === 'contract') return answerText(response, 426, 'this is a WebSocket', { Upgrade: 'websocket' });
    if (asked.what === 'files') return receiveFile(request, response, asked);
    if (asked.what === 'preview') return answerPicture(request, response, asked);
    if (!ID.test(asked.which)) return answerText(response, 404, 'not found');
    const path = await pathToOpen(asked.served.hosted, Number(asked.which));
    await answerFile(response, path, {
      ...plainHeaders,
      'Content-Type': 'application/octet-stream',
      'Content-Disposition': attachment(basename(path)),
      'Cache-Control': 'no-store',
    });
  }

  async function answerPicture(request: IncomingMessage, response: ServerResponse, { served, which }: Asked): Promise<void> {
    const picture = pictureAsked(which);
    const found = picture && (await served.hosted.picture(picture));
    if (picture === null) return answerText(response, 404, 'not found');
    // no fault of the page's: it would stand in its console
    if (found === null) return void response.writeHead(204, plainHeaders).end();
    const headers = { ...previewHeaders, 'Content-Type': found.type };
    if ('path' in found) return answerFile(response, found.path, headers, request.headers.range);
    response.writeHead(200, { ...headers, 'Content-Length': found.octets.length });
    response.end(found.octets);
  }

  async function receiveFile(request: IncomingMessage, response: ServerResponse, { served, query }: Asked): Promise<void> {
    const { account, paths } = served.hosted;
    const limit = account.maxFileSize || MAX_UPLOAD;
    try {
      if (Number(request.headers['content-length'] ?? 0) > limit) throw new ParleyError('file.too-large', `the limit is ${limit} octets`);
      const body = request.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
      const path = await saveIncoming(incomingFolder(paths.data), query.get('name') ?? '', limit, body);
      answerJson(response, 200, await served.hosted.offerFile(path));
    } catch (thrown) {
      answerError(response, thrown, { Connection: 'close' });
      request.resume();
      setTimeout(() => request.destroy(), DRAIN).unref();
    }
  }

  http.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy());
    const refuse = (status: string): void => void socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    const url = parseUrl(request);
    if (!isOwnHost(request.headers.host, port)) return refuse('421 Misdirected Request');
    const asked = url === null || !isOwnOrigin(request) ? null : identify(url);
    if (asked === null || asked.what !== 'contract') return refuse('403 Forbidden');
    const { hosted, sockets: open } = asked.served;
    if (open.size >= MAX_SOCKETS) return refuse('429 Too Many Requests');
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      open.add(webSocket);
      webSocket.once('close', () => open.delete(webSocket));
      webSocket.on('error', (error) => problem(hosted.name, error));
      serveContract(socketChannel(webSocket), hosted.handlers, (listener) => hosted.subscribe(listener), {
        onProblem: ({ code, detail }) => problem(hosted.name, `${code}: ${detail}`),
      });
    });
  });

  function identify(url: URL): Asked | null {
    const groups = PRIVILEGED.exec(url.pathname)?.groups;
    const token = url.searchParams.get('token') ?? '';
    // All are compared, so that the time says nothing about which one it was.
    const [owner] = [...all.values()].filter((one) => sameToken(token, one.token));
    if (groups === undefined || owner === undefined) return null;
    if (groups['name'] !== undefined && groups['name'] !== owner.hosted.name) return null;
    return { served: owner, what: groups['what'] as Asked['what'], which: groups['which'] ?? '', query: url.searchParams };
  }

  const origin = `${LOOPBACK}:${port}`;
  return {
    serve(hosted) {
      const { name } = hosted;
      const served = all.get(name) ?? { hosted, token: randomToken(32), sockets: new Set() };
      all.set(name, served);
      return {
        address: hosted.account.address,
        url: `http://${origin}/${name}/#token=${served.token}`,
        contract: `ws://${origin}/${name}/contract?token=${served.token}`,
      };
    },
    end(name) {
      const served = all.get(name);
      all.delete(name);
      setTimeout(() => {
        for (const socket of served?.sockets ?? []) socket.close(GOING_AWAY);
      }, LAST_ANSWER).unref();
    },
    async close() {
      for (const socket of sockets.clients) socket.terminate();
      sockets.close();
      await new Promise<void>((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
      });
    },
  };
}

function parseUrl(request: IncomingMessage): URL | null {
  const { url } = request;
  if (url === undefined || !url.startsWith('/')) return null;
  try {
    return new URL(`http://${LOOPBACK}${url}`);
  } catch {
    return null;
  }
}
