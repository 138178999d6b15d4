import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Hall, Seat, SeatMedia } from '../../electron/home-network/conference/text/port.ts';
import type { MsrpEngine, MsrpSession, SessionHandlers } from '../../electron/msrp/port.ts';
import { fromUtf8 } from '../../shared/base/bytes.ts';
import { ParleyError } from '../../shared/base/errors.ts';
import { addressOf, memberOf, TextRoom, textOf } from '../harness/hall.ts';
import { ManualClock, settle } from '../harness/manual-clock.ts';

const NAMES = ['alice', 'bob', 'carol'];
/** two of alice, one of each other */
const DEVICES = ['alice 1', 'alice 2', 'bob 1', 'carol 1'];
/** more than what a group has in memory */
const BURST = 260;
const MEDIA: SeatMedia = {
  ...{ role: 'passive' as const, remotePath: [], via: undefined, acceptTypes: ['*'], acceptWrappedTypes: ['*'], maxSize: null },
  ...{ chunkSize: 10_240, maySpeak: true, mayHear: true },
};

interface Pending {
  readonly resolve: () => void;
  readonly reject: (error: ParleyError) => void;
}

/** The other end of a session, which answers when it is told to. */
class End {
  readonly handlers: SessionHandlers;
  readonly pending: Pending[] = [];
  /** who hears what comes; answers at once where there is nobody to wait for */
  hears: (text: string) => void = () => undefined;
  isPrompt = false;

  constructor(handlers: SessionHandlers) {
    this.handlers = handlers;
  }

  send(octets: Uint8Array): Promise<void> {
    this.hears(fromUtf8(octets));
    if (this.isPrompt) return Promise.resolve();
    return new Promise((resolve, reject) => this.pending.push({ resolve, reject }));
  }

  lose(): void {
    const error = new ParleyError('msrp.lost', 'cut');
    for (const { reject } of this.pending.splice(0)) reject(error);
    this.handlers.onClosed(error);
  }

  async say(octets: Uint8Array): Promise<void> {
    const sink = this.handlers.onMessage({
      ...{ messageId: 'm', contentType: 'message/cpim', total: octets.length, successReport: false, failureReport: 'yes', headers: [] },
    });
    if ('refuse' in sink) throw new Error(`refused: ${sink.refuse}`);
    await sink.write(0, octets);
    await sink.complete(octets.length);
  }
}

const device = fc.constantFrom(...DEVICES);
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('say' as const), device, size: fc.constantFrom(5, 5, 11_000) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('burst' as const), device }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('enter' as const), device }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('leave' as const), device }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('lose' as const), device }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('answer' as const), device, which: fc.nat(70), many: fc.nat(80) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove' as const), device }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'pass' as const }) },
);

it('whoever comes, goes, answers late or is cut off: each device has each entry that is for it once, in the order of the log', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const ends: End[] = [];
      const clock = new ManualClock();
      const createSession = (handlers: SessionHandlers): MsrpSession => {
        const end = new End(handlers);
        ends.push(end);
        return {
          ...{ localUri: '', announce: () => Promise.reject(new Error('not here')), connect: async () => undefined },
          send: ({ source }) => end.send(source as Uint8Array),
          close: async () => undefined,
        };
      };
      const room = await TextRoom.start({ msrp: { createSession } as unknown as MsrpEngine, clock });
      const hall: Hall = await room.open(NAMES);
      const present = new Map<string, { readonly seat: Seat; readonly end: End }>();
      /** by device: what is for it, and what came */
      const wanted = new Map<string, string[]>(DEVICES.map((name) => [name, []]));
      const came = new Map<string, string[]>(DEVICES.map((name) => [name, []]));
      let said = 0;
      const enter = async (name: string, isPrompt = false): Promise<void> => {
        const [user = '', number = ''] = name.split(' ');
        const seat = hall.seat({ address: addressOf(user), instance: number }, { broken: () => present.delete(name) });
        const end = ends.at(-1) as End;
        end.isPrompt = isPrompt;
        end.hears = (text) => {
          const id = /(\d+) x*$/.exec(text)?.[1] ?? '?';
          const all = came.get(name) as string[];
          // a client knows what it has by its imdn.Message-ID
          if (!all.includes(id)) all.push(id);
        };
        present.set(name, { seat, end });
        await seat.connect(MEDIA);
      };
      const say = async (name: string, size: number): Promise<void> => {
        const [user = ''] = name.split(' ');
        const id = String(said++);
        await present.get(name)?.end.say(textOf(user, `${id} ${'x'.repeat(size)}`, id));
        for (const [other, all] of wanted) if (!other.startsWith(user)) all.push(id);
      };
      // each has been there once: a device that nobody has seen has what another one of its member has
      for (const name of DEVICES) await enter(name);
      for (const one of steps) {
        if (one.kind === 'pass') {
          await clock.advance(1_500);
          continue;
        }
        const here = present.get(one.device);
        if (one.kind === 'enter') await enter(one.device);
        else if (here === undefined) continue;
        else if (one.kind === 'say') await say(one.device, one.size);
        else if (one.kind === 'burst') for (let n = 0; n < BURST; n++) await say(one.device, 5);
        else if (one.kind === 'leave') {
          present.delete(one.device);
          await here.seat.leave();
        } else if (one.kind === 'lose') here.end.lose();
        else if (one.kind === 'answer') {
          for (let n = 0; n <= one.many; n++) here.end.pending.splice(one.which % Math.max(1, here.end.pending.length), 1)[0]?.resolve();
        } else {
          const [user = ''] = one.device.split(' ');
          for (const name of DEVICES.filter((each) => each.startsWith(user))) {
            present.delete(name);
            wanted.set(name, []);
            came.set(name, []);
          }
          await hall.expel(addressOf(user));
          await hall.admit(memberOf(user));
          for (const name of DEVICES.filter((each) => each.startsWith(user))) await enter(name);
        }
        await settle();
      }
      for (const name of DEVICES) await enter(name, true);
      const isThere = (): boolean => DEVICES.every((name) => came.get(name)?.length === wanted.get(name)?.length);
      for (let n = 0; n < 2_000 && !isThere(); n++) await settle();
      expect(Object.fromEntries(came)).toEqual(Object.fromEntries(wanted));
      const waiting = (): Promise<boolean[]> => Promise.all(NAMES.map((name) => hall.awaits(addressOf(name))));
      for (let n = 0; n < 200 && (await waiting()).includes(true); n++) await settle();
      expect(await waiting()).toEqual([false, false, false]);
      await room.close();
    }),
    { numRuns: 60 },
  );
}, 120_000);
