import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { Pace } from '../../../electron/msrp/pace.ts';
import type { MsrpEngine } from '../../../electron/msrp/port.ts';
import { headerValue } from '../../../shared/protocol/msrp/headers.ts';
import { engine, Inbox, RawPeer } from './harness.ts';

const engines: MsrpEngine[] = [];
afterEach(async () => {
  await Promise.all(engines.splice(0).map((made) => made.close()));
});

/** A link of so many octets a millisecond and so long a way, with buffers without bound, driven by a sender that always has more. */
function drive(pace: Pace, link: { rate: number; way: number }, ms: number, chunk = 65_536): { sent: number; waits: number[] } {
  const underWay: { writtenAt: number; answeredAt: number }[] = [];
  const waits: number[] = [];
  let [sent, free] = [0, 0];
  for (let now = 0; now < ms; now++) {
    while (underWay[0] !== undefined && underWay[0].answeredAt <= now) {
      const { writtenAt } = underWay.shift() as { writtenAt: number };
      pace.answered(now, writtenAt, underWay.length * chunk, chunk);
    }
    for (let written = 0; underWay.length * chunk < pace.allowance && written < 64; written++) {
      free = Math.max(free, now) + chunk / link.rate;
      underWay.push({ writtenAt: now, answeredAt: Math.ceil(free + link.way) });
      sent += chunk;
    }
    // what a chat message written now would wait for
    waits.push(Math.max(0, free - now));
  }
  return { sent, waits };
}

describe('how much of a message is under way', () => {
  it.each([
    ['a telephone, 250 kB/s, 80 ms', { rate: 250, way: 80 }],
    ['10 Mbit/s, 20 ms', { rate: 1250, way: 20 }],
    ['100 Mbit/s, 5 ms', { rate: 12_500, way: 5 }],
    ['10 Mbit/s over a satellite, 600 ms', { rate: 1250, way: 600 }],
  ])('%s: the link stays full, and what is in front of a chat message stays short', (_, link) => {
    const { sent, waits } = drive(new Pace(65_536), link, 60_000);
    expect(sent).toBeGreaterThan(link.rate * 60_000 * 0.9);
    // two chunks are the least that it holds on to, whatever they take
    const settled = waits.slice(20_000).sort((a, b) => a - b);
    expect(settled[Math.floor(settled.length * 0.95)]).toBeLessThan(Math.max(450, (4 * 65_536) / link.rate));
  });

  it('a fast and long way gets all that fits into it', () => {
    const link = { rate: 125_000, way: 100 };
    const { sent } = drive(new Pace(65_536), link, 20_000);
    expect(sent).toBeGreaterThan(link.rate * 20_000 * 0.8);
  });

  it('on a short way no more is under way than a receiver has room for while its disk writes', () => {
    const pace = new Pace(65_536);
    drive(pace, { rate: 700_000, way: 1 }, 5000);
    expect(pace.allowance).toBe(1_048_576);
  });

  it('a way that becomes longer does not slow it down for good', () => {
    const pace = new Pace(65_536);
    drive(pace, { rate: 1250, way: 10 }, 30_000);
    const link = { rate: 1250, way: 500 };
    expect(drive(pace, link, 60_000).sent).toBeGreaterThan(link.rate * 60_000 * 0.8);
  });

  it('a chat message is the next chunk on the wire after a file that waits for answers', async () => {
    const left = await engine();
    engines.push(left);
    const { port, peer, close } = await RawPeer.accept();
    const session = left.createSession(new Inbox());
    const connected = session.connect({ role: 'active', remotePath: [`msrp://127.0.0.1:${port}/far;tcp`] });
    const far = await peer;
    await far.until(() => far.requests().length === 1);
    far.answer(far.requests()[0] as never, 200);
    await connected;
    const file = session.send({
      messageId: 'file',
      contentType: 'a/b',
      source: randomBytes(4 << 20),
      successReport: false,
      chunkSize: 65_536,
    });
    file.catch(() => {});
    // as much as may be without an answer
    await far.until(() => far.requests().length === 17);
    const said = session.send({ messageId: 'said', contentType: 'text/plain', source: Buffer.from('hi'), successReport: false });
    await far.until(() => far.requests().length === 18);
    expect(headerValue(far.requests()[17]?.head as never, 'Message-ID')).toBe('said');
    // a longer chunk says that it may be cut short
    expect(headerValue(far.requests()[1]?.head as never, 'Byte-Range')).toBe('1-*/4194304');
    expect(headerValue(far.requests()[17]?.head as never, 'Byte-Range')).toBe('1-2/2');
    far.answer(far.requests()[17] as never, 200);
    await said;
    close();
  });
});
