import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ParleyError } from '../../../shared/base/errors.ts';
import { decodeSdp } from '../../../shared/protocol/sdp/sdp.ts';
import { decodeSip, encodeSip } from '../../../shared/protocol/sip/codec.ts';
import { header, headers, type SipMessage } from '../../../shared/protocol/sip/message.ts';
import { decodeNameAddr } from '../../../shared/protocol/sip/name-addr.ts';
import { decodeSipUri, unescapeUser } from '../../../shared/protocol/sip/uri.ts';
import { essentials } from '../../../shared/protocol/sip/validate.ts';
import { decodeVia } from '../../../shared/protocol/sip/via.ts';

/** The messages of RFC 4475, bit-exact from its appendix A. */
const folder = new URL('../../vectors/rfc4475/', import.meta.url);
/** Those of RFC 5118, from its appendix A; with CRLF, Content-Length counted anew, and an empty line where the archive has forgotten it. */
const ipv6Folder = new URL('../../vectors/rfc5118/', import.meta.url);
const read = (name: string, from = folder): Uint8Array => new Uint8Array(readFileSync(new URL(`${name}.dat`, from)));

/** Valid by syntax: sections 3.1.1, 3.2, and those of 3.3 and 3.4 that only an application refuses. */
const VALID = [
  'wsinv',
  'intmeth',
  'esc01',
  'escnull',
  'esc02',
  'lwsdisp',
  'longreq',
  'dblreq',
  'semiuri',
  'transports',
  'mpart01',
  'unreason',
  'noreason',
  'badbranch',
  'unkscm',
  'novelsc',
  'unksm2',
  'bext01',
  'invut',
  'regaut01',
  'bcast',
  'zeromf',
  'cparam01',
  'cparam02',
  'regescrt',
  'sdp01',
];
/** Refused by the grammar of a field that only its user decodes: Expires, Date and Accept are no matter of the transaction layer. */
const REFUSED_LATER = ['baddate', 'inv2543'];

function decode(name: string): SipMessage {
  const message = decodeSip(read(name));
  essentials(message);
  return message;
}

describe('RFC 4475 torture messages', () => {
  const all = readdirSync(folder).map((name) => name.replace('.dat', ''));

  it('has all 49', () => expect(all).toHaveLength(49));

  it.each(VALID)('%s is understood and survives a round trip', (name) => {
    const message = decode(name);
    expect(decodeSip(encodeSip(message))).toEqual(message);
  });

  it.each(all.filter((name) => !VALID.includes(name) && !REFUSED_LATER.includes(name)))('%s gives a coded error', (name) => {
    expect(() => decode(name)).toThrow(ParleyError);
  });

  it.each(REFUSED_LATER)('%s is understood as far as the transaction layer reads', (name) => {
    expect(decode(name)).toMatchObject({ kind: 'request', method: 'INVITE' });
  });

  it('refuses a display name that needs quotes, also where the message ends as it should (3.1.2.15)', () => {
    const whole = new Uint8Array([...read('baddn'), 0x0d, 0x0a]);
    expect(() => essentials(decodeSip(whole))).toThrow('a display name needs quotes');
  });

  it('unfolds and expands compact forms (3.1.1.1)', () => {
    const message = decode('wsinv');
    expect(header(message, 'Subject')).toBe('');
    expect(header(message, 'To')).toBe('sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n');
    expect(headers(message, 'Via').map((value) => decodeVia(value).host)).toEqual(['192.0.2.2', 'spindle.example.com', '192.168.255.111']);
    expect(headers(message, 'Route')).toHaveLength(1);
    expect(essentials(message)).toMatchObject({ toTag: '1918181833n', sequence: 9, maxForwards: 68 });
  });

  it('keeps the body of two messages apart by Content-Length (3.1.1.8)', () => {
    const message = decode('dblreq');
    expect(message).toMatchObject({ kind: 'request', method: 'REGISTER' });
    expect(message.body).toHaveLength(0);
  });

  it('undoes escapes of a user part once, and only real ones (3.1.1.3-5)', () => {
    const uri = decodeSipUri((decode('esc01') as { uri: string }).uri);
    expect(unescapeUser(uri.user as string)).toBe('sips:user@example.com');
    expect(unescapeUser('%Zebra')).toBe('%Zebra');
    expect(unescapeUser('null-%00-null')).toBe('null-\0-null');
  });

  it('keeps semicolons of a user part (3.1.1.9)', () => {
    expect(decodeSipUri((decode('semiuri') as { uri: string }).uri)).toMatchObject({
      user: 'user;par=u%40example.net',
      host: 'example.com',
      parameters: [],
    });
  });

  it('reads a display name without white space before the bracket (3.1.1.6)', () => {
    expect(decodeNameAddr(header(decode('lwsdisp'), 'From') as string)).toMatchObject({
      displayName: 'caller',
      uri: 'sip:caller@example.com',
    });
  });

  it('keeps a reason phrase of any octets, also none (3.1.1.12-13)', () => {
    expect(decode('unreason')).toMatchObject({ status: 200, reason: '= 2**3 * 5**2 но сто девяносто девять - простое' });
    expect(decode('noreason')).toMatchObject({ status: 100, reason: '' });
  });
});

describe('RFC 5118 torture messages', () => {
  const names = readdirSync(ipv6Folder).map((name) => name.replace('.dat', ''));
  const decodeIpv6 = (name: string): SipMessage => decodeSip(read(name, ipv6Folder));

  it('has all 12', () => expect(names).toHaveLength(12));

  it.each(names.filter((name) => name !== 'ipv6-bad'))('%s is understood and survives a round trip', (name) => {
    const message = decodeIpv6(name);
    essentials(message);
    expect(decodeSip(encodeSip(message))).toEqual(message);
  });

  it('refuses an address without brackets (4.2)', () => {
    expect(() => essentials(decodeIpv6('ipv6-bad'))).toThrow('sip.malformed');
  });

  it('takes a port for one behind the brackets only (4.3, 4.4)', () => {
    const uriOf = (name: string) => decodeSipUri((decodeIpv6(name) as { uri: string }).uri);
    expect(uriOf('port-ambiguous')).toMatchObject({ host: '[2001:db8::10:5070]', port: null });
    expect(uriOf('port-unambiguous')).toMatchObject({ host: '[2001:db8::10]', port: 5070 });
  });

  it('takes `received` with brackets and without (4.5)', () => {
    const received = (name: string) =>
      essentials(decodeIpv6(name)).via.parameters.find((parameter) => parameter.name === 'received')?.value;
    expect(received('via-received-param-with-delim')).toBe('[2001:db8::9:255]');
    expect(received('via-received-param-no-delim')).toBe('2001:db8::9:255');
  });

  it('reads IPv6 in session descriptions, mapped and beside IPv4 (4.6, 4.8, 4.9)', () => {
    expect(decodeSdp(decodeIpv6('ipv6-in-sdp').body)).toMatchObject({ address: '2001:db8::20', origin: { address: '2001:db8::20' } });
    expect(decodeSdp(decodeIpv6('ipv4-mapped-ipv6').body).address).toBe('::ffff:192.0.2.2');
    expect(decodeSdp(decodeIpv6('mult-ip-in-sdp').body).media).toHaveLength(2);
  });

  it('keeps Vias of either kind apart (4.7)', () => {
    const hosts = headers(decodeIpv6('mult-ip-in-header'), 'Via').map((value) => decodeVia(value).host);
    expect(hosts).toEqual(['[2001:db8::9:1]', '192.0.2.1', '[2001:db8::9:255]']);
  });

  it('tolerates the third colon that RFC 3261 allows by mistake (4.10)', () => {
    expect(decodeSipUri((decodeIpv6('ipv6-bug-abnf-3-colons') as { uri: string }).uri).host).toBe('[2001:db8:::192.0.2.1]');
  });
});
