import { describe, expect, test, vi } from 'vitest';
import type { Binding } from '../../../electron/sip/port.ts';
import { header, headers, type SipRequest } from '../../../shared/protocol/sip/message.ts';
import type { ScriptedConnection } from '../../harness/scripted-sip-server.ts';
import { bindingHeaders, GRUU, INSTANCE, TEMPORARY_GRUU, useStage } from './stage.ts';

const stage = useStage();

async function started(
  options = {},
): Promise<{ pending: Promise<Binding>; connection: ScriptedConnection; first: SipRequest; agent: ReturnType<typeof stage.agent> }> {
  const agent = stage.agent(options);
  const opened = stage.server.connection();
  const pending = agent.register();
  pending.catch(() => undefined);
  const connection = await opened;
  return { agent, pending, connection, first: await connection.request('REGISTER') };
}

describe('REGISTER on the wire', () => {
  test('R-REG-01 R-REG-02 R-REG-03 R-REG-04 R-REG-05 R-REG-06 R-REG-07: it is the REGISTER of example F01-01', async () => {
    const { connection, register, agent } = await stage.registered();
    const host = /SIP\/2\.0\/TCP (127\.0\.0\.1:[0-9]+);branch=z9hG4bK[^;]{20,};rport;keep/.exec(header(register, 'Via') ?? '')?.[1];
    expect(register.uri).toBe('sip:home1.example');
    expect(header(register, 'From')).toMatch(/^<sip:alice@home1\.example>;tag=[\w-]{16}$/);
    expect(header(register, 'To')).toBe('<sip:alice@home1.example>');
    expect(header(register, 'CSeq')).toBe('1 REGISTER');
    expect(header(register, 'Max-Forwards')).toBe('70');
    expect(header(register, 'Contact')).toBe(
      `<sip:alice@${host};transport=tcp>;+sip.instance="<${INSTANCE}>";reg-id=1;+g.3gpp.icsi-ref="` +
        ['msg', 'largemsg', 'session', 'filetransfer', 'deferred']
          .map((name) => `urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.${name}`)
          .join(',') +
        '";expires=3600',
    );
    expect(headers(register, 'Supported')).toEqual(['path', 'gruu', 'outbound']);
    expect(headers(register, 'Require')).toEqual(['gruu']);
    expect(header(register, 'User-Agent')).toBe('CPM-client/OMA2.0 Parley/0.1.0 (Linux x86_64)');
    expect(headers(register, 'Allow')).toContain('MESSAGE');
    expect(
      connection
        .textOf(register)
        .split('\r\n')
        .map((line) => line.split(':')[0]),
    ).toEqual([
      'REGISTER sip',
      'Via',
      'Max-Forwards',
      'From',
      'To',
      'Call-ID',
      'CSeq',
      'Contact',
      'Supported',
      'Require',
      'Allow',
      'User-Agent',
      'Content-Length',
      '',
      '',
    ]);
    await agent.close();
  });

  test('the binding has the GRUUs, the addresses and the end of this flow', async () => {
    const before = Date.now();
    const { binding } = await stage.registered();
    expect(binding.publicGruu).toBe(GRUU);
    expect(binding.temporaryGruu).toBe(TEMPORARY_GRUU);
    expect(binding.addresses).toEqual(['sip:alice@home1.example', 'tel:+15550100001']);
    expect(binding.localHost).toBe('127.0.0.1');
    expect(binding.expiresAt).toBeGreaterThanOrEqual(before + 3_600_000);
    expect(binding.expiresAt).toBeLessThanOrEqual(Date.now() + 3_600_000);
  });

  test('R-REG-06: after 420 for gruu one retry without Require, and again without it later', async () => {
    const { connection, first, pending, agent } = await started();
    connection.reply(first, 420, { headers: [['Unsupported', 'gruu']] });
    const second = await connection.request('REGISTER');
    expect(headers(second, 'Require')).toEqual([]);
    expect(headers(second, 'Supported')).toContain('gruu');
    expect(header(second, 'Call-ID')).toBe(header(first, 'Call-ID'));
    connection.reply(second, 200, { headers: bindingHeaders(second) });
    await pending;
    const again = agent.register();
    const third = await connection.request('REGISTER');
    expect(headers(third, 'Require')).toEqual([]);
    connection.reply(third, 200, { headers: bindingHeaders(third) });
    await again;
  });

  test('423 is obeyed by Min-Expires', async () => {
    const { connection, first, pending } = await started({ expires: 60 });
    connection.reply(first, 423, { headers: [['Min-Expires', '600']] });
    const second = await connection.request('REGISTER');
    expect(header(second, 'Contact')).toMatch(/;expires=600$/);
    expect(header(second, 'CSeq')).toBe('2 REGISTER');
    connection.reply(second, 200, { headers: bindingHeaders(second, 600) });
    await expect(pending).resolves.toMatchObject({ publicGruu: GRUU });
  });

  test('a 423 that asks for nothing new ends it', async () => {
    const { connection, first, pending } = await started();
    connection.reply(first, 423, { headers: [['Min-Expires', '60']] });
    await expect(pending).rejects.toMatchObject({ code: 'link.refused' });
  });

  test('439 leads to a try without outbound', async () => {
    const { connection, first, pending } = await started();
    connection.reply(first, 439);
    const second = await connection.request('REGISTER');
    expect(header(second, 'Contact')).not.toContain('reg-id');
    expect(headers(second, 'Supported')).toEqual(['path', 'gruu']);
    connection.reply(second, 200, { headers: bindingHeaders(second) });
    await pending;
  });

  test('a 200 that does not list this instance is no registration', async () => {
    const { connection, first, pending } = await started();
    connection.reply(first, 200, {
      headers: [['Contact', '<sip:alice@192.0.2.99:5060>;+sip.instance="<urn:uuid:00000000-0000-4000-8000-000000000000>";expires=3600']],
    });
    await expect(pending).rejects.toMatchObject({ code: 'link.server', detail: 'REGISTER: the answer does not list this device' });
  });

  test('of several bindings of this instance the one of this flow counts', async () => {
    const { connection, first, pending } = await started();
    const own = (header(first, 'Contact') ?? '').replace(/;expires=[0-9]+$/, '');
    const before = own.replace(/sip:[^;>]*/, 'sip:alice@127.0.0.1:9');
    connection.reply(first, 200, { headers: [['Contact', `${before};expires=17, ${own};pub-gruu="${GRUU}";expires=3600`]] });
    const binding = await pending;
    expect(binding.publicGruu).toBe(GRUU);
    expect(binding.expiresAt - Date.now()).toBeGreaterThan(3_000_000);
  });

  test('without GRUU, Service-Route and P-Associated-URI the binding is the contact alone', async () => {
    const { binding } = await (async () => {
      const { connection, first, pending } = await started();
      connection.reply(first, 200, {
        headers: [['Contact', `${(header(first, 'Contact') ?? '').replace(/;.sip.instance.*/, '')};expires=300`]],
      });
      return { binding: await pending };
    })();
    expect(binding).toMatchObject({ publicGruu: null, temporaryGruu: null, addresses: ['sip:alice@home1.example'] });
  });

  test.each([
    [403, 'link.refused'],
    [404, 'link.unknown-account'],
    [410, 'link.unknown-account'],
    [604, 'link.unknown-account'],
    [302, 'link.server'],
    [408, 'link.timeout'],
    [500, 'link.server'],
    [503, 'link.server'],
    [603, 'link.refused'],
  ])('%i is %s', async (status, code) => {
    const { connection, first, pending } = await started();
    connection.reply(first, status);
    await expect(pending).rejects.toMatchObject({ code });
  });

  test('R-REG-11: unregister sends expires=0 for this contact, with the same Call-ID and a higher CSeq', async () => {
    const { agent, connection, register } = await stage.registered();
    const ended = agent.unregister();
    const last = await connection.request('REGISTER');
    expect(header(last, 'Contact')).toBe((header(register, 'Contact') ?? '').replace('expires=3600', 'expires=0'));
    expect(header(last, 'Call-ID')).toBe(header(register, 'Call-ID'));
    expect(header(last, 'CSeq')).toBe('2 REGISTER');
    connection.reply(last, 200);
    await ended;
  });
});

describe('refresh and loss', () => {
  test.each([
    [3600, 3_000_000],
    [1202, 602_000],
    [1200, 600_000],
    [60, 30_000],
  ])('R-REG-10: a binding of %i s is refreshed after %i ms', async (expires, milliseconds) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
    try {
      const agent = stage.agent();
      const opened = stage.server.connection();
      const pending = agent.register();
      const connection = await opened;
      const first = await connection.request('REGISTER');
      // no Flow-Timer and no outbound: nobody promised pongs, so that time alone does not break the flow
      connection.reply(first, 200, { headers: bindingHeaders(first, expires).filter(([name]) => name === 'Contact') });
      await pending;
      const refreshed = vi.fn();
      agent.events.onRefreshed(refreshed);
      vi.advanceTimersByTime(milliseconds - 1);
      const sent = connection.request('REGISTER');
      let isSent = false;
      void sent.then(() => {
        isSent = true;
      });
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
      expect(isSent).toBe(false);
      vi.advanceTimersByTime(1);
      const second = await sent;
      expect(header(second, 'Call-ID')).toBe(header(first, 'Call-ID'));
      expect(header(second, 'CSeq')).toBe('2 REGISTER');
      connection.reply(second, 200, { headers: bindingHeaders(second, expires) });
      while (refreshed.mock.calls.length === 0) await new Promise((resolve) => setImmediate(resolve));
      expect(refreshed.mock.calls[0]?.[0]).toMatchObject({ publicGruu: GRUU });
    } finally {
      vi.useRealTimers();
    }
  });

  test('a refused refresh is a loss', async () => {
    const { agent, connection } = await stage.registered({ expires: 1 }, undefined);
    const lost = vi.fn();
    agent.events.onLost(lost);
    const short = agent.register();
    const second = await connection.request('REGISTER');
    connection.reply(second, 200, { headers: bindingHeaders(second, 1) });
    await short;
    connection.reply(await connection.request('REGISTER'), 500);
    await connection.until(() => lost.mock.calls.length === 1);
    expect(lost.mock.calls[0]?.[0]).toMatchObject({ code: 'link.server' });
    await connection.until(() => connection.isClosed);
  });

  test('the server closing is a loss once, and never one after close', async () => {
    const { agent, connection } = await stage.registered();
    const lost = vi.fn();
    agent.events.onLost(lost);
    connection.destroy();
    await connection.until(() => lost.mock.calls.length > 0);
    await agent.close();
    expect(lost.mock.calls).toEqual([[{ code: 'link.lost', detail: expect.any(String), retryAfterMs: null }]]);
    const other = await stage.registered();
    const otherLost = vi.fn();
    other.agent.events.onLost(otherLost);
    await other.agent.close();
    await other.connection.until(() => other.connection.isClosed);
    expect(otherLost).not.toHaveBeenCalled();
  });

  test('a lost agent can register again on a new connection', async () => {
    const { agent, connection } = await stage.registered();
    const lost = new Promise((resolve) => agent.events.onLost(resolve));
    connection.destroy();
    await lost;
    const opened = stage.server.connection();
    const again = agent.register();
    const fresh = await opened;
    const register = await fresh.request('REGISTER');
    expect(header(register, 'CSeq')).toBe('2 REGISTER');
    fresh.reply(register, 200, { headers: bindingHeaders(register) });
    await expect(again).resolves.toMatchObject({ publicGruu: GRUU });
  });

  test('nobody listening is link.unreachable', async () => {
    const agent = stage.agent();
    await stage.server.stop();
    await expect(agent.register()).rejects.toMatchObject({ code: 'link.unreachable' });
  });

  test('no connection in 10 s is link.timeout', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const pending = stage.agent().register();
      const failed = expect(pending).rejects.toMatchObject({ code: 'link.timeout' });
      // at once, before the event loop could report that the server took it
      vi.advanceTimersByTime(10_000);
      await failed;
    } finally {
      vi.useRealTimers();
    }
  });

  test('close while connecting is link.lost', async () => {
    const agent = stage.agent();
    const pending = expect(agent.register()).rejects.toMatchObject({ code: 'link.lost' });
    await agent.close();
    await pending;
  });

  test('the server closing before it answers is link.lost, told to the caller only', async () => {
    const { agent, connection, pending } = await started();
    const lost = vi.fn();
    agent.events.onLost(lost);
    connection.destroy();
    await expect(pending).rejects.toMatchObject({ code: 'link.lost' });
    expect(lost).not.toHaveBeenCalled();
  });

  test('close while registering is link.lost', async () => {
    const { agent, pending } = await started();
    await agent.close();
    await expect(pending).rejects.toMatchObject({ code: 'link.lost' });
    await expect(agent.register()).rejects.toMatchObject({ code: 'request.invalid-state' });
  });

  test('unregistering during a refresh ends the binding for good', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const agent = stage.agent();
      const opened = stage.server.connection();
      const pending = agent.register();
      const connection = await opened;
      const first = await connection.request('REGISTER');
      connection.reply(first, 200, { headers: bindingHeaders(first, 60).filter(([name]) => name === 'Contact') });
      await pending;
      const refreshed = vi.fn();
      agent.events.onRefreshed(refreshed);
      vi.advanceTimersByTime(30_000);
      const refresh = await connection.request('REGISTER');
      const ended = agent.unregister();
      connection.reply(refresh, 200, { headers: bindingHeaders(refresh, 60).filter(([name]) => name === 'Contact') });
      const last = await connection.request('REGISTER');
      expect(header(last, 'Contact')).toMatch(/;expires=0$/);
      connection.reply(last, 200);
      await ended;
      vi.advanceTimersByTime(60_000);
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
      expect(refreshed).not.toHaveBeenCalled();
      expect(connection.untaken).toEqual([]);
    } finally {
      vi.useRealTimers();
    }
  });

  test('a stream that is not SIP is a loss', async () => {
    const { agent, connection } = await stage.registered();
    const lost = new Promise((resolve) => agent.events.onLost(resolve));
    connection.write('GET / HTTP/1.1\r\n\r\n');
    await expect(lost).resolves.toMatchObject({ code: 'sip.malformed' });
  });

  test('a ping goes out every 30 s where the registrar asks for one in 120, and a missing pong after 10 s is a loss', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    // the latest moment the interval allows
    const random = vi.spyOn(Math, 'random').mockReturnValue(0.9999999);
    try {
      const { agent, connection } = await stage.registered();
      const lost = vi.fn();
      agent.events.onLost(lost);
      vi.advanceTimersByTime(30_000);
      while (connection.pings === 0) await new Promise((resolve) => setImmediate(resolve));
      connection.write('\r\n');
      for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
      vi.advanceTimersByTime(10_000);
      expect(lost).not.toHaveBeenCalled();
      vi.advanceTimersByTime(20_000);
      while (connection.pings === 1) await new Promise((resolve) => setImmediate(resolve));
      vi.advanceTimersByTime(10_000);
      expect(lost.mock.calls).toEqual([[{ code: 'link.lost', detail: 'no answer to a keep-alive', retryAfterMs: null }]]);
    } finally {
      random.mockRestore();
      vi.useRealTimers();
    }
  });

  test('a registrar that promised no pongs is pinged and not left', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const agent = stage.agent();
      const opened = stage.server.connection();
      const pending = agent.register();
      const connection = await opened;
      const first = await connection.request('REGISTER');
      connection.reply(first, 200, { headers: bindingHeaders(first).filter(([name]) => name === 'Contact') });
      await pending;
      const lost = vi.fn();
      agent.events.onLost(lost);
      vi.advanceTimersByTime(240_000);
      while (connection.pings < 2) await new Promise((resolve) => setImmediate(resolve));
      expect(lost).not.toHaveBeenCalled();
    } finally {
      vi.useRealTimers();
    }
  });
});
