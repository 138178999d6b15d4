import { type CodedError, type ErrorCode, toCodedError } from '../../shared/base/errors.ts';
import { LONGEST_POSTPONE_MS, type OutboxItem } from '../store/port.ts';
import type { Link, ServiceContext } from './context.ts';
import { persist } from './persist.ts';

/** How many texts and notifications are on their way at the same time; a file waits for a person and does not count. */
const AT_ONCE = 16;
/** A message that no try brought out is given up after this long, with its last reason. */
export const GIVE_UP_MS = 24 * 3_600_000;
/** `cpm.md` section 15.2: an unavailable person or a struggling server is asked again, ever more rarely. */
const FIRST_WAIT_MS = 2000;
const LONGEST_WAIT_MS = 600_000;
/** the link is about to be declared lost; until it is, no try in a tight loop */
export const LINK_WAIT_MS = 1000;

/** What a try to send came to. */
export type Attempt =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'failed'; readonly error: CodedError }
  /** `whenOnline`: nothing is wrong with the message; it waits for the link only */
  | { readonly kind: 'postponed'; readonly error: CodedError; readonly whenOnline: boolean; readonly retryAfterMs: number | null };

type Ticket = Extract<OutboxItem, { kind: 'text' | 'notification' }>;

export interface OutboxPorts {
  readonly link: () => Link | null;
  readonly send: (item: Ticket, link: Link) => Promise<Attempt>;
  /** takes the file up and books its states itself; resolves when the invitation has its final answer */
  readonly offerFile: (item: Extract<OutboxItem, { kind: 'file' }>, link: Link) => Promise<void>;
}

/**
 * Empties the store's outbox while the account is registered: one row a conversation at a time, in the order in which they were
 * composed; each attempt is committed before its first octet leaves, each outcome before the next row.
 */
export class OutboxService {
  readonly #context: ServiceContext;
  readonly #ports: OutboxPorts;
  readonly #running = new Map<number, Promise<void>>();
  #onTheirWay = 0;
  #cancelTimer: (() => void) | null = null;
  #pumping = false;
  #again = false;
  #stopped = false;

  constructor(context: ServiceContext, ports: OutboxPorts) {
    this.#context = context;
    this.#ports = ports;
  }

  /** There may be something to send: a new row, a link, an outcome. */
  kick(): void {
    if (this.#stopped) return;
    if (this.#pumping) {
      this.#again = true;
      return;
    }
    this.#pumping = true;
    this.#pump()
      .catch((thrown) => this.#context.log(`outbox: ${toCodedError(thrown).detail}`))
      .finally(() => {
        this.#pumping = false;
        if (this.#again) {
          this.#again = false;
          this.kick();
        }
      });
  }

  /** No new attempt; resolves when the running ones have their outcome. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelTimer?.();
    await Promise.allSettled(this.#running.values());
  }

  async #pump(): Promise<void> {
    const { store, clock } = this.#context;
    if (!this.#ports.link()) return;
    this.#cancelTimer?.();
    const room = AT_ONCE - this.#onTheirWay;
    // whatever ends makes room and comes back here
    if (room <= 0) return;
    let nextAt = await store.outboxNextAt();
    if (nextAt === null) return;
    const due = this.#due(nextAt);
    if (nextAt <= due) {
      for (const item of await store.outboxReady(due, room)) {
        const link = this.#ports.link();
        if (!link || this.#stopped) return;
        if (!this.#running.has(item.id)) this.#start(item, link);
      }
      nextAt = await store.outboxNextAt();
    }
    if (nextAt === null || this.#stopped) return;
    const wait = Math.min(LONGEST_WAIT_MS, Math.max(50, nextAt - clock.now()));
    this.#cancelTimer = clock.after(wait, () => this.kick());
  }

  /** Up to when rows are due. One that lies further ahead than any wait was written before the clock was set back: it has waited enough. */
  #due(nextAt: number): number {
    const now = this.#context.clock.now();
    return nextAt - now > LONGEST_POSTPONE_MS ? nextAt : now;
  }

  #start(item: OutboxItem, link: Link): void {
    const weight = item.kind === 'file' ? 0 : 1;
    this.#onTheirWay += weight;
    const work = this.#process(item, link)
      .catch((thrown) => this.#context.log(`outbox row ${item.id}: ${toCodedError(thrown).detail}`))
      .finally(() => {
        this.#running.delete(item.id);
        this.#onTheirWay -= weight;
        this.kick();
      });
    this.#running.set(item.id, work);
  }

  async #process(item: OutboxItem, link: Link): Promise<void> {
    if (item.kind === 'file') return this.#ports.offerFile(item, link);
    const { store, notices, clock } = this.#context;
    const taken = await persist(this.#context, () => store.outboxUpdate({ outboxId: item.id, event: 'attempt', now: clock.now() }));
    // a receipt for an earlier try came in between
    if (item.kind === 'text' && taken === null) return;
    notices.changed(taken);
    const attempt = await this.#ports.send(item, link).catch((thrown): Attempt => attemptFromError(toCodedError(thrown)));
    notices.changed(await persist(this.#context, () => this.#book(item, attempt)));
  }

  #book(item: Ticket, attempt: Attempt) {
    const { store, clock } = this.#context;
    const now = clock.now();
    if (attempt.kind === 'accepted') return store.outboxUpdate({ outboxId: item.id, event: 'accepted', now });
    if (attempt.kind === 'failed' || (!attempt.whenOnline && now - item.createdAt > GIVE_UP_MS)) {
      return store.outboxUpdate({ outboxId: item.id, event: 'failed', now, error: attempt.error });
    }
    const wait = attempt.whenOnline ? LINK_WAIT_MS : (attempt.retryAfterMs ?? retryWait(item.attempts));
    return store.outboxUpdate({ outboxId: item.id, event: 'postponed', now, notBefore: now + wait, error: attempt.error });
  }
}

/** @param attempts tries before this one */
export function retryWait(attempts: number): number {
  return Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(attempts, 20));
}

/**
 * What no final answer means: the link's trouble lets the message wait for the link, a silent server is asked again later. Anything else
 * lies in the message, which cannot even be written: it must not hold back those behind it.
 */
export function attemptFromError(error: CodedError): Attempt {
  if (!error.code.startsWith('link.')) return { kind: 'failed', error };
  const linkTrouble: readonly ErrorCode[] = ['link.lost', 'link.offline', 'link.unreachable'];
  return { kind: 'postponed', error, whenOnline: linkTrouble.includes(error.code), retryAfterMs: null };
}
