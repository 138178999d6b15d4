import { setTimeout as wait } from 'node:timers/promises';
import { randomToken } from '../../../shared/base/random.ts';
import type { Message } from '../../../shared/model/message.ts';
import { wholeHistory } from '../history.ts';
import type { CutNetwork, FarPerson } from './cut-network.ts';

/** what a cut may take until all is as before, ms; a cut that ends in none of its ends is then a failed test */
const PATIENCE_MS = 240_000;
/** How often either side writes during a cut; every fourth text is too large for a MESSAGE. */
const WRITE_EVERY_MS = 700;
const MAX_TEXTS = 80;
const LARGE = ' and more'.repeat(400);

/** A way in which Alice loses her server. */
export interface Cut {
  readonly name: string;
  begin(network: CutNetwork): Promise<void>;
  /** how long it lasts; `noticed` resolves when Alice's client says that it is not connected */
  last(noticed: Promise<void>, network: CutNetwork): Promise<unknown>;
  end(network: CutNetwork): Promise<void>;
  /** Alice presses "Retry now" when it is over */
  readonly retriesNow?: boolean;
  /** nobody writes while it lasts */
  readonly isIdle?: boolean;
  /** it may pass before a client can know of it */
  readonly mayPassUnnoticed?: boolean;
}

/** Seconds throughout; null: never. */
export interface CutReport {
  readonly cut: string;
  readonly lasted: number;
  /** from the beginning of the cut until Alice's client said so */
  readonly untilHonest: number | null;
  readonly said: string | null;
  /** from the end of the cut until it was registered again */
  readonly untilConnected: number | null;
  /** from the end of the cut until everything written by both had arrived and been reported */
  readonly untilDelivered: number | null;
  readonly written: number;
  readonly lost: number;
  readonly twice: number;
  readonly outOfOrder: number;
}

const seconds = (milliseconds: number): number => Math.round(milliseconds / 100) / 10;

export const CUTS = {
  brief: cable('cable pulled for 2 s', 2_000, true),
  cable: cable('cable pulled for 20 s', 20_000),
  long: cable('cable pulled for 5 min', 300_000),
  address: {
    name: 'another address',
    begin: async ({ cables }) => void (await cables.move('alice')),
    last: async () => undefined,
    end: async () => undefined,
  },
  restart: {
    name: 'server restarted after 3 s',
    begin: (network) => network.killServer(),
    last: () => wait(3_000),
    end: (network) => network.startServer(),
  },
  blackHole: {
    name: 'black hole: nothing comes through, nobody says so',
    begin: ({ cables }) => cables.blackHole('alice'),
    last: (noticed) => noticed,
    end: ({ cables }) => cables.endBlackHole('alice'),
  },
  silent: {
    name: 'server accepts and is silent, then "Retry now"',
    begin: async (network) => network.freezeServer(),
    last: (noticed) => noticed,
    end: async (network) => network.thawServer(),
    retriesNow: true,
  },
  idleBlackHole: {
    name: 'black hole while nobody writes',
    begin: ({ cables }) => cables.blackHole('alice'),
    last: (noticed) => noticed,
    end: ({ cables }) => cables.endBlackHole('alice'),
    isIdle: true,
  },
  slowNames: names('cable pulled for 5 s, then a slow name service', 'slow'),
  failingNames: names('cable pulled for 5 s, then a name service that fails', 'failing'),
  silentNames: names('cable pulled for 5 s, then a name service that is silent', 'silent'),
} satisfies Record<string, Cut>;

function cable(name: string, milliseconds: number, mayPassUnnoticed = false): Cut {
  return {
    name,
    begin: ({ cables }) => cables.pull('alice'),
    last: () => wait(milliseconds),
    end: ({ cables }) => cables.plug('alice'),
    mayPassUnnoticed,
  };
}

/** One that is slow stays so; one that fails recovers 15 s after the cable is back, which is when the cut is over. */
function names(name: string, mood: 'slow' | 'failing' | 'silent'): Cut {
  return {
    name,
    begin: async (network) => {
      await network.nameService(mood);
      await network.cables.pull('alice');
    },
    last: async (_, network) => {
      await wait(5_000);
      if (mood === 'slow') return;
      await network.cables.plug('alice');
      await wait(15_000);
    },
    end: (network) => (mood === 'slow' ? network.cables.plug('alice') : network.nameService('quick')),
  };
}

/** Both write to each other before, during and after the cut; then everything that was written is looked for at the other end. */
export async function runCut(network: CutNetwork, cut: Cut): Promise<CutReport> {
  const { alice, bob } = network;
  await until(async () => (await alice.state()) === 'registered' && (await bob.state()) === 'registered', 'both are registered');
  const mark = randomToken(6);
  const writing = new AbortController();
  let isIdle = false;
  const writers = [write(alice, bob, mark, writing.signal, () => isIdle), write(bob, alice, mark, writing.signal, () => isIdle)];
  await wait(1_500);

  isIdle = cut.isIdle === true;
  // what was written before has its answer
  if (isIdle) await wait(5_000);
  const first = alice.states.length;
  const began = performance.now();
  await cut.begin(network);
  const noticed = until(async () => alice.states.slice(first).some(({ kind }) => kind !== 'registered'), `${cut.name} is noticed`);
  noticed.catch(() => undefined);
  await cut.last(noticed, network);
  const over = performance.now();
  isIdle = false;
  await cut.end(network);
  if (cut.retriesNow) await alice.call('registration.retryNow', {});
  if (!cut.mayPassUnnoticed) await noticed;
  await until(
    async () => (await alice.state()) === 'registered' && (await bob.state()) === 'registered',
    `${cut.name}: connected again`,
  ).catch((thrown) => {
    const said = [alice, bob].map(({ states }) => JSON.stringify(states.slice(-4)));
    throw new Error(`${(thrown as Error).message}; they said ${said.join(' and ')}`);
  });
  const connected = performance.now();
  await wait(1_500);
  writing.abort();
  const [byAlice, byBob] = (await Promise.all(writers)) as [Written, Written];
  await until(
    async () =>
      (await arrived(bob, alice, mark)).length >= byAlice.texts.length && (await arrived(alice, bob, mark)).length >= byBob.texts.length,
    `${cut.name}: everything arrives`,
  ).catch(() => undefined);
  await until(
    async () => (await reported(alice, byAlice, mark)) && (await reported(bob, byBob, mark)),
    `${cut.name}: everything is reported`,
  );
  const delivered = performance.now();

  const [atBob, atAlice] = [compare(byAlice, await arrived(bob, alice, mark)), compare(byBob, await arrived(alice, bob, mark))];
  const states = alice.states.slice(first);
  const honest = states.find(({ kind }) => kind !== 'registered');
  const again = states.findLast(({ kind }) => kind === 'registered');
  const since = (at: number | undefined): number | null => (at === undefined ? null : seconds(Math.max(0, at - over)));
  return {
    cut: cut.name,
    lasted: seconds(over - began),
    untilHonest: honest === undefined ? null : seconds(honest.at - began),
    said: states.find(({ code }) => code !== null)?.code ?? null,
    untilConnected: honest === undefined ? 0 : since(again?.at ?? connected),
    untilDelivered: since(delivered),
    written: byAlice.texts.length + byBob.texts.length,
    lost: atBob.lost + atAlice.lost,
    twice: atBob.twice + atAlice.twice,
    outOfOrder: atBob.outOfOrder + atAlice.outOfOrder,
  };
}

interface Written {
  readonly conversationId: number;
  readonly texts: readonly string[];
}

async function write(from: FarPerson, to: FarPerson, mark: string, signal: AbortSignal, isIdle: () => boolean): Promise<Written> {
  const { id } = await from.call('conversations.open', { address: to.address });
  const texts: string[] = [];
  while (!signal.aborted) {
    if (texts.length < MAX_TEXTS && !isIdle()) {
      const text = `${mark} ${texts.length} of ${from.address}${texts.length % 4 === 3 ? LARGE : ''}`;
      await from.call('messages.sendText', { conversationId: id, clientId: randomToken(24), text });
      texts.push(text);
    }
    await wait(WRITE_EVERY_MS, undefined, { signal }).catch(() => undefined);
  }
  return { conversationId: id, texts };
}

async function history(of: FarPerson, other: FarPerson, mark: string): Promise<Message[]> {
  const { id } = await of.call('conversations.open', { address: other.address });
  return (await wholeHistory((page) => of.call('messages.page', page), id)).filter(({ text }) => text.startsWith(`${mark} `));
}

async function arrived(at: FarPerson, from: FarPerson, mark: string): Promise<string[]> {
  return (await history(at, from, mark)).filter(({ direction }) => direction === 'in').map(({ text }) => text);
}

async function reported(by: FarPerson, { conversationId, texts }: Written, mark: string): Promise<boolean> {
  const all = await wholeHistory((page) => by.call('messages.page', page), conversationId);
  const own = all.filter(({ direction, text }) => direction === 'out' && text.startsWith(`${mark} `));
  return own.length === texts.length && own.every(({ status }) => status === 'delivered' || status === 'displayed');
}

function compare({ texts }: Written, found: readonly string[]): Pick<CutReport, 'lost' | 'twice' | 'outOfOrder'> {
  const once = [...new Set(found)];
  const positions = once.map((text) => texts.indexOf(text));
  return {
    lost: texts.filter((text) => !once.includes(text)).length,
    twice: found.length - once.length,
    outOfOrder: positions.filter((position, at) => at > 0 && position < (positions[at - 1] ?? 0)).length,
  };
}

async function until(condition: () => Promise<boolean>, what: string): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`not within ${PATIENCE_MS / 1000} s: ${what}`);
    await wait(200);
  }
}
