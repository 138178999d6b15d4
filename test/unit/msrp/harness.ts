import type { AddressInfo, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import type { EngineOptions } from '../../../electron/msrp/engine.ts';
import { createMsrpEngine } from '../../../electron/msrp/engine.ts';
import { bufferOctets } from '../../../electron/msrp/octets.ts';
import type { IncomingHead, MessageSink, MsrpEngine, MsrpSession, SessionHandlers } from '../../../electron/msrp/port.ts';
import type { CodedError } from '../../../shared/base/errors.ts';
import type { MsrpFlag, MsrpFrame, MsrpHead } from '../../../shared/protocol/msrp/codec.ts';
import { encodeFrame } from '../../../shared/protocol/msrp/codec.ts';
import { MsrpFramer } from '../../../shared/protocol/msrp/framer.ts';

export interface Received {
  readonly head: IncomingHead;
  readonly octets: Buffer;
}

/** Keeps every message and every end of one session, and lets a test wait for them. */
export class Inbox implements SessionHandlers {
  readonly messages: Received[] = [];
  readonly aborted: CodedError[] = [];
  readonly closed: CodedError[] = [];
  #wake: (() => void)[] = [];

  onMessage(head: IncomingHead): MessageSink | { refuse: 403 | 413 | 415 } {
    const parts: { offset: number; octets: Buffer }[] = [];
    return {
      write: (offset, octets) => {
        parts.push({ offset, octets: Buffer.from(octets) });
      },
      complete: (size) => {
        const whole = Buffer.alloc(size);
        for (const { offset, octets } of parts) octets.copy(whole, offset);
        this.messages.push({ head, octets: whole });
        this.#notify();
      },
      abort: (error) => {
        this.aborted.push(error);
        this.#notify();
      },
    };
  }

  onClosed(error: CodedError): void {
    this.closed.push(error);
    this.#notify();
  }

  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((resolve) => this.#wake.push(resolve));
  }

  #notify(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}

export async function engine(options?: EngineOptions): Promise<MsrpEngine> {
  const made = createMsrpEngine(options);
  await made.listen({ host: '127.0.0.1', port: 0 });
  return made;
}

/** Two sessions that know each other: `a` active, `b` passive. */
export async function pair(
  a: MsrpEngine,
  b: MsrpEngine,
  inA: SessionHandlers = new Inbox(),
  inB: SessionHandlers = new Inbox(),
): Promise<{ a: MsrpSession; b: MsrpSession }> {
  const sessionA = a.createSession(inA);
  const sessionB = b.createSession(inB);
  await Promise.all([
    sessionB.connect({ role: 'passive', remotePath: [sessionA.localUri] }),
    sessionA.connect({ role: 'active', remotePath: [sessionB.localUri] }),
  ]);
  return { a: sessionA, b: sessionB };
}

/** The far end of a connection, frame by frame: what no well-behaved session would send. */
export class RawPeer {
  readonly frames: MsrpFrame[] = [];
  readonly socket: Socket;
  ended = false;
  readonly #framer = new MsrpFramer(bufferOctets);
  #body: Buffer[] = [];
  #wake: (() => void)[] = [];

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', () => {});
    socket.on('close', () => {
      this.ended = true;
      this.#notify();
    });
    socket.on('data', (octets: Buffer) => {
      this.#framer.push(octets);
      for (let event = this.#framer.next(); event !== null; event = this.#framer.next()) this.#take(event);
      this.#notify();
    });
  }

  static connect(to: MsrpEngine): Promise<RawPeer> {
    return new Promise((resolve) => {
      const socket = connect(to.address.port, to.address.host, () => resolve(new RawPeer(socket)));
    });
  }

  static accept(): Promise<{ port: number; peer: Promise<RawPeer>; close(): void }> {
    return new Promise((resolve) => {
      const peer = new Promise<RawPeer>((accepted) => {
        const server = createServer((socket) => accepted(new RawPeer(socket))).listen(0, '127.0.0.1', () =>
          resolve({ port: (server.address() as AddressInfo).port, peer, close: () => server.close() }),
        );
      });
    });
  }

  send(frame: {
    id?: string;
    method?: string;
    to: string;
    from?: string;
    headers?: Record<string, string>;
    body?: string | null;
    flag?: MsrpFlag;
  }): void {
    const head: MsrpHead = {
      kind: 'request',
      transactionId: frame.id ?? 'raw1',
      method: frame.method ?? 'SEND',
      toPath: [frame.to],
      fromPath: [frame.from ?? 'msrp://127.0.0.1:9/raw;tcp'],
      headers: Object.entries(frame.headers ?? {}).map(([name, value]) => ({ name, value })),
    };
    const body = frame.body === undefined || frame.body === null ? null : Buffer.from(frame.body);
    this.socket.write(encodeFrame({ head, body, flag: frame.flag ?? '$' }));
  }

  answer(to: MsrpFrame, status: number): void {
    const { transactionId, fromPath, toPath } = to.head;
    this.socket.write(
      encodeFrame({
        head: { kind: 'response', transactionId, status, comment: null, toPath: fromPath.slice(0, 1), fromPath: toPath, headers: [] },
        body: null,
        flag: '$',
      }),
    );
  }

  requests(method = 'SEND'): MsrpFrame[] {
    return this.frames.filter(({ head }) => head.kind === 'request' && head.method === method);
  }

  statuses(): number[] {
    return this.frames.flatMap(({ head }) => (head.kind === 'response' ? [head.status] : []));
  }

  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((resolve) => this.#wake.push(resolve));
  }

  #take(event: 'head' | 'body' | 'end'): void {
    const { head, hasBody, flag } = this.#framer;
    if (event === 'head') this.#body = [];
    else if (event === 'body') this.#body.push(Buffer.from(this.#framer.body));
    else this.frames.push({ head: head as MsrpHead, body: hasBody ? Buffer.concat(this.#body) : null, flag });
  }

  #notify(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}
