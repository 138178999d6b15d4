import { describe, expect, it } from 'vitest';
import { fromUtf8, utf8 } from '../../../shared/base/bytes.ts';
import {
  decodeFileRange,
  decodeFileSelector,
  encodeFileRange,
  encodeFileSelector,
  selectorHash,
} from '../../../shared/protocol/sdp/file-selector.ts';
import type { MsrpMedia } from '../../../shared/protocol/sdp/msrp-media.ts';
import { decodeSdp, encodeSdp, nextVersion, SDP_LIMITS } from '../../../shared/protocol/sdp/sdp.ts';

const HEAD = ['v=0', 'o=- 1 1 IN IP4 192.0.2.10', 's=-', 'c=IN IP4 192.0.2.10', 't=0 0'];
const sdp = (...lines: readonly string[]): string => [...HEAD, ...lines, ''].join('\r\n');
function msrp(...lines: readonly string[]): MsrpMedia {
  const [media] = decodeSdp(sdp('m=message 5000 TCP/MSRP *', ...lines)).media;
  if (media?.kind !== 'msrp') throw new Error('no MSRP medium');
  return media;
}

describe('SDP', () => {
  it('keeps ids and versions that no double holds', () => {
    const text = sdp().replace('- 1 1', '- 18446744073709551615 99999999999999999999');
    const read = decodeSdp(text);
    expect(read.origin).toMatchObject({ id: '18446744073709551615', version: '99999999999999999999' });
    expect(fromUtf8(encodeSdp(read))).toBe(text);
    expect(nextVersion(read.origin).version).toBe('100000000000000000000');
  });

  it('keeps other media in number and order', () => {
    const text = sdp('m=audio 49170 RTP/AVP 0 8', 'm=message 0 TCP/MSRP *', 'm=video 0 RTP/SAVPF 31');
    const read = decodeSdp(text);
    expect(read.media[0]).toEqual({ kind: 'other', type: 'audio', port: 49_170, protocol: 'RTP/AVP', formats: '0 8' });
    expect(fromUtf8(encodeSdp(read))).toBe(text);
  });

  it('attributes and the address of the session stand in for those of the medium', () => {
    const text = sdp(
      'a=sendonly',
      'a=setup:active',
      'm=message 9 TCP/MSRP *',
      'm=message 9 TCP/MSRP *',
      'c=IN IP6 2001:db8::1',
      'a=recvonly',
    );
    const read = decodeSdp(text);
    expect(read.address).toBe('192.0.2.10');
    expect(read.media).toMatchObject([
      { direction: 'sendonly', setup: 'active', address: null },
      { direction: 'recvonly', setup: 'active', address: '2001:db8::1' },
    ]);
  });

  it('reads each attribute of MSRP once, the first counts', () => {
    const media = msrp(
      'a=accept-types:message/cpim  text/plain',
      'a=accept-types:*',
      'a=path:msrp://a.example:1/x;tcp msrp://b.example:2/y;tcp',
      'a=max-size:1234',
      'a=msrp-cema',
      'a=fingerprint:sha-256 AB:CD',
      'a=file-icon:cid:icon@x',
      'a=file-disposition:render',
      'a=unknown:thing',
    );
    expect(media).toMatchObject({
      acceptTypes: ['message/cpim', 'text/plain'],
      path: ['msrp://a.example:1/x;tcp', 'msrp://b.example:2/y;tcp'],
      maxSize: 1234,
      cema: true,
      fingerprint: 'sha-256 AB:CD',
      fileIcon: 'icon@x',
      fileDisposition: 'render',
      acceptWrappedTypes: [],
      setup: null,
      direction: null,
    });
  });

  it('a file name with a line separator of Unicode does not end the line', () => {
    const media = msrp('a=file-selector:name:"a\u2028b" type:text/plain size:1');
    expect(media.fileSelector).toMatchObject({ name: 'a\u2028b', type: 'text/plain', size: 1 });
  });

  it.each([
    ['', 'nothing'],
    ['v=0\r\n', 'no origin'],
    [sdp().replace('v=0', 'v=1'), 'another version'],
    [sdp().replace('- 1 1', '- one 1'), 'an id that is no number'],
    [sdp('m=message x TCP/MSRP *'), 'a port that is no number'],
    [sdp('m=message 70000 TCP/MSRP *'), 'a port too high'],
    [sdp('m=message  TCP/MSRP *'), 'no port'],
    [sdp('m=message 1 TCP/MSRP *', 'a=setup:sideways'), 'an unknown setup'],
    [sdp('m=message 1 TCP/MSRP *', 'a=max-size:99999999999999999999'), 'a size no double holds'],
    [sdp('m=message 1 TCP/MSRP *', 'a=max-size:-1'), 'a negative size'],
    [sdp('m=message 1 TCP/MSRP *', 'a=file-range:0-5'), 'a range from 0'],
    [sdp('m=message 1 TCP/MSRP *', 'a=file-selector:name:"open'), 'a name that does not end'],
  ])('refuses %j: %s', (text) => {
    expect(() => decodeSdp(text)).toThrow('sdp.malformed');
  });

  it('limits size, lines and media', () => {
    expect(() => decodeSdp(utf8('x'.repeat(SDP_LIMITS.maxOctets + 1)))).toThrow('sdp.too-large');
    expect(() => decodeSdp(sdp(`a=x:${'y'.repeat(SDP_LIMITS.maxLineLength)}`))).toThrow('sdp.too-large');
    expect(() => decodeSdp(sdp(...Array<string>(SDP_LIMITS.maxLines).fill('a=x')))).toThrow('sdp.too-large');
    expect(() => decodeSdp(sdp(...Array<string>(SDP_LIMITS.maxMedia + 1).fill('m=message 1 TCP/MSRP *')))).toThrow('sdp.too-large');
  });

  it('a line break cannot be written', () => {
    expect(() => encodeSdp({ ...decodeSdp(sdp()), name: 'x\r\na=inactive' })).toThrow('sdp.malformed');
  });
});

describe('file selector', () => {
  it('R-FT-07: writes name, type, size and hashes as RFC 5547 wants them', () => {
    const text = encodeFileSelector({
      name: 'a/b "50%".txt',
      type: 'text/plain;charset=UTF-8',
      size: 12,
      hashes: [
        { algorithm: 'sha-1', hex: '00ff' },
        { algorithm: 'sha-256', hex: 'abcd' },
      ],
    });
    expect(text).toBe('name:"a%2Fb%20%2250%25%22.txt" type:text/plain;charset="UTF-8" size:12 hash:sha-1:00:FF hash:sha-256:AB:CD');
    const read = decodeFileSelector(text);
    expect(read).toMatchObject({ name: 'a/b "50%".txt', type: 'text/plain;charset="UTF-8"', size: 12 });
    expect(selectorHash(read, 'sha-256')).toBe('abcd');
    expect(selectorHash(read, 'sha-1')).toBe('00ff');
  });

  it('reads any order, raw blanks and UTF-8, and skips what it does not know', () => {
    const text = 'size:5 future:"x y" name:"Grüße an Bob.txt" hash:md5:AA type:image/png;a="b c" other:z';
    expect(decodeFileSelector(text)).toEqual({
      name: 'Grüße an Bob.txt',
      type: 'image/png;a="b c"',
      size: 5,
      hashes: [{ algorithm: 'md5', hex: 'aa' }],
      received: text,
    });
  });

  it('what came is mirrored octet by octet', () => {
    const text = 'name:"a b" size:5';
    expect(encodeFileSelector(decodeFileSelector(text))).toBe(text);
  });

  it('may be empty (a capability) or say little (a large message)', () => {
    expect(decodeFileSelector('')).toMatchObject({ name: null, type: null, size: null, hashes: [] });
    expect(decodeFileSelector('size:3917')).toMatchObject({ name: null, size: 3917 });
  });

  it.each([
    'name:"a',
    'size:x',
    'size:',
    'size:99999999999999999',
    'hash:sha-1',
    'hash:sha-1:A',
    'hash:sha-1:GG',
    'type:png',
    'type:',
    'plain words',
    Array(9).fill('hash:x:00').join(' '),
  ])('refuses %j', (text) => {
    expect(() => decodeFileSelector(text)).toThrow('sdp.malformed');
  });
});

describe('file range', () => {
  it.each(['1-5000', '4097-*'])('%s', (text) => {
    expect(encodeFileRange(decodeFileRange(text))).toBe(text);
  });

  it.each(['', '1', '0-1', '5-4', '*-5', '1-', '-1-5', '1-99999999999999999'])('refuses %j', (text) => {
    expect(() => decodeFileRange(text)).toThrow('sdp.malformed');
  });
});
