import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { bufferOctets } from '../../electron/msrp/octets.ts';
import { encodeFrame } from '../../shared/protocol/msrp/codec.ts';
import { decodeFrame, MsrpFramer } from '../../shared/protocol/msrp/framer.ts';
import { byteRangeOf, headerValue, statusOf } from '../../shared/protocol/msrp/headers.ts';

const folder = new URL('./examples/', import.meta.url);
const names = readdirSync(folder)
  .filter((name) => name.endsWith('.msrp'))
  .sort();
const octetsOf = (name: string): Buffer => readFileSync(new URL(name, folder));

describe('MSRP examples', () => {
  it('are there', () => {
    expect(names.filter((name) => name.startsWith('F11-'))).toHaveLength(7);
  });

  it.each(names)('%s decodes and encodes to the same octets', (name) => {
    const octets = octetsOf(name);
    expect(Buffer.from(encodeFrame(decodeFrame(octets))).equals(octets)).toBe(true);
  });

  it('F11 is one file of 5000 octets in three chunks, all answered, and a success REPORT', () => {
    const framer = new MsrpFramer(bufferOctets);
    framer.push(Buffer.concat(names.filter((name) => name.startsWith('F11-')).map(octetsOf)));
    const heads: string[] = [];
    let octets = 0;
    for (let event = framer.next(); event !== null; event = framer.next()) {
      const { head } = framer;
      if (event === 'body') octets += framer.body.length;
      if (event !== 'end' || head === null) continue;
      const range = byteRangeOf(head);
      heads.push(
        `${head.kind === 'request' ? head.method : head.status} ${range === null ? '' : `${range.start}-${range.end}/${range.total}`} ${framer.flag}`,
      );
      if (head.kind === 'request' && head.method === 'REPORT')
        expect(statusOf(head)).toEqual({ namespace: '000', code: 200, comment: 'OK' });
      if (head.kind === 'request' && head.method === 'SEND') expect(headerValue(head, 'content-type')).toBe('image/jpeg');
    }
    expect(octets).toBe(5000);
    expect(heads.filter((head) => head.startsWith('SEND'))).toEqual([
      'SEND 1-2048/5000 +',
      'SEND 2049-4096/5000 +',
      'SEND 4097-5000/5000 $',
    ]);
    expect(heads.filter((head) => head.startsWith('200'))).toHaveLength(3);
    expect(heads.at(-1)).toBe('REPORT 1-5000/5000 $');
  });
});
