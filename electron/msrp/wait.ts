import type { Clock } from '../../shared/base/clock.ts';
import { ParleyError } from '../../shared/base/errors.ts';

/** What can end a wait. */
export interface Wait<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: ParleyError) => void;
}

export interface WaitTerms {
  readonly limitMs: number;
  /** said where the time is over */
  readonly late: string;
  readonly signal: AbortSignal | undefined;
  /** called once it has ended, whatever ended it */
  readonly over: () => void;
}

/**
 * A wait that ends by what `begin` starts, by the time or by the signal.
 * @throws ParleyError `msrp.timeout`, `msrp.lost` when the signal fires
 */
export function waitFor<T>(clock: Clock, { limitMs, late, signal, over }: WaitTerms, begin: (wait: Wait<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const done = (): void => {
      cancel();
      signal?.removeEventListener('abort', onAbort);
      over();
    };
    const wait: Wait<T> = {
      resolve: (value) => {
        done();
        resolve(value);
      },
      reject: (error) => {
        done();
        reject(error);
      },
    };
    const onAbort = (): void => wait.reject(new ParleyError('msrp.lost', 'given up'));
    const cancel = clock.after(limitMs, () => wait.reject(new ParleyError('msrp.timeout', late)));
    signal?.addEventListener('abort', onAbort, { once: true });
    begin(wait);
  });
}
