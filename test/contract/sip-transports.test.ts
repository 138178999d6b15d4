import { createHash } from 'node:crypto';
import { createServer as createHttps } from 'node:https';
import { createServer, type Server } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Flow, FlowListeners } from '../../electron/sip/transport/flow.ts';
import type { FlowOptions } from '../../electron/sip/transport/open-flow.ts';
import { fromUtf8, utf8 } from '../../shared/base/bytes.ts';
import type { CodedError } from '../../shared/base/errors.ts';
import type { SipTransport } from '../../shared/model/account.ts';
import { decodeSip, encodeSip } from '../../shared/protocol/sip/codec.ts';
import { type Credentials, TestAuthority } from '../harness/certificates.ts';
import { firstFlow } from '../harness/first-flow.ts';
import { replyTo, requestOf, type ScriptedConnection, ScriptedSipServer } from '../harness/scripted-sip-server.ts';

let authority: TestAuthority;
let credentials: Credentials;

beforeAll(() => {
  authority = new TestAuthority();
  credentials = authority.issue('DNS:home1.example');
});

describe.each([
  ['tcp', 'TCP', '127.0.0.1'],
  ['tcp', 'TCP', '::1'],
  ['tls', 'TLS', '127.0.0.1'],
  ['tls', 'TLS', '::1'],
  ['wss', 'WSS', '127.0.0.1'],
  ['wss', 'WSS', '::1'],
] as const)('a flow over %s (%s in Via) to %s', (transport, protocol, host) => {
  let server: ScriptedSipServer;
  let flow: Flow | null = null;
  let lost: CodedError[] = [];
  let received: Uint8Array[] = [];
  const tapped: string[] = [];

  beforeEach(async () => {
    lost = [];
    received = [];
    tapped.length = 0;
    server = await ScriptedSipServer.start({ transport, tls: credentials, host });
  });
  afterEach(async () => {
    flow?.destroy();
    flow = null;
    await server.stop();
  });

  const options = (port: number, more: Partial<FlowOptions> = {}): FlowOptions => ({
    proxy: { host, port, path: '/sip' },
    transport,
    domain: 'home1.example',
    caCertificates: authority.certificate,
    connectTimeoutMs: 8_000,
    resolver: noResolver,
    tap: (direction, octets) => tapped.push(`${direction} ${octets.length}`),
    onMessage: (octets) => received.push(octets),
    onLost: (error) => lost.push(error),
    ...more,
  });

  async function connected(listeners: Partial<FlowListeners> = {}): Promise<{ flow: Flow; connection: ScriptedConnection }> {
    const opened = server.connection();
    flow = await firstFlow(options(server.port, listeners), new AbortController().signal);
    return { flow, connection: await opened };
  }

  const message = (id: string, body: string | Uint8Array = ''): Uint8Array =>
    encodeSip(requestOf('MESSAGE', { uri: 'sip:bob@home1.example', callId: id, branch: `z9hG4bK${id}`, body }));

  test('knows its protocol and the address of this end', async () => {
    const { flow } = await connected();
    expect(flow.protocol).toBe(protocol);
    expect(flow.localHost).toBe(host);
    expect(flow.localPort).toBeGreaterThan(0);
  });

  test('carries messages whole and in order, both ways, whatever their octets', async () => {
    const { flow, connection } = await connected();
    const bodies = ['', 'héllo €', 'x'.repeat(300_000), new Uint8Array([0xff, 0, 0x0d, 0x0a, 0xc3])];
    for (const [at, body] of bodies.entries()) await flow.send(message(`m${at}`, body));
    for (const [at, body] of bodies.entries()) {
      const got = await connection.request('MESSAGE');
      expect(got.headers).toContainEqual({ name: 'Call-ID', value: `m${at}` });
      expect(Buffer.from(got.body).equals(typeof body === 'string' ? utf8(body) : body)).toBe(true);
      connection.send({ ...replyTo(got, 200), body: got.body });
    }
    await connection.until(() => received.length === bodies.length);
    expect(received.map((octets) => decodeSip(octets).body.length)).toEqual([0, 10, 300_000, 5]);
    expect(tapped.filter((line) => line.startsWith('in'))).toHaveLength(bodies.length);
    expect(tapped.filter((line) => line.startsWith('out'))).toHaveLength(bodies.length);
    if (transport === 'wss') expect(connection.frames).toEqual(['text', 'text', 'text', 'binary']);
  });

  test('a message that follows the handshake at once is not lost', async () => {
    const opened = server.connection().then((connection) => connection.write(message('early')));
    flow = await firstFlow(options(server.port), new AbortController().signal);
    await opened;
    await vi.waitFor(() => expect(received).toHaveLength(1), { timeout: 15_000 });
  });

  test('each message has octets of its own', async () => {
    const { connection } = await connected();
    for (let at = 0; at < 50; at++) connection.write(message(`k${at}`, `body ${at}`));
    await connection.until(() => received.length === 50);
    expect(received.every((octets) => octets.buffer.byteLength === octets.byteLength)).toBe(true);
    expect(received.map((octets) => fromUtf8(decodeSip(octets).body))).toEqual(Array.from({ length: 50 }, (_, at) => `body ${at}`));
  });

  test('answers a ping by CRLF with a pong', async () => {
    const { connection } = await connected();
    connection.write('\r\n\r\n');
    await connection.until(() => connection.pongs === 1);
    expect(received).toEqual([]);
    expect(lost).toEqual([]);
  });

  test('pings in time; an answer keeps the flow, silence ends it', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const random = vi.spyOn(Math, 'random').mockReturnValue(0.9999999);
    try {
      const { flow, connection } = await connected();
      flow.keepAlive(25, true);
      vi.advanceTimersByTime(25_000);
      while (connection.pings === 0) await turns(1);
      // the WebSocket of the server answers by itself
      if (transport !== 'wss') connection.write('\r\n');
      await turns(200);
      vi.advanceTimersByTime(10_000);
      expect(lost).toEqual([]);
      connection.pause();
      vi.advanceTimersByTime(15_000);
      vi.advanceTimersByTime(10_000);
      expect(lost).toEqual([{ code: 'link.lost', detail: 'no answer to a keep-alive' }]);
    } finally {
      random.mockRestore();
      vi.useRealTimers();
    }
  });

  test('the server ending the connection is told once, and sending fails from then on', async () => {
    const { flow, connection } = await connected();
    connection.end();
    await vi.waitFor(() => expect(lost).toEqual([{ code: 'link.lost', detail: expect.any(String) }]), { timeout: 15_000 });
    await expect(flow.send(message('late'))).rejects.toMatchObject({ code: 'link.lost' });
    await turns(20);
    expect(lost).toHaveLength(1);
  });

  test('the connection breaking is told once', async () => {
    const { connection } = await connected();
    connection.destroy();
    await vi.waitFor(() => expect(lost).toMatchObject([{ code: 'link.lost' }]), { timeout: 15_000 });
  });

  test('after destroy nothing is told, and the server sees the end', async () => {
    const { flow, connection } = await connected();
    connection.write(message('unread'));
    flow.destroy();
    await connection.until(() => connection.isClosed);
    await turns(20);
    expect([lost, received]).toEqual([[], []]);
  });

  test('a server that does not read is given up before memory is', async () => {
    const { flow, connection } = await connected();
    connection.pause();
    const big = message('big', 'x'.repeat(1_000_000));
    for (let count = 0; count < 40 && lost.length === 0; count++) {
      flow.send(big).catch(() => undefined);
      await turns(2);
    }
    expect(lost).toEqual([{ code: 'link.lost', detail: 'the server does not read' }]);
  });

  test('a tap that throws breaks nothing', async () => {
    const { flow, connection } = await connected({
      tap: () => {
        throw new Error('a listener of diagnostics');
      },
    });
    await flow.send(message('tapped'));
    await connection.request('MESSAGE');
  });

  test('nobody listening is link.unreachable, with the address', async () => {
    const { port } = server;
    await server.stop();
    const pending = firstFlow(options(port), new AbortController().signal);
    await expect(pending).rejects.toMatchObject({ code: 'link.unreachable', detail: expect.stringContaining(`:${port}: `) });
  });

  test('closing while connecting is link.lost', async () => {
    const closing = new AbortController();
    const pending = firstFlow(options(server.port), closing.signal);
    closing.abort();
    await expect(pending).rejects.toMatchObject({ code: 'link.lost' });
    await expect(firstFlow(options(server.port), closing.signal)).rejects.toMatchObject({ code: 'link.lost' });
  });
});

describe.each(['tls', 'wss'] as const)('securing a flow over %s', (transport) => {
  let server: Server | null = null;
  afterAll(() => server?.close());

  async function rawServer(onConnection: Parameters<typeof createServer>[1]): Promise<FlowOptions> {
    server?.close();
    const raw = createServer(onConnection);
    server = raw;
    await new Promise<void>((resolve) => raw.listen(0, '127.0.0.1', resolve));
    return secureOptions(transport, (raw.address() as { port: number }).port);
  }

  test('a server that closes in the handshake is link.unreachable', async () => {
    const options = await rawServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => socket.destroy());
    });
    await expect(firstFlow(options, new AbortController().signal)).rejects.toMatchObject({
      code: 'link.unreachable',
      detail: expect.stringContaining('closed the connection before it was secured'),
    });
  });

  test('nothing below TLS 1.2 is offered', async () => {
    let hello = '';
    const options = await rawServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', (octets: Buffer) => {
        hello = octets.toString('hex');
        socket.destroy();
      });
    });
    await expect(firstFlow(options, new AbortController().signal)).rejects.toMatchObject({ code: 'link.unreachable' });
    // supported_versions (RFC 8446 section 4.2.1) with 1.3 and 1.2 only
    expect(hello).toContain('002b00050403040303');
  });

  test('a server that speaks no TLS is said to be one', async () => {
    const options = await rawServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => socket.write('SIP/2.0 400 Bad Request\r\nContent-Length: 0\r\n\r\n'));
    });
    await expect(firstFlow(options, new AbortController().signal)).rejects.toMatchObject({
      code: 'link.unreachable',
      detail: expect.stringContaining('does not speak TLS'),
    });
  });

  test('a server that is silent in the handshake is link.timeout, and is let go', async () => {
    let closed = false;
    const options = await rawServer((socket) => {
      socket.resume();
      socket.on('error', () => undefined);
      socket.on('close', () => {
        closed = true;
      });
    });
    await expect(firstFlow({ ...options, connectTimeoutMs: 100 }, new AbortController().signal)).rejects.toMatchObject({
      code: 'link.timeout',
    });
    await vi.waitFor(() => expect(closed).toBe(true), { timeout: 15_000 });
  });
});

describe('the WebSocket handshake', () => {
  test('asks for the path that was configured, on the name of the proxy, for the subprotocol sip', async () => {
    const asked: string[] = [];
    const named = {
      ...authority.issue('DNS:localhost'),
      SNICallback: (name: string, done: (error: null) => void) => {
        asked.push(name);
        done(null);
      },
    };
    const server = await ScriptedSipServer.start({ transport: 'wss', tls: named });
    const flow = await firstFlow(
      {
        ...secureOptions('wss', server.port),
        proxy: { host: 'localhost', port: server.port, path: '/ws?a=b' },
        resolver: { ...noResolver, addresses: async () => ['127.0.0.1'] },
      },
      new AbortController().signal,
    );
    expect(server.upgrades).toEqual([{ path: '/ws?a=b', host: `localhost:${server.port}` }]);
    expect(asked).toEqual(['localhost']);
    flow.destroy();
    await server.stop();
  });

  test('a message in the same read as the end of the handshake is not lost', async () => {
    const web = createHttps(credentials);
    const payload = encodeSip(requestOf('OPTIONS', { uri: 'sip:x@y', callId: 'early', branch: 'z9hG4bKearly' }));
    web.on('upgrade', (request, socket) => {
      const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
      const head = [
        'HTTP/1.1 101 Switching Protocols',
        'Upgrade: websocket',
        'Connection: Upgrade',
        `Sec-WebSocket-Accept: ${createHash('sha1').update(key).digest('base64')}`,
        'Sec-WebSocket-Protocol: sip',
      ];
      const frame = Buffer.from([0x82, 126, payload.length >> 8, payload.length & 0xff]);
      socket.on('error', () => undefined);
      socket.write(Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), frame, payload]));
    });
    await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
    const received = vi.fn();
    const options = secureOptions('wss', (web.address() as { port: number }).port);
    const flow = await firstFlow({ ...options, onMessage: received }, new AbortController().signal);
    await vi.waitFor(() => expect(received).toHaveBeenCalledTimes(1), { timeout: 15_000 });
    flow.destroy();
    web.close();
  });

  test('its server must answer pings, so that silence after the first ends the flow', async () => {
    const server = await ScriptedSipServer.start({ transport: 'wss', tls: credentials });
    const opened = server.connection();
    const lost = vi.fn();
    const flow = await firstFlow({ ...secureOptions('wss', server.port), onLost: lost }, new AbortController().signal);
    (await opened).pause();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      flow.keepAlive(25, false);
      vi.advanceTimersByTime(35_000);
    } finally {
      vi.useRealTimers();
    }
    expect(lost).toHaveBeenCalledWith({ code: 'link.lost', detail: 'no answer to a keep-alive' });
    await server.stop();
  });

  test('a web server that is no SIP server is link.unreachable', async () => {
    const web = createHttps(credentials, (_, response) => response.writeHead(404).end('no'));
    await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
    const pending = firstFlow(secureOptions('wss', (web.address() as { port: number }).port), new AbortController().signal);
    await expect(pending).rejects.toMatchObject({ code: 'link.unreachable', detail: expect.stringContaining('404') });
    web.close();
    web.closeAllConnections();
  });

  test('a frame that is larger than a message may be ends the flow', async () => {
    const server = await ScriptedSipServer.start({ transport: 'wss', tls: credentials });
    const lost = vi.fn();
    const opened = server.connection();
    const flow = await firstFlow({ ...secureOptions('wss', server.port), onLost: lost }, new AbortController().signal);
    (await opened).write('x'.repeat(1_200_000));
    await vi.waitFor(() => expect(lost).toHaveBeenCalledWith(expect.objectContaining({ code: 'sip.too-large' })), { timeout: 15_000 });
    flow.destroy();
    await server.stop();
  });
});

const noResolver: FlowOptions['resolver'] = {
  naptr: () => Promise.reject(new Error('not asked for')),
  srv: () => Promise.reject(new Error('not asked for')),
  addresses: () => Promise.reject(new Error('not asked for')),
};

function secureOptions(transport: SipTransport, port: number): FlowOptions {
  return {
    proxy: { host: '127.0.0.1', port },
    transport,
    domain: 'home1.example',
    caCertificates: authority.certificate,
    connectTimeoutMs: 8_000,
    resolver: noResolver,
    tap: undefined,
    onMessage: () => undefined,
    onLost: () => undefined,
  };
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}
