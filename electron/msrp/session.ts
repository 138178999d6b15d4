import type { Clock } from '../../shared/base/clock.ts';
import type { CodedError } from '../../shared/base/errors.ts';
import { ParleyError, toCodedError } from '../../shared/base/errors.ts';
import type { MsrpRequest } from '../../shared/protocol/msrp/codec.ts';
import { headerValue } from '../../shared/protocol/msrp/headers.ts';
import { decodeMsrpUri } from '../../shared/protocol/msrp/uri.ts';
import { decodeFingerprint, type Fingerprint } from '../../shared/protocol/sdp/fingerprint.ts';
import type { MsrpPlace } from '../../shared/protocol/sdp/msrp-media.ts';
import type { ConnectedSession, Connection } from './connection.ts';
import type { FrameConsumer } from './frame-consumer.ts';
import { IdTable } from './id-table.ts';
import { messageId, transactionId } from './ids.ts';
import type { EngineLimits } from './limits.ts';
import type { MessageContext } from './message-context.ts';
import type { MsrpSession, OutgoingMessage, SessionHandlers } from './port.ts';
import { Receiver } from './receiver.ts';
import type { Relay, RelayLease } from './relay.ts';
import { SendHeads } from './send-heads.ts';
import { Sender } from './sender.ts';
import { type Wait, type WaitTerms, waitFor } from './wait.ts';

/** what a relay grants beyond this counts as no more; within what timers take */
const MAX_LEASE_MS = 7 * 86_400_000;

/** Where a connection goes; over TLS to whoever has that certificate, or without one to whoever proves to be `host`. */
export interface ConnectionTarget {
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
  readonly fingerprint: Fingerprint | null;
}

/** What a session needs of its engine. */
export interface SessionOwner {
  readonly clock: Clock;
  readonly limits: EngineLimits;
  /** acts for every session of the engine; null: none does */
  readonly relay: Relay | null;
  /** whether what is offered is offered over TLS, from end to end */
  readonly offersTls: boolean;
  /** of our certificate */
  readonly fingerprint: string | undefined;
  localUri(id: string, secure: boolean, setup: 'active' | undefined): string;
  /** a connection to `host:port`; `fresh`: not one that is there */
  connectionTo(at: ConnectionTarget, fresh: boolean, signal: AbortSignal | undefined): Promise<{ connection: Connection; reused: boolean }>;
  forget(session: Session): void;
}

/**
 * One MSRP session. Unbound until the first octets flow, then tied to one connection for the rest of its life (RFC 4975 section 5.4):
 *
 *   unbound --connect active / first SEND of the peer--> bound --close / lost / 481 / 506--> ended
 */
export class Session implements MsrpSession, ConnectedSession, MessageContext {
  localUri: string;
  readonly id: string;
  readonly clock: Clock;
  readonly limits: EngineLimits;
  connection: Connection | null = null;
  toPath: readonly string[] = [];

  readonly #owner: SessionOwner;
  readonly #handlers: SessionHandlers;
  readonly #receiver: Receiver;
  readonly heads = new SendHeads();
  readonly #senders = new IdTable<Sender>();
  /** those that cannot begin yet, as they were sent */
  #waiting: Sender[] = [];
  readonly #setup: 'active' | undefined;
  #role: 'active' | 'passive' | null = null;
  /** over TLS from end to end */
  #secure = false;
  /** by which certificate the peer is known; null: by nothing but the URI; undefined until its description is known */
  #peer: Fingerprint | null | undefined;
  #whenKnown: (() => void)[] = [];
  /** the first SEND of the peer was here */
  #heard = false;
  #lease: RelayLease | null = null;
  #cancelLease: (() => void) | null = null;
  #binding: Wait<void> | null = null;
  #ended: CodedError | null = null;
  #closing: Promise<void> | null = null;
  /** messages given up with `#` that the peer has not answered yet */
  #untaken = 0;
  #allTaken: (() => void) | null = null;

  constructor(owner: SessionOwner, id: string, handlers: SessionHandlers, setup: 'active' | undefined) {
    this.#owner = owner;
    this.clock = owner.clock;
    this.limits = owner.limits;
    this.id = id;
    this.#setup = setup;
    this.localUri = owner.localUri(id, owner.relay !== null, setup);
    this.#handlers = handlers;
    this.#receiver = new Receiver(this, handlers);
  }

  async announce(answered?: { readonly fingerprint: string | null }): Promise<MsrpPlace> {
    this.#assertOpen();
    const { relay } = this.#owner;
    if (relay === null) {
      if (answered !== undefined) this.#peer = answered.fingerprint === null ? null : decodeFingerprint(answered.fingerprint);
      this.#secure = answered === undefined ? this.#owner.offersTls : answered.fingerprint !== null;
      this.localUri = this.#owner.localUri(this.id, this.#secure, this.#setup);
    }
    if (relay !== null && this.#lease === null) {
      const lease = await relay.lease(this.localUri);
      this.#assertOpen();
      this.#attach(lease.connection);
      this.#hold(lease);
    }
    const path = [...(this.#lease?.usePath.toReversed() ?? []), this.localUri];
    const { scheme, port } = decodeMsrpUri(path[0] as string);
    // spelled as in the path: whoever compares the two may do so letter by letter
    const [, v6, address] = /^\w+:\/\/(?:[^@/]*@)?(?:\[([^\]]+)\]|([^:/;]+))/.exec(path[0] as string) ?? [];
    const protocol = scheme === 'msrps' ? 'TCP/TLS/MSRP' : 'TCP/MSRP';
    const fingerprint = this.#secure ? this.#owner.fingerprint : undefined;
    return { protocol, address: v6 ?? address ?? '', port: port as number, path, fingerprint };
  }

  async connect(options: Parameters<MsrpSession['connect']>[0]): Promise<void> {
    this.#assertOpen();
    if (this.#role !== null) throw new ParleyError('request.invalid-state', 'connected twice');
    this.#role = options.role;
    this.toPath = [...(this.#lease?.usePath ?? []), ...options.remotePath];
    try {
      if (options.signal?.aborted === true) throw new ParleyError('msrp.lost', 'given up');
      this.#meet(options);
      if (options.role === 'passive') await this.#waitForPeer(options.signal);
      else await this.#connectActive(options);
    } catch (thrown) {
      const error = toCodedError(thrown, 'msrp.lost');
      this.#end(error, false);
      throw thrown;
    }
  }

  send(message: OutgoingMessage): Promise<void> {
    try {
      this.#assertOpen();
    } catch (thrown) {
      return Promise.reject(thrown);
    }
    const id = message.messageId ?? messageId();
    if (this.#senders.get(id) !== null) return Promise.reject(new ParleyError('request.invalid', 'Message-ID is in use'));
    return new Promise((resolve, reject) => {
      const sender = new Sender(this, id, message, (error) => {
        this.#senders.take(id);
        if (error === null) resolve();
        else reject(new ParleyError(error.code, error.detail, { cause: error }));
      });
      this.#senders.add(id, sender);
      if (this.connection !== null && this.#binding === null && this.#mayWrite) sender.start(this.connection);
      else this.#waiting.push(sender);
    });
  }

  close(isLost = false): Promise<void> {
    if (isLost) this.#end({ code: 'msrp.lost', detail: 'session closed' }, false);
    this.#closing ??= this.#close();
    return this.#closing;
  }

  bind(connection: Connection): boolean | Promise<void> {
    if (this.#ended !== null || (this.connection === null && this.#role === 'active')) return false;
    if (this.connection === null) {
      const isTheirs = this.#isFromPeer(connection);
      if (isTheirs !== true) return isTheirs;
      this.#attach(connection);
    } else if (this.connection !== connection) return false;
    if (!this.#heard && this.#role !== 'active') {
      this.#heard = true;
      this.#startSenders();
      this.#binding?.resolve();
    }
    return true;
  }

  chunk(head: MsrpRequest, hasBody: boolean): FrameConsumer {
    return this.#receiver.begin(head, hasBody);
  }

  /** A REPORT came (RFC 4975 section 7.3.2); one for a message we do not know is ignored. */
  report(head: MsrpRequest): void {
    this.#senders.get(headerValue(head, 'Message-ID') ?? '')?.reported(head);
  }

  tells(): () => void {
    this.#untaken += 1;
    return () => {
      this.#untaken -= 1;
      if (this.#untaken === 0) this.#allTaken?.();
    };
  }

  refused(status: number, comment: string | null): void {
    this.#end({ code: 'msrp.refused', detail: `${status} ${comment ?? ''}`.trim() }, true);
  }

  lost(error: CodedError): void {
    this.connection = null;
    this.#end(error, true);
  }

  /** Octets may flow: the path is known, and who connects has said so. */
  get #mayWrite(): boolean {
    return this.toPath.length > 0 && (this.#role === 'active' || this.#heard);
  }

  /** Half of a lease before it ends a longer one is asked for. A path that is not the old one is of no use to a peer that has the old one. */
  #hold(lease: RelayLease): void {
    this.#lease = lease;
    const { expiresAt } = lease;
    const { relay } = this.#owner;
    if (expiresAt === null || relay === null) return;
    const half = Math.min(expiresAt - this.clock.now(), MAX_LEASE_MS) / 2;
    const lapse = (): void => this.#end({ code: 'msrp.lost', detail: 'the place at the relay has run out' }, true);
    this.#cancelLease = this.clock.after(half, () => {
      this.#cancelLease = this.clock.after(half, lapse);
      void relay.lease(this.localUri).then(
        (next) => {
          if (this.#ended !== null || next.connection !== this.connection || next.usePath.join() !== lease.usePath.join()) return;
          this.#cancelLease?.();
          this.#hold(next);
        },
        () => {},
      );
    });
  }

  /** Who the peer is, is known now. @throws ParleyError `msrp.untrusted` where it could be anybody */
  #meet({ fingerprint, remotePath }: Parameters<MsrpSession['connect']>[0]): void {
    if (fingerprint) this.#peer = decodeFingerprint(fingerprint);
    this.#peer ??= null;
    // a relay at the other end proves its name, or none of ours is connected to
    if (this.#secure && this.#peer === null && remotePath.length === 1)
      throw new ParleyError('msrp.untrusted', 'TLS without a fingerprint of the other side');
    for (const known of this.#whenKnown.splice(0)) known();
  }

  /** Before the description of the peer is here nobody is (RFC 4975 section 14.4); another certificate than the announced one ends the session. */
  #isFromPeer(connection: Connection): boolean | Promise<void> {
    if ((connection.shows !== null) !== this.#secure) return false;
    if (!this.#secure || this.#peer === null) return true;
    if (this.#peer === undefined) return new Promise((resolve) => this.#whenKnown.push(resolve));
    if (connection.shows?.(this.#peer) === true) return true;
    const error = { code: 'msrp.untrusted', detail: 'the certificate is not the one that was announced' } as const;
    connection.fail(error);
    this.#end(error, true);
    return false;
  }

  #attach(connection: Connection): void {
    this.connection = connection;
    connection.attach(this);
  }

  #startSenders(): void {
    const { connection } = this;
    if (connection === null || !this.#mayWrite) return;
    for (const sender of this.#waiting.splice(0)) sender.start(connection);
  }

  async #connectActive(options: Parameters<MsrpSession['connect']>[0]): Promise<void> {
    // no matter who connects, a relay of ours is where we are already (RFC 6135 section 4.5)
    if (this.connection !== null) {
      if (this.#heard) return this.#startSenders();
      if ((await this.#greet(this.connection, options.signal)) === 200) return this.#startSenders();
      throw new ParleyError('msrp.lost', 'the connection to the relay was lost');
    }
    const at = { ...this.#firstHop(), ...options.via };
    for (let fresh = false; ; fresh = true) {
      const { connection, reused } = await this.#owner.connectionTo(at, fresh, options.signal);
      this.#assertOpen();
      const answer = this.#greet(connection, options.signal);
      // A connection that was there may go away just as we begin to use it: content waits until the peer has answered on it.
      if (!reused) this.#startSenders();
      if ((await answer) === 200) return this.#startSenders();
      if (!reused) throw new ParleyError('msrp.lost', `${at.host}:${at.port}: connection lost before the first answer`);
    }
  }

  #firstHop(): ConnectionTarget {
    const uri = decodeMsrpUri(this.toPath[0] ?? '');
    if (uri.transport !== 'tcp') throw new ParleyError('msrp.unreachable', `${this.toPath[0]}: not TCP`);
    return { host: uri.host, port: uri.port ?? 2855, secure: uri.scheme === 'msrps', fingerprint: this.#peer ?? null };
  }

  /** Active side: something must be sent to bind the session (RFC 4975 section 5.4). @returns 200, or null when the connection was lost */
  #greet(connection: Connection, signal: AbortSignal | undefined): Promise<200 | null> {
    if (connection.closed) return Promise.resolve(null);
    const id = transactionId();
    const terms = { limitMs: this.limits.answerMs, late: 'no answer to the first SEND', signal, over: () => connection.forgetAnswer(id) };
    return this.#wait<200 | null>(terms, (wait) => {
      connection.expectAnswer(id, {
        answered: (status, comment) => {
          if (status === 200) wait.resolve(200);
          else wait.reject(new ParleyError('msrp.refused', `${status} ${comment ?? ''}`.trim()));
        },
      });
      connection.write(
        `MSRP ${id} SEND\r\nTo-Path: ${this.toPath.join(' ')}\r\nFrom-Path: ${this.localUri}\r\nMessage-ID: ${messageId()}\r\n` +
          `Byte-Range: 1-0/0\r\n-------${id}$\r\n`,
      );
      this.#attach(connection);
      return {
        resolve: () => {},
        reject: (error) => {
          if (error.code === 'msrp.lost' && this.#ended === null) wait.resolve(null);
          else wait.reject(error);
        },
      };
    });
  }

  #waitForPeer(signal: AbortSignal | undefined): Promise<void> {
    if (this.#heard) {
      this.#startSenders();
      return Promise.resolve();
    }
    const terms = { limitMs: this.limits.connectMs, late: 'the other side did not connect', signal, over: () => {} };
    return this.#wait(terms, (wait) => wait);
  }

  /** @param begin gives the binding that stands until the wait is over */
  #wait<T>(terms: WaitTerms, begin: (wait: Wait<T>) => Wait<void>): Promise<T> {
    const over = (): void => {
      terms.over();
      this.#binding = null;
    };
    return waitFor<T>(this.clock, { ...terms, over }, (wait) => {
      this.#binding = begin(wait);
    });
  }

  /** The session is over. @param tell whether the owner of the session hears of it */
  #end(error: CodedError, tell: boolean): void {
    if (this.#ended !== null) return;
    // While the first SEND waits for its answer a lost connection is the business of connect().
    if (this.#binding !== null && this.#role === 'active' && error.code === 'msrp.lost' && tell) {
      this.#binding.reject(new ParleyError(error.code, error.detail));
      return;
    }
    this.#ended = error;
    for (const known of this.#whenKnown.splice(0)) known();
    this.#cancelLease?.();
    this.#allTaken?.();
    this.#binding?.reject(new ParleyError(error.code, error.detail));
    for (const sender of this.#senders.values()) sender.lost(error);
    this.#waiting = [];
    this.#receiver.lost(error);
    const { connection } = this;
    this.connection = null;
    this.#owner.forget(this);
    connection?.detach(this);
    if (tell && this.#closing === null) this.#handlers.onClosed(error);
  }

  async #close(): Promise<void> {
    if (this.#ended !== null) return;
    for (const sender of this.#senders.values()) sender.stop();
    await Promise.all([this.#receiver.stop(), this.#whenTaken()]);
    this.#end({ code: 'msrp.lost', detail: 'session closed' }, false);
  }

  #whenTaken(): Promise<void> {
    if (this.#untaken === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = this.clock.after(this.limits.lingerMs, resolve);
      this.#allTaken = () => {
        cancel();
        resolve();
      };
    });
  }

  #assertOpen(): void {
    if (this.#ended !== null) throw new ParleyError(this.#ended.code, this.#ended.detail);
    if (this.#closing !== null) throw new ParleyError('msrp.lost', 'session closed');
  }
}
