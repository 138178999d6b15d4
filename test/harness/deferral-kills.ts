import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import SqliteDatabase from 'better-sqlite3';
import { systemClock } from '../../shared/base/clock.ts';
import type { Message } from '../../shared/model/message.ts';
import { DeferralSender, type Sent } from './deferral-sender.ts';
import { wholeHistory } from './history.ts';
import { NetworkProcess } from './network-process.ts';
import { freePort } from './ports.ts';
import { sequence } from './sequence.ts';
import { SipPeer } from './sip-peer.ts';
import { Person } from './two-people.ts';

/** ms between a start and the kill that ends it, at most; in half of it at the latest the recipient's device is there */
const LONGEST_LIFE = 500;
/** short messages that wait for their answer, and how many are written in one life at most */
const UNDER_WAY = 10;
const IN_A_LIFE = 200;
/** octets: large texts on both sides of what is kept in the database, files on both sides of one chunk */
const LONGEST_TEXT = 90_000;
const LONGEST_FILE = 400_000;
/** ms in which all that is left has to come once nobody is killed any more */
const PATIENCE = 60_000;
/** ms in which what was under way at a kill has to notice it */
const AFTERMATH = 10_000;

export interface DeferralKilled {
  readonly kills: number;
  /** that came while something was being taken or delivered */
  readonly interrupted: number;
  /** what its sender was told is taken, and how much of that were texts by MSRP and files */
  readonly accepted: number;
  readonly large: number;
  readonly files: number;
  /** accepted, and not in the client at the end; of a file also: other octets */
  readonly lost: number;
  /** the first of those, and how they are in the client */
  readonly missing: readonly string[];
  /** shown more than once in the client: rows of its store, or messages its page was told of */
  readonly shownTwice: number;
  /** that came to the client again after a kill: the answer to the first time was not committed yet */
  readonly repeated: number;
  /** that came again from a network which had not been killed since */
  readonly repeatedAlive: number;
  /** that wait although the client has them */
  readonly left: readonly string[];
  readonly quickCheck: string;
  readonly seconds: number;
}

/**
 * One writes to somebody who comes and goes, while the network between them is killed at random moments. The sender is sockets, so that it is known
 * what was accepted; the recipient is a whole client core, which lives on. Whatever was not answered is sent again, as a client does.
 * @param within ms after which no other life begins
 */
export async function killDeferral(
  folder: string,
  { kills, seed, within = Number.POSITIVE_INFINITY }: { kills: number; seed: number; within?: number },
): Promise<DeferralKilled> {
  const started = performance.now();
  const random = sequence(seed);
  const work = new Work(random);
  const data = join(folder, 'network');
  const args = ['--port', String(await freePort('127.0.0.1')), '--users', 'ann,ben', '--password', 'secret', '--data', data];
  const start = () => NetworkProcess.start(args, { compiled: join(folder, 'compiled') });
  // what is written of its compiled modules at an end spares the lives after it half a second each
  await (await start()).stop();

  const first = await start();
  const ben = await Recipient.start(folder, first);
  let lives = 0;
  let interrupted = 0;
  let network = first;
  for (; lives < kills && performance.now() - started < within; lives++) {
    ben.life = lives;
    const isInterrupted = await live(network, work, ben, { milliseconds: 20 + random() * LONGEST_LIFE, random });
    if (isInterrupted) interrupted += 1;
    network = await start();
  }
  ben.life = lives;
  await settle(network, work, ben);
  const rows = await ben.rows();
  await ben.person.client.stop();
  await network.stop();
  const accepted = [...work.accepted];
  const shown = new Map<string, Message[]>();
  for (const row of rows) shown.set(row.imdnId, [...(shown.get(row.imdnId) ?? []), row]);
  const came = [...ben.came.values()];
  const missing = accepted.filter((sent) => !(shown.get(sent.id) ?? []).some((row) => ben.has(row, sent)));
  return {
    ...{ kills: lives, interrupted, accepted: accepted.length },
    large: accepted.filter(({ kind }) => kind === 'large').length,
    files: accepted.filter(({ kind }) => kind === 'file').length,
    lost: missing.length,
    missing: missing
      .slice(0, 10)
      .map(({ id, kind }) => `${kind} ${id}: ${shown.get(id)?.map(({ transfer }) => transfer?.state ?? 'damaged') ?? 'not there'}`),
    shownTwice: twice(rows.map(({ imdnId }) => imdnId)) + twice(rows.map(({ text, transfer }) => transfer?.name ?? text)) + ben.toldTwice(),
    repeated: came.filter((in_) => in_.length > 1).length,
    repeatedAlive: came.filter((in_) => new Set(in_).size < in_.length).length,
    ...inDatabase(join(data, 'deferral.db')),
    seconds: Math.round((performance.now() - started) / 1000),
  };
}

/** What there is to send. */
class Work {
  readonly accepted = new Set<Sent>();
  readonly #left: { readonly pager: Sent[]; readonly session: Sent[] } = { pager: [], session: [] };
  readonly #random: () => number;
  #next = 0;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** Up to so many that nobody has accepted; new ones where there are not enough. */
  take(what: 'pager' | 'session', count: number, fresh: boolean): Sent[] {
    const left = this.#left[what];
    while (fresh && left.length < count) left.push(this.#make(what));
    return left.slice(0, count);
  }

  isAccepted(sent: Sent): void {
    this.accepted.add(sent);
    for (const left of Object.values(this.#left)) if (left.includes(sent)) left.splice(left.indexOf(sent), 1);
  }

  get isDone(): boolean {
    return this.#left.pager.length === 0 && this.#left.session.length === 0;
  }

  #make(what: 'pager' | 'session'): Sent {
    const n = this.#next++;
    const id = `id-${n}`;
    if (what === 'pager') return { id, kind: 'pager', text: `the message ${n}`, octets: Buffer.alloc(0) };
    const random = this.#random();
    if (n % 2 === 0) return { id, kind: 'large', text: `${n} `.repeat((random * LONGEST_TEXT) / 5 + 300).trim(), octets: Buffer.alloc(0) };
    return { id, kind: 'file', text: `file-${n}.bin`, octets: Buffer.alloc(1 + Math.floor(random * LONGEST_FILE), `${n} `) };
  }
}

/** A whole client, and what came to it. */
class Recipient {
  readonly person: Person;
  life = 0;
  /** by short message: the lives in which it came */
  readonly came = new Map<string, number[]>();

  private constructor(folder: string, { announced }: NetworkProcess) {
    const data = join(folder, 'ben');
    mkdirSync(data, { recursive: true });
    this.person = new Person({
      account: { ...accountOf(announced, 'ben'), groups: [], maxFileSize: 0 },
      paths: { data, downloads: join(data, 'Downloads') },
      store: { worker: new URL('../../electron/store/worker.ts', import.meta.url), nativeBinding: null },
      ...{ version: '0.1.0', platform: 'linux', clock: systemClock },
      neighbours: [accountOf(announced, 'ann')],
      sipTap: (direction, octets) => {
        const text = direction === 'in' ? Buffer.from(octets).toString() : '';
        const id = text.startsWith('MESSAGE ') ? /imdn\.Message-ID: (\S+)/.exec(text)?.[1] : undefined;
        if (id !== undefined) this.came.set(id, [...(this.came.get(id) ?? []), this.life]);
      },
    });
  }

  static async start(folder: string, network: NetworkProcess): Promise<Recipient> {
    const ben = new Recipient(folder, network);
    await ben.person.client.start();
    await ben.person.online();
    // files of people who are known come without a question
    await ben.person.call['settings.change']({ autoAcceptUpTo: 2 * LONGEST_FILE });
    return ben;
  }

  async rows(): Promise<Message[]> {
    const { person } = this;
    const { id } = await person.call['conversations.open']({ address: person.address.replace('ben', 'ann') });
    return wholeHistory(person.call['messages.page'], id);
  }

  has(row: Message, { kind, text, octets }: Sent): boolean {
    if (kind !== 'file') return row.text === text;
    if (row.transfer?.state !== 'done') return false;
    return hash(readFileSync(this.person.saved(row))) === hash(octets);
  }

  /** messages that the page was told of as two */
  toldTwice(): number {
    const ids = new Map<string, Set<number>>();
    for (const { event, payload } of this.person.told) {
      if (event !== 'message.changed') continue;
      const { imdnId, id } = payload as Message;
      ids.set(imdnId, (ids.get(imdnId) ?? new Set()).add(id));
    }
    return [...ids.values()].filter(({ size }) => size > 1).length;
  }
}

/** One life of the network, ended without a word. @returns whether anything was under way */
async function live(
  network: NetworkProcess,
  work: Work,
  ben: Recipient,
  { milliseconds, random }: { milliseconds: number; random: () => number },
): Promise<boolean> {
  const killed = new AbortController();
  const writing = write(network, work, { until: killed.signal, fresh: true });
  const coming = wait((random() * milliseconds) / 2, undefined, { signal: killed.signal })
    .then(() => ben.person.call['registration.retryNow']({}))
    .catch(() => undefined);
  const ended = await Promise.race([writing, wait(milliseconds).then(() => null)]);
  await network.kill();
  killed.abort();
  await bounded(Promise.all([writing, coming]), AFTERMATH, 'what was under way did not end with the network');
  return ended === null;
}

/** One more, in which all that is left is sent and comes. */
async function settle(network: NetworkProcess, work: Work, ben: Recipient): Promise<void> {
  await ben.person.call['registration.retryNow']({});
  const end = performance.now() + PATIENCE;
  while (!work.isDone && performance.now() < end) {
    await write(network, work, { until: AbortSignal.timeout(PATIENCE), fresh: false });
  }
  for (;;) {
    const rows = new Map((await ben.rows()).map((row) => [row.imdnId, row]));
    const isThere = (sent: Sent): boolean => {
      const row = rows.get(sent.id);
      return row !== undefined && ben.has(row, sent);
    };
    if ([...work.accepted].every(isThere) || performance.now() > end) break;
    await wait(200);
  }
  // what is repeated would come now
  await wait(500);
}

/** Short messages and sessions side by side, until there is nothing left or the network ends. */
async function write(network: NetworkProcess, work: Work, { until, fresh }: { until: AbortSignal; fresh: boolean }): Promise<void> {
  const closing: (() => Promise<unknown>)[] = [];
  try {
    const sip = await SipPeer.connect(network.announced.address, accountOf(network.announced, 'ann'), INSTANCE);
    closing.push(() => sip.close());
    await sip.register();
    const sender = await DeferralSender.start(sip, accountOf(network.announced, 'ben').address);
    closing.push(() => sender.close());
    const lane = async (what: 'pager' | 'session', side: number, most: number): Promise<void> => {
      for (let count = 0; count < most && !until.aborted; count += side) {
        const some = work.take(what, side, fresh);
        if (some.length === 0) return;
        await Promise.all(some.map((sent) => sender.send(sent).then(() => work.isAccepted(sent))));
      }
    };
    // what came with notifications is answered, so that none of them is sent again
    const answering = async (): Promise<void> => {
      for (;;) sip.answer(await sip.request('MESSAGE', PATIENCE), 200, 'OK');
    };
    answering().catch(() => undefined);
    await Promise.all([lane('pager', UNDER_WAY, IN_A_LIFE), lane('session', 1, IN_A_LIFE)]);
  } catch {
    // the network has ended
  } finally {
    for (const close of closing.reverse()) await close().catch(() => undefined);
  }
}

const INSTANCE = 'urn:uuid:00000000-0000-4000-8000-000000000003';

function accountOf({ accounts }: NetworkProcess['announced'], user: string) {
  const account = accounts.find((each) => each.user === user);
  if (account === undefined) throw new Error(`no account ${user}`);
  return account;
}

function bounded<T>(work: Promise<T>, milliseconds: number, what: string): Promise<T> {
  return Promise.race([work, wait(milliseconds, undefined, { ref: false }).then(() => Promise.reject(new Error(what)))]);
}

function twice(values: readonly string[]): number {
  return values.length - new Set(values).size;
}

function hash(octets: Uint8Array): string {
  return createHash('sha1').update(octets).digest('hex');
}

function inDatabase(path: string): Pick<DeferralKilled, 'left' | 'quickCheck'> {
  const database = new SqliteDatabase(path, { readonly: true });
  try {
    const left = database.prepare<[], { kind: string; imdn_id: string }>("SELECT kind, imdn_id FROM items WHERE owner = 'ben'").all();
    return {
      left: left.map(({ kind, imdn_id }) => `${kind} ${imdn_id}`),
      quickCheck: String(database.pragma('quick_check', { simple: true })),
    };
  } finally {
    database.close();
  }
}
