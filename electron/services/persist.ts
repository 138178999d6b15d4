import { toCodedError } from '../../shared/base/errors.ts';
import type { ServiceContext } from './context.ts';

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30_000;

/**
 * Writes down what has happened already. A disk without room is no reason to forget it: the write is repeated until there is some, or until
 * the store is closed. Whoever waits for it holds its place meanwhile, so nothing is sent twice.
 */
export async function persist<T>({ clock, log }: Pick<ServiceContext, 'clock' | 'log'>, write: () => Promise<T>): Promise<T> {
  for (let wait = FIRST_WAIT_MS; ; wait = Math.min(LONGEST_WAIT_MS, wait * 2)) {
    try {
      return await write();
    } catch (thrown) {
      const { code, detail } = toCodedError(thrown);
      if (code !== 'store.full') throw thrown;
      log(`the store has no room, next try in ${wait / 1000} s: ${detail}`);
      await new Promise<void>((resolve) => void clock.after(wait, resolve));
    }
  }
}
