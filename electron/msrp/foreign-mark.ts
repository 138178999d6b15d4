import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';

/** as Windows has it for whatever came from the internet (MS-FSCC, "Zone.Identifier") */
const ZONE = '[ZoneTransfer]\r\nZoneId=3\r\n';
/** a program of this system answers at once, ms */
const PATIENCE = 5000;

/**
 * Marks a file as one that came from elsewhere, so that the system itself asks before it runs: a stream beside the file on Windows, an
 * attribute on macOS; Linux knows no such mark. The mark stays with the file when it is renamed. A disk that cannot keep it gets a file without.
 */
export async function markForeign(
  path: string,
  platform: NodeJS.Platform = process.platform,
  run: (program: string, args: readonly string[]) => Promise<unknown> = (program, args) =>
    promisify(execFile)(program, args, { timeout: PATIENCE }),
): Promise<void> {
  try {
    if (platform === 'win32') await writeFile(`${path}:Zone.Identifier`, ZONE);
    // flags: 0x01 downloaded, 0x80 not yet agreed to; then when, and by what
    if (platform === 'darwin') {
      const when = Math.floor(Date.now() / 1000).toString(16);
      await run('/usr/bin/xattr', ['-w', 'com.apple.quarantine', `0081;${when};Parley;`, path]);
    }
  } catch {
    // a file without the mark is better than none
  }
}
