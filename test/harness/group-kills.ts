import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import SqliteDatabase from 'better-sqlite3';
import { NetworkProcess } from './network-process.ts';
import { sequence } from './sequence.ts';
import { SocketMember } from './socket-member.ts';

const NAMES = ['ann', 'ben', 'cleo'] as const;
/** cleo only listens */
const WRITERS = ['ann', 'ben'] as const;
const GROUP = 'sip:club@parley.example';
/** ms between the first text of a life and the kill that ends it, at most */
const LONGEST_LIFE = 250;
/** texts of one writer that wait for their answer */
const UNDER_WAY = 5;
/** ms in which all that is left has to come once nobody is killed any more */
const PATIENCE = 60_000;

export interface GroupKilled {
  readonly kills: number;
  /** that came while texts were under way */
  readonly interrupted: number;
  /** texts that were answered 200 */
  readonly accepted: number;
  /** accepted, and not heard by somebody */
  readonly lost: number;
  /** heard more than once by one device: its answer was not committed yet. A client shows it once, by its imdn.Message-ID */
  readonly repeated: number;
  /** heard again from a network that had not been killed since */
  readonly twice: number;
  /** devices that heard them in another order than cleo */
  readonly outOfOrder: number;
  readonly quickCheck: string;
}

/**
 * Two write into a group of three while the network is killed at random moments; all of them are sockets, so that the network alone is what
 * is tested. Whatever was not answered is sent again, as a client does.
 */
export async function killGroup(folder: string, { kills, seed }: { kills: number; seed: number }): Promise<GroupKilled> {
  const random = sequence(seed);
  const data = join(folder, 'network');
  const args = ['--users', NAMES.join(','), '--password', 'secret', '--data', data, '--group', `club=${NAMES.join(',')}`];
  const accepted: string[] = [];
  const unanswered = new Map<string, string[]>(WRITERS.map((name) => [name, []]));
  /** by device and id: in which lives it came, in the order of the first time */
  const came = new Map<string, Map<string, number[]>>(NAMES.map((name) => [name, new Map()]));
  let next = 0;
  let interrupted = 0;

  const isAllHeard = (): boolean =>
    NAMES.every((name) => accepted.every((id) => id.startsWith(name) || came.get(name)?.has(id))) &&
    [...unanswered.values()].every((ids) => ids.length === 0);

  const enter = async (network: NetworkProcess, name: string, life: number, isOver: () => boolean): Promise<SocketMember> => {
    const instance = `urn:uuid:00000000-0000-4000-8000-00000000000${NAMES.indexOf(name as (typeof NAMES)[number])}`;
    const member = await SocketMember.register(network.announced, name, instance, false);
    const own = came.get(name) as Map<string, number[]>;
    member.heard = ({ id }) => {
      // what comes after the kill was said to nobody
      if (!isOver()) own.set(id, [...(own.get(id) ?? []), life]);
    };
    await member.join(GROUP);
    return member;
  };

  const write = async (member: SocketMember, name: string, isLast: boolean, isOver: () => boolean): Promise<void> => {
    const own = unanswered.get(name) as string[];
    while (!isOver()) {
      while (!isLast && own.length < UNDER_WAY) own.push(`${name}-${next++}`);
      if (own.length === 0) return;
      const say = async (id: string): Promise<void> => {
        await member.say(`the text ${id}`, id);
        accepted.push(id);
        own.splice(own.indexOf(id), 1);
      };
      // one after the other, as they are to be read
      await Promise.all(own.slice(0, UNDER_WAY).map(say));
    }
  };

  const live = async (life: number, milliseconds: number | null): Promise<void> => {
    const network = await NetworkProcess.start(args);
    let isOver = false;
    const over = (): boolean => isOver;
    const members: SocketMember[] = [];
    for (const name of NAMES) members.push(await enter(network, name, life, over));
    const work = Promise.all(WRITERS.map((name, at) => write(members[at] as SocketMember, name, milliseconds === null, over))).catch(
      () => undefined,
    );
    if (milliseconds === null) {
      for (const end = Date.now() + PATIENCE; !isAllHeard() && Date.now() < end; ) await wait(20);
      // what was repeated would come now
      await wait(300);
    } else await wait(milliseconds);
    if (milliseconds === null) await network.stop();
    else await network.kill();
    isOver = true;
    if ([...unanswered.values()].some((ids) => ids.length > 0)) interrupted += 1;
    for (const member of members) await member.close().catch(() => undefined);
    await work;
  };

  for (let life = 0; life < kills; life++) await live(life, 20 + random() * LONGEST_LIFE);
  await live(kills, null);
  const order = [...(came.get('cleo') as Map<string, number[]>).keys()];
  const all = [...came.values()].flatMap((own) => [...own.values()]);
  return {
    ...{ kills, interrupted, accepted: accepted.length },
    lost: NAMES.flatMap((name) => accepted.filter((id) => !id.startsWith(name) && !came.get(name)?.has(id))).length,
    repeated: all.filter((lives) => lives.length > 1).length,
    twice: all.filter((lives) => new Set(lives).size < lives.length).length,
    outOfOrder: WRITERS.filter((name) => {
      const heard = [...(came.get(name) as Map<string, number[]>).keys()];
      return heard.join() !== order.filter((id) => !id.startsWith(name)).join();
    }).length,
    quickCheck: quickCheck(join(data, 'conference-log.db')),
  };
}

function quickCheck(path: string): string {
  const database = new SqliteDatabase(path, { readonly: true });
  try {
    return String(database.pragma('quick_check', { simple: true }));
  } finally {
    database.close();
  }
}
