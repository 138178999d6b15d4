import { describe, expect, it } from 'vitest';
import { concatBytes, fromUtf8, utf8 } from '../../../shared/base/bytes.ts';
import { ParleyError } from '../../../shared/base/errors.ts';
import { makeMultipart, type Part } from '../../../shared/protocol/multipart/multipart.ts';
import { decodeIconPart, encodeIconPart } from '../../../shared/protocol/picture/icon-part.ts';
import { MAX_ICON, readIconPicture } from '../../../shared/protocol/picture/icon-picture.ts';
import { greyPng, jpegThatSays, pngChunk, pngOf, pngThatSays } from '../../harness/icons.ts';

const CID = 'icon11@home1.example';
const PNG = greyPng(16, 12);
const SVG = utf8('<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>');

const part = (body: Uint8Array, ...more: [string, string][]): Part => ({
  headers: [['Content-ID', `<${CID}>`], ['Content-Disposition', 'icon'], ...more].map(([name = '', value = '']) => ({ name, value })),
  body,
});
const sdp: Part = { headers: [{ name: 'Content-Type', value: 'application/sdp' }], body: utf8('v=0\r\n') };

function codeOf(run: () => unknown): string {
  try {
    run();
    return 'taken';
  } catch (thrown) {
    if (thrown instanceof ParleyError) return thrown.code;
    throw thrown;
  }
}

describe('what a thumbnail is', () => {
  it('R-FTR-01: is said by its octets: a PNG or a JPEG, and its size', () => {
    expect(readIconPicture(PNG)).toEqual({ type: 'image/png', width: 16, height: 12 });
    expect(readIconPicture(jpegThatSays(160, 90))).toEqual({ type: 'image/jpeg', width: 160, height: 90 });
    expect(readIconPicture(jpegThatSays(1024, 1024, 32))).toMatchObject({ width: 1024 });
    expect(readIconPicture(pngThatSays(1024, 1))).toMatchObject({ width: 1024, height: 1 });
  });

  const animation = pngChunk('acTL', new Uint8Array(8));
  it.each<[string, Uint8Array, string]>([
    ['a PNG of 50 million pixels in a few octets', pngThatSays(10_000, 5000), 'peer.too-large'],
    ['one whose sides are fine by themselves as long as nobody multiplies', pngThatSays(0xffffffff, 0xffffffff), 'peer.too-large'],
    ['a JPEG of 50 million pixels', jpegThatSays(10_000, 5000), 'peer.too-large'],
    ['a JPEG of more passes than one looks at', jpegThatSays(1024, 1024, 33), 'peer.too-large'],
    ['one pixel too wide', pngThatSays(1025, 1), 'peer.too-large'],
    ['no pixels', pngThatSays(0, 5), 'peer.malformed'],
    ['10 MB of octets', concatBytes([PNG, new Uint8Array(10_000_000)]), 'peer.too-large'],
    ['an SVG', SVG, 'peer.unsupported'],
    ['a GIF', utf8('GIF89a\x01\x00\x01\x00'), 'peer.unsupported'],
    ['HTML behind the first octets of a JPEG', concatBytes([new Uint8Array([0xff, 0xd8, 0xff]), SVG]), 'peer.malformed'],
    ['a PNG that moves', greyPng(16, 12, [animation]), 'peer.unsupported'],
    ['a PNG that breaks off', PNG.subarray(0, PNG.length - 12), 'peer.malformed'],
    ['a PNG without its header', pngOf(pngChunk('IEND', new Uint8Array())), 'peer.malformed'],
    ['a chunk that is longer than all', pngOf(pngThatSays(1, 1).subarray(8, 33), utf8('\x7f\xff\xff\xffIDAT')), 'peer.malformed'],
    ['a JPEG that breaks off', jpegThatSays(160, 90).subarray(0, -2), 'peer.malformed'],
    ['a JPEG with a second, larger frame', withSecondFrame(), 'peer.malformed'],
    ['nothing', new Uint8Array(), 'peer.unsupported'],
  ])('%s is none', (_, octets, code) => {
    expect(codeOf(() => readIconPicture(octets))).toBe(code);
  });
});

describe('the part of a thumbnail', () => {
  it('R-FT-11: is written as in F11-01: base64, an id in brackets, an icon', () => {
    const icon = { ...readIconPicture(PNG), octets: PNG };
    const made = encodeIconPart(icon, CID);
    expect(made.headers.map(({ name, value }) => `${name}: ${value}`)).toEqual([
      'Content-Type: image/png',
      'Content-Transfer-Encoding: base64',
      `Content-ID: <${CID}>`,
      'Content-Disposition: icon',
    ]);
    expect(fromUtf8(made.body)).toMatch(/^[A-Za-z0-9+/=]{1,76}(\r\n[A-Za-z0-9+/=]{1,76})*$/);
    for (const type of ['multipart/related', 'multipart/mixed'] as const) {
      const { contentType, body } = makeMultipart(type, [sdp, made]);
      expect(decodeIconPart(contentType, body, CID)).toEqual(icon);
    }
  });

  it.each<[string, Part]>([
    ['as it is', part(PNG)],
    ['binary', part(PNG, ['Content-Transfer-Encoding', 'binary'])],
    ['quoted-printable', part(quotedPrintable(PNG), ['Content-Transfer-Encoding', 'Quoted-Printable'])],
    ['under another type', part(PNG, ['Content-Type', 'image/svg+xml'])],
  ])('is read %s', (_, encoded) => {
    const { contentType, body } = makeMultipart('multipart/related', [sdp, encoded]);
    expect(decodeIconPart(contentType, body, 'icon11%40home1.example')).toEqual({ type: 'image/png', width: 16, height: 12, octets: PNG });
  });

  it.each<[string, readonly Part[], string]>([
    ['nobody has the id', [sdp], 'peer.malformed'],
    ['two have it', [sdp, part(PNG), part(greyPng(8, 8))], 'peer.malformed'],
    [
      'it is the description itself',
      [{ ...sdp, headers: [...sdp.headers, { name: 'Content-ID', value: `<${CID}>` }] }],
      'peer.unsupported',
    ],
    ['it is an SVG under the type of a PNG', [sdp, part(SVG, ['Content-Type', 'image/png'])], 'peer.unsupported'],
    ['it is no base64', [sdp, part(utf8('====='), ['Content-Transfer-Encoding', 'base64'])], 'multipart.malformed'],
    ['its encoding is not known', [sdp, part(PNG, ['Content-Transfer-Encoding', 'x-uuencode'])], 'multipart.malformed'],
    [
      'it is long before it is decoded',
      [sdp, part(new Uint8Array(4 * MAX_ICON), ['Content-Transfer-Encoding', 'base64'])],
      'peer.too-large',
    ],
    ['it is long once it is decoded', [sdp, part(new Uint8Array(MAX_ICON + 1))], 'peer.too-large'],
  ])('is none where %s', (_, parts, code) => {
    const { contentType, body } = makeMultipart('multipart/related', parts);
    expect(codeOf(() => decodeIconPart(contentType, body, CID))).toBe(code);
  });

  it('is none in a body that is no multipart', () => {
    expect(codeOf(() => decodeIconPart('application/sdp', sdp.body, CID))).toBe('multipart.malformed');
  });
});

function withSecondFrame(): Uint8Array {
  const jpeg = jpegThatSays(16, 16);
  return concatBytes([jpeg.subarray(0, -2), jpegThatSays(9000, 9000).subarray(8)]);
}

function quotedPrintable(octets: Uint8Array): Uint8Array {
  return utf8(
    [...octets].map((octet, at) => `=${octet.toString(16).toUpperCase().padStart(2, '0')}${at % 24 === 23 ? '=\r\n' : ''}`).join(''),
  );
}
