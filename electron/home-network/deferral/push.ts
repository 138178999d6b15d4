import { reconnectDelay } from '../../../shared/base/backoff.ts';
import type { Clock } from '../../../shared/base/clock.ts';
import type { Binding, Bindings } from '../bindings.ts';
import { matchingBindings, newestOfEachInstance } from '../caller-preferences.ts';
import type { Rules } from '../rules/rules.ts';
import type { HomeUser } from '../settings.ts';
import type { DeferredKind, DeferredRecord } from './port.ts';
import { isUnavailable } from './triggers.ts';

/** items that are read at once, and authors whose items are under way side by side */
const PAGE = 256;
const SIDE_BY_SIDE = 16;

const ALL: readonly DeferredKind[] = ['pager', 'large', 'chat', 'file', 'notification'];

/**
 * What became of one item at one device: `taken`; `refused`, but the next one may be taken; `busy` with what this author sends; `away`,
 * with everything.
 */
export type Outcome = 'taken' | 'refused' | 'busy' | 'away';

/** The arrivals at the time when no device took it; null: none was asked. */
export type Tried = number | null;

export interface PushHost {
  readonly bindings: Bindings;
  readonly rules: Rules;
  readonly clock: Clock;
  /** in the order in which they came, from that id on; nothing that somebody else has under way. Files that such a device had begun to take, too */
  wanted(user: HomeUser, query: PushQuery): Promise<readonly DeferredRecord[]>;
  release(ids: readonly number[]): void;
  /** to one device. Never rejects */
  deliver(item: DeferredRecord, device: Binding): Promise<Outcome>;
  /** a file, which one device takes for all: whoever sees to it now releases it */
  offer(item: DeferredRecord, devices: readonly Binding[]): void;
  /** that device has it; resolves with the commit */
  taken(item: DeferredRecord, device: Binding): Promise<void>;
  failed(thrown: unknown): void;
}

export interface PushQuery {
  readonly after: number;
  readonly limit: number;
  readonly devices: readonly string[];
  readonly kinds: readonly DeferredKind[];
  readonly withDelivered: boolean;
}

interface Run {
  /** something was added, or a device came, while it ran */
  more: boolean;
  afresh: boolean;
  /** and not notifications alone */
  readonly hasTexts: boolean;
  /** devices that do not answer */
  readonly away: Set<Binding>;
  hasFailed: boolean;
}

/**
 * Sends what waits as soon as a device is there (cpm.md section 16.2): one item of an author at a time, so that they come in their
 * order, several authors side by side. What a device does not take stays, and is tried again ever more rarely, or when a device registers.
 */
export class Push {
  readonly #host: PushHost;
  readonly #runs = new Map<HomeUser, Run>();
  readonly #retries = new Map<HomeUser, { failures: number; stop: () => void }>();
  readonly #arrivals = new Map<HomeUser, number>();
  #isClosed = false;

  constructor(host: PushHost) {
    this.#host = host;
  }

  /** What waits for him is on its way. */
  isSending(user: HomeUser): boolean {
    return this.#runs.get(user)?.hasTexts ?? false;
  }

  /** How often a device of his has registered: whoever compares two sees whether one has come in between. */
  arrivals(user: HomeUser): number {
    return this.#arrivals.get(user) ?? 0;
  }

  /** A device has registered. */
  came(user: HomeUser): void {
    this.#arrivals.set(user, this.arrivals(user) + 1);
    const run = this.#runs.get(user);
    this.#forget(user);
    if (run === undefined) void this.#run(user);
    else run.afresh = true;
  }

  /** Something was kept that can leave at once. */
  added(user: HomeUser): void {
    const run = this.#runs.get(user);
    if (run !== undefined) run.more = true;
    else if (!this.#retries.has(user)) void this.#run(user);
  }

  /** Something was kept because no device took it just now. */
  later(user: HomeUser): void {
    if (!this.#runs.has(user) && !this.#retries.has(user)) this.#retry(user);
  }

  close(): void {
    this.#isClosed = true;
    for (const user of [...this.#retries.keys()]) this.#forget(user);
  }

  async #run(user: HomeUser): Promise<void> {
    const { delivery, available, devices: wish } = this.#host.rules.of(user);
    const isPushed = delivery === 'push' && available === 'accept';
    const run: Run = { more: false, afresh: false, hasTexts: isPushed, away: new Set(), hasFailed: false };
    const kinds: readonly DeferredKind[] = isPushed ? ALL : ['notification'];
    this.#runs.set(user, run);
    try {
      let after = 0;
      while (!this.#isClosed) {
        if (run.afresh) {
          after = 0;
          run.away.clear();
          run.hasFailed = false;
        }
        run.afresh = false;
        run.more = false;
        const devices = this.#devices(user, run, wish);
        if (devices.length === 0) break;
        const query = { after, limit: PAGE, devices: [...new Set(devices.map(nameOf))], kinds, withDelivered: wish === 'all' };
        const page = await this.#host.wanted(user, query);
        const last = page.at(-1);
        if (last !== undefined) {
          after = last.id;
          try {
            await this.#send(user, page, run, wish);
          } finally {
            this.#host.release(page.flatMap(({ id, kind }) => (kind === 'file' ? [] : [id])));
          }
        } else if (!run.more && !run.afresh) break;
      }
    } catch (thrown) {
      run.hasFailed = true;
      this.#host.failed(thrown);
    }
    this.#runs.delete(user);
    if (run.hasFailed) this.#retry(user);
    else this.#forget(user);
  }

  #devices(user: HomeUser, run: Run, wish: 'all' | 'newest'): Binding[] {
    const all = newestOfEachInstance(this.#host.bindings.of(user)).filter((device) => !run.away.has(device));
    return wish === 'newest' ? all.slice(0, 1) : all;
  }

  async #send(user: HomeUser, page: readonly DeferredRecord[], run: Run, wish: 'all' | 'newest'): Promise<void> {
    const lanes = byAuthor(page);
    const committed: Promise<void>[] = [];
    const next = async (): Promise<void> => {
      for (let lane = lanes.shift(); lane !== undefined; lane = lanes.shift()) {
        await this.#lane(user, lane, run, wish, committed);
      }
    };
    await Promise.all(Array.from({ length: SIDE_BY_SIDE }, next));
    await Promise.all(committed);
  }

  async #lane(
    user: HomeUser,
    lane: readonly DeferredRecord[],
    run: Run,
    wish: 'all' | 'newest',
    committed: Promise<void>[],
  ): Promise<void> {
    const busy = new Set<Binding>();
    for (const item of lane) {
      const live = this.#devices(user, run, wish).filter((device) => !busy.has(device) && lacks(item, device));
      const devices = matchingBindings({ headers: item.fields }, live);
      if (item.kind === 'file') {
        // who wants to be asked about everything has been, where the device had begun to take it
        this.#host.offer(item, run.hasTexts ? devices : devices.filter((device) => nameOf(device) in item.taken));
        continue;
      }
      const outcomes = devices.map(async (device) => {
        const outcome = await this.#host.deliver(item, device);
        if (outcome === 'taken') committed.push(this.#host.taken(item, device));
        else if (outcome === 'busy') busy.add(device);
        else if (outcome === 'away') run.away.add(device);
        run.hasFailed ||= outcome !== 'taken';
      });
      await Promise.all(outcomes);
    }
  }

  #retry(user: HomeUser): void {
    if (this.#isClosed) return;
    const failures = (this.#retries.get(user)?.failures ?? 0) + 1;
    this.#forget(user);
    const stop = this.#host.clock.after(reconnectDelay(failures, Math.random()), () => {
      this.#retries.set(user, { failures, stop: () => undefined });
      if (!this.#runs.has(user)) void this.#run(user);
    });
    this.#retries.set(user, { failures, stop });
  }

  #forget(user: HomeUser): void {
    this.#retries.get(user)?.stop();
    this.#retries.delete(user);
  }
}

function byAuthor(page: readonly DeferredRecord[]): DeferredRecord[][] {
  const lanes = new Map<string, DeferredRecord[]>();
  for (const item of page) {
    const lane = lanes.get(item.author);
    if (lane === undefined) lanes.set(item.author, [item]);
    else lane.push(item);
  }
  return [...lanes.values()];
}

/** @param retryAfter what the refusal says in Retry-After */
export function outcomeOf(status: number, retryAfter: string | null): Outcome {
  if (status < 300) return 'taken';
  if (retryAfter !== null) return 'busy';
  return isUnavailable(status) ? 'away' : 'refused';
}

/** A device without an instance cannot be told from another one later. */
export function nameOf({ instance }: Binding): string {
  return instance ?? '';
}

function lacks(item: DeferredRecord, device: Binding): boolean {
  const isFor = item.instance === null || item.instance === device.instance;
  return isFor && !item.holders.includes(nameOf(device)) && (!item.isDelivered || device.instance !== null);
}
