import type { Clock } from '../../shared/base/clock.ts';

/** The network runs inside an app: what goes wrong in a timer or at the end of a connection must not take that with it. */
export function guarded(log: (line: string) => void): (run: () => void) => void {
  return (run) => {
    try {
      run();
    } catch (thrown) {
      log(internal(thrown));
    }
  };
}

export function internal(thrown: unknown): string {
  return `internal error: ${thrown instanceof Error ? thrown.stack : String(thrown)}`;
}

/** The same, of timers. */
export function guardedClock(clock: Clock, safely: (run: () => void) => void): Clock {
  return { now: () => clock.now(), after: (milliseconds, run) => clock.after(milliseconds, () => safely(run)) };
}
