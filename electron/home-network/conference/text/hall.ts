import { ParleyError } from '../../../../shared/base/errors.ts';
import { randomToken } from '../../../../shared/base/random.ts';
import type { Imdn } from '../../../../shared/protocol/imdn/imdn.ts';
import type { IncomingHead } from '../../../msrp/port.ts';
import { ALL, type ExpiredText, type LogEntry, type NewEntry } from './database.ts';
import { expiryNotice } from './expired.ts';
import type { HallParts } from './hall-parts.ts';
import { intake, type Whole } from './intake.ts';
import { Places } from './places.ts';
import type { Hall, HallListener, Seat, SeatHolder, SeatListener, TextMember } from './port.ts';
import type { Batch } from './reader.ts';
import { addressKey, type Carried, carried, headOf, notificationOf, readSaid, refuse, type Said } from './said.ts';
import { type SeatHost, TextSeat } from './seat.ts';
import { Tail } from './tail.ts';

/** entries that one reader takes out of the log at once */
const AT_ONCE = 32;
/** what says that something arrived */
const POSITIVE: ReadonlySet<Imdn['status']> = new Set(['delivered', 'displayed', 'processed', 'stored']);

/** Those who are in the room of one group, what is said there, and how far each of them is. */
export class TextHall implements Hall {
  readonly #id: string;
  readonly #parts: HallParts;
  readonly #listener: HallListener;
  /** keys of what the group is called in To; empty: whatever is not a member's */
  readonly #names: ReadonlySet<string>;
  readonly #ended: () => void;
  readonly #members = new Map<string, TextMember>();
  /** by the key of whom the others know */
  readonly #entities = new Map<string, TextMember>();
  readonly #places: Places;
  readonly #seats = new Set<TextSeat>();
  readonly #refusals = new Map<string, { readonly seq: number; count: number }>();
  #tail = new Tail(0);
  #isOver = false;

  constructor(id: string, parts: HallParts, names: readonly string[], listener: HallListener, ended: () => void) {
    this.#id = id;
    this.#parts = parts;
    this.#listener = listener;
    this.#names = new Set(names.map(addressKey));
    this.#ended = ended;
    this.#places = new Places(id, async (moved) => {
      await parts.log.pass(moved, parts.clock.now()).catch((thrown) => parts.failed(thrown));
      parts.passed(id);
    });
  }

  /** Takes up what an earlier run has left. @throws ParleyError `store.*` */
  async open(members: readonly TextMember[]): Promise<void> {
    const found = await this.#parts.log.open(
      this.#id,
      members.map(({ address }) => address),
    );
    this.#tail = new Tail(found.end);
    for (const { address, since } of found.members) this.#places.enter(address, since);
    for (const cursor of found.cursors) this.#places.restore(cursor);
    for (const member of members) this.#know(member);
  }

  async admit(member: TextMember): Promise<void> {
    const since = await this.#parts.log.admit(this.#id, member.address);
    this.#forget(member.address);
    this.#places.enter(member.address, since);
    this.#know(member);
  }

  async expel(address: string): Promise<void> {
    this.#forget(address);
    this.#places.leave(address);
    for (const seat of this.#seatsOf(address)) void seat.leave(true);
    await this.#parts.log.expel(this.#id, address);
  }

  seat(device: SeatHolder, listener: SeatListener): Seat {
    const host: SeatHost = {
      msrp: this.#parts.msrp,
      take: (seat, head) => this.#take(seat, head),
      read: (seat, after) => this.#read(seat.device.address, after),
      entity: (address) => this.#members.get(address)?.entity ?? address,
      cursor: ({ address, instance }) => this.#places.of(address, instance),
      passed: ({ address, instance }, seq) => this.#places.move(address, instance, seq),
      refusals: (refusing, seq) => this.#refused(refusing, seq),
      open: (file) => this.#open(file),
      connected: (seat) => this.#connected(seat),
      left: (seat) => this.#seats.delete(seat),
    };
    const seat = new TextSeat(host, device, listener);
    this.#seats.add(seat);
    // from here on it has a place of its own, whichever of several devices comes in first
    this.#places.move(device.address, device.instance, this.#places.of(device.address, device.instance));
    return seat;
  }

  async awaits(address: string, instance?: string): Promise<boolean> {
    const after = this.#places.of(address, instance);
    return after < Number.POSITIVE_INFINITY && (await this.#parts.log.awaits(this.#id, address, after));
  }

  async end(): Promise<void> {
    await this.close();
    for (const file of await this.#parts.log.clear(this.#id)) await this.#parts.files?.remove(file);
  }

  /** The log stays. Resolves when what was answered is on disk. */
  async close(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#ended();
    await Promise.all([...this.#seats].map((seat) => seat.leave()));
    await this.#places.written();
  }

  /** What was said is gone before everybody had it: its author hears of each who has not, where he wanted to. */
  async expired({ seq: gone, author: address, head, missed }: ExpiredText): Promise<void> {
    this.#tail.drop(gone);
    const author = this.#members.get(address);
    const { log, clock, life, quota } = this.#parts;
    for (const member of missed.flatMap((each) => this.#members.get(each) ?? [])) {
      const now = clock.now();
      const notice = author === undefined ? null : expiryNotice(head, member, author, now);
      if (notice === null) return;
      const { messageId, ...rest } = notice;
      const entry = { ...rest, author: member.address, origin: '', recipient: address, file: null, contentAt: rest.head.length };
      const about = { ...identitiesOf('delivery', 'failed', messageId), answers: textIdentity(messageId) };
      const put = { ...entry, ...about, hall: this.#id, receivedAt: now, expiresAt: now + life };
      const { outcome, seq, instance } = await log.append(put, quota);
      if (outcome === 'kept') this.#spoken(carried({ ...entry, seq, instance }));
      this.#parts.keptUntil(now + life);
    }
  }

  #know(member: TextMember): void {
    this.#members.set(member.address, member);
    this.#entities.set(addressKey(member.entity), member);
  }

  #forget(address: string): void {
    const known = this.#members.get(address);
    if (known === undefined) return;
    this.#members.delete(address);
    this.#entities.delete(addressKey(known.entity));
  }

  #open(file: string): ReturnType<SeatHost['open']> {
    const { files } = this.#parts;
    if (files === null) throw new ParleyError('file.unreadable', file);
    return files.open(file);
  }

  #seatsOf(address: string): TextSeat[] {
    return [...this.#seats].filter(({ device }) => device.address === address);
  }

  #connected(seat: TextSeat): void {
    for (const other of this.#seatsOf(seat.device.address)) {
      if (other !== seat && other.isConnected && other.device.instance === seat.device.instance) void other.leave(true);
    }
  }

  #refused({ address, instance }: SeatHolder, seq: number): number {
    const key = `${address} ${instance}`;
    const before = this.#refusals.get(key);
    const count = before?.seq === seq ? before.count + 1 : 1;
    this.#refusals.set(key, { seq, count });
    return count;
  }

  #read(address: string, after: number): Batch<Carried> | Promise<Batch<Carried>> {
    return this.#tail.after(after) ?? this.#readLog(address, after);
  }

  async #readLog(address: string, after: number): Promise<Batch<Carried>> {
    // what is committed later may be in it as well, what was committed before is
    const { end } = this.#tail;
    const found = await this.#parts.log.read(this.#id, address, after, AT_ONCE);
    const last = found.at(-1)?.seq ?? after;
    return { entries: found.map(carried), upTo: found.length < AT_ONCE ? Math.max(last, end) : last };
  }

  #take(seat: TextSeat, head: IncomingHead): ReturnType<SeatHost['take']> {
    return intake(head, this.#parts, (whole) => this.#said(seat, whole));
  }

  /** Resolves when it may be answered 200: it is on disk, or there already, or worth nothing later. @throws ParleyError what its sender hears */
  async #said(seat: TextSeat, whole: Whole): Promise<void> {
    const said = readSaid(whole.head);
    const author = this.#members.get(seat.device.address);
    if (author === undefined || !seat.maySpeak || this.#isOver) refuse(403, 'Not a participant');
    if (said.from !== null && said.from !== addressKey(author.address) && said.from !== addressKey(author.entity))
      refuse(403, 'From is somebody else');
    const to = said.to === null ? undefined : this.#entities.get(said.to);
    const isToGroup = to === undefined && (said.to === null || this.#names.size === 0 || this.#names.has(said.to));
    if (to === undefined && !isToGroup) refuse(403, 'To is nobody here');
    if (said.kind === 'composing') this.#whisper(seat, said, author, to, whole);
    else if (said.kind === 'notification') await this.#notify(seat, said, author, to, whole);
    else {
      const refusal = await this.#parts.screen(author.address, async () => whole.spooled?.head(whole.size) ?? whole.head);
      if (refusal !== null) throw new ParleyError('msrp.refused', refusal);
      const identity = said.imdnId === null ? null : textIdentity(said.imdnId);
      await this.#keep(seat, said, author, to, { identity, unless: [], answers: null }, whole);
    }
  }

  #whisper({ device }: TextSeat, said: Said, author: TextMember, to: TextMember | undefined, { spooled }: Whole): void {
    if (spooled !== null) refuse(413, 'More than anybody composes');
    const entry = carried(entryOf(said, author, to));
    for (const seat of this.#seats) {
      const { address } = seat.device;
      if (address !== device.address && (to === undefined || address === to.address)) seat.whisper(entry, this.#tail.end);
    }
  }

  /** However many devices a member has, the author of a text hears each thing of him once, on the device that he wrote on (R-PF-40, R-PF-43). */
  async #notify(seat: TextSeat, said: Said, from: TextMember, to: TextMember | undefined, whole: Whole): Promise<void> {
    if (to === undefined) refuse(403, 'To is nobody here');
    // what somebody hears of his own words is of no use to him
    if (to === from) return;
    if (whole.spooled !== null) refuse(413, 'More than a notification');
    const imdn = notificationOf(said);
    const admitted = await this.#admitted(from, to, imdn);
    if (admitted === null) return;
    try {
      const about = { ...identitiesOf(imdn.disposition, imdn.status, imdn.messageId), answers: textIdentity(imdn.messageId) };
      await this.#keep(seat, said, from, to, about, whole);
      admitted(200);
    } catch (thrown) {
      admitted(480);
      throw thrown;
    }
  }

  /** One that went by another way counts as well. @returns null: its author has heard it */
  #admitted(from: TextMember, to: TextMember, imdn: Imdn): Promise<((status: number) => void) | null> {
    return new Promise((resolve, reject) => {
      const respond = (status: number): void =>
        status < 300 ? resolve(null) : reject(new ParleyError('msrp.refused', '403 Its author is not reached'));
      const admitted = this.#parts.admit(from.address, to.address, imdn, respond);
      if (admitted !== null) resolve(admitted);
    });
  }

  async #keep(
    { device }: TextSeat,
    said: Said,
    author: TextMember,
    to: TextMember | undefined,
    about: Pick<NewEntry, 'identity' | 'unless' | 'answers'>,
    { spooled, size }: Whole,
  ): Promise<void> {
    const { log, files, quota, clock, life } = this.#parts;
    const head = entryOf(said, author, to);
    const file = spooled === null || files === null ? null : randomToken(24);
    const content = spooled === null || file !== null ? head.content : (await spooled.head(size)).subarray(said.contentAt);
    const entry = { ...head, ...about, content: file === null ? content : null, origin: device.instance, file, size };
    const now = clock.now();
    if (file !== null) await spooled?.keep(files?.path(file) ?? '');
    let isIn = false;
    try {
      const { outcome, seq, instance, freed } = await log.append(
        { ...entry, hall: this.#id, receivedAt: now, expiresAt: now + life },
        quota,
      );
      // at once: what is committed after it is told of after it
      isIn = outcome === 'kept';
      if (isIn) this.#spoken(carried({ ...entry, seq, instance }));
      for (const each of freed) await files?.remove(each);
      if (outcome === 'stranger') refuse(403, 'Not a participant');
      if (outcome === 'full') refuse(413, 'The group keeps no more');
    } finally {
      if (file !== null && !isIn) await files?.remove(file);
    }
    this.#parts.keptUntil(now + life);
  }

  #spoken(entry: Carried): void {
    this.#tail.add(entry);
    const present = new Set<string>();
    for (const seat of this.#seats) {
      const { address } = seat.device;
      if (seat.isConnected) present.add(address);
      if (entry.recipient === ALL || entry.recipient === address) seat.wake();
    }
    const wanted = entry.recipient === ALL ? [...this.#members.keys()].filter((address) => address !== entry.author) : [entry.recipient];
    const absent = wanted.filter((address) => !present.has(address));
    if (absent.length > 0) this.#listener.spoken(absent);
  }
}

function textIdentity(imdnId: string): string {
  return `text ${imdnId}`;
}

/** What says that something did not arrive comes before what says that it did, never after. */
function identitiesOf(disposition: Imdn['disposition'], status: Imdn['status'], messageId: string): Pick<NewEntry, 'identity' | 'unless'> {
  const [positive, negative] = ['+', '-'].map((sign) => `${disposition ?? ''}${sign} ${messageId}`) as [string, string];
  return POSITIVE.has(status) ? { identity: positive, unless: [] } : { identity: negative, unless: [positive] };
}

/** What is said, from whom the others know as its author. */
function entryOf(said: Said, author: TextMember, to: TextMember | undefined): LogEntry {
  const { message, contentType, contentAt } = said;
  return {
    ...{ seq: 0, author: author.address, origin: '', recipient: to?.address ?? ALL, instance: null, contentType },
    ...{ head: headOf(said, author, to?.entity ?? author.entity), content: message.content, file: null, contentAt, size: 0 },
  };
}
