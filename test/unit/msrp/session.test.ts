import { afterEach, describe, expect, it } from 'vitest';
import type { MsrpEngine } from '../../../electron/msrp/port.ts';
import { engine, Inbox, pair } from './harness.ts';

const engines: MsrpEngine[] = [];
async function two(): Promise<[MsrpEngine, MsrpEngine]> {
  const made: [MsrpEngine, MsrpEngine] = [await engine(), await engine()];
  engines.push(...made);
  return made;
}
afterEach(async () => {
  await Promise.all(engines.splice(0).map((made) => made.close()));
});

const text = (value: string): Uint8Array => Buffer.from(value);

describe('MSRP session', () => {
  it('R-SES-17 R-PF1-05: messages flow both ways over one connection', async () => {
    const [left, right] = await two();
    const inA = new Inbox();
    const inB = new Inbox();
    const { a, b } = await pair(left, right, inA, inB);
    await a.send({ contentType: 'text/plain', source: text('héllo €'), successReport: true });
    await b.send({ contentType: 'message/cpim', source: text('and back'), successReport: false });
    expect(inB.messages.map((m) => [m.head.contentType, m.octets.toString()])).toEqual([['text/plain', 'héllo €']]);
    expect(inA.messages.map((m) => [m.head.contentType, m.octets.toString()])).toEqual([['message/cpim', 'and back']]);
  });
});
