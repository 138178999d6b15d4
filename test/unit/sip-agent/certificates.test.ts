import type { TlsOptions } from 'node:tls';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Resolver } from '../../../electron/sip/port.ts';
import { wrongName } from '../../../electron/sip/transport/certificate.ts';
import type { SipTransport } from '../../../shared/model/account.ts';
import { type Credentials, TestAuthority } from '../../harness/certificates.ts';
import { firstFlow } from '../../harness/first-flow.ts';
import { ScriptedSipServer } from '../../harness/scripted-sip-server.ts';

let authority: TestAuthority;
let stranger: TestAuthority;
let good: Credentials;
const servers: ScriptedSipServer[] = [];

beforeAll(() => {
  authority = new TestAuthority();
  stranger = new TestAuthority('somebody else');
  good = authority.issue('DNS:home1.example');
});
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
});

const localResolver: Resolver = { naptr: async () => [], srv: async () => [], addresses: async () => ['127.0.0.1'] };

/** @returns undefined when the flow came up, else what was wrong */
async function outcome(
  transport: SipTransport,
  tls: TlsOptions,
  over: { host?: string; trust?: string | undefined } = {},
): Promise<unknown> {
  const server = await ScriptedSipServer.start({ transport, tls });
  servers.push(server);
  try {
    const flow = await firstFlow(
      {
        proxy: { host: over.host ?? '127.0.0.1', port: server.port },
        transport,
        domain: 'home1.example',
        caCertificates: 'trust' in over ? over.trust : authority.certificate,
        connectTimeoutMs: 8_000,
        resolver: localResolver,
        tap: undefined,
        onMessage: () => undefined,
        onLost: () => undefined,
      },
      new AbortController().signal,
    );
    flow.destroy();
    return undefined;
  } catch (thrown) {
    return thrown;
  }
}

const trouble = (detail: RegExp) => ({ code: 'link.certificate', detail: expect.stringMatching(detail) });

describe.each(['tls', 'wss'] as const)('the certificate of a server over %s', (transport) => {
  test('is taken for the domain of the account, for the name of the proxy, and for its address', async () => {
    expect(await outcome(transport, good)).toBeUndefined();
    expect(await outcome(transport, authority.issue('DNS:proxy.example'), { host: 'proxy.example' })).toBeUndefined();
    expect(await outcome(transport, authority.issue('IP:127.0.0.1'))).toBeUndefined();
    expect(await outcome(transport, authority.issue('URI:sip:home1.example'))).toBeUndefined();
    expect(await outcome(transport, authority.issue(null, { commonName: 'home1.example' }))).toBeUndefined();
  });

  test('is refused when it has expired', async () => {
    expect(await outcome(transport, authority.issue('DNS:home1.example', { days: -1 }))).toMatchObject(
      trouble(/^127\.0\.0\.1:\d+: the certificate has expired$/),
    );
  });

  test('is refused when it is for another name', async () => {
    expect(await outcome(transport, authority.issue('DNS:other.example'))).toMatchObject(
      trouble(/the certificate is for other\.example, not for 127\.0\.0\.1 or home1\.example$/),
    );
  });

  test(`with a wildcard is ${transport === 'wss' ? 'taken, as of a web server' : 'refused'}`, async () => {
    const result = await outcome(transport, authority.issue('DNS:*.edge.example'), { host: 'a.edge.example' });
    if (transport === 'wss') expect(result).toBeUndefined();
    else expect(result).toMatchObject(trouble(/the certificate is for \*\.edge\.example, not for a\.edge\.example or home1\.example$/));
  });

  test('is refused when nobody knows who issued it, with an authority of our own and without', async () => {
    expect(await outcome(transport, stranger.issue('DNS:home1.example'))).toMatchObject(trouble(/of an unknown issuer/));
    expect(await outcome(transport, good, { trust: undefined })).toMatchObject(trouble(/of an unknown issuer/));
  });

  test('is not even looked at below TLS 1.2; 1.2 and 1.3 are spoken', async () => {
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    expect(await outcome(transport, { ...good, ...old })).toMatchObject({
      code: 'link.unreachable',
      detail: expect.stringMatching(/the server offers no TLS of version 1\.2 or later$/),
    });
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      expect(await outcome(transport, { ...good, minVersion: version, maxVersion: version })).toBeUndefined();
    }
  });
});

describe('the names in a certificate (RFC 5922 section 7)', () => {
  const names = (subjectaltname: string | undefined, wanted: string, allowsWildcard = false, CN = 'cn.example'): boolean =>
    wrongName({ subject: { CN } as never, ...(subjectaltname === undefined ? {} : { subjectaltname }) } as never, {
      names: [wanted],
      allowsWildcard,
    }) === undefined;

  test.each([
    ['DNS:a.example', 'a.example', true],
    ['DNS:A.Example', 'a.eXample.', true],
    ['DNS:b.a.example', 'a.example', false],
    ['DNS:a.example', 'b.a.example', false],
    ['DNS:a.example.evil', 'a.example', false],
    ['DNS:other.example, DNS:a.example', 'a.example', true],
    ['URI:sip:a.example', 'a.example', true],
    ['URI:SIP:a.example:5061;x=y', 'a.example', true],
    ['URI:sip:alice@a.example', 'a.example', false],
    ['URI:sips:a.example', 'a.example', false],
    ['URI:https://a.example', 'a.example', false],
    // a SIP URI leaves the DNS names without a say
    ['URI:sip:b.example, DNS:a.example', 'a.example', false],
    ['URI:sip:alice@b.example, DNS:a.example', 'a.example', true],
    ['email:x@a.example, DNS:a.example', 'a.example', true],
    ['DNS:"a.example, DNS:b.example"', 'b.example', false],
    ['DNS:"x\\", DNS:b.example"', 'b.example', false],
    ['DNS:"x", DNS:b.example', 'b.example', true],
    ['IP Address:192.0.2.1', '192.0.2.1', true],
    ['IP Address:2001:DB8:0:0:0:0:0:1', '2001:db8::1', true],
    ['DNS:192.0.2.1', '192.0.2.1', false],
    ['IP Address:192.0.2.1', 'a.example', false],
    [undefined, 'cn.example', true],
    ['DNS:a.example', 'cn.example', false],
    ['', '', false],
  ])('%s proves %s: %s', (given, wanted, expected) => {
    expect(names(given, wanted)).toBe(expected);
  });

  test.each([
    ['DNS:*.example.com', 'a.example.com', true],
    ['DNS:*.example.com', 'b.a.example.com', false],
    ['DNS:*.example.com', 'example.com', false],
    ['DNS:*.com', 'example.com', false],
    ['DNS:*', 'com', false],
    ['DNS:a*.example.com', 'ab.example.com', false],
    ['DNS:.example.com', 'a.example.com', false],
  ])('%s proves %s over WebSocket only (RFC 7118 section 9.1): %s', (given, wanted, expected) => {
    expect(names(given, wanted, true)).toBe(expected);
    expect(names(given, wanted, false)).toBe(false);
  });
});
