import { describe, expect, it } from 'vitest';
import { fromUtf8, utf8 } from '../../../shared/base/bytes.ts';
import { ParleyError } from '../../../shared/base/errors.ts';
import { decodeSip, encodeSip } from '../../../shared/protocol/sip/codec.ts';
import { hasToken, header, headers, type SipRequest, withHeader, withoutHeader } from '../../../shared/protocol/sip/message.ts';

const text = (lines: readonly string[], body = ''): Uint8Array => utf8(`${lines.join('\r\n')}\r\n\r\n${body}`);
const codeOf = (run: () => unknown): string => {
  try {
    run();
  } catch (thrown) {
    if (thrown instanceof ParleyError) return thrown.code;
    throw thrown;
  }
  return 'none';
};

describe('decodeSip', () => {
  it('gives compact and odd spellings their registered names and unfolds', () => {
    const message = decodeSip(
      text(['MESSAGE sip:b@h SIP/2.0', 'i: 1', 'k: gruu,', '\ttimer', 'a: *', 'CSEQ:1 MESSAGE', 'x-Own: 1', 'l: 2'], 'hi'),
    );
    expect(message.headers).toEqual([
      { name: 'Call-ID', value: '1' },
      { name: 'Supported', value: 'gruu, timer' },
      { name: 'Accept-Contact', value: '*' },
      { name: 'CSeq', value: '1 MESSAGE' },
      { name: 'x-Own', value: '1' },
    ]);
    expect(fromUtf8(message.body)).toBe('hi');
  });

  it('takes the rest as the body without Content-Length, and drops what is beyond it', () => {
    expect(fromUtf8(decodeSip(text(['MESSAGE sip:b@h SIP/2.0', 'To: x'], 'rest')).body)).toBe('rest');
    expect(fromUtf8(decodeSip(text(['MESSAGE sip:b@h SIP/2.0', 'Content-Length: 2'], 'rest')).body)).toBe('re');
  });

  it('counts octets, not characters', () => {
    expect(fromUtf8(decodeSip(text(['MESSAGE sip:b@h SIP/2.0', 'Content-Length: 5'], 'hé€')).body)).not.toBe('hé€');
    expect(fromUtf8(decodeSip(text(['MESSAGE sip:b@h SIP/2.0', 'Content-Length: 6'], 'hé€')).body)).toBe('hé€');
  });

  it.each([
    ['an empty input', utf8('')],
    ['headers that do not end', utf8('MESSAGE sip:b@h SIP/2.0\r\nTo: x\r\n')],
    ['bare LF', utf8('MESSAGE sip:b@h SIP/2.0\nTo: x\n\n')],
    ['a bare CR in a value', text(['MESSAGE sip:b@h SIP/2.0', 'To: x\ry'])],
    ['a line without a colon', text(['MESSAGE sip:b@h SIP/2.0', 'To'])],
    ['a name that is no token', text(['MESSAGE sip:b@h SIP/2.0', 'T o: x'])],
    ['another version', text(['MESSAGE sip:b@h SIP/3.0', 'To: x'])],
    ['a status of seven hundred', text(['SIP/2.0 700 No', 'To: x'])],
    ['a body cut short', text(['MESSAGE sip:b@h SIP/2.0', 'Content-Length: 3'], 'hi')],
    ['Content-Length twice', text(['MESSAGE sip:b@h SIP/2.0', 'l: 0', 'Content-Length: 0'])],
    ['a negative Content-Length', text(['MESSAGE sip:b@h SIP/2.0', 'l: -1'])],
  ])('refuses %s as malformed', (_, octets) => expect(codeOf(() => decodeSip(octets))).toBe('sip.malformed'));

  it('refuses what is beyond its limits as too large', () => {
    const long = text(['MESSAGE sip:b@h SIP/2.0', `To: ${'x'.repeat(100)}`], 'body');
    expect(codeOf(() => decodeSip(long, { headerOctets: 80 }))).toBe('sip.too-large');
    expect(codeOf(() => decodeSip(long, { bodyOctets: 3 }))).toBe('sip.too-large');
    expect(codeOf(() => decodeSip(text(['A sip:b@h SIP/2.0', 'a: 1', 'b: 2']), { headerCount: 1 }))).toBe('sip.too-large');
    expect(decodeSip(long, { headerCount: 1, bodyOctets: 4 }).body).toHaveLength(4);
  });
});

describe('encodeSip', () => {
  const request: SipRequest = { kind: 'request', method: 'MESSAGE', uri: 'sip:b@h', headers: [], body: utf8('€') };

  it('computes Content-Length, also over a wrong one', () => {
    expect(fromUtf8(encodeSip(withHeader(request, 'Content-Length', '99')))).toBe('MESSAGE sip:b@h SIP/2.0\r\nContent-Length: 3\r\n\r\n€');
  });

  it('never lets a value or a start line start another line', () => {
    expect(codeOf(() => encodeSip(withHeader(request, 'Subject', 'a\r\nX: b')))).toBe('sip.malformed');
    expect(codeOf(() => encodeSip({ ...request, uri: 'sip:b@h SIP/2.0\r\nX: b' }))).toBe('sip.malformed');
    expect(codeOf(() => encodeSip({ kind: 'response', status: 200, reason: 'O\nK', headers: [], body: request.body }))).toBe(
      'sip.malformed',
    );
    expect(codeOf(() => encodeSip({ ...request, headers: [{ name: 'X: y\r\nZ', value: '1' }] }))).toBe('sip.malformed');
  });
});

describe('header helpers', () => {
  const message = decodeSip(
    text([
      'INVITE sip:b@h SIP/2.0',
      'Contact: "a, b" <sip:a,b@h>;x="1,2", <sip:c@h>',
      'Accept-Contact: *;+g="x,y";require',
      'Accept-Contact: *;+h',
      'Supported: timer, gruu',
      'Subject: one, two',
      'X-Mine: 1',
    ]),
  );

  it('splits lists where the grammar has lists, outside of quotes and brackets', () => {
    expect(headers(message, 'm')).toEqual(['"a, b" <sip:a,b@h>;x="1,2"', '<sip:c@h>']);
    expect(headers(message, 'accept-contact')).toEqual(['*;+g="x,y";require', '*;+h']);
    expect(headers(message, 'Subject')).toEqual(['one, two']);
    expect(hasToken(message, 'k', 'GRUU')).toBe(true);
    expect(hasToken(message, 'Supported', 'path')).toBe(false);
    expect(header(message, 'x-mine')).toBe('1');
    expect(header(message, 'Route')).toBeNull();
  });

  it('sets and removes a field in its place', () => {
    const one = withHeader(message, 'a', '*');
    expect(headers(one, 'Accept-Contact')).toEqual(['*']);
    expect(one.headers[1]).toEqual({ name: 'Accept-Contact', value: '*' });
    expect(headers(withoutHeader(one, 'Accept-Contact'), 'a')).toEqual([]);
    expect(headers(message, 'a')).toHaveLength(2);
  });
});
