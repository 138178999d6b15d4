import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import SqliteDatabase from 'better-sqlite3';
import { accountPaths } from '../../electron/app/paths.ts';
import { type HomeAccount, startHomeNetwork } from '../../electron/home-network/index.ts';
import { randomToken } from '../../shared/base/random.ts';
import type { ContractClient } from '../../shared/ipc/wire.ts';
import type { Message } from '../../shared/model/message.ts';
import { HeadlessProcess } from './headless-process.ts';
import { wholeHistory } from './history.ts';
import { sequence } from './sequence.ts';

/** ms between a start and the kill that ends it, at most */
const LONGEST_LIFE = 400;
/** every so many messages one is too large for pager mode */
const LARGE_EVERY = 10;
/** how long all may take to arrive once nobody is killed any more, ms */
const PATIENCE = 600_000;

export interface Killed {
  readonly kills: number;
  /** kills that came while messages were being handed over or waited to leave */
  readonly interrupted: number;
  /** messages of both ends together */
  readonly messages: number;
  readonly lost: number;
  readonly twice: number;
  readonly outOfOrder: number;
  /** of the sender that never heard of the delivery */
  readonly unreported: number;
  /** what `PRAGMA quick_check` said of each store, in the order of the ends */
  readonly quickCheck: readonly string[];
  readonly seconds: number;
}

interface Text {
  readonly clientId: string;
  readonly text: string;
}

/**
 * Two people write to each other while both are killed at random moments, independently of each other, `kills` times in all; then everything has
 * to have arrived, once, in the order of each writer.
 * @param messages of each of them
 */
export async function killBoth(
  folder: string,
  { kills, messages, seed }: { kills: number; messages: number; seed: number },
): Promise<Killed> {
  const started = performance.now();
  const network = await startHomeNetwork({
    host: '127.0.0.1',
    port: 0,
    domain: 'parley.example',
    users: ['ann', 'ben'].map((user) => ({ user, password: `${user}-Sl4te`, displayName: user })),
  });
  try {
    const [ann, ben] = network.accounts.map((account, index) => new End(folder, account, messages, sequence(seed + index)));
    if (ann === undefined || ben === undefined) throw new Error('two ends are needed');
    const lives = Math.ceil(kills / 2);
    await Promise.all([ann.live(ben.address, lives), ben.live(ann.address, kills - lives)]);
    await Promise.all([ann.settle(ben.address), ben.settle(ann.address)]);
    const all = [await compare(ann, ben), await compare(ben, ann)];
    await Promise.all([ann.stop(), ben.stop()]);
    const sum = (of: (one: Awaited<ReturnType<typeof compare>>) => number) => all.reduce((total, one) => total + of(one), 0);
    return {
      kills: ann.kills + ben.kills,
      interrupted: ann.interrupted + ben.interrupted,
      messages: 2 * messages,
      lost: sum(({ lost }) => lost),
      twice: sum(({ twice }) => twice),
      outOfOrder: sum(({ outOfOrder }) => outOfOrder),
      unreported: sum(({ unreported }) => unreported),
      quickCheck: [ann.quickCheck(), ben.quickCheck()],
      seconds: (performance.now() - started) / 1000,
    };
  } finally {
    await network.close();
  }
}

async function compare(from: End, to: End) {
  const arrived = (await to.history(from.address)).filter(({ direction }) => direction === 'in').map(({ text }) => text);
  const sent = await from.history(to.address);
  const wanted = from.texts.map(({ text }) => text);
  const there = new Set(arrived);
  const inOrder = wanted.filter((text) => there.has(text));
  const once = arrived.filter((text, at) => arrived.indexOf(text) === at);
  return {
    lost: wanted.length - inOrder.length,
    twice: arrived.length - once.length,
    outOfOrder: once.filter((text, at) => text !== inOrder[at]).length,
    unreported: sent.filter(({ direction, status }) => direction === 'out' && status !== 'delivered' && status !== 'displayed').length,
  };
}

/** One of the two: what they write, and the process that is killed under them. */
class End {
  readonly address: string;
  readonly texts: readonly Text[];
  kills = 0;
  interrupted = 0;
  readonly #arguments: readonly string[];
  readonly #store: string;
  readonly #random: () => number;
  readonly #confirmed = new Set<string>();
  #host: HeadlessProcess | null = null;
  #client: ContractClient | null = null;

  constructor(folder: string, account: HomeAccount, messages: number, random: () => number) {
    const { address, user, password, outboundProxy, transport } = account;
    mkdirSync(folder, { recursive: true });
    const file = join(folder, `${user}.json`);
    writeFileSync(file, JSON.stringify({ address, user, password, outboundProxy, transport }));
    const userData = join(folder, user);
    this.#arguments = ['--account', file, '--user-data', userData];
    this.#store = join(accountPaths(userData, address, userData).data, 'parley.db');
    this.#random = random;
    this.address = address;
    this.texts = Array.from({ length: messages }, (_, n) => ({
      clientId: randomToken(24),
      text: `${user} ${n}${n % LARGE_EVERY === LARGE_EVERY - 1 ? ' and more'.repeat(200) : ''}`,
    }));
  }

  /** So many short lives, each ended without a word while messages are being written. */
  async live(peer: string, lives: number): Promise<void> {
    for (let life = 1; life <= lives; life++) {
      const host = await HeadlessProcess.start(this.#arguments);
      const begun = Math.ceil((life * this.texts.length) / lives);
      const writing = this.#write(host, peer, begun).catch(() => undefined);
      await wait(this.#random() * LONGEST_LIFE);
      await host.kill();
      await writing;
      this.kills += 1;
      if (this.#confirmed.size < begun) this.interrupted += 1;
    }
  }

  /** One more life, in which all that was written leaves and is reported on. */
  async settle(peer: string): Promise<void> {
    const host = await HeadlessProcess.start(this.#arguments);
    this.#host = host;
    this.#client = await host.connect();
    await this.#write(host, peer, this.texts.length);
    const end = Date.now() + PATIENCE;
    for (;;) {
      const own = (await this.history(peer)).filter(({ direction }) => direction === 'out');
      if (own.every(({ status }) => status === 'delivered' || status === 'displayed') || Date.now() > end) return;
      await wait(500);
    }
  }

  async history(peer: string): Promise<Message[]> {
    const client = this.#client;
    if (client === null) throw new Error('not running');
    const { id } = await client.call('conversations.open', { address: peer });
    return wholeHistory((page) => client.call('messages.page', page), id);
  }

  async stop(): Promise<void> {
    await this.#host?.stop();
  }

  quickCheck(): string {
    const database = new SqliteDatabase(this.#store, { readonly: true });
    try {
      return String(database.pragma('quick_check', { simple: true }));
    } finally {
      database.close();
    }
  }

  /** One after the other, as a person writes; what was not confirmed before a kill is asked for again, with the same id. */
  async #write(host: HeadlessProcess, peer: string, begun: number): Promise<void> {
    const client: ContractClient = await host.connect();
    const { id } = await client.call('conversations.open', { address: peer });
    for (const message of this.texts.slice(0, begun)) {
      if (this.#confirmed.has(message.clientId)) continue;
      await client.call('messages.sendText', { conversationId: id, ...message });
      this.#confirmed.add(message.clientId);
    }
  }
}
