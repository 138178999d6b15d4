import type { Binding } from '../bindings.ts';
import type { Directory } from '../directory.ts';
import type { End } from '../focus/delivery.ts';
import type { HomeUser } from '../settings.ts';
import type { DeferredRecord } from './port.ts';
import { nameOf, type Outcome, outcomeOf } from './push.ts';
import { begunBy, type DeferredSessions } from './sessions.ts';
import { isUnavailable } from './triggers.ts';

/** files of one user that ring or run side by side */
const AT_ONCE = 4;
/** octets that a device may have answered and not have written */
const UNWRITTEN = 2 * 1_048_576;
/** it is gone back so far at a time: more need not come once more */
const STEP = 1_048_576;

export interface OffersHost {
  readonly sessions: DeferredSessions;
  readonly directory: Directory;
  taken(item: DeferredRecord, device: Binding): Promise<void>;
  progress(item: DeferredRecord, device: string, octets: number): Promise<void>;
  /** nobody wants it: its author hears so, and it goes */
  giveBack(item: DeferredRecord): Promise<boolean>;
  /** nobody has said anything about it */
  unaccepted(item: DeferredRecord): Promise<void>;
  release(id: number): void;
  later(user: HomeUser): void;
  failed(thrown: unknown): void;
}

/** Files that wait, offered by INVITEs of the network's own, a few at once; first to the device that had begun to take one (F21-03). */
export class Offers {
  readonly #host: OffersHost;
  readonly #waiting = new Map<string, (() => Promise<void>)[]>();
  readonly #running = new Map<string, number>();

  constructor(host: OffersHost) {
    this.#host = host;
  }

  add(item: DeferredRecord, devices: readonly Binding[]): void {
    const waiting = this.#waiting.get(item.owner) ?? [];
    this.#waiting.set(item.owner, waiting);
    waiting.push(() => this.#file(item, devices));
    this.#next(item.owner);
  }

  /** A large message, to one device. Never rejects. */
  async large(item: DeferredRecord, device: Binding): Promise<Outcome> {
    try {
      const end = await this.#host.sessions.deliver(item, [device]);
      if (end.isDelivered) return 'taken';
      return end.refusal === null ? 'refused' : outcomeOf(end.refusal.status, null);
    } catch (thrown) {
      this.#host.failed(thrown);
      return 'refused';
    }
  }

  #next(owner: string): void {
    const running = this.#running.get(owner) ?? 0;
    const run = running < AT_ONCE ? this.#waiting.get(owner)?.shift() : undefined;
    if (run === undefined) return;
    this.#running.set(owner, running + 1);
    void run().then(() => {
      this.#running.set(owner, (this.#running.get(owner) ?? 1) - 1);
      this.#next(owner);
    });
  }

  async #file(item: DeferredRecord, all: readonly Binding[]): Promise<void> {
    const devices = all.filter(({ flow }) => flow.isOpen);
    try {
      const begun = begunBy(item, devices);
      const end = begun === null ? await this.#host.sessions.deliver(item, devices) : await this.#goOn(item, begun);
      if (devices.length > 0) await this.#over(item, end);
    } catch (thrown) {
      this.#host.failed(thrown);
    } finally {
      this.#host.release(item.id);
    }
  }

  /** From what the device has answered; a device that was killed may have a little less on its disk, and one that was wiped nothing. */
  async #goOn(item: DeferredRecord, { device, start }: { readonly device: Binding; readonly start: number }): Promise<End> {
    const end = await this.#host.sessions.deliver(item, [device], start);
    if (start === 0 || end.refusal?.status !== 488) return end;
    const isNear = start > (item.taken[nameOf(device)] ?? 0) - UNWRITTEN;
    return this.#goOn(item, { device, start: isNear ? Math.max(0, start - STEP) : 0 });
  }

  async #over(item: DeferredRecord, { isDelivered, device, refusal, acknowledged }: End): Promise<void> {
    const user = this.#host.directory.byName(item.owner);
    if (user === null) return;
    if (device !== null) {
      // the first part stays where it is, and the rest follows
      if (isDelivered) return this.#host.taken(item, device);
      await this.#host.progress(item, nameOf(device), acknowledged);
      this.#host.later(user);
    } else if (refusal !== null && !isUnavailable(refusal.status)) {
      // the whole of it: who refused a part was offered that as well
      await this.#host.giveBack(item);
    } else {
      // nobody has answered: where it waits it is offered again when a device registers
      await this.#host.unaccepted(item);
    }
  }
}
