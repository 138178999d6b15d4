import { type ChildProcess, execFile } from 'node:child_process';
import { createCipheriv, createHash } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { accountPaths } from '../../../electron/app/paths.ts';
import { randomToken } from '../../../shared/base/random.ts';
import type { Message } from '../../../shared/model/message.ts';
import { isFinalTransferState } from '../../../shared/model/states/transfer-state.ts';
import { wholeHistory } from '../history.ts';
import { sequence } from '../sequence.ts';
import { FarPerson, startNames, startServer } from './cut-network.ts';
import { Cables } from './namespaces.ts';

const run = promisify(execFile);
const MIB = 1_048_576;
/** how long all files may take once nothing disturbs them any more */
const PATIENCE_MS = 300_000;
/** how long a disturbance waits for octets to flow */
const FLOW_WITHIN_MS = 60_000;
/** between the first octet that flows and the disturbance, at most */
const LONGEST_FLOW_MS = 400;
const PULLED_MS = 1_500;

export const DISTURBANCES = ['sender killed', 'receiver killed', "sender's cable pulled", "receiver's cable pulled"] as const;
type Disturbance = (typeof DISTURBANCES)[number];

export interface FileCutReport {
  readonly disturbances: Readonly<Record<Disturbance, number>>;
  readonly files: number;
  /** files whose content at the receiver is that of the sender */
  readonly whole: number;
  readonly quarantined: number;
  /** of those that did not arrive: name, state and error at the sender */
  readonly unfinished: readonly string[];
  /** of all files */
  readonly octets: number;
  /** how often a transfer was taken up again behind its first octet */
  readonly resumes: number;
  /** octets of what was in the partial file when it stopped and that were sent once more, of one resume at most, and of all */
  readonly mostAgain: number;
  readonly again: number;
  /** the same of resumes after a kill alone */
  readonly mostAgainAfterKill: number;
  /** names of cards at the receiver, and of files in his folder, that are there more than once */
  readonly twice: readonly string[];
  /** at the sender: files of which a delivery was reported */
  readonly delivered: number;
  /** seconds from the end of a disturbance to the next octet, at most */
  readonly longestWait: number;
  readonly seconds: number;
}

/**
 * Alice sends files to Bob, who takes each; meanwhile either is killed or loses the network at random moments in which octets flow, `times` in
 * all. Then everything is left to itself, and every file has to be there, octet for octet.
 * @param sizes of a file, octets: from, to
 * @param rate Mbit/s that reach Bob
 */
export async function cutFiles(
  folder: string,
  { times, files, sizes, rate, seed }: { times: number; files: number; sizes: readonly [number, number]; rate: number; seed: number },
): Promise<FileCutReport> {
  const started = performance.now();
  const random = sequence(seed);
  const cables = await Cables.lay(['alice', 'bob']);
  const processes: ChildProcess[] = [];
  let pair: Pair | null = null;
  try {
    processes.push(await startNames(cables), await startServer(cables, folder));
    await cables.narrow('bob', rate);
    pair = await Pair.start(cables, folder);
    const sent = await pair.sendAll(files, () => Math.floor(sizes[0] + random() * (sizes[1] - sizes[0])), random);
    const counts = Object.fromEntries(DISTURBANCES.map((name) => [name, 0])) as Record<Disturbance, number>;
    for (let time = 0; time < times; time++) {
      if (!(await pair.flowing())) break;
      await wait(random() * LONGEST_FLOW_MS);
      const disturbance = DISTURBANCES[Math.floor(random() * DISTURBANCES.length)] as Disturbance;
      await pair.disturb(disturbance);
      counts[disturbance] += 1;
    }
    const whole = await pair.settle(sent);
    const { resumes, quarantined, unfinished, afterKill, twice, delivered, longestWait } = pair;
    return {
      disturbances: counts,
      files,
      whole,
      quarantined,
      unfinished,
      octets: sent.reduce((sum, { size }) => sum + size, 0),
      resumes: resumes.length,
      mostAgain: Math.max(0, ...resumes),
      mostAgainAfterKill: Math.max(0, ...afterKill),
      again: resumes.reduce((sum, octets) => sum + octets, 0),
      twice,
      delivered,
      longestWait: Math.round(longestWait / 100) / 10,
      seconds: Math.round((performance.now() - started) / 1000),
    };
  } finally {
    await pair?.stop();
    for (const process of processes) process.kill('SIGKILL');
    await cables.remove();
  }
}

interface Sent {
  readonly name: string;
  readonly size: number;
  readonly sha256: string;
}

/** The two, their processes, and what is seen of their files. */
class Pair {
  /** octets sent once more, of each resume */
  readonly resumes: number[] = [];
  /** of those after a kill */
  readonly afterKill: number[] = [];
  #wasKill = false;
  quarantined = 0;
  /** what did not arrive, as its sender sees it */
  unfinished: readonly string[] = [];
  twice: readonly string[] = [];
  delivered = 0;
  /** ms */
  longestWait = 0;
  readonly #cables: Cables;
  readonly #folder: string;
  #alice: FarPerson;
  #bob: FarPerson;
  #conversation = 0;
  /** of Bob's transfers, by their ids: octets in the partial file when it last stopped */
  readonly #left = new Map<number, number>();
  #moved = 0;

  private constructor(cables: Cables, folder: string, alice: FarPerson, bob: FarPerson) {
    this.#cables = cables;
    this.#folder = folder;
    this.#alice = alice;
    this.#bob = bob;
    this.#listen();
  }

  static async start(cables: Cables, folder: string): Promise<Pair> {
    const [alice, bob] = await Promise.all([FarPerson.start(cables, 'alice', folder), FarPerson.start(cables, 'bob', folder)]);
    return new Pair(cables, folder, alice, bob);
  }

  async sendAll(files: number, size: () => number, random: () => number): Promise<Sent[]> {
    const { id } = await this.#alice.call('conversations.open', { address: this.#bob.address });
    this.#conversation = id;
    const all: Sent[] = [];
    const tokens: string[] = [];
    for (let n = 0; n < files; n++) {
      const path = join(this.#folder, `file-${n}.bin`);
      const octets = size();
      const sha256 = await fill(path, octets, random);
      all.push({ name: `file-${n}.bin`, size: octets, sha256 });
      tokens.push(await this.#upload(path));
    }
    // all of them before the first is there
    for (const token of tokens) await this.#alice.call('files.send', { conversationId: id, clientId: randomToken(24), token });
    return all;
  }

  /** Resolves when octets flow; false when all is over, or nothing flows for long. */
  async flowing(): Promise<boolean> {
    const from = this.#moved;
    const begun = performance.now();
    while (this.#moved === from) {
      if (performance.now() > begun + FLOW_WITHIN_MS || (await this.#unfinished()).every(isGivenUp)) return false;
      await wait(20);
    }
    this.longestWait = Math.max(this.longestWait, performance.now() - begun);
    return true;
  }

  async disturb(disturbance: Disturbance): Promise<void> {
    this.#wasKill = disturbance.endsWith('killed');
    switch (disturbance) {
      case 'sender killed':
        await this.#alice.kill();
        this.#alice = await FarPerson.start(this.#cables, 'alice', this.#folder);
        return;
      case 'receiver killed':
        await this.#bob.kill();
        this.#look();
        this.#bob = await FarPerson.start(this.#cables, 'bob', this.#folder);
        this.#listen();
        return;
      case "sender's cable pulled":
      case "receiver's cable pulled": {
        const device = disturbance.startsWith('sender') ? 'alice' : 'bob';
        await this.#cables.pull(device);
        await wait(PULLED_MS);
        await this.#cables.plug(device);
        return;
      }
    }
  }

  /** @returns how many files are there as they were sent */
  async settle(sent: readonly Sent[]): Promise<number> {
    const end = performance.now() + PATIENCE_MS;
    while (!(await this.#unfinished()).every(isGivenUp) && performance.now() < end) await wait(500);
    const reported = async () => (await this.#sent()).filter(({ status }) => status === 'delivered').length;
    // a notification leaves a moment after the file is in its place
    while ((await reported()) < sent.length - (await this.#unfinished()).length && performance.now() < end) await wait(200);
    this.delivered = await reported();
    const arrived = await this.#files();
    const saved = readdirSync(join(this.#folder, 'bob', 'Downloads'));
    const known = new Set(sent.map(({ name }) => name));
    const cards = arrived.map(({ transfer }) => transfer?.name ?? '');
    this.twice = [...cards.filter((name, at) => cards.indexOf(name) !== at), ...saved.filter((name) => !known.has(name))];
    this.unfinished = (await this.#unfinished()).map(({ transfer, error }) => `${transfer?.name} ${transfer?.state} ${error?.code ?? ''}`);
    this.quarantined = arrived.filter(({ transfer }) => transfer?.state === 'quarantined').length;
    let whole = 0;
    for (const { name, sha256, size } of sent) {
      const path = join(this.#folder, 'bob', 'Downloads', name);
      const isWhole = existsSync(path) && statSync(path).size === size && (await hashOf(path)) === sha256;
      if (isWhole && arrived.filter(({ transfer }) => transfer?.name === name && transfer.state === 'done').length === 1) whole += 1;
    }
    return whole;
  }

  async stop(): Promise<void> {
    await Promise.allSettled([this.#alice.stop(), this.#bob.stop()]);
  }

  /** Bob takes what is offered, and what he sees of it is kept. */
  #listen(): void {
    const bob = this.#bob;
    bob.on('message.changed', ({ transfer }) => {
      if (transfer?.state === 'offered') bob.call('transfers.accept', { transferId: transfer.id }).catch(() => undefined);
      if (transfer?.state === 'interrupted' || transfer?.state === 'failed') this.#left.set(transfer.id, transfer.transferred);
      const left = transfer?.state === 'transferring' ? this.#left.get(transfer.id) : undefined;
      if (left === undefined || transfer === null) return;
      this.#left.delete(transfer.id);
      const again = Math.max(0, left - transfer.transferred);
      this.resumes.push(again);
      if (this.#wasKill) this.afterKill.push(again);
    });
    bob.on('transfer.progress', () => {
      this.#moved += 1;
    });
    // what was offered while nobody listened
    void this.#files()
      .then((files) => {
        for (const { transfer } of files)
          if (transfer?.state === 'offered') bob.call('transfers.accept', { transferId: transfer.id }).catch(() => undefined);
      })
      .catch(() => undefined);
  }

  /** What lies in the partial files now that nobody writes to them. */
  #look(): void {
    const { data } = accountPaths(join(this.#folder, 'bob'), this.#bob.address, '');
    const partial = join(data, 'partial');
    for (const name of existsSync(partial) ? readdirSync(partial) : []) {
      if (name.endsWith('.part')) this.#left.set(Number.parseInt(name, 10), statSync(join(partial, name)).size);
    }
  }

  async #files(): Promise<Message[]> {
    const { id } = await this.#bob.call('conversations.open', { address: this.#alice.address });
    return (await wholeHistory((page) => this.#bob.call('messages.page', page), id)).filter(({ kind }) => kind === 'file');
  }

  async #unfinished(): Promise<Message[]> {
    return (await this.#sent()).filter(({ transfer }) => transfer?.state !== 'done');
  }

  async #sent(): Promise<Message[]> {
    const all = await wholeHistory((page) => this.#alice.call('messages.page', page), this.#conversation);
    return all.filter(({ transfer }) => transfer !== null);
  }

  /** A headless host takes files from its page; this is its page. */
  async #upload(path: string): Promise<string> {
    const url = new URL(String(this.#alice.host.accounts[0]?.contract).replace(/^ws/, 'http').replace('/contract', '/files'));
    url.searchParams.set('name', path.split('/').at(-1) ?? '');
    const script = `const { createReadStream } = require('node:fs');
      const post = require('node:http').request(process.argv[1], { method: 'POST', headers: { Origin: new URL(process.argv[1]).origin } }, async (response) => {
        let text = ''; for await (const part of response) text += part; console.log(text); });
      createReadStream(process.argv[2]).pipe(post);`;
    const [program = '', ...rest] = [...this.#cables.inside('alice'), process.execPath, '-e', script, url.href, path];
    const { stdout } = await run(program, rest);
    return (JSON.parse(stdout) as { token: string }).token;
  }
}

/** nothing will happen to it by itself */
function isGivenUp({ transfer }: Message): boolean {
  return transfer !== null && isFinalTransferState(transfer.state);
}

/** Octets that no two places of no two files share. @returns their SHA-256 */
async function fill(path: string, size: number, random: () => number): Promise<string> {
  const hash = createHash('sha256');
  async function* blocks() {
    const key = Buffer.from(Array.from({ length: 16 }, () => Math.floor(random() * 256)));
    const stream = createCipheriv('aes-128-ctr', key, Buffer.alloc(16));
    for (let left = size; left > 0; left -= MIB) {
      const block = stream.update(Buffer.alloc(Math.min(left, MIB)));
      hash.update(block);
      yield block;
    }
  }
  await pipeline(blocks(), createWriteStream(path));
  return hash.digest('hex');
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
