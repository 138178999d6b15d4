import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { markForeign } from '../../../electron/msrp/foreign-mark.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';

const folder = temporaryFolder();

test('a file that came is marked for Windows by a stream beside it', async () => {
  const path = join(folder, 'setup.exe');
  writeFileSync(path, 'x');
  // another file to this system, a part of it to that one
  await markForeign(path, 'win32');
  expect(readFileSync(`${path}:Zone.Identifier`, 'latin1')).toBe('[ZoneTransfer]\r\nZoneId=3\r\n');
  expect(readFileSync(path, 'latin1')).toBe('x');
});

test('for macOS by an attribute, and not at all where there is no such mark', async () => {
  const ran: (readonly string[])[] = [];
  const run = async (program: string, args: readonly string[]): Promise<void> => void ran.push([program, ...args]);
  await markForeign('/x/setup.pkg', 'darwin', run);
  await markForeign('/x/setup.run', 'linux', run);
  expect(ran).toEqual([
    ['/usr/bin/xattr', '-w', 'com.apple.quarantine', expect.stringMatching(/^0081;[0-9a-f]{8};Parley;$/), '/x/setup.pkg'],
  ]);
});

test('one that cannot be marked is there all the same', async () => {
  await markForeign(join(folder, 'not', 'there'), 'win32');
  await markForeign('/x', 'darwin', () => Promise.reject(new Error('no attributes here')));
  expect(readdirSync(folder)).not.toContain('not');
});
