import { afterEach, describe, expect, test, vi } from 'vitest';
import type { NaptrRecord, Resolver, SrvRecord } from '../../../electron/sip/port.ts';
import { locate } from '../../../electron/sip/transport/locate.ts';
import type { SipTransport } from '../../../shared/model/account.ts';
import { header } from '../../../shared/protocol/sip/message.ts';
import { TestAuthority } from '../../harness/certificates.ts';
import { ScriptedSipServer } from '../../harness/scripted-sip-server.ts';
import { bindingHeaders, useStage } from './stage.ts';

interface Zone {
  readonly naptr?: Readonly<Record<string, readonly NaptrRecord[]>>;
  readonly srv?: Readonly<Record<string, readonly SrvRecord[]>>;
  readonly addresses?: Readonly<Record<string, readonly string[]>>;
}

/** A name service that knows that zone, and what it was asked. */
function resolverOf(zone: Zone): Resolver & { readonly asked: string[] } {
  const asked: string[] = [];
  const ask = async <T>(kind: keyof Zone, name: string): Promise<readonly T[]> => {
    asked.push(`${kind} ${name}`);
    const found = (zone[kind] as Readonly<Record<string, readonly T[]>> | undefined)?.[name];
    if (found === undefined) throw Object.assign(new Error(`query ${name}`), { code: 'ENOTFOUND' });
    return found;
  };
  return {
    asked,
    naptr: (name) => ask('naptr', name),
    srv: (name) => ask('srv', name),
    addresses: (name) => ask('addresses', name),
  };
}

const naptr = (order: number, preference: number, service: string, replacement: string, flags = 's'): NaptrRecord => {
  return { order, preference, flags, service, regexp: '', replacement };
};
const srv = (priority: number, weight: number, port: number, name: string): SrvRecord => ({ priority, weight, port, name });

/** RFC 3263 section 4.1, the example */
const EXAMPLE: Zone = {
  naptr: {
    'example.com': [
      naptr(50, 50, 'SIPS+D2T', '_sips._tcp.example.com'),
      naptr(90, 50, 'SIP+D2T', '_sip._tcp.example.com'),
      naptr(100, 50, 'SIP+D2U', '_sip._udp.example.com'),
      naptr(100, 50, 'SIPS+D2W', 'edge.example.com', 'a'),
    ],
  },
  srv: {
    '_sip._tcp.example.com': [srv(0, 1, 5060, 'server1.example.com'), srv(1, 2, 5070, 'server2.example.com')],
    '_sips._tcp.example.com': [srv(0, 1, 5061, 'server1.example.com')],
  },
  addresses: {
    'server1.example.com': ['2001:db8::1', '192.0.2.1'],
    'server2.example.com': ['192.0.2.2'],
    'edge.example.com': ['192.0.2.3'],
    'example.com': ['192.0.2.9'],
  },
};

async function found(zone: Zone, transport: SipTransport, port: number | null = null, random = 0.5): Promise<string[]> {
  const targets = await locate({ host: 'example.com', port }, transport, resolverOf(zone), () => random);
  return targets.map((target) => `${target.address} ${target.port}`);
}

describe('where the proxy is (RFC 3263)', () => {
  test('NAPTR of the transport, SRV by priority, every address of each server', async () => {
    expect(await found(EXAMPLE, 'tcp')).toEqual(['2001:db8::1 5060', '192.0.2.1 5060', '192.0.2.2 5070']);
    expect(await found(EXAMPLE, 'tls')).toEqual(['2001:db8::1 5061', '192.0.2.1 5061']);
    expect(await found(EXAMPLE, 'wss')).toEqual(['192.0.2.3 443']);
  });

  test('within a priority by weight', async () => {
    const zone: Zone = {
      srv: { '_sips._tcp.example.com': [srv(1, 10, 1, 'a.example.com'), srv(1, 30, 2, 'b.example.com')] },
      addresses: { 'a.example.com': ['192.0.2.1'], 'b.example.com': ['192.0.2.2'] },
    };
    expect(await found(zone, 'tls', null, 0.1)).toEqual(['192.0.2.1 1', '192.0.2.2 2']);
    expect(await found(zone, 'tls', null, 0.9)).toEqual(['192.0.2.2 2', '192.0.2.1 1']);
  });

  test.each([
    ['tcp', 5060],
    ['tls', 5061],
    ['wss', 443],
  ] as const)('without NAPTR and SRV the addresses of the name, and the port of %s', async (transport, port) => {
    expect(await found({ addresses: EXAMPLE.addresses ?? {} }, transport)).toEqual([`192.0.2.9 ${port}`]);
  });

  test('a NAPTR that leads to no SRV falls back to the SRV of the domain', async () => {
    const zone: Zone = { ...EXAMPLE, naptr: { 'example.com': [naptr(1, 1, 'SIP+D2T', '_gone.example.com')] } };
    expect(await found(zone, 'tcp')).toEqual(await found(EXAMPLE, 'tcp'));
  });

  test('a port that was given means no NAPTR and no SRV', async () => {
    const resolver = resolverOf(EXAMPLE);
    expect(await locate({ host: 'example.com', port: 5099 }, 'tls', resolver, Math.random)).toEqual([{ address: '192.0.2.9', port: 5099 }]);
    expect(resolver.asked).toEqual(['addresses example.com']);
  });

  test('a server without address is passed over; without any it is link.unreachable with the reason', async () => {
    const { 'server1.example.com': _, ...addresses } = EXAMPLE.addresses ?? {};
    expect(await found({ ...EXAMPLE, addresses }, 'tcp')).toEqual(['192.0.2.2 5070']);
    await expect(found({ ...EXAMPLE, addresses: {} }, 'tcp')).rejects.toMatchObject({
      code: 'link.unreachable',
      detail: 'example.com: no address found (ENOTFOUND)',
    });
  });

  test('a domain that says it has no such service is believed', async () => {
    const zone: Zone = { ...EXAMPLE, naptr: {}, srv: { '_sip._tcp.example.com': [srv(0, 0, 5060, '')] } };
    await expect(found(zone, 'tcp')).rejects.toMatchObject({
      code: 'link.unreachable',
      detail: expect.stringMatching(/has no tcp service$/),
    });
    const dot: Zone = { ...zone, srv: { '_sip._tcp.example.com': [srv(0, 0, 0, '.')] } };
    await expect(found(dot, 'tcp')).rejects.toMatchObject({ code: 'link.unreachable' });
  });

  test('a zone of any size leads to ten addresses at most', async () => {
    const many = Array.from({ length: 500 }, (_, at) => srv(at, 0, 5060, `s${at}.example.com`));
    const addresses = Object.fromEntries(many.map(({ name }) => [name, ['192.0.2.1', '192.0.2.2']]));
    const resolver = resolverOf({ srv: { '_sip._tcp.example.com': many }, addresses });
    expect(await locate({ host: 'example.com', port: null }, 'tcp', resolver, Math.random)).toHaveLength(10);
    expect(resolver.asked.filter((line) => line.startsWith('addresses'))).toHaveLength(10);
  });
});

describe('R-REG-09: failover between the servers of a domain', () => {
  const stage = useStage();
  const others: ScriptedSipServer[] = [];
  afterEach(async () => {
    for (const server of others.splice(0)) await server.stop();
  });

  async function closedPort(): Promise<number> {
    const server = await ScriptedSipServer.start();
    const { port } = server;
    await server.stop();
    return port;
  }

  const zoneOf = (...ports: readonly number[]): Zone => ({
    srv: { '_sip._tcp.home1.example': ports.map((port, at) => srv(at, 0, port, 'edge.home1.example')) },
    addresses: { 'edge.home1.example': ['127.0.0.1'] },
  });

  test('a server that is down is passed over, and the Route names the domain', async () => {
    const resolver = resolverOf(zoneOf(await closedPort(), stage.server.port));
    const { agent, connection } = await stage.registered({ outboundProxy: { host: 'home1.example', port: null }, resolver });
    agent
      .message({
        target: 'sip:bob@home1.example',
        headers: [],
        contactParameters: null,
        contentType: 'text/plain',
        body: new Uint8Array(1),
      })
      .catch(() => undefined);
    expect(header(await connection.request('MESSAGE'), 'Route')).toMatch(/^<sip:home1\.example;transport=tcp;lr>/);
  });

  test('every try asks the name service afresh', async () => {
    const zone = { ...zoneOf(stage.server.port) };
    const resolver = resolverOf(zone);
    const { agent, connection } = await stage.registered({ outboundProxy: { host: 'home1.example', port: null }, resolver });
    const before = resolver.asked.length;
    const lost = new Promise((resolve) => agent.events.onLost(resolve));
    connection.destroy();
    await lost;
    const next = await ScriptedSipServer.start();
    others.push(next);
    Object.assign(zone, zoneOf(next.port));
    const opened = next.connection();
    const again = agent.register();
    const fresh = await opened;
    const register = await fresh.request('REGISTER');
    fresh.reply(register, 200, { headers: bindingHeaders(register) });
    await again;
    expect(resolver.asked).toHaveLength(2 * before);
  });

  test('when none answers, each is named', async () => {
    const ports = [await closedPort(), await closedPort()];
    const agent = stage.agent({ outboundProxy: { host: 'home1.example', port: null }, resolver: resolverOf(zoneOf(...ports)) });
    await expect(agent.register()).rejects.toMatchObject({
      code: 'link.unreachable',
      detail: expect.stringMatching(new RegExp(`127\\.0\\.0\\.1:${ports[0]}: .*; 127\\.0\\.0\\.1:${ports[1]}: `)),
    });
  });

  test('a server with a wrong certificate is passed over, and told of when there is no other', async () => {
    const authority = new TestAuthority();
    const wrong = await ScriptedSipServer.start({ transport: 'tls', tls: authority.issue('DNS:other.example') });
    const good = await ScriptedSipServer.start({ transport: 'tls', tls: authority.issue('DNS:home1.example') });
    others.push(wrong, good);
    const options = (...ports: number[]) =>
      ({
        outboundProxy: { host: 'home1.example', port: null },
        transport: 'tls',
        caCertificates: authority.certificate,
        resolver: resolverOf({
          ...zoneOf(),
          srv: { '_sips._tcp.home1.example': ports.map((port, at) => srv(at, 0, port, 'edge.home1.example')) },
        }),
      }) as const;
    const opened = good.connection();
    const pending = stage.agent(options(wrong.port, good.port)).register();
    const connection = await opened;
    const register = await connection.request('REGISTER');
    expect(header(register, 'Via')).toMatch(/^SIP\/2\.0\/TLS 127\.0\.0\.1:/);
    expect(header(register, 'Contact')).toMatch(/;transport=tls>/);
    connection.reply(register, 200, { headers: bindingHeaders(register) });
    await pending;
    await expect(stage.agent(options(wrong.port, await closedPort())).register()).rejects.toMatchObject({ code: 'link.certificate' });
  });

  test('a silent server is left after 4 s when there is another one', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const authority = new TestAuthority();
      const silent = await ScriptedSipServer.start();
      const good = await ScriptedSipServer.start({ transport: 'tls', tls: authority.issue('DNS:home1.example') });
      others.push(silent, good);
      const stuck = silent.connection();
      const opened = good.connection();
      const agent = stage.agent({
        outboundProxy: { host: 'home1.example', port: null },
        transport: 'tls',
        caCertificates: authority.certificate,
        resolver: resolverOf({
          srv: { '_sips._tcp.home1.example': [srv(0, 0, silent.port, 'edge.home1.example'), srv(1, 0, good.port, 'edge.home1.example')] },
          addresses: { 'edge.home1.example': ['127.0.0.1'] },
        }),
      });
      const pending = agent.register();
      (await stuck).pause();
      vi.advanceTimersByTime(4_000);
      const connection = await opened;
      const register = await connection.request('REGISTER');
      connection.reply(register, 200, { headers: bindingHeaders(register) });
      await pending;
    } finally {
      vi.useRealTimers();
    }
  });
});
