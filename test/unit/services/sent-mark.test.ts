import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { isInterruption } from '../../../electron/services/transfers/booking.ts';
import { SentMark, takeSentMark } from '../../../electron/services/transfers/sent-mark.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';

const partial = join(temporaryFolder(), 'partial');
const file = { id: 7, size: 1000 };

test('R-AD-07: how far a file got is known after the process died, once', async () => {
  const mark = await SentMark.open({ partial }, file.id);
  mark.note(400);
  mark.note(600);
  expect(await takeSentMark({ partial }, file)).toBe(600);
  expect(await takeSentMark({ partial }, file)).toBeNull();
  await mark.remove();
});

test('nothing is left of it once the store knows', async () => {
  const mark = await SentMark.open({ partial }, file.id);
  mark.note(600);
  await mark.remove();
  mark.note(700);
  expect(readdirSync(partial)).toEqual([]);
});

test.each([
  ['nothing', Buffer.alloc(0)],
  ['a part', Buffer.alloc(7)],
  ['more than there is', number(1001)],
  ['less than nothing', number(-1)],
  ['no number', number(Number.NaN)],
  ['a fraction', number(0.5)],
])('%s where it should stand is not believed', async (_, octets) => {
  mkdirSync(partial, { recursive: true });
  writeFileSync(join(partial, '7.sent'), octets);
  expect(await takeSentMark({ partial }, file)).toBeNull();
  expect(existsSync(join(partial, '7.sent'))).toBe(false);
});

test('where it cannot be kept the file leaves all the same', async () => {
  const blocked = join(partial, 'blocked');
  writeFileSync(blocked, '');
  const mark = await SentMark.open({ partial: blocked }, file.id);
  mark.note(600);
  await mark.remove();
  expect(await takeSentMark({ partial: blocked }, file)).toBeNull();
});

test.each([
  ['481 Session does not exist', true],
  ['506 Session bound to another connection', true],
  ['403 No', false],
  ['4812', false],
])('R-AD-07: MSRP %s: taken up again is %s', (detail, expected) => {
  expect(isInterruption({ code: 'msrp.refused', detail })).toBe(expected);
});

function number(value: number): Buffer {
  const octets = Buffer.alloc(8);
  octets.writeDoubleLE(value);
  return octets;
}
