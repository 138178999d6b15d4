import type { CpmService } from '../../../shared/protocol/cpm/names.ts';
import type { ServiceContext } from '../context.ts';
import { persist } from '../persist.ts';

/** what is known of more peers is forgotten, the longest unused first */
const MAX_PEERS = 500;
const KEY = 'chat.peers';
const SAVE_AFTER_MS = 1000;

interface Known {
  /** what the peer's devices said they can do; null: never said */
  readonly services: readonly string[] | null;
  /** they said that they show thumbnails of files */
  readonly thumbnails: boolean;
  /** ms since the epoch */
  readonly saidAt: number;
  /** answered isComposing with 415 (field notes: stop sending that type to that peer, remember it) */
  readonly refusesTyping: boolean;
  /** answered an offer with a thumbnail with 415, and took it without */
  readonly refusesThumbnails: boolean;
}

const NOTHING: Known = { services: null, thumbnails: false, saidAt: 0, refusesTyping: false, refusesThumbnails: false };

/** What was learnt of peers and their devices. It survives a restart; losing the last second of it costs another question. */
export class Peers {
  readonly #context: ServiceContext;
  readonly #known = new Map<string, Known>();
  /** by peer: until when no session is tried, ms since the epoch */
  readonly #barred = new Map<string, number>();
  #cancelSave: (() => void) | null = null;

  constructor(context: ServiceContext) {
    this.#context = context;
  }

  /** Takes over what an earlier run has learnt; what cannot be read is nothing. */
  async load(): Promise<void> {
    const text = await this.#context.store.setting(KEY);
    for (const [peer, known] of entriesOf(text)) this.#known.set(peer, known);
  }

  /** when the peer last said what it can do, ms since the epoch; null: never */
  saidAt(peer: string): number | null {
    const { services, saidAt } = this.#of(peer);
    return services === null ? null : saidAt;
  }

  can(peer: string, service: CpmService): boolean {
    return this.#of(peer).services?.includes(service) ?? false;
  }

  learn(peer: string, services: readonly CpmService[], thumbnails = false): void {
    this.#put(peer, { ...this.#of(peer), services, thumbnails, saidAt: this.#context.clock.now() });
  }

  takesThumbnails(peer: string): boolean {
    const { thumbnails, refusesThumbnails } = this.#of(peer);
    return thumbnails && !refusesThumbnails;
  }

  thumbnailRefused(peer: string): void {
    this.#put(peer, { ...this.#of(peer), refusesThumbnails: true });
  }

  refusesTyping(peer: string): boolean {
    return this.#of(peer).refusesTyping;
  }

  typingRefused(peer: string): void {
    this.#put(peer, { ...this.#of(peer), refusesTyping: true });
  }

  /** no session for so long */
  bar(peer: string, milliseconds: number): void {
    if (milliseconds <= 0) return;
    this.#barred.delete(peer);
    this.#barred.set(peer, this.#context.clock.now() + milliseconds);
    dropOldest(this.#barred);
  }

  /** a session of the peer's own shows that there is a way */
  unbar(peer: string): void {
    this.#barred.delete(peer);
  }

  isBarred(peer: string): boolean {
    const until = this.#barred.get(peer) ?? 0;
    const now = this.#context.clock.now();
    // a clock that was set back does not make it longer
    return until > now && until - now <= 3_600_000;
  }

  #of(peer: string): Known {
    return this.#known.get(peer) ?? NOTHING;
  }

  #put(peer: string, known: Known): void {
    this.#known.delete(peer);
    this.#known.set(peer, known);
    dropOldest(this.#known);
    this.#cancelSave ??= this.#context.clock.after(SAVE_AFTER_MS, () => {
      this.#cancelSave = null;
      const text = JSON.stringify([...this.#known]);
      persist(this.#context, () => this.#context.store.setSetting(KEY, text)).catch(() => undefined);
    });
  }
}

function dropOldest(map: Map<string, unknown>): void {
  for (const oldest of map.keys()) {
    if (map.size <= MAX_PEERS) return;
    map.delete(oldest);
  }
}

function entriesOf(text: string | null): [string, Known][] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text ?? '[]');
  } catch {
    return [];
  }
  if (!Array.isArray(parsed)) return [];
  return parsed.flatMap((entry: unknown): [string, Known][] => {
    const [peer, known] = Array.isArray(entry) ? (entry as [unknown, Partial<Known> | null]) : [null, null];
    if (typeof peer !== 'string' || !known) return [];
    const services = Array.isArray(known.services) ? known.services.map(String) : null;
    const { thumbnails } = known;
    const said = {
      services,
      thumbnails: thumbnails === true,
      // an earlier version did not ask for all of it
      saidAt: thumbnails === undefined ? 0 : Number(known.saidAt) || 0,
    };
    return [[peer, { ...said, refusesTyping: known.refusesTyping === true, refusesThumbnails: known.refusesThumbnails === true }]];
  });
}
