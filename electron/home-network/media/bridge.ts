import type { Clock } from '../../../shared/base/clock.ts';
import { type CodedError, ParleyError, toCodedError } from '../../../shared/base/errors.ts';
import { createPassage } from '../../msrp/passage.ts';
import type { IncomingHead, MessageSink, MsrpEngine, MsrpSession } from '../../msrp/port.ts';
import { otherSide, type Side } from './media-path.ts';
import type { Hearing } from './witnessed.ts';

/** ms that the end of a session waits for what is on its way */
const SETTLE = 5_000;
/** ms between a refusal in MSRP and the BYE of who refused: they take two connections */
const HEAD_START = 100;
/** ways in which a session ends that its peer did not mean */
const LOSSES = new Set(['msrp.lost', 'msrp.timeout', 'msrp.unreachable']);

export interface BridgeHost {
  readonly engine: MsrpEngine;
  readonly clock: Clock;
  /** octets of one message, 0 for any number */
  readonly maxMessage: number;
  /** octets of a chunk that the peer on that side takes */
  chunkSize(side: Side): number;
  /** who wants the octets of a message besides */
  hear(from: Side, contentType: string): Hearing | null;
  /** something passed */
  touched(): void;
  /** the session of that side is lost in the middle of a message; at most once */
  broken(side: Side, why: string): void;
}

interface Passing {
  readonly from: Side;
  /** its sender has sent all of it, or taken it back */
  isOver: boolean;
  /** its receiver wants no more of it */
  isRefused: boolean;
  /** both sides know what became of it */
  readonly settled: Promise<unknown>;
}

/**
 * Two MSRP sessions, one towards each side, and the messages between them, both ways, as they come in: who reads slowly is sent slowly, and
 * the last answer and the success report to a sender are those of the receiver. `#` and refusals pass; the loss of one side is told by SIP
 * and never looks as if a person had given up.
 */
export class Bridge {
  readonly #host: BridgeHost;
  readonly #sessions = new Map<Side, MsrpSession>();
  readonly #passing = new Set<Passing>();
  #isBroken = false;
  #isClosed = false;
  #over: () => void = () => undefined;
  readonly #whenOver = new Promise<void>((resolve) => {
    this.#over = resolve;
  });

  constructor(host: BridgeHost) {
    this.#host = host;
  }

  /** Where that side reaches this bridge. @param isActive we will connect, and cannot be connected to. @throws ParleyError `msrp.refused` */
  uri(side: Side, isActive = false): string {
    const known = this.#sessions.get(side);
    if (known !== undefined) return known.localUri;
    const onMessage = (head: IncomingHead) => this.#onMessage(side, head);
    const session = this.#host.engine.createSession(
      { onMessage, onClosed: (error) => this.#onClosed(side, error) },
      isActive ? 'active' : undefined,
    );
    this.#sessions.set(side, session);
    return session.localUri;
  }

  connect(side: Side, options: Parameters<MsrpSession['connect']>[0]): void {
    this.#sessions
      .get(side)
      ?.connect(options)
      .catch((thrown) => this.#lost(side, toCodedError(thrown)));
  }

  /** Resolves when the other side has what this one sent to its end, and knows what this one refused; null where nothing is on its way. */
  settled(side: Side): Promise<unknown> | null {
    const ended = [...this.#passing].filter(({ from, isOver, isRefused }) => (from === side ? isOver : isRefused));
    if (ended.length === 0) return null;
    return Promise.race([
      Promise.all(ended.map((each) => each.settled)),
      new Promise<void>((resolve) => void this.#host.clock.after(SETTLE, resolve)),
    ]);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#over();
    // what is still on its way was lost, and SIP says so
    for (const session of this.#sessions.values()) void session.close(true);
  }

  #onMessage(from: Side, head: IncomingHead): MessageSink | { readonly refuse: 413; readonly comment: string } {
    const { maxMessage } = this.#host;
    const to = otherSide(from);
    const session = this.#sessions.get(to);
    const isLong = (octets: number): boolean => maxMessage > 0 && octets > maxMessage;
    if (session === undefined || this.#isClosed) return { refuse: 413, comment: 'Session closes' };
    if (isLong(head.total ?? 0)) return { refuse: 413, comment: 'Size exceeded' };
    this.#host.touched();
    const passage = createPassage(head, { chunkSize: this.#host.chunkSize(to) });
    let tell: () => void = () => undefined;
    const told = new Promise<void>((resolve) => {
      tell = resolve;
    });
    const sent = passage.sendOn(session).catch((thrown) => {
      const error = toCodedError(thrown);
      if (passing.isOver) return;
      if (LOSSES.has(error.code)) this.#lost(to, error);
      else passing.isRefused = true;
      return told.then(() => new Promise<void>((resolve) => void this.#host.clock.after(HEAD_START, resolve)));
    });
    const settled = sent.then(() => {
      this.#passing.delete(passing);
      this.#host.touched();
    });
    const passing: Passing = { from, isOver: false, isRefused: false, settled };
    this.#passing.add(passing);
    const explain = async (thrown: unknown): Promise<never> => {
      // a refusal is told at once; a loss not before SIP has told it
      if (LOSSES.has(toCodedError(thrown).code)) await this.#whenOver;
      tell();
      throw thrown;
    };
    const { sink } = passage;
    const heard = this.#host.hear(from, head.contentType);
    return {
      write: (offset, octets) => {
        this.#host.touched();
        if (isLong(offset + octets.length)) throw new ParleyError('msrp.too-large', `more than ${maxMessage} octets`);
        heard?.write(offset, octets);
        try {
          const busy = sink.write(offset, octets);
          return busy instanceof Promise ? busy.catch((thrown) => explain(thrown)) : undefined;
        } catch (thrown) {
          return explain(thrown);
        }
      },
      complete: (size) => {
        passing.isOver = true;
        return Promise.resolve(sink.complete(size)).then(
          () => heard?.complete(size),
          (thrown) => {
            heard?.abort();
            return explain(thrown);
          },
        );
      },
      abort: (error) => {
        heard?.abort();
        if (LOSSES.has(error.code)) {
          this.#lost(from, error);
          void this.#whenOver.then(() => sink.abort(error));
          return;
        }
        passing.isOver = true;
        tell();
        sink.abort(error);
      },
    };
  }

  #onClosed(side: Side, error: CodedError): void {
    const isAmid = [...this.#passing].some(({ from, isOver }) => from !== side || !isOver);
    if (isAmid) {
      this.#lost(side, error);
      return;
    }
    // the end of a session that has done its work: the other side's follows it
    const settling = this.settled(side) ?? Promise.resolve();
    void settling.then(() => this.#sessions.get(otherSide(side))?.close());
  }

  #lost(side: Side, { code, detail }: CodedError): void {
    if (this.#isBroken || this.#isClosed) return;
    this.#isBroken = true;
    this.#host.broken(side, `${code} ${detail}`);
  }
}
