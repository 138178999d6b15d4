import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BenchResult, target } from '../../build/lib/bench-result.ts';
import { NetworkProcess } from '../harness/network-process.ts';
import { type Heard, SocketMember } from '../harness/socket-member.ts';
import { percentile } from './frames.ts';

const PEOPLE = 100;
/** texts whose way is timed, one after the other, after some that are not */
const TIMED = 300;
const WARM = 50;
/** and those that are said all at once, by so many */
const FLOOD = 1_000;
const WRITERS = 10;
const MOST_JOIN_MS = 5_000;
/** a text to all against one to one */
const MOST_TIMES = 10;

/**
 * A group of 100 on a home network that keeps what is said, each of them a socket that speaks SIP and MSRP by hand: how long it takes until all of
 * them are in, until a text is with all of them, and whether all hear one order.
 */
export async function run(): Promise<BenchResult[]> {
  const folder = mkdtempSync(join(tmpdir(), 'parley-bench-'));
  const names = Array.from({ length: PEOPLE }, (_, n) => `p${n}`);
  const network = await NetworkProcess.start([
    ...['--users', names.join(','), '--password', 'secret', '--data', join(folder, 'network')],
    ...['--msrp', 'anchor', '--group', `all=${names.join(',')}`, '--group', 'two=p0,p1'],
  ]);
  try {
    const register = (of: readonly string[]): Promise<SocketMember[]> =>
      Promise.all(of.map((name) => SocketMember.register(network.announced, name)));
    const pair = await register(names.slice(0, 2));
    await pair[0]?.join('sip:p1@parley.example');
    await pair[1]?.joined;
    const chat = await timed(pair);
    for (const member of pair) await member.close();
    const couple = await register(names.slice(0, 2));
    await gather('two', couple);
    const two = await timed(couple);
    for (const member of couple) await member.close();

    const all = await register(names);
    const began = performance.now();
    await gather('all', all);
    const joined = performance.now() - began;
    const many = await timed(all);
    const { orders, perSecond } = await flood(all);
    for (const member of all) await member.close();

    const times = percentile(many, 0.99) / Math.max(0.1, percentile(two, 0.99));
    return [
      {
        name: `group: ${PEOPLE} people come in`,
        ratio: MOST_JOIN_MS / joined,
        against: `${MOST_JOIN_MS} ms`,
        figures: { joined_ms: Math.round(joined) },
        target: target(Math.round(joined), 'at most', MOST_JOIN_MS, 'ms'),
      },
      {
        name: `group: a text is with all ${PEOPLE}`,
        ratio: 1 / times,
        // the same promise to one: answered when it is on disk. A chat of two is passed on and kept by nobody
        against: 'a text in a group of two, p99',
        figures: { all_ms: spread(many), chat_of_two_ms: spread(chat), group_of_two_ms: spread(two) },
        target: target(Math.round(times * 10) / 10, 'at most', MOST_TIMES),
      },
      {
        name: `group: ${FLOOD} texts of ${WRITERS} at once`,
        ratio: 1 / orders,
        against: 'one order for all',
        figures: { orders, texts_per_s: Math.round(perSecond), deliveries_per_s: Math.round(perSecond * (PEOPLE - 1)) },
        target: target(orders, 'at most', 1, 'orders'),
      },
    ];
  } finally {
    await network.stop();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

function spread(values: readonly number[]) {
  return { p50: percentile(values, 0.5), p99: percentile(values, 0.99) };
}

/** The first one begins, the others are asked and come. */
async function gather(group: string, [first, ...others]: readonly SocketMember[]): Promise<void> {
  await first?.join(`sip:${group}@parley.example`);
  await Promise.all(others.map(({ joined }) => joined));
}

/** ms from a text until the last of them has it; one at a time */
async function timed([writer, ...readers]: readonly SocketMember[]): Promise<number[]> {
  const took: number[] = [];
  for (let n = -WARM; n < TIMED; n++) {
    let left = readers.length;
    const began = performance.now();
    const arrived = new Promise<void>((resolve) => {
      for (const reader of readers) {
        reader.heard = () => {
          left -= 1;
          if (left === 0) resolve();
        };
      }
    });
    const said = writer?.say(`the text number ${n}`);
    await arrived;
    if (n >= 0) took.push(performance.now() - began);
    await said;
  }
  return took;
}

/** In how many orders they came, and how many a second. */
async function flood(all: readonly SocketMember[]): Promise<{ readonly orders: number; readonly perSecond: number }> {
  const heard = all.map((): Heard[] => []);
  const began = performance.now();
  const each = FLOOD / WRITERS;
  const done = Promise.all(
    all.map(
      (member, at) =>
        new Promise<void>((resolve) => {
          const wanted = FLOOD - (at < WRITERS ? each : 0);
          member.heard = (message) => {
            heard[at]?.push(message);
            if (heard[at]?.length === wanted) resolve();
          };
        }),
    ),
  );
  await Promise.all(
    all.slice(0, WRITERS).map(async (writer, at) => {
      for (let n = 0; n < each; n += 10)
        await Promise.all(Array.from({ length: 10 }, (_, k) => writer.say(`${at} ${n + k}`, `${at}-${n + k}`)));
    }),
  );
  await done;
  const perSecond = FLOOD / ((performance.now() - began) / 1000);
  // who only listens has all of them; a writer all but his own
  const reference = heard.at(-1)?.map(({ id }) => id) ?? [];
  const orders = new Set<string>();
  for (const [at, own] of heard.entries()) {
    const expected = at < WRITERS ? reference.filter((id) => !id.startsWith(`${at}-`)) : reference;
    const order = own.map(({ id }) => id).join();
    orders.add(order === expected.join() ? 'the same' : order);
  }
  return { orders: orders.size, perSecond };
}
