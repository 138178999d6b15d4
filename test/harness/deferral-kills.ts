import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import SqliteDatabase from 'better-sqlite3';
import { fromUtf8 } from '../../shared/base/bytes.ts';
import { encodeCpim } from '../../shared/protocol/cpim/cpim.ts';
import { ALL_DISPOSITIONS, makeCpim } from '../../shared/protocol/cpim/cpim-message.ts';
import type { SipRequest } from '../../shared/protocol/sip/message.ts';
import { NetworkProcess } from './network-process.ts';
import { sequence } from './sequence.ts';
import { SipPeer } from './sip-peer.ts';

/** ms between a start and the kill that ends it, at most */
const LONGEST_LIFE = 250;
/** messages that wait for their answer */
const UNDER_WAY = 10;
/** ms in which all that is left has to come once nobody is killed any more */
const PATIENCE = 60_000;

export interface DeferralKilled {
  readonly kills: number;
  /** that came while messages were being taken or delivered */
  readonly interrupted: number;
  readonly accepted: number;
  /** accepted, and never delivered */
  readonly lost: number;
  /** delivered more than once: the answer to the first time was not committed yet. A client shows it once, by its imdn.Message-ID */
  readonly repeated: number;
  /** delivered again by a network that had not been killed since */
  readonly twice: number;
  readonly quickCheck: string;
}

/**
 * One writes to somebody who comes and goes, while the network between them is killed at random moments; both are sockets, so that the
 * network alone is what is tested. Whatever was not answered is sent again, as a client does.
 */
export async function killDeferral(folder: string, { kills, seed }: { kills: number; seed: number }): Promise<DeferralKilled> {
  const random = sequence(seed);
  const data = join(folder, 'network');
  const args = ['--users', 'ann,ben', '--password', 'secret', '--data', data];
  const accepted: string[] = [];
  /** by message: in which lives it came */
  const came = new Map<string, number[]>();
  let next = 0;
  let unanswered: string[] = [];
  let interrupted = 0;

  const live = async (life: number, milliseconds: number | null): Promise<void> => {
    const network = await NetworkProcess.start(args);
    const devices: SipPeer[] = [];
    const connect = async (user: string): Promise<SipPeer> => {
      const account = network.announced.accounts.find((each) => each.user === user);
      if (account === undefined) throw new Error(`no account ${user}`);
      const peer = await SipPeer.connect(network.announced.address, account, `urn:uuid:00000000-0000-4000-8000-00000000000${user.length}`);
      devices.push(peer);
      return peer;
    };
    let isOver = false;
    const write = async (): Promise<void> => {
      const ann = await connect('ann');
      await ann.register();
      const one = async (id: string): Promise<void> => {
        const { status } = await ann.ask('MESSAGE', 'sip:ben@parley.example', {
          headers: [['Content-Type', 'message/cpim']],
          body: cpim(id),
        });
        if (status >= 300) throw new Error(`${id}: ${status}`);
        accepted.push(id);
        unanswered = unanswered.filter((each) => each !== id);
      };
      while (!isOver) {
        const ids = unanswered.slice(0, UNDER_WAY);
        while (milliseconds !== null && ids.length < UNDER_WAY) ids.push(String(next++));
        if (ids.length === 0) return;
        unanswered = [...new Set([...unanswered, ...ids])];
        await Promise.all(ids.map(one));
      }
    };
    const read = async (): Promise<void> => {
      if (milliseconds !== null) await wait(random() * milliseconds);
      const ben = await connect('ben');
      await ben.register();
      while (!isOver) {
        const request = (await ben.next((message) => message.kind === 'request', PATIENCE)) as SipRequest;
        const id = /imdn\.Message-ID: (\d+)/.exec(fromUtf8(request.body))?.[1] ?? '';
        came.set(id, [...(came.get(id) ?? []), life]);
        ben.answer(request, 200, 'OK');
        if (milliseconds === null && accepted.every((each) => came.has(each)) && unanswered.length === 0) return;
      }
    };
    const work = Promise.all([write(), read()]).then(
      () => true,
      () => false,
    );
    if (milliseconds === null) {
      await Promise.race([work, wait(PATIENCE)]);
      // what was repeated would come now
      await wait(300);
      isOver = true;
      for (const peer of devices) await peer.close().catch(() => undefined);
      await network.stop();
      return;
    }
    const ended = await Promise.race([work, wait(milliseconds * 2).then(() => null)]);
    await network.kill();
    isOver = true;
    if (ended === null) interrupted += 1;
    for (const peer of devices) await peer.close().catch(() => undefined);
    await work;
  };

  for (let life = 0; life < kills; life++) await live(life, 20 + random() * LONGEST_LIFE);
  await live(kills, null);
  const all = [...came.entries()];
  return {
    kills,
    interrupted,
    accepted: accepted.length,
    lost: accepted.filter((id) => !came.has(id)).length,
    repeated: all.filter(([, lives]) => lives.length > 1).length,
    twice: all.filter(([, lives]) => new Set(lives).size < lives.length).length,
    quickCheck: quickCheck(join(data, 'deferral.db')),
  };
}

function cpim(id: string): string {
  const message = makeCpim({
    ...{ from: 'sip:ann@parley.example', to: 'sip:ben@parley.example', dateTime: new Date().toISOString(), imdnMessageId: id },
    ...{ dispositions: ALL_DISPOSITIONS, contentType: 'text/plain', content: `the message ${id}` },
  });
  return fromUtf8(encodeCpim(message));
}

function quickCheck(path: string): string {
  const database = new SqliteDatabase(path, { readonly: true });
  try {
    return String(database.pragma('quick_check', { simple: true }));
  } finally {
    database.close();
  }
}
