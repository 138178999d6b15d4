import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ParleyError } from '../../../shared/base/errors.ts';
import { decodeSip } from '../../../shared/protocol/sip/codec.ts';
import {
  type DigestHash,
  decodeChallenge,
  decodeCredentials,
  digestHash,
  digestResponse,
  encodeChallenge,
  encodeCredentials,
  sameResponse,
} from '../../../shared/protocol/sip/digest.ts';
import { header, headers } from '../../../shared/protocol/sip/message.ts';

const hash = (algorithm: DigestHash, octets: Uint8Array): string =>
  createHash({ MD5: 'md5', 'SHA-256': 'sha256', 'SHA-512-256': 'sha512-256' }[algorithm]).update(octets).digest('hex');
const example = (name: string) => decodeSip(new Uint8Array(readFileSync(new URL(`../../vectors/examples/${name}.sip`, import.meta.url))));

describe('digest', () => {
  // RFC 7616 section 3.9.1
  const input = {
    username: 'Mufasa',
    password: 'Circle of Life',
    realm: 'http-auth@example.org',
    nonce: '7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v',
    method: 'GET',
    uri: '/dir/index.html',
    qop: 'auth',
    cnonce: 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ',
    nc: '00000001',
  };
  it('gives the responses of RFC 7616', () => {
    expect(digestResponse({ ...input, algorithm: 'MD5' }, hash)).toBe('8ca523f5e9506fed4657c9700eebdbec');
    expect(digestResponse({ ...input, algorithm: 'SHA-256' }, hash)).toBe(
      '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1',
    );
  });

  it('gives the response of RFC 2069, without qop', () => {
    const old = { username: 'Mufasa', password: 'CircleOfLife', realm: 'testrealm@host.com', nonce: 'dcd98b7102dd2f0e8b11d0f600bfb0c093' };
    expect(digestResponse({ ...input, ...old, algorithm: 'MD5', qop: null, cnonce: null, nc: null }, hash)).toBe(
      '1949323746fe6a43ef61f9606e7febea',
    );
  });

  it('gives the responses of F01-03 and F01-05, and the MD5 one of cpm.md 3.1', () => {
    for (const name of ['F01-03', 'F01-05']) {
      const value = header(example(name), 'Authorization') as string;
      const credentials = decodeCredentials(value);
      expect(encodeCredentials(credentials)).toBe(value);
      const own = { ...credentials, password: 'Pa55-0rd', method: 'REGISTER' };
      expect(digestResponse(own, hash)).toBe(credentials.response);
      if (name === 'F01-03') expect(digestResponse({ ...own, algorithm: 'MD5' }, hash)).toBe('a802c977cc81e45ba1b0314548f58cfe');
    }
  });

  it('reads and writes the challenges of F01-02, strongest first', () => {
    const values = headers(example('F01-02'), 'WWW-Authenticate');
    expect(values.map((value) => decodeChallenge(value).algorithm)).toEqual(['SHA-256', 'MD5']);
    expect(values.map((value) => encodeChallenge(decodeChallenge(value)))).toEqual(values);
    expect(decodeChallenge('digest realm=a ,nonce="b\\"c", stale=TRUE,qop="auth , auth-int"')).toEqual({
      realm: 'a',
      nonce: 'b"c',
      opaque: null,
      stale: true,
      algorithm: 'MD5',
      qop: ['auth', 'auth-int'],
    });
  });

  it('knows -sess and auth-int as of their own', () => {
    expect(digestHash('sha-256-sess')).toEqual({ hash: 'SHA-256', session: true });
    expect(digestHash('SHA-1')).toBeNull();
    const plain = digestResponse({ ...input, algorithm: 'SHA-256' }, hash);
    const ha1 = hash('SHA-256', Buffer.from('Mufasa:http-auth@example.org:Circle of Life'));
    const session = hash('SHA-256', Buffer.from(`${ha1}:${input.nonce}:${input.cnonce}`));
    const ha2 = hash('SHA-256', Buffer.from('GET:/dir/index.html'));
    const wanted = hash('SHA-256', Buffer.from(`${session}:${input.nonce}:00000001:${input.cnonce}:auth:${ha2}`));
    expect(digestResponse({ ...input, algorithm: 'SHA-256-sess' }, hash)).toBe(wanted);
    expect(digestResponse({ ...input, algorithm: 'SHA-256', qop: 'auth-int', body: Buffer.from('x') }, hash)).not.toBe(plain);
  });

  it.each([
    'Basic abc',
    'Digest realm=x',
    'Digest realm="x',
    'Digest realm="x" nonce="y"',
    'Digest realm="x", realm="y", nonce="z"',
    'Digest',
  ])('refuses %j', (value) => expect(() => decodeChallenge(value)).toThrow(ParleyError));

  it('compares responses', () => {
    expect(sameResponse('ab', 'ab')).toBe(true);
    expect(sameResponse('ab', 'ac')).toBe(false);
    expect(sameResponse('ab', 'abc')).toBe(false);
  });
});
