import { createMsrpEngine } from '../../../electron/msrp/engine.ts';
import type { EngineOptions } from '../../../electron/msrp/engine.ts';
import type { IncomingHead, MessageSink, MsrpEngine, MsrpSession, SessionHandlers } from '../../../electron/msrp/port.ts';
import type { CodedError } from '../../../shared/base/errors.ts';

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
