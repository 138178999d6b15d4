import { ParleyError } from '../../../shared/base/errors.ts';
import type { ProxyAddress, SipTransport } from '../../../shared/model/account.ts';
import type { Resolver, SrvRecord } from '../port.ts';
import type { Target } from './connect.ts';
import { orderNaptr, orderServers } from './records.ts';

/** addresses tried in one go at most: a zone must not keep us busy for ever */
const MAX_TARGETS = 10;

interface Naming {
  /** RFC 3263 section 4.1, RFC 7118 section 5.5 */
  readonly service: string;
  /** before the domain where NAPTR says nothing; RFC 7118 names none */
  readonly srvPrefix: string | null;
  readonly port: number;
}

const NAMING: Record<SipTransport, Naming> = {
  tcp: { service: 'SIP+D2T', srvPrefix: '_sip._tcp', port: 5060 },
  tls: { service: 'SIPS+D2T', srvPrefix: '_sips._tcp', port: 5061 },
  wss: { service: 'SIPS+D2W', srvPrefix: null, port: 443 },
};

export function defaultPort(transport: SipTransport): number {
  return NAMING[transport].port;
}

/**
 * Where to connect to for a proxy given by name, in the order to try (RFC 3263 section 4): NAPTR, SRV, then addresses; with a port given
 * addresses only. Asked afresh each time. A resolver that knows no NAPTR or SRV, or fails at them, leads to the next step.
 * @throws ParleyError `link.unreachable` when there is nothing to connect to
 */
export async function locate(proxy: ProxyAddress, transport: SipTransport, resolver: Resolver, random: () => number): Promise<Target[]> {
  const { host, port } = proxy;
  const servers = port === null ? await serversOf(host, transport, resolver, random) : [{ name: host, port }];
  if (servers.length === 0) throw new ParleyError('link.unreachable', `${host}: the domain says that it has no ${transport} service`);
  let trouble = '';
  const resolved = await Promise.all(
    servers.slice(0, MAX_TARGETS).map(async ({ name, port: at }) => {
      try {
        return (await resolver.addresses(name)).map((address): Target => ({ address, port: at }));
      } catch (thrown) {
        trouble ||= (thrown as NodeJS.ErrnoException).code ?? 'unknown';
        return [];
      }
    }),
  );
  const targets = resolved.flat().slice(0, MAX_TARGETS);
  if (targets.length === 0) throw new ParleyError('link.unreachable', `${host}: no address found${trouble === '' ? '' : ` (${trouble})`}`);
  return targets;
}

interface Server {
  readonly name: string;
  readonly port: number;
}

async function serversOf(host: string, transport: SipTransport, resolver: Resolver, random: () => number): Promise<Server[]> {
  const { service, srvPrefix, port } = NAMING[transport];
  const steps = orderNaptr(await orNone(() => resolver.naptr(host)), service);
  const named = await Promise.all(
    steps.map(async ({ name, kind }) => (kind === 'address' ? [{ name, port }] : usable(await srvOf(name, resolver, random)))),
  );
  if (named.flat().length > 0) return named.flat();
  const records = srvPrefix === null ? [] : await srvOf(`${srvPrefix}.${host}`, resolver, random);
  if (records.length > 0) return usable(records);
  return [{ name: host, port }];
}

async function srvOf(name: string, resolver: Resolver, random: () => number): Promise<SrvRecord[]> {
  return orderServers(await orNone(() => resolver.srv(name)), random);
}

/** RFC 2782: the target "." says that there is no such service. */
function usable(records: readonly SrvRecord[]): Server[] {
  return records.filter(({ name, port }) => name !== '' && name !== '.' && port > 0).map(({ name, port }) => ({ name, port }));
}

async function orNone<T>(ask: () => Promise<readonly T[]>): Promise<readonly T[]> {
  try {
    return await ask();
  } catch {
    return [];
  }
}
