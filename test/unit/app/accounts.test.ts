import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseAccountFile, readAccountFile } from '../../../electron/app/accounts/account-file.ts';
import { startHomeNetwork } from '../../../electron/home-network/index.ts';
import { ParleyError } from '../../../shared/base/errors.ts';
import { proxyOf } from '../../../shared/model/account.ts';
import { TestAuthority } from '../../harness/certificates.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';

const folder = temporaryFolder();
const GOOD = {
  address: 'sip:alice@example.com',
  user: 'alice',
  password: 'secret',
  outboundProxy: 'sbc.example.com:5070',
  transport: 'tcp',
};

const parse = (over: object) => parseAccountFile(JSON.stringify({ ...GOOD, ...over })).account;

describe('an account file', () => {
  it('gives an account, with what may be left out', () => {
    const groups = [{ address: 'sip:club@example.com', name: 'Club' }];
    expect(parse({ maxRecipients: 5, groups })).toMatchObject({ maxRecipients: 5, groups });
    expect(parse({ xcapRoot: 'http://[::1]:8080/xcap' })).toMatchObject({ xcapRoot: 'http://[::1]:8080/xcap' });
    expect(parse({ msrpTransport: 'tls' })).toMatchObject({ msrpTransport: 'tls' });
    expect(parse({})).toEqual({ ...GOOD, displayName: 'alice', maxFileSize: 0 });
    expect(parse({ displayName: 'Alice A.', maxFileSize: 5, transport: 'TCP' })).toMatchObject({
      displayName: 'Alice A.',
      maxFileSize: 5,
      transport: 'tcp',
    });
    expect(['49', '+49', '1', '+352'].map((countryCode) => parse({ countryCode }).countryCode)).toEqual(['49', '49', '1', '352']);
  });

  it('takes what the home network gives its users, as it is', async () => {
    const users = [{ user: 'alice', password: 'Pa55-0rd', displayName: 'Alice' }];
    const network = await startHomeNetwork({ host: '127.0.0.1', port: 0, domain: 'parley.example', users });
    await network.close();
    expect(parseAccountFile(JSON.stringify(network.accounts[0])).account).toEqual({ ...network.accounts[0], maxFileSize: 0 });
  });

  it.each([
    ['sbc.example.com', 'sbc.example.com', 'tcp', { host: 'sbc.example.com', port: null }],
    ['sip:sbc.example.com:5070;transport=tcp', 'sbc.example.com:5070', 'tcp', { host: 'sbc.example.com', port: 5070 }],
    ['sip:10.0.0.1', '10.0.0.1', 'tcp', { host: '10.0.0.1', port: null }],
    ['[2001:db8::1]:5080', '[2001:db8::1]:5080', 'tcp', { host: '2001:db8::1', port: 5080 }],
    ['[::1]', '[::1]', 'tcp', { host: '::1', port: null }],
    ['sbc.example.com;transport=TLS', 'sbc.example.com', 'tls', { host: 'sbc.example.com', port: null }],
    ['wss://sbc.example.com', 'sbc.example.com', 'wss', { host: 'sbc.example.com', port: null }],
    ['wss://[::1]:8443/ws?a=b', '[::1]:8443/ws?a=b', 'wss', { host: '::1', port: 8443, path: '/ws?a=b' }],
    ['sbc.example.com/ws;transport=wss', 'sbc.example.com/ws', 'wss', { host: 'sbc.example.com', port: null, path: '/ws' }],
  ])('takes the outbound proxy %s', (outboundProxy, expected, transport, address) => {
    const account = parse({ outboundProxy, transport: undefined });
    expect(account).toMatchObject({ outboundProxy: expected, transport });
    expect(proxyOf(account)).toEqual(address);
  });

  it.each(['tcp', 'tls', 'wss'])('takes the transport %s, and tcp where none is named', (transport) => {
    expect(parse({ transport: transport.toUpperCase() }).transport).toBe(transport);
    expect(parse({ transport: undefined }).transport).toBe('tcp');
  });

  it.each([
    [{ address: 'alice@example.com' }, /^address: must be like/],
    [{ address: 'sip:alice@example.com\r\nEvil: 1' }, /^address: /],
    [{ address: 7 }, /^address: must be a text/],
    [{ user: '' }, /^user: must not be empty/],
    [{ password: undefined }, /^password: is missing/],
    [{ outboundProxy: 'sbc.example.com:0' }, /^outboundProxy: must have a port from 1 to 65535/],
    [{ outboundProxy: 'sbc.example.com:99999' }, /^outboundProxy: must have a port from 1 to 65535/],
    [{ outboundProxy: 'http://sbc' }, /^outboundProxy: must be like/],
    [{ outboundProxy: 'sip:sbc;transport=udp' }, /^outboundProxy: must name tcp, tls or wss/],
    [{ outboundProxy: 'sip:sbc;transport=tls' }, /^outboundProxy: must not name another transport than tcp/],
    [{ outboundProxy: 'wss://sbc', transport: 'tls' }, /^outboundProxy: must not name another transport than tls/],
    [{ outboundProxy: 'sbc/ws', transport: 'tls' }, /^outboundProxy: must not have a path/],
    [{ transport: 'udp' }, /^transport: must be "tcp", "tls" or "wss"/],
    [{ caFile: 'ca.pem' }, /^caFile: must be left out with the transport tcp/],
    [{ caFile: '', transport: 'tls' }, /^caFile: must not be empty/],
    [{ countryCode: 49 }, /^countryCode: must be a text/],
    [{ countryCode: '21' }, /^countryCode: must be a country code/],
    [{ maxFileSize: -1 }, /^maxFileSize: must not be negative/],
    [{ maxFileSize: 1.5 }, /^maxFileSize: must be whole/],
    [{ maxRecipients: 1 }, /^maxRecipients: must be 2 at least/],
    [{ xcapRoot: 'ftp://example.com' }, /^xcapRoot: must be like/],
    [{ xcapRoot: 'http://alice@example.com/' }, /^xcapRoot: must be like/],
    [{ messageStore: { host: 'a b', port: 143 } }, /^messageStore\.host: must be a host/],
    [{ messageStore: { host: 'store.example.com', port: 0 } }, /^messageStore\.port: must have a port/],
    [{ msrpTransport: 'udp' }, /^msrpTransport: must be "tcp" or "tls"/],
    [{ maxRecipients: 101 }, /^maxRecipients: must be 100 at most/],
    [{ groups: [{ address: 'club', name: 'Club' }] }, /^groups\.0\.address: must be like/],
    [{ passwort: 'x' }, /^passwort: is not known/],
  ])('refuses %j and names the field', (over, detail) => {
    expect(() => parse(over)).toThrow(expect.objectContaining({ code: 'account.malformed', detail: expect.stringMatching(detail) }));
  });

  it('never shows the password in a refusal', () => {
    for (const over of [{ transport: 'udp' }, { user: 5 }, { password: 'hunter2\u0000' }]) {
      expect(() => parse({ password: 'hunter2', ...over })).toThrow(
        expect.objectContaining({ detail: expect.not.stringContaining('hunter2') }),
      );
    }
  });

  it('is refused with a code, whatever it holds', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        try {
          parseAccountFile(text);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(ParleyError);
          expect((thrown as ParleyError).code).toBe('account.malformed');
        }
      }),
    );
  });

  it('is read from a file, with a byte order mark or not; a missing, huge or wrong one is refused', async () => {
    const path = join(folder, 'account.json');
    writeFileSync(path, `\uFEFF${JSON.stringify(GOOD)}`);
    expect((await readAccountFile(path)).user).toBe('alice');
    const huge = join(folder, 'huge.json');
    writeFileSync(huge, ' '.repeat(70_000));
    mkdirSync(join(folder, 'dir.json'));
    for (const [bad, detail] of [
      [huge, /too large/],
      [join(folder, 'dir.json'), /EISDIR/],
      [join(folder, 'none.json'), /ENOENT/],
    ] as const) {
      await expect(readAccountFile(bad)).rejects.toMatchObject({ code: 'account.malformed', detail: expect.stringMatching(detail) });
    }
  });

  it('reads the authorities of caFile beside it, and keeps nothing else of that file', async () => {
    const authority = new TestAuthority();
    const { key, cert } = authority.issue('DNS:x.example');
    const path = join(folder, 'tls.json');
    writeFileSync(path, JSON.stringify({ ...GOOD, transport: 'tls', caFile: 'authority.pem' }));
    writeFileSync(join(folder, 'authority.pem'), `a comment\n${authority.certificate}${key}${cert}`);
    expect(await readAccountFile(path)).toMatchObject({ transport: 'tls', caCertificates: `${authority.certificate}${cert}` });

    for (const [content, detail] of [
      [key, /^caFile: holds no certificate in PEM/],
      [authority.certificate.replace(/[A-Za-z0-9+/=]{64}\n/, ''), /^caFile: a certificate in it cannot be read/],
      [' '.repeat(1_100_000), /^caFile: the file is too large/],
      [null, /^caFile: the file cannot be read \(ENOENT\)/],
    ] as const) {
      const name = content === null ? 'none.pem' : 'bad.pem';
      if (content !== null) writeFileSync(join(folder, name), content);
      writeFileSync(path, JSON.stringify({ ...GOOD, transport: 'wss', caFile: join(folder, name) }));
      await expect(readAccountFile(path)).rejects.toMatchObject({ code: 'account.malformed', detail: expect.stringMatching(detail) });
    }
  });
});
