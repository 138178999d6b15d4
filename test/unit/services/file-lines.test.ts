import { describe, expect, test } from 'vitest';
import { FileLines } from '../../../electron/services/transfers/file-lines.ts';
import { Turns } from '../../../electron/services/transfers/turns.ts';
import { makeFileMedia, makeOrigin } from '../../../shared/protocol/sdp/file-offer.ts';
import type { MsrpMedia } from '../../../shared/protocol/sdp/msrp-media.ts';
import { settle } from '../../harness/manual-clock.ts';

const file = (name: string) =>
  makeFileMedia({
    place: { protocol: 'TCP/MSRP', address: '192.0.2.10', port: 2855, path: [`msrp://192.0.2.10:2855/${name};tcp`] },
    name,
    type: 'text/plain',
    size: 5,
    hashes: [],
    transferId: `id-of-${name}`,
  });
const described = (lines: FileLines) =>
  (lines.describe().media as MsrpMedia[]).map(({ port, fileTransferId, path }) => [port, fileTransferId, path[0]?.slice(22, -4)]);

describe('the m-lines of a dialog', () => {
  test('R-FT-17 R-FT-18: a line that is over is used again, the others get port 0 and keep their ids; the version rises by one', () => {
    const lines = new FileLines(makeOrigin('192.0.2.10', 7));
    expect(lines.take([file('a'), file('b')]).places).toEqual([0, 1]);
    expect(lines.describe().origin.version).toBe('7');
    lines.end(0);
    lines.end(1);
    expect(lines.take([file('c')]).places).toEqual([0]);
    expect(described(lines)).toEqual([
      [2855, 'id-of-c', '/c'],
      [0, 'id-of-b', '/b'],
    ]);
    expect(lines.describe().origin.version).toBe('9');
    expect(lines.take([file('d'), file('e')]).places).toEqual([1, 2]);
  });

  test('an offer that was refused leaves them as they were', () => {
    const lines = new FileLines(makeOrigin('192.0.2.10', 7));
    lines.take([file('a')]);
    const before = described(lines);
    lines.take([file('b'), file('c')]).undo();
    expect(described(lines)).toEqual(before);
    lines.end(0);
    lines.take([file('b')]).undo();
    expect(described(lines)).toEqual([[0, 'id-of-a', '/a']]);
    expect(lines.room).toBe(32);
  });
});

describe('turns', () => {
  test('are so many at once; the others wait in order, and whoever gives up leaves the queue', async () => {
    const told: (readonly number[])[] = [];
    const turns = new Turns(2, (waiting) => told.push(waiting));
    const signal = new AbortController().signal;
    const first = await turns.take(1, signal);
    await turns.take(2, signal);
    const gone = new AbortController();
    const third = turns.take(3, gone.signal);
    const fourth = turns.take(4, signal);
    expect(turns.waiting).toEqual([3, 4]);
    gone.abort(new Error('enough'));
    await expect(third).rejects.toThrow('enough');
    first();
    first();
    await fourth;
    let isFifth = false;
    void turns.take(5, signal).then(() => {
      isFifth = true;
    });
    await settle();
    expect(isFifth).toBe(false);
    expect(told).toEqual([[3], [3, 4], [4], [], [5]]);
    await expect(turns.take(6, AbortSignal.abort(new Error('before')))).rejects.toThrow('before');
  });
});
