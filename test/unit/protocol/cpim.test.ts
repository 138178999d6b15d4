import { describe, expect, it } from 'vitest';
import { fromUtf8, utf8 } from '../../../shared/base/bytes.ts';
import { CPIM_LIMITS, cpimContent, cpimHeaders, decodeCpim, encodeCpim } from '../../../shared/protocol/cpim/cpim.ts';
import { cpimAddress, cpimDateTime, formatDateTime, imdnRequest, makeCpim } from '../../../shared/protocol/cpim/cpim-message.ts';
import { escapeCpim, quoteCpim, unescapeCpim } from '../../../shared/protocol/cpim/escape.ts';

const decode = (lines: readonly string[]) => decodeCpim(utf8(lines.join('\r\n')));
const TAIL = ['', 'Content-Type: text/plain', '', 'hello'];

describe('CPIM', () => {
  it('finds an IMDN request by its URN, whatever the prefix', () => {
    const message = decode([
      'NS: x <urn:ietf:params:imdn>',
      'NS: imdn <urn:example:other>',
      'imdn.Message-ID: not-this',
      'x.Message-ID: this',
      'x.Disposition-Notification: positive-delivery;a=b, Display, none',
      ...TAIL,
    ]);
    expect(imdnRequest(message)).toMatchObject({ messageId: 'this', dispositions: new Set(['positive-delivery', 'display']) });
  });

  it('knows the way back and the first recipient, and believes no way that cannot be gone', () => {
    const ns = 'NS: imdn <urn:ietf:params:imdn>';
    const way = (...uris: string[]) => imdnRequest(decode([ns, ...uris.map((uri) => `imdn.IMDN-Record-Route: ${uri}`), ...TAIL])).route;
    expect(way('"The list" <sip:list@example.com>', '<sips:edge.example.com;lr>')).toEqual([
      'sip:list@example.com',
      'sips:edge.example.com;lr',
    ]);
    expect(way('<sip:list@example.com>', '<http://example.com>')).toEqual([]);
    expect(way('sip:list@example.com')).toEqual([]);
    expect(way(...Array<string>(9).fill('<sip:list@example.com>'))).toEqual([]);
    expect(imdnRequest(decode([ns, 'imdn.Original-To: <im:team@example.com>', ...TAIL])).originalTo).toBe('im:team@example.com');
    expect(imdnRequest(decode([ns, `imdn.Original-To: <sip:${'x'.repeat(300)}>`, ...TAIL])).originalTo).toBeNull();
  });

  it('a prefix counts only after its declaration, and without one nothing is asked', () => {
    const late = decode(['imdn.Message-ID: early', 'NS: imdn <urn:ietf:params:imdn>', ...TAIL]);
    expect(imdnRequest(late)).toMatchObject({ messageId: null, dispositions: new Set() });
  });

  it('a declaration without a prefix moves the bare names (RFC 3862 section 3.4)', () => {
    const message = decode(['From: <sip:a@b>', 'NS: <urn:example:mine>', 'From: <sip:c@d>', ...TAIL]);
    expect(cpimHeaders(message, 'From')).toEqual(['<sip:a@b>']);
    expect(cpimHeaders(message, 'From', 'urn:example:mine')).toEqual(['<sip:c@d>']);
  });

  it('names are case-sensitive, names of the content headers are not', () => {
    const message = decode(['from: <sip:a@b>', '', 'Content-type: text/plain', 'content-transfer-ENCODING: Base64', '', 'aGVs', 'bG8=']);
    expect(cpimAddress(message, 'From')).toBeNull();
    expect(fromUtf8(cpimContent(message))).toBe('hello');
  });

  it('keeps a language tag and escapes as they came', () => {
    const text = ['Subject:;lang=fr Objet \\u00e9\\n"x"', ...TAIL].join('\r\n');
    const message = decodeCpim(utf8(text));
    expect(message.headers[0]).toEqual({ name: 'Subject', parameters: ';lang=fr', value: 'Objet \\u00e9\\n"x"' });
    expect(unescapeCpim(message.headers[0]?.value ?? '')).toBe('Objet é\n"x"');
    expect(fromUtf8(encodeCpim(message))).toBe(text);
  });

  it('the Content-Length inside does not cut the content', () => {
    const message = decode(['From: <sip:a@b>', '', 'Content-Type: text/plain', 'Content-Length: 2', '', 'grün']);
    expect(fromUtf8(message.content)).toBe('grün');
  });

  it('content may be empty, also without its empty line', () => {
    expect(decode(['From: <sip:a@b>', '', 'Content-Type: text/plain', '', '']).content.length).toBe(0);
    expect(decode(['From: <sip:a@b>', '', 'Content-Type: text/plain']).content.length).toBe(0);
  });

  it.each(['', 'From: <sip:a@b>\r\n', 'no header\r\n\r\n', 'a.b.c: x\r\n\r\n', 'Fr om: x\r\n\r\n', 'X: y\r\n\r\nbroken\r\n\r\n'])(
    'refuses %j',
    (text) => {
      expect(() => decodeCpim(utf8(text))).toThrow('cpim.malformed');
    },
  );

  it('limits size, lines and octets of the headers', () => {
    expect(() => decodeCpim(new Uint8Array(11), { maxOctets: 10 })).toThrow('cpim.too-large');
    expect(() => decode([...Array<string>(CPIM_LIMITS.maxHeaders + 1).fill('A: b'), ...TAIL])).toThrow('cpim.too-large');
    expect(() => decode([`A: ${'x'.repeat(CPIM_LIMITS.maxHeaderOctets)}`, ...TAIL])).toThrow('cpim.too-large');
  });

  it('nothing can be smuggled into a header', () => {
    const parts = { from: 'sip:a@b', to: 'sip:c@d', dateTime: formatDateTime(0), contentType: 'text/plain', content: '' };
    expect(() => encodeCpim(makeCpim({ ...parts, to: 'sip:c@d>\r\nSubject: x' }))).toThrow('cpim.malformed');
    expect(() => encodeCpim(makeCpim({ ...parts, contentType: 'text/plain\r\nX: y' }))).toThrow('cpim.malformed');
  });

  it('a display name comes back as it was given', () => {
    const name = 'Äda "The\\Count"\n';
    const message = makeCpim({ from: 'sip:a@b', fromName: name, to: 'sip:c@d', dateTime: '', contentType: 'a/b', content: '' });
    expect(cpimAddress(decodeCpim(encodeCpim(message)), 'From')).toEqual({ uri: 'sip:a@b', name });
  });

  it.each([
    ['2026-03-02T10:15:30.120+01:00', Date.UTC(2026, 2, 2, 9, 15, 30, 120)],
    ['2026-03-02t09:15:30z', Date.UTC(2026, 2, 2, 9, 15, 30)],
    ['2026-03-02T09:15:30.123456789Z', Date.UTC(2026, 2, 2, 9, 15, 30, 123)],
    ['2026-03-02T09:15:30', null],
    ['2026-13-02T09:15:30Z', null],
    ['Mon, 02 Mar 2026 09:15:30 GMT', null],
  ])('DateTime %s is %s', (text, time) => {
    expect(cpimDateTime(decode([`DateTime: ${text}`, ...TAIL]))).toEqual({ text, time });
  });
});

describe('CPIM escapes', () => {
  it('follow RFC 3862 section 2.3', () => {
    expect(escapeCpim('a\\b\r\n\t\b\u0001"é')).toBe('a\\\\b\\r\\n\\t\\b\\u0001"é');
    expect(quoteCpim('a "b"')).toBe('"a \\"b\\""');
    expect(unescapeCpim("\\'\\q\\u00E9\\u12\\")).toBe("'qéu12");
  });
});
