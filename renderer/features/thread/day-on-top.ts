import type { VirtualizerHandle } from 'virtua/svelte';
import type { Row } from './rows.ts';

/** px that a date needs at the top */
const STICKY = 36;
/** px that belong to the row before */
const OVERLAP = 8;

/** The time of what is on top of the list, ms since the epoch; null where a date separator there says it already. @param scrollTop px */
export function dayOnTop(
  list: Pick<VirtualizerHandle, 'findItemIndex' | 'getItemOffset'>,
  rows: readonly Pick<Row, 'at' | 'newDay'>[],
  scrollTop: number,
): number | null {
  const at = list.findItemIndex(scrollTop + OVERLAP);
  const top = rows[at];
  if (top === undefined || scrollTop < OVERLAP) return null;
  for (let next = at; next < rows.length && list.getItemOffset(next) < scrollTop + STICKY; next++) {
    if (rows[next]?.newDay && list.getItemOffset(next) > scrollTop - STICKY) return null;
  }
  return top.at;
}
