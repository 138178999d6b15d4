import { type CodedError, type ErrorCode, toCodedError } from '../../shared/base/errors.ts';
import type { OutboxItem, Store } from '../store/port.ts';
import type { Link, ServiceContext } from './context.ts';
import { persist } from './persist.ts';

/**
 * How many texts and notifications are on their way at the same time, each text to another conversation; a file waits for a person and does not
 * count. Enough that one commit of the store serves several outcomes.
 */
const AT_ONCE = 64;
/** Of these, notifications: what others are owed after a long sleep does not stand in the way of what a person writes. */
const NOTIFICATIONS_AT_ONCE = 4;
/** A message that no try brought out is given up after this long, with its last reason. */
export const GIVE_UP_MS = 24 * 3_600_000;
/** `cpm.md` section 15.2: an unavailable person or a struggling server is asked again, ever more rarely. */
const FIRST_WAIT_MS = 2000;
const LONGEST_WAIT_MS = 600_000;
/** the link is about to be declared lost; until it is, no try in a tight loop */
export const LINK_WAIT_MS = 1000;

/** What a try to send came to. */
export type Attempt =
  /** `kept`: by a 202, so the network passes it on later */
  | { readonly kind: 'accepted'; readonly kept?: boolean }
  | { readonly kind: 'failed'; readonly error: CodedError }
  /** `whenOnline`: nothing is wrong with the message; it waits for the link only */
  | { readonly kind: 'postponed'; readonly error: CodedError; readonly whenOnline: boolean; readonly retryAfterMs: number | null };

/** taken up in the moment in which the link went */
const NO_LINK: Attempt = {
  kind: 'postponed',
  error: { code: 'link.offline', detail: 'there is no connection' },
  whenOnline: true,
  retryAfterMs: null,
};

export type Ticket = Extract<OutboxItem, { kind: 'text' | 'notification' }>;
type FileItem = Extract<OutboxItem, { kind: 'file' }>;

export interface OutboxPorts {
  readonly link: () => Link | null;
  readonly send: (item: Ticket, link: Link) => Promise<Attempt>;
  /** takes the file up and books its states itself; resolves when the invitation has its final answer */
  readonly offerFile: (item: FileItem, link: Link) => Promise<void>;
}

/**
 * Empties the store's outbox while the account is registered: one row a conversation at a time, in the order in which they were
 * composed; each attempt is committed before its first octet leaves, each outcome no later than the attempt of the next row.
 */
export class OutboxService {
  readonly #context: ServiceContext;
  readonly #ports: OutboxPorts;
  readonly #running = new Set<Promise<void>>();
  /** rows of files: these are taken up by their transfer, a moment later */
  readonly #offering = new Set<number>();
  readonly #underWay = { text: 0, notification: 0 };
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
    await Promise.allSettled(this.#running);
  }

  async #pump(): Promise<void> {
    const { store, clock, notices } = this.#context;
    if (!this.#ports.link()) return;
    this.#cancelTimer?.();
    const limit = AT_ONCE - this.#underWay.text - this.#underWay.notification;
    // whatever ends makes room and comes back here
    if (limit <= 0) return;
    const notifications = NOTIFICATIONS_AT_ONCE - this.#underWay.notification;
    const { items, changed, nextAt } = await persist(this.#context, () => store.outboxTake({ now: clock.now(), limit, notifications }));
    for (const rows of changed) notices.changed(rows);
    for (const item of items) this.#start(item);
    if (nextAt === null || this.#stopped) return;
    const wait = Math.min(LONGEST_WAIT_MS, Math.max(50, nextAt - clock.now()));
    this.#cancelTimer = clock.after(wait, () => this.kick());
  }

  #start(item: OutboxItem): void {
    const work = (item.kind === 'file' ? this.#offer(item) : this.#send(item))
      .catch((thrown) => this.#context.log(`outbox row ${item.id}: ${toCodedError(thrown).detail}`))
      .finally(() => this.#running.delete(work));
    this.#running.add(work);
  }

  async #offer(item: FileItem): Promise<void> {
    const link = this.#ports.link();
    if (!link || this.#stopped || this.#offering.has(item.id)) return;
    this.#offering.add(item.id);
    try {
      await this.#ports.offerFile(item, link);
    } finally {
      this.#offering.delete(item.id);
      this.kick();
    }
  }

  async #send(item: Ticket): Promise<void> {
    this.#underWay[item.kind] += 1;
    const link = this.#stopped ? null : this.#ports.link();
    const attempt = link ? await this.#ports.send(item, link).catch((thrown) => attemptFromError(toCodedError(thrown))) : NO_LINK;
    this.#underWay[item.kind] -= 1;
    const booked = this.#book(item, attempt);
    // asked for at once, so that one transaction books this outcome and takes up what is next
    this.kick();
    await booked;
  }

  async #book(item: Ticket, attempt: Attempt): Promise<void> {
    const outcome = this.#outcome(item, attempt);
    this.#context.notices.changed(await persist(this.#context, () => this.#context.store.outboxUpdate(outcome)));
  }

  #outcome(item: Ticket, attempt: Attempt): Parameters<Store['outboxUpdate']>[0] {
    const now = this.#context.clock.now();
    const row = { outboxId: item.id, now };
    if (attempt.kind === 'accepted') return { ...row, event: 'accepted', kept: attempt.kept };
    if (attempt.kind === 'failed' || (!attempt.whenOnline && now - item.createdAt > GIVE_UP_MS)) {
      return { ...row, event: 'failed', error: attempt.error };
    }
    const wait = attempt.whenOnline ? LINK_WAIT_MS : (attempt.retryAfterMs ?? retryWait(item, now));
    return { ...row, event: 'postponed', notBefore: now + wait, error: attempt.error };
  }
}

/**
 * 2, 4, 8 … s, and never longer than it has waited as a whole: tries that a restart broke off say nothing of the other side.
 * `attempts` are the tries before this one.
 */
export function retryWait({ attempts, createdAt }: Pick<OutboxItem, 'attempts' | 'createdAt'>, now: number): number {
  return Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(attempts, 20), FIRST_WAIT_MS + Math.max(0, now - createdAt));
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
