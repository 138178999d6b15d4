import { open } from 'node:fs/promises';
import { ParleyError } from '../../shared/base/errors.ts';

/**
 * Reads a text file a person wrote for an account. @param what stands before the reason, like `caFile: `
 * @throws ParleyError `account.malformed`
 */
export async function readSmallFile(path: string, maximum: number, what = ''): Promise<string> {
  try {
    const file = await open(path, 'r');
    try {
      const buffer = Buffer.alloc(maximum + 1);
      const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
      if (bytesRead > maximum) throw new ParleyError('account.malformed', `${what}the file is too large`);
      return buffer.toString('utf8', 0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (thrown) {
    if (thrown instanceof ParleyError) throw thrown;
    const code = (thrown as NodeJS.ErrnoException).code ?? 'unknown';
    throw new ParleyError('account.malformed', `${what}the file cannot be read (${code})`, { cause: thrown });
  }
}
