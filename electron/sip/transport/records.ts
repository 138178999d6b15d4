import type { NaptrRecord, SrvRecord } from '../port.ts';

/** What a NAPTR record leads to (RFC 3263 section 4.1). */
export interface NaptrStep {
  readonly name: string;
  readonly kind: 'srv' | 'address';
}

/**
 * The records of one service in the order they are to be followed: by order, then by preference; those after the lowest order that fits
 * are not for us (RFC 3403 section 4.1). @param service `SIPS+D2T`
 */
export function orderNaptr(records: readonly NaptrRecord[], service: string): NaptrStep[] {
  const fitting = records
    .filter((record) => record.service.toUpperCase() === service && record.regexp === '' && /^[sa]$/i.test(record.flags))
    .sort((one, other) => one.order - other.order || one.preference - other.preference);
  return fitting
    .filter(({ order }) => order === fitting[0]?.order)
    .map(({ replacement, flags }) => ({ name: replacement, kind: flags.toLowerCase() === 's' ? 'srv' : 'address' }));
}

/**
 * The order to try servers in (RFC 2782): by priority; within one, each next is drawn by weight from those that are left, where weight 0
 * has a very small chance. @param random in [0, 1)
 */
export function orderServers(records: readonly SrvRecord[], random: () => number): SrvRecord[] {
  const left = [...records].sort((one, other) => one.priority - other.priority || one.weight - other.weight);
  const ordered: SrvRecord[] = [];
  while (left.length > 0) {
    const group = left.filter(({ priority }) => priority === left[0]?.priority);
    const sum = group.reduce((total, { weight }) => total + weight, 0);
    const drawn = Math.floor(random() * (sum + 1));
    let running = 0;
    const at = group.findIndex(({ weight }) => {
      running += weight;
      return running >= drawn;
    });
    ordered.push(...left.splice(Math.max(0, at), 1));
  }
  return ordered;
}
