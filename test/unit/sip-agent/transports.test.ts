import { afterEach, expect, test } from 'vitest';
import { createUserAgent } from '../../../electron/sip/user-agent.ts';
import { header } from '../../../shared/protocol/sip/message.ts';
import { TestAuthority } from '../../harness/certificates.ts';
import { ScriptedSipServer } from '../../harness/scripted-sip-server.ts';
import { bindingHeaders, INSTANCE, pagerMessage } from './stage.ts';

const ending: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

test.each([
  ['tcp', 'TCP', 'tcp', '::1', '[::1]'],
  ['tls', 'TLS', 'tls', '127.0.0.1', '127.0.0.1'],
  ['tls', 'TLS', 'tls', '::1', '[::1]'],
  // RFC 7118 section 5.2: a URI says ws for both kinds
  ['wss', 'WSS', 'ws', '127.0.0.1', '127.0.0.1'],
  ['wss', 'WSS', 'ws', '::1', '[::1]'],
] as const)('R-REG-01: over %s a Via says %s, Contact and Route say %s, of %s as %s', async (transport, inVia, inUri, host, inText) => {
  const authority = new TestAuthority();
  const server = await ScriptedSipServer.start({ transport, host, tls: authority.issue('DNS:home1.example') });
  ending.push(() => server.stop());
  const agent = createUserAgent({
    address: 'sip:alice@home1.example',
    displayName: '',
    user: 'alice',
    password: 'Pa55-0rd',
    outboundProxy: { host, port: server.port },
    transport,
    caCertificates: authority.certificate,
    instanceUrn: INSTANCE,
    services: ['oma.cpm.msg'],
    userAgent: 'test',
    expires: 3600,
  });
  ending.push(() => agent.close());
  const opened = server.connection();
  const pending = agent.register();
  const connection = await opened;
  const register = await connection.request('REGISTER');
  connection.reply(register, 200, { headers: bindingHeaders(register) });
  expect((await pending).localHost).toBe(host);

  const via = header(register, 'Via') ?? '';
  expect(via.startsWith(`SIP/2.0/${inVia} ${inText}:`)).toBe(true);
  const port = /:(\d+);branch=/.exec(via)?.[1];
  expect(header(register, 'Contact')).toContain(`<sip:alice@${inText}:${port};transport=${inUri}>`);

  const sent = agent.message(pagerMessage());
  const message = await connection.request('MESSAGE');
  expect(header(message, 'Route')).toBe(`<sip:${inText}:${server.port};transport=${inUri};lr>, <sip:orig@scscf.home1.example;lr>`);
  connection.reply(message, 200);
  expect((await sent).status).toBe(200);
});
