import { afterEach, describe, expect, it } from 'vitest';
import { MemoryTextPlane } from '../../../../electron/home-network/conference/text/memory-plane.ts';
import type { Hall, Seat, TextMember } from '../../../../electron/home-network/conference/text/port.ts';
import { createMsrpEngine } from '../../../../electron/msrp/engine.ts';
import type { MsrpEngine, MsrpSession } from '../../../../electron/msrp/port.ts';
import { concatBytes, fromUtf8, utf8 } from '../../../../shared/base/bytes.ts';
import { systemClock } from '../../../../shared/base/clock.ts';

const opened: MsrpEngine[] = [];
afterEach(async () => {
  for (const engine of opened.splice(0)) await engine.close();
});

async function engine(): Promise<MsrpEngine> {
  const made = createMsrpEngine();
  opened.push(made);
  await made.listen({ host: '127.0.0.1', port: 0 });
  return made;
}

const member = (name: string): TextMember => ({
  address: `sip:${name}@home1.example`,
  entity: `sip:${name}@home1.example`,
  displayName: name,
});

/** Somebody's device in the room. */
async function present(hall: Hall, name: string): Promise<{ readonly session: MsrpSession; readonly seat: Seat; readonly got: string[] }> {
  const got: string[] = [];
  const session = (await engine()).createSession({
    onMessage: () => {
      const parts: Uint8Array[] = [];
      return {
        write: (_, octets) => void parts.push(octets.slice()),
        complete: () => void got.push(fromUtf8(concatBytes(parts))),
        abort: () => undefined,
      };
    },
    onClosed: () => undefined,
  });
  const seat = hall.seat({ address: member(name).address, instance: `urn:uuid:${name}` }, { broken: () => undefined });
  const types = { acceptTypes: ['message/cpim'], acceptWrappedTypes: ['*'], maxSize: null, chunkSize: 10_240 };
  const both = Promise.all([
    seat.connect({ ...types, role: 'passive', remotePath: [session.localUri], via: undefined, maySpeak: true, mayHear: true }),
    session.connect({ role: 'active', remotePath: [seat.session.localUri] }),
  ]);
  await both;
  return { session, seat, got };
}

const said = (from: string, text: string) =>
  utf8(`From: <sip:${from}@home1.example>\r\nTo: <sip:cpm-conf-x@home1.example>\r\n\r\nContent-Type: text/plain\r\n\r\n${text}`);

describe('the text plane of a group', () => {
  it('two talk: each has what the other says, from him and to himself', async () => {
    const plane = new MemoryTextPlane({ msrp: await engine(), clock: systemClock });
    const absent: string[][] = [];
    const hall = await plane.open('g', ['alice', 'bob', 'carol'].map(member), { spoken: (who) => void absent.push([...who]) });
    const [alice, bob] = [await present(hall, 'alice'), await present(hall, 'bob')];
    await alice.session.send({ contentType: 'message/cpim', source: said('carol', 'hello'), successReport: false });
    await expect.poll(() => bob.got, { timeout: 15_000 }).toHaveLength(1);
    expect(bob.got[0]).toMatch(/^From: "alice" <sip:alice@home1\.example>\r\nTo: <sip:bob@home1\.example>\r\n.*hello$/s);
    expect(alice.got).toEqual([]);
    expect(absent).toEqual([[member('carol').address]]);
    expect([await hall.awaits(member('carol').address), await hall.awaits(member('bob').address)]).toEqual([true, false]);
    const carol = await present(hall, 'carol');
    await expect.poll(() => carol.got, { timeout: 15_000 }).toHaveLength(1);
    await plane.close();
  });
});
