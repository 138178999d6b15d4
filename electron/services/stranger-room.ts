import { Bucket, Buckets, type Budget } from '../../shared/base/bucket.ts';
import { ParleyError } from '../../shared/base/errors.ts';
import type { Header } from '../sip/port.ts';
import type { ServiceContext } from './context.ts';

/** What somebody may have stored here: texts, and octets as they came. */
export interface Room {
  readonly texts: Budget;
  readonly octets: Budget;
}

const perMinute = (burst: number, refill: number): Budget => ({ burst, perSecond: refill / 60 });

/** more than anybody writes to somebody who does not answer; a day of one is 190 MB at most, of all of them 760 MB */
export const STRANGER_ROOM: Room = { texts: perMinute(300, 60), octets: perMinute(4 * 1024 * 1024, 128 * 1024) };
/** of all together: names cost nothing */
export const STRANGERS_ROOM: Room = { texts: perMinute(1200, 240), octets: perMinute(16 * 1024 * 1024, 512 * 1024) };

const MAX_STRANGERS = 1000;
const RETRY_AFTER_S = 120;

/** A stranger has sent so much that nothing more is kept for now. */
export class NoRoom extends ParleyError {
  /** for 480, which a sender takes for what it is: later (RFC 3261 section 21.4.18) */
  readonly headers: readonly Header[] = [{ name: 'Retry-After', value: String(RETRY_AFTER_S) }];

  constructor(peer: string) {
    super('peer.not-allowed', `${peer.slice(0, 100)} has sent more than a stranger may`);
  }
}

/**
 * The gate counts requests (`electron/sip/gate.ts`), and one request may open a session in which anything is said. So what is stored of
 * strangers is counted as well, by whatever way it came: a disk is not theirs to fill.
 */
export class StrangerRoom {
  readonly #knows: (address: string) => boolean;
  readonly #clock: ServiceContext['clock'];
  readonly #own: Room;
  readonly #texts = new Buckets(MAX_STRANGERS);
  readonly #octets = new Buckets(MAX_STRANGERS);
  readonly #all: { readonly texts: Bucket; readonly octets: Bucket };

  /** @param knows whether the person writes with that address */
  constructor(knows: (address: string) => boolean, clock: ServiceContext['clock'], own = STRANGER_ROOM, all = STRANGERS_ROOM) {
    this.#knows = knows;
    this.#clock = clock;
    this.#own = own;
    this.#all = { texts: new Bucket(all.texts, clock.now()), octets: new Bucket(all.octets, clock.now()) };
  }

  /** @param addresses all of the sender's that are known, the one that it is kept under first */
  has(addresses: readonly string[], octets: number): boolean {
    const now = this.#clock.now();
    return addresses.some(this.#knows) || this.#buckets(addresses, octets, now).every(([bucket, amount]) => bucket.has(now, amount));
  }

  /** @throws NoRoom, and nothing is counted then */
  take(addresses: readonly string[], octets: number): void {
    if (addresses.some(this.#knows)) return;
    const now = this.#clock.now();
    const buckets = this.#buckets(addresses, octets, now);
    if (!buckets.every(([bucket, amount]) => bucket.has(now, amount))) throw new NoRoom(addresses[0] ?? '');
    for (const [bucket, amount] of buckets) bucket.take(now, amount);
  }

  #buckets([peer = '']: readonly string[], octets: number, now: number): readonly (readonly [Bucket, number])[] {
    return [
      [this.#texts.of(peer, this.#own.texts, now), 1],
      [this.#octets.of(peer, this.#own.octets, now), octets],
      [this.#all.texts, 1],
      [this.#all.octets, octets],
    ];
  }
}
