import type { Clock } from '../../shared/base/clock.ts';
import type { Link } from './context.ts';

/** a try that takes longer may wait for a server that is gone, ms */
const ASK_AFTER_MS = 3000;

/** Has the link proven again and again for as long as something that was sent over it, or beside it, is not answered. */
export async function proven<T>(link: Link, clock: Clock, work: Promise<T>): Promise<T> {
  let cancel: () => void = () => undefined;
  const ask = (): void => {
    cancel = clock.after(ASK_AFTER_MS, () => {
      link.agent.prove();
      ask();
    });
  };
  ask();
  return work.finally(() => cancel());
}
