import { toCodedError } from '../../../../shared/base/errors.ts';
import { DatabaseInMemory } from '../../databases/in-memory.ts';
import { type Asked, NetworkDatabase, type NetworkDatabases } from '../../databases/open.ts';
import { Expiry } from '../../deferral/expiry.ts';
import { DeferralFiles } from '../../deferral/files.ts';
import { CONFERENCE_LOG, LOG_CALLS, type LogCalls } from './database.ts';
import { TextHall } from './hall.ts';
import type { HallParts } from './hall-parts.ts';
import type { Hall, HallListener, TextMember, TextPlane } from './port.ts';

/** ms after something was answered until what nobody waits for any more is looked for */
const TRIM_AFTER = 1_000;
/** octets of one message with its wrapper: what the clients of this project take in a session */
export const MOST_OCTETS = 1_048_576;

/** What a plane is made of. */
export interface TextHost extends Pick<HallParts, 'msrp' | 'clock' | 'spool' | 'life' | 'quota' | 'admit' | 'screen'> {
  /** null: what is said is gone with the network */
  readonly databases: NetworkDatabases | null;
  /** Opens that group, where there is one. Resolves when it is open */
  readonly wanted: (id: string) => Promise<void>;
  readonly log: (line: string) => void;
}

/** The text plane whose log is a database: what was answered 200 survives whatever becomes of this process. */
export class LogTextPlane implements TextPlane {
  readonly #host: TextHost;
  readonly #database: { readonly calls: Asked<LogCalls>; close(): Promise<void> };
  readonly #files: DeferralFiles | null;
  readonly #parts: HallParts;
  readonly #halls = new Map<string, TextHall>();
  readonly #expiry: Expiry<number>;
  /** by group: stops the timer */
  readonly #trims = new Map<string, () => void>();
  #opening: Promise<void> | null = null;
  #isClosed = false;

  constructor(host: TextHost) {
    const { databases, clock, msrp, spool, life, quota } = host;
    this.#host = host;
    this.#database =
      databases === null
        ? new DatabaseInMemory<LogCalls>(CONFERENCE_LOG, LOG_CALLS)
        : new NetworkDatabase<LogCalls>(databases, 'conference-log', LOG_CALLS);
    this.#files = databases?.folder ? new DeferralFiles(databases.folder, 'conference-files') : null;
    const { calls } = this.#database;
    this.#expiry = new Expiry<number>({
      clock,
      next: () => calls.nextExpiry(),
      due: (limit) => calls.expired(clock.now(), limit),
      end: async (seq) => {
        const { file, text } = await calls.expire(seq);
        if (file !== null) await this.#files?.remove(file);
        // a group that nobody has asked for since the start is taken up for it: who is who there is known to signalling alone
        if (text !== null && !this.#halls.has(text.hall)) await host.wanted(text.hall);
        if (text !== null) await this.#halls.get(text.hall)?.expired(text);
        return true;
      },
      failed: (thrown) => this.#failed(thrown),
    });
    this.#parts = {
      ...{ msrp, clock, spool, life, quota, log: calls, files: this.#files, maxMessage: MOST_OCTETS },
      admit: (...about) => host.admit(...about),
      screen: (...about) => host.screen(...about),
      passed: (id) => this.#trimSoon(id),
      keptUntil: (time) => this.#expiry.notLaterThan(time),
      failed: (thrown) => this.#failed(thrown),
    };
  }

  async open(id: string, members: readonly TextMember[], listener: HallListener, names: readonly string[] = []): Promise<Hall> {
    await this.start();
    const hall = new TextHall(id, this.#parts, names, listener, () => this.#halls.delete(id));
    await hall.open(members);
    this.#halls.set(id, hall);
    return hall;
  }

  /** What an earlier run has left is looked after, whoever asks for it. */
  start(): Promise<void> {
    this.#opening ??= this.#open();
    return this.#opening;
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#expiry.close();
    for (const stop of this.#trims.values()) stop();
    await Promise.all([...this.#halls.values()].map((hall) => hall.close()));
    await this.#database.close();
  }

  /** Takes up what an earlier run has left. */
  async #open(): Promise<void> {
    this.#files?.clean(new Set(await this.#database.calls.files()));
    await this.#expiry.start();
  }

  #trimSoon(id: string): void {
    if (this.#isClosed || this.#trims.has(id)) return;
    const { clock } = this.#host;
    const stop = clock.after(TRIM_AFTER, () => {
      this.#trims.delete(id);
      void this.#trim(id).catch((thrown) => this.#failed(thrown));
    });
    this.#trims.set(id, stop);
  }

  async #trim(id: string): Promise<void> {
    for (const file of await this.#database.calls.trim(id, this.#host.clock.now())) await this.#files?.remove(file);
  }

  #failed(thrown: unknown): void {
    const { code, detail } = toCodedError(thrown);
    if (!this.#isClosed) this.#host.log(`groups: ${code} ${detail}`);
  }
}
