import { readdirSync, readFileSync } from 'node:fs';
import { Core } from 'sip.js';
import type { BenchResult } from '../../build/lib/bench-result.ts';
import { toBinaryString } from '../../shared/base/bytes.ts';
import { decodeSip, encodeSip } from '../../shared/protocol/sip/codec.ts';
import { SipFramer } from '../../shared/protocol/sip/framer.ts';
import { essentials } from '../../shared/protocol/sip/validate.ts';

const EXAMPLES = new URL('../vectors/examples/', import.meta.url);
const ROUNDS = 5;
const ROUND_MS = 600;
const SILENT = { debug() {}, log() {}, warn() {}, error() {}, genericLog() {}, category: '', label: undefined, level: 0 };

/** Messages a second over the wire examples, the fields that every element needs taken apart as well: sip.js does that in its parser. */
export async function run(): Promise<BenchResult[]> {
  const messages = readdirSync(EXAMPLES)
    .filter((name) => name.endsWith('.sip'))
    .map((name) => new Uint8Array(readFileSync(new URL(name, EXAMPLES))));
  const texts = messages.map(toBinaryString);
  const decoded = messages.map((octets) => decodeSip(octets));
  const stream = Buffer.concat(messages);

  const rates = { ours: [] as number[], theirs: [] as number[], encode: [] as number[], frame: [] as number[] };
  for (let round = 0; round < ROUNDS; round++) {
    rates.ours.push(perSecond(messages.length, () => messages.forEach((octets) => void essentials(decodeSip(octets)))));
    rates.theirs.push(perSecond(texts.length, () => texts.forEach((text) => void Core.Parser.parseMessage(text, SILENT as never))));
    rates.encode.push(perSecond(decoded.length, () => decoded.forEach((message) => void encodeSip(message))));
    rates.frame.push(perSecond(messages.length, () => void new SipFramer().push(stream)));
  }
  const [ours, theirs, encode, frame] = [rates.ours, rates.theirs, rates.encode, rates.frame].map(median) as [
    number,
    number,
    number,
    number,
  ];
  return [
    {
      name: 'SIP: decode and take apart the wire examples',
      ratio: ours / theirs,
      against: "sip.js's parser",
      figures: {
        oursPerSecond: Math.round(ours),
        theirsPerSecond: Math.round(theirs),
        encodedPerSecond: Math.round(encode),
        framedPerSecond: Math.round(frame),
      },
    },
  ];
}

/** @param count messages that one call of `work` handles */
function perSecond(count: number, work: () => void): number {
  work();
  let calls = 0;
  const began = performance.now();
  let elapsed = 0;
  while (elapsed < ROUND_MS) {
    work();
    calls++;
    elapsed = performance.now() - began;
  }
  return (calls * count * 1000) / elapsed;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}
