import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Binding, Resolver, UserAgentOptions } from '../../../electron/sip/port.ts';
import { createUserAgent } from '../../../electron/sip/user-agent.ts';
import type { SipTransport } from '../../../shared/model/account.ts';
import { header, type SipRequest } from '../../../shared/protocol/sip/message.ts';
import { TestAuthority } from '../../harness/certificates.ts';
import { type ScriptedConnection, ScriptedSipServer, type ServerOptions } from '../../harness/scripted-sip-server.ts';
import { bindingHeaders, INSTANCE, pagerMessage, useStage } from './stage.ts';

const stage = useStage();
const ending: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

async function server(options: ServerOptions = {}): Promise<ScriptedSipServer> {
  const started = await ScriptedSipServer.start(options);
  ending.push(() => started.stop());
  return started;
}

/** A zone that names servers in that order. */
function zone(...ports: readonly number[]): Resolver {
  return {
    naptr: async () => [],
    srv: async () => ports.map((port, at) => ({ priority: at, weight: 1, port, name: `s${at}.home1.example` })),
    addresses: async () => ['127.0.0.1'],
  };
}

function agentOf(options: Partial<UserAgentOptions>) {
  const agent = createUserAgent({
    address: 'sip:alice@home1.example',
    displayName: '',
    user: 'alice',
    password: 'Pa55-0rd',
    outboundProxy: { host: 'home1.example', port: null },
    transport: 'tcp',
    instanceUrn: INSTANCE,
    services: ['oma.cpm.msg'],
    userAgent: 'test',
    expires: 3600,
    ...options,
  });
  ending.push(() => agent.close());
  return agent;
}

/** The next REGISTER at a server, and the connection it came on. */
async function registerAt(at: Promise<ScriptedConnection>): Promise<{ connection: ScriptedConnection; register: SipRequest }> {
  const connection = await at;
  return { connection, register: await connection.request('REGISTER') };
}

function bind({ connection, register }: { connection: ScriptedConnection; register: SipRequest }): void {
  connection.reply(register, 200, { headers: bindingHeaders(register) });
}

function watched(pending: Promise<Binding>): Promise<Binding> {
  pending.catch(() => undefined);
  return pending;
}

describe('the next server (RFC 3263 section 4.3)', () => {
  test.each([500, 503, 504])('is asked after %i, over a connection of its own; the first one is left', async (status) => {
    const [first, second] = [await server(), await server()];
    const [atFirst, atSecond] = [first.connection(), second.connection()];
    const pending = watched(agentOf({ resolver: zone(first.port, second.port) }).register());
    const refused = await registerAt(atFirst);
    refused.connection.reply(refused.register, status, { headers: [['Retry-After', '600']] });
    const taken = await registerAt(atSecond);
    expect(header(taken.register, 'Call-ID')).toBe(header(refused.register, 'Call-ID'));
    expect(Number.parseInt(header(taken.register, 'CSeq') ?? '', 10)).toBe(2);
    bind(taken);
    await pending;
    await refused.connection.until(() => refused.connection.isClosed);
  });

  test('is asked when the first one closes the connection in place of an answer', async () => {
    const [first, second] = [await server(), await server()];
    const [atFirst, atSecond] = [first.connection(), second.connection()];
    const pending = watched(agentOf({ resolver: zone(first.port, second.port) }).register());
    (await registerAt(atFirst)).connection.destroy();
    bind(await registerAt(atSecond));
    await pending;
  });

  test.each([
    [401, 'link.refused'],
    [403, 'link.refused'],
    [404, 'link.unknown-account'],
  ])('is not asked after %i, which is about the account', async (status, code) => {
    const [first, second] = [await server(), await server()];
    const atFirst = first.connection();
    const pending = watched(agentOf({ resolver: zone(first.port, second.port) }).register());
    const { connection, register } = await registerAt(atFirst);
    connection.reply(register, status);
    await expect(pending).rejects.toMatchObject({ code, retryAfterMs: null });
  });

  test.each([
    [['600', '30'], 30_000],
    [['600', null], null],
    [['9999999999', '31536000 (a year);duration=1'], 31_536_000_000],
    [['nonsense', '1'], null],
  ] as const)('when none takes us, the time is that of the first one free again: Retry-After %j', async (said, expected) => {
    const [first, second] = [await server(), await server()];
    const arriving = [first.connection(), second.connection()];
    const pending = watched(agentOf({ resolver: zone(first.port, second.port) }).register());
    for (const [at, value] of said.entries()) {
      const { connection, register } = await registerAt(arriving[at] as Promise<ScriptedConnection>);
      connection.reply(register, 503, { reason: 'Busy', headers: value === null ? [] : [['Retry-After', value]] });
    }
    await expect(pending).rejects.toMatchObject({ code: 'link.server', detail: 'REGISTER: 503 Busy', retryAfterMs: expected });
  });

  test('is not asked any more once the client is signed out', async () => {
    const [first, second] = [await server(), await server()];
    const atFirst = first.connection();
    const agent = agentOf({ resolver: zone(first.port, second.port) });
    const pending = watched(agent.register());
    const { connection, register } = await registerAt(atFirst);
    const ended = agent.unregister();
    connection.reply(register, 503);
    await expect(pending).rejects.toMatchObject({ code: 'link.server' });
    await ended;
  });
});

describe('a redirected REGISTER (RFC 3261 section 8.1.3.4)', () => {
  test('goes to the Contact it can follow that is liked best, and later requests go that way', async () => {
    const [first, second] = [await server(), await server()];
    const [atFirst, atSecond] = [first.connection(), second.connection()];
    const agent = agentOf({ outboundProxy: { host: '127.0.0.1', port: first.port } });
    const pending = watched(agent.register());
    const { connection, register } = await registerAt(atFirst);
    const contacts = [
      '<sip:127.0.0.1:9;transport=udp>;q=1.0',
      '<tel:+15550100>;q=0.9',
      'nonsense',
      `<sip:elsewhere@127.0.0.1:${second.port};transport=tcp;method=INVITE?Subject=x>;q=0.8`,
      '<sip:127.0.0.1:9;transport=tcp>;q=0.2',
    ];
    connection.reply(register, 302, { headers: contacts.map((contact) => ['Contact', contact]) });
    const moved = await registerAt(atSecond);
    expect(moved.register.uri).toBe(`sip:127.0.0.1:${second.port}`);
    expect(header(moved.register, 'To')).toBe('<sip:alice@home1.example>');
    bind(moved);
    await pending;
    const sent = agent.message(pagerMessage());
    const message = await moved.connection.request('MESSAGE');
    expect(header(message, 'Route')).toMatch(new RegExp(`^<sip:127\\.0\\.0\\.1:${second.port};transport=tcp;lr>, `));
    moved.connection.reply(message, 200);
    await sent;
  });

  test('is followed once', async () => {
    const only = await server();
    const arriving = [only.connection(), only.connection()];
    const pending = watched(agentOf({ outboundProxy: { host: '127.0.0.1', port: only.port } }).register());
    for (const at of arriving) {
      const { connection, register } = await registerAt(at);
      connection.reply(register, 301, { headers: [['Contact', `<sip:127.0.0.1:${only.port}>`]] });
    }
    await expect(pending).rejects.toMatchObject({ code: 'link.server', detail: 'REGISTER: 301 Answer' });
  });

  test.each([
    ['tls', 'sip:127.0.0.1:9;transport=tcp'],
    ['tls', 'sip:127.0.0.1:9;transport=udp'],
    ['tcp', 'sips:127.0.0.1:9'],
    ['tcp', 'sip:127.0.0.1:9;transport=tls'],
    ['tcp', 'mailto:alice@home1.example'],
  ] as const)('from %s to %s is not followed', async (transport, contact) => {
    const authority = new TestAuthority();
    const only = await server({ transport, tls: authority.issue('DNS:home1.example') });
    const at = only.connection();
    const proxy = { host: '127.0.0.1', port: only.port };
    const pending = watched(agentOf({ outboundProxy: proxy, transport, caCertificates: authority.certificate }).register());
    const { connection, register } = await registerAt(at);
    connection.reply(register, 302, { headers: [['Contact', `<${contact}>`]] });
    await expect(pending).rejects.toMatchObject({ code: 'link.server' });
  });

  test.each(['tls', 'wss'] as const)('over %s must lead to a server that proves to be the configured one', async (transport) => {
    const authority = new TestAuthority();
    const secured = (name: string, over: SipTransport = transport) => server({ transport: over, tls: authority.issue(`DNS:${name}`) });
    const [first, own, other] = [await secured('home1.example'), await secured('home1.example'), await secured('other.example')];
    for (const [target, isOwn] of [
      [own, true],
      [other, false],
    ] as const) {
      const [atFirst, atTarget] = [first.connection(), target.connection()];
      const agent = agentOf({
        outboundProxy: { host: 'home1.example', port: first.port },
        transport,
        caCertificates: authority.certificate,
        resolver: zone(),
      });
      const pending = watched(agent.register());
      const { connection, register } = await registerAt(atFirst);
      const name = isOwn ? '127.0.0.1' : 'other.example';
      const kind = transport === 'wss' ? 'ws' : 'tls';
      connection.reply(register, 302, { headers: [['Contact', `<sip:${name}:${target.port};transport=${kind}>`]] });
      if (isOwn) {
        bind(await registerAt(atTarget));
        await pending;
      } else {
        await expect(pending).rejects.toMatchObject({ code: 'link.certificate' });
      }
    }
  });
});

test('430 is followed by a new flow, once (RFC 5626 section 11.5)', async () => {
  const only = await server();
  const arriving = [only.connection(), only.connection()];
  const pending = watched(agentOf({ outboundProxy: { host: '127.0.0.1', port: only.port } }).register());
  for (const at of arriving) {
    const { connection, register } = await registerAt(at);
    connection.reply(register, 430);
  }
  await expect(pending).rejects.toMatchObject({ code: 'link.lost' });
});

describe('a renewal that is put off', () => {
  test('keeps the flow and is asked for again after Retry-After (RFC 5626 section 4.2.2)', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
    try {
      const { agent, connection } = await unpromised(3600);
      const lost = vi.fn();
      agent.events.onLost(lost);
      vi.advanceTimersByTime(3_000_000);
      connection.reply(await connection.request('REGISTER'), 503, { headers: [['Retry-After', '100']] });
      await turns();
      vi.advanceTimersByTime(99_000);
      await turns();
      expect(connection.untaken).toEqual([]);
      vi.advanceTimersByTime(1000);
      const again = await connection.request('REGISTER');
      const refreshed = new Promise((resolve) => agent.events.onRefreshed(resolve));
      bind({ connection, register: again });
      await refreshed;
      expect(lost).not.toHaveBeenCalled();
    } finally {
      vi.useRealTimers();
    }
  });

  test('is not put off beyond the binding, whatever the server asks', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
    try {
      const { agent, connection } = await unpromised(60);
      const lost = vi.fn();
      agent.events.onLost(lost);
      let asked = 0;
      for (let second = 0; second < 60 && lost.mock.calls.length === 0; second++) {
        vi.advanceTimersByTime(1000);
        await turns();
        if (connection.untaken.length === 0) continue;
        asked += 1;
        connection.reply(await connection.request('REGISTER'), 503, { headers: [['Retry-After', '31536000']] });
        await turns();
      }
      expect(asked).toBeGreaterThan(2);
      expect(lost.mock.calls).toEqual([[{ code: 'link.server', detail: 'REGISTER: 503 Answer', retryAfterMs: 31_536_000_000 }]]);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('R-REG-11: leaving while the first REGISTER is under way', () => {
  test('the binding that still comes is ended', async () => {
    const agent = stage.agent();
    const opened = stage.server.connection();
    const pending = watched(agent.register());
    const { connection, register } = await registerAt(opened);
    const ended = agent.unregister();
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    // RFC 3261 section 10.2: not before the first one is answered
    expect(connection.untaken).toEqual([]);
    bind({ connection, register });
    const last = await connection.request('REGISTER');
    expect(header(last, 'Contact')).toBe((header(register, 'Contact') ?? '').replace('expires=3600', 'expires=0'));
    connection.reply(last, 200);
    await Promise.all([ended, pending]);
  });

  test('nothing is sent when no server was reached yet', async () => {
    const agent = stage.agent();
    const pending = watched(agent.register());
    await agent.unregister();
    await agent.close();
    await expect(pending).rejects.toMatchObject({ code: 'link.lost' });
  });
});

describe('a server that has fallen silent', () => {
  test('is asked by a ping 3 s after a request that heard nothing, and given up 10 s later', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const { agent, connection } = await stage.registered();
      const lost = vi.fn();
      agent.events.onLost(lost);
      const failed = expect(agent.message(pagerMessage())).rejects.toMatchObject({ code: 'link.lost' });
      await connection.request('MESSAGE');
      vi.advanceTimersByTime(2_999);
      await turns();
      expect(connection.pings).toBe(0);
      vi.advanceTimersByTime(1);
      await connection.until(() => connection.pings === 1);
      vi.advanceTimersByTime(9_999);
      expect(lost).not.toHaveBeenCalled();
      vi.advanceTimersByTime(1);
      expect(lost.mock.calls).toEqual([[{ code: 'link.lost', detail: 'no answer to a keep-alive', retryAfterMs: null }]]);
      await failed;
    } finally {
      vi.useRealTimers();
    }
  });

  test('is asked at once when something beside SIP waits for it', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const { agent, connection } = await stage.registered();
      const lost = vi.fn();
      agent.events.onLost(lost);
      agent.prove();
      agent.prove();
      await connection.until(() => connection.pings >= 1);
      connection.write('\r\n');
      await turns();
      vi.advanceTimersByTime(10_000);
      expect(lost).not.toHaveBeenCalled();
      agent.prove();
      vi.advanceTimersByTime(10_000);
      expect(lost).toHaveBeenCalledTimes(1);
      agent.prove();
    } finally {
      vi.useRealTimers();
    }
  });

  test('that answers no pings is asked by a REGISTER, and given up when that is not answered', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const { agent, connection } = await unpromised(3600);
      const lost = vi.fn();
      agent.events.onLost(lost);
      for (let round = 0; round < 2; round++) {
        agent.message(pagerMessage()).catch(() => undefined);
        await connection.request('MESSAGE');
        vi.advanceTimersByTime(3_000);
        const probe = await connection.request('REGISTER');
        if (round === 0) {
          const refreshed = new Promise((resolve) => agent.events.onRefreshed(resolve));
          connection.reply(probe, 200, { headers: bindingHeaders(probe).filter(([name]) => name === 'Contact') });
          await refreshed;
        }
      }
      expect(lost).not.toHaveBeenCalled();
      vi.advanceTimersByTime(32_000);
      await connection.until(() => lost.mock.calls.length === 1);
      expect(lost.mock.calls[0]?.[0]).toMatchObject({ code: 'link.timeout' });
    } finally {
      vi.useRealTimers();
    }
  });

  test('a peer that takes its time is no silent server', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const { agent, connection } = await stage.registered();
      const lost = vi.fn();
      agent.events.onLost(lost);
      connection.answersPings = true;
      const pending = agent.message(pagerMessage());
      const message = await connection.request('MESSAGE');
      vi.advanceTimersByTime(3_000);
      await connection.until(() => connection.pings === 1);
      await turns();
      vi.advanceTimersByTime(15_000);
      expect(lost).not.toHaveBeenCalled();
      connection.reply(message, 480);
      expect((await pending).status).toBe(480);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('R-REG-08: the name of the device', () => {
  test.each(['Alice at desk', 'Mac "of" Älice \\ 1'])('%s is the display-name of the Contact, as it is at each REGISTER', async (name) => {
    let deviceName = '';
    const { agent, connection, register } = await stage.registered({ deviceName: () => deviceName });
    expect(header(register, 'Contact')).toMatch(/^<sip:/);
    deviceName = name;
    const again = agent.register();
    const second = await connection.request('REGISTER');
    expect(header(second, 'Contact')).toMatch(/^"(?:[^"\\]|\\.)*" <sip:alice@/);
    expect(header(second, 'Contact')).toContain(`"${name.replace(/["\\]/g, '\\$&')}" <`);
    bind({ connection, register: second });
    await again;
  });

  test('one that would break out of its line does not leave', async () => {
    const agent = stage.agent({ deviceName: () => 'a\r\nContact: *' });
    await expect(agent.register()).rejects.toMatchObject({ code: 'request.invalid' });
  });
});

/** Registered at a server that promises no pongs and gives none. */
async function unpromised(expires: number) {
  const agent = stage.agent();
  const opened = stage.server.connection();
  const pending = agent.register();
  const { connection, register } = await registerAt(opened);
  connection.reply(register, 200, { headers: bindingHeaders(register, expires).filter(([name]) => name === 'Contact') });
  await pending;
  return { agent, connection };
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
}
