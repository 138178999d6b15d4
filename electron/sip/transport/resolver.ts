import { lookup, Resolver as NodeResolver } from 'node:dns/promises';
import type { Resolver } from '../port.ts';

/**
 * The resolver of the system. Addresses come the way every other program gets them, with the hosts file and in the order of RFC 6724.
 */
export function systemResolver(): Resolver {
  const resolver = new NodeResolver({ timeout: 1500, tries: 2 });
  return {
    naptr: (name) => resolver.resolveNaptr(name),
    srv: (name) => resolver.resolveSrv(name),
    addresses: async (name) => (await lookup(name, { all: true, verbatim: true })).map(({ address }) => address),
  };
}
