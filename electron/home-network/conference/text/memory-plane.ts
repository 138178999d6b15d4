import { concatBytes } from '../../../../shared/base/bytes.ts';
import { ParleyError, toCodedError } from '../../../../shared/base/errors.ts';
import { CPIM_TYPE, type CpimMessage, decodeCpim, encodeCpim } from '../../../../shared/protocol/cpim/cpim.ts';
import { quoteCpim } from '../../../../shared/protocol/cpim/escape.ts';
import { mediaType } from '../../../../shared/protocol/mime/content-type.ts';
import type { IncomingHead, MessageSink, MsrpSession } from '../../../msrp/port.ts';
import type { Hall, HallListener, Seat, SeatHolder, SeatListener, SeatMedia, TextHost, TextMember, TextPlane } from './port.ts';

const MOST_OCTETS = 1_048_576;

/** Groups whose log is memory: the smallest thing that is a {@link TextPlane}. */
export class MemoryTextPlane implements TextPlane {
  readonly #host: TextHost;
  readonly #halls = new Map<string, MemoryHall>();

  constructor(host: TextHost) {
    this.#host = host;
  }

  async open(id: string, members: readonly TextMember[], listener: HallListener): Promise<Hall> {
    const hall = new MemoryHall(this.#host, listener, () => this.#halls.delete(id));
    this.#halls.set(id, hall);
    for (const member of members) await hall.admit(member);
    return hall;
  }

  async close(): Promise<void> {
    for (const hall of [...this.#halls.values()]) await hall.end();
  }
}

interface Entry {
  readonly author: string;
  readonly cpim: CpimMessage;
}

interface Place extends TextMember {
  readonly since: number;
  readonly cursors: Map<string, number>;
}

class MemoryHall implements Hall {
  readonly #host: TextHost;
  readonly #listener: HallListener;
  readonly #ended: () => void;
  readonly #log: Entry[] = [];
  readonly #places = new Map<string, Place>();
  readonly #seats = new Map<string, MemorySeat>();

  constructor(host: TextHost, listener: HallListener, ended: () => void) {
    this.#host = host;
    this.#listener = listener;
    this.#ended = ended;
  }

  async admit(member: TextMember): Promise<void> {
    const { since, cursors } = this.#places.get(member.address) ?? { since: this.#log.length, cursors: new Map() };
    this.#places.set(member.address, { ...member, since, cursors });
  }

  async expel(address: string): Promise<void> {
    this.#places.delete(address);
    for (const [key, seat] of this.#seats) {
      if (seat.device.address !== address) continue;
      this.#seats.delete(key);
      void seat.leave();
    }
  }

  seat(device: SeatHolder, listener: SeatListener): Seat {
    const key = keyOf(device);
    const seat = new MemorySeat(this.#host, this, device, listener, () => {
      if (this.#seats.get(key) === seat) this.#seats.delete(key);
    });
    void this.#seats.get(key)?.leave();
    this.#seats.set(key, seat);
    return seat;
  }

  async awaits(address: string, instance?: string): Promise<boolean> {
    const place = this.#places.get(address);
    return place !== undefined && this.next(place, this.#cursor(place, instance)) !== null;
  }

  async end(): Promise<void> {
    await Promise.all([...this.#seats.values()].map((seat) => seat.leave()));
    this.#places.clear();
    this.#ended();
  }

  /** What is said from that seat, by everybody's knowledge of its author. */
  said({ address }: SeatHolder, octets: Uint8Array): void {
    if (!this.#places.has(address)) throw new ParleyError('msrp.refused', 'not a member');
    this.#log.push({ author: address, cpim: decodeCpim(octets) });
    for (const seat of this.#seats.values()) seat.wake();
    const isHere = (member: string): boolean => [...this.#seats.values()].some(({ device }) => device.address === member);
    const absent = [...this.#places.keys()].filter((member) => member !== address && !isHere(member));
    if (absent.length > 0) this.#listener.spoken(absent);
  }

  /** The next entry that is for the holder of that seat, as it goes to him. */
  due(device: SeatHolder): { readonly at: number; readonly octets: Uint8Array } | null {
    const place = this.#places.get(device.address);
    const found = place === undefined ? null : this.next(place, this.#cursor(place, device.instance));
    if (place === undefined || found === null) return null;
    const author = this.#places.get(found.entry.author);
    return { at: found.at, octets: encodeCpim(addressed(found.entry.cpim, author, place)) };
  }

  has({ address, instance }: SeatHolder, at: number): void {
    this.#places.get(address)?.cursors.set(instance, at + 1);
  }

  next(place: Place, from: number): { readonly at: number; readonly entry: Entry } | null {
    for (let at = from; at < this.#log.length; at += 1) {
      const entry = this.#log[at] as Entry;
      if (entry.author !== place.address) return { at, entry };
    }
    return null;
  }

  #cursor({ since, cursors }: Place, instance?: string): number {
    const known = instance === undefined ? undefined : cursors.get(instance);
    return known ?? Math.max(since, ...cursors.values());
  }
}

class MemorySeat implements Seat {
  readonly session: MsrpSession;
  readonly device: SeatHolder;
  readonly #hall: MemoryHall;
  readonly #listener: SeatListener;
  readonly #gone: () => void;
  #state: 'taken' | 'connected' | 'left' = 'taken';
  #isSending = false;

  constructor(host: TextHost, hall: MemoryHall, device: SeatHolder, listener: SeatListener, gone: () => void) {
    this.device = device;
    this.#hall = hall;
    this.#listener = listener;
    this.#gone = gone;
    this.session = host.msrp.createSession({ onMessage: (head) => this.#take(head), onClosed: ({ detail }) => this.#break(detail) });
  }

  async connect({ role, remotePath, via }: SeatMedia): Promise<void> {
    await this.session.connect({ role, remotePath, via });
    if (this.#state === 'left') return;
    this.#state = 'connected';
    this.wake();
  }

  wake(): void {
    if (this.#state === 'connected' && !this.#isSending) void this.#send();
  }

  async leave(): Promise<void> {
    if (this.#state === 'left') return;
    this.#state = 'left';
    this.#gone();
    await this.session.close();
  }

  async #send(): Promise<void> {
    this.#isSending = true;
    try {
      for (let due = this.#hall.due(this.device); due !== null && this.#state === 'connected'; due = this.#hall.due(this.device)) {
        await this.session.send({ contentType: CPIM_TYPE, source: due.octets, successReport: false });
        this.#hall.has(this.device, due.at);
      }
    } catch (thrown) {
      this.#break(toCodedError(thrown).detail);
    } finally {
      this.#isSending = false;
    }
  }

  #take(head: IncomingHead): MessageSink | { readonly refuse: 413 | 415 } {
    if (mediaType(head.contentType) !== CPIM_TYPE) return { refuse: 415 };
    if ((head.total ?? 0) > MOST_OCTETS) return { refuse: 413 };
    const parts: Uint8Array[] = [];
    let size = 0;
    return {
      write: (offset, octets) => {
        if (offset !== size || size + octets.length > MOST_OCTETS) throw new ParleyError('msrp.refused', 'a gap, or too much');
        size += octets.length;
        parts.push(octets.slice());
      },
      complete: () => this.#hall.said(this.device, concatBytes(parts)),
      abort: () => undefined,
    };
  }

  #break(why: string): void {
    if (this.#state === 'left') return;
    this.#state = 'left';
    this.#gone();
    void this.session.close();
    this.#listener.broken(why);
  }
}

/** From is whom the others know as its author, whatever he wrote; To is whom it goes to. */
function addressed({ headers, ...rest }: CpimMessage, author: TextMember | undefined, to: TextMember): CpimMessage {
  const name = author === undefined || author.displayName === '' ? '' : `${quoteCpim(author.displayName)} `;
  const values = new Map([['To', `<${to.entity}>`]]);
  if (author !== undefined) values.set('From', `${name}<${author.entity}>`);
  return { ...rest, headers: headers.map((each) => ({ ...each, value: values.get(each.name) ?? each.value })) };
}

function keyOf({ address, instance }: SeatHolder): string {
  return `${address} ${instance}`;
}
