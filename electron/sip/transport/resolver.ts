import { lookup, Resolver as NodeResolver } from 'node:dns/promises';
import type { Resolver } from '../port.ts';

/**
 * Longest wait for one answer, ms. There are networks that drop the questions they do not know, and time must be left to ask for addresses
 * then; several name servers would be waited for one after the other.
 */
const ANSWER_MS = 2_500;

/**
 * The resolver of the system. Addresses come the way every other program gets them, with the hosts file and in the order of RFC 6724.
 * @param nameServers `address:port` for NAPTR and SRV; those of the system when left out
 */
export function systemResolver(nameServers?: readonly string[]): Resolver {
  return {
    naptr: (name) => asked(nameServers, (resolver) => resolver.resolveNaptr(name)),
    srv: (name) => asked(nameServers, (resolver) => resolver.resolveSrv(name)),
    addresses: async (name) => (await lookup(name, { all: true, verbatim: true })).map(({ address }) => address),
  };
}

async function asked<T>(nameServers: readonly string[] | undefined, ask: (resolver: NodeResolver) => Promise<T>): Promise<T> {
  const resolver = new NodeResolver({ timeout: 1_000, tries: 2 });
  if (nameServers !== undefined) resolver.setServers(nameServers);
  const timer = setTimeout(() => resolver.cancel(), ANSWER_MS);
  try {
    return await ask(resolver);
  } finally {
    clearTimeout(timer);
  }
}
