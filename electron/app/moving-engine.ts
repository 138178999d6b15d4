import { ParleyError } from '../../shared/base/errors.ts';
import type { MsrpEngine, MsrpSession, SessionHandlers } from '../msrp/port.ts';

/**
 * MSRP on the address that this device has now. A laptop that changes its network is registered from another address, and must be
 * reached at that one: an engine listens on one only, so another one takes its place. The one before it stays, for what still flows on it.
 */
export class MovingEngine implements MsrpEngine {
  readonly #create: () => MsrpEngine;
  #current: { readonly engine: MsrpEngine; readonly host: string } | null = null;
  #before: MsrpEngine | null = null;
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(create: () => MsrpEngine) {
    this.#create = create;
  }

  get address(): MsrpEngine['address'] {
    return this.#engine.address;
  }

  /** Changes nothing where it listens on that host already. One that fails leaves the place where it was, and can be repeated. */
  listen(at: { host: string; port: number }): Promise<void> {
    const work = this.#last.then(() => this.#listen(at));
    this.#last = work.catch(() => undefined);
    return work;
  }

  createSession(handlers: SessionHandlers, setup?: 'active'): MsrpSession {
    return this.#engine.createSession(handlers, setup);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#last;
    await Promise.all([this.#current?.engine.close(), this.#before?.close()]);
  }

  async #listen(at: { host: string; port: number }): Promise<void> {
    if (this.#closed || this.#current?.host === at.host) return;
    const engine = this.#create();
    try {
      await engine.listen(at);
    } catch (thrown) {
      await engine.close();
      throw thrown;
    }
    const older = this.#before;
    this.#before = this.#current?.engine ?? null;
    this.#current = { engine, host: at.host };
    await older?.close();
  }

  get #engine(): MsrpEngine {
    if (this.#current === null) throw new ParleyError('msrp.unreachable', 'not listening');
    return this.#current.engine;
  }
}
