import { describe, expect, it } from 'vitest';
import { fromUtf8, utf8 } from '../../../shared/base/bytes.ts';
import { decodeContentDisposition, encodeContentDisposition } from '../../../shared/protocol/mime/content-disposition.ts';
import { decodeContentType, encodeContentType, mediaType } from '../../../shared/protocol/mime/content-type.ts';
import { decodeMimeHeaders, mimeHeader } from '../../../shared/protocol/mime/headers.ts';
import { decodeTransferEncoding, encodeBase64Lines } from '../../../shared/protocol/mime/transfer-encoding.ts';

const LIMITS = { maxHeaders: 4, maxHeaderOctets: 200, malformed: 'cpim.malformed', tooLarge: 'cpim.too-large' } as const;

describe('content type', () => {
  it('lower-cases type and parameter names, keeps values, undoes quotes', () => {
    const read = decodeContentType('Text/PLAIN ; Charset="UTF-8"; x="a\\"b;c"; empty=; flag');
    expect(read.type).toBe('text/plain');
    expect([...read.parameters]).toEqual([
      ['charset', 'UTF-8'],
      ['x', 'a"b;c'],
      ['empty', ''],
      ['flag', ''],
    ]);
  });

  it('quotes only what needs it', () => {
    const parameters = new Map([
      ['type', 'application/sdp'],
      ['charset', 'UTF-8'],
      ['q', 'a"\\'],
    ]);
    expect(encodeContentType({ type: 'multipart/related', parameters })).toBe(
      'multipart/related;type="application/sdp";charset=UTF-8;q="a\\"\\\\"',
    );
  });

  it.each(['', 'text', '/plain', 'text/', 'te xt/plain', 'text/plain/x', 'a'.repeat(9000)])('refuses %j', (text) => {
    expect(() => decodeContentType(text)).toThrow('multipart.malformed');
  });

  it('a line break in a parameter cannot be written', () => {
    expect(() => encodeContentType({ type: 'a/b', parameters: new Map([['x', 'y\r\nInjected: 1']]) })).toThrow('multipart.malformed');
  });

  it('names what is no type octets', () => {
    expect(mediaType(' Image/JPEG; q=1')).toBe('image/jpeg');
    expect(mediaType('../evil')).toBe('application/octet-stream');
    expect(mediaType('nothing')).toBe('application/octet-stream');
  });
});

describe('content disposition', () => {
  it('reads an extended file name (RFC 2231) before the plain one', () => {
    const read = decodeContentDisposition('Attachment; filename="plain.txt"; filename*=UTF-8\'en\'na%C3%AFve.txt');
    expect(read.type).toBe('attachment');
    expect(read.parameters.get('filename')).toBe('naïve.txt');
  });

  it('writes a name with quotes and other letters', () => {
    expect(encodeContentDisposition({ type: 'attachment', parameters: new Map([['filename', 'ü "x".txt']]) })).toBe(
      'attachment;filename="ü \\"x\\".txt"',
    );
  });
});

describe('MIME headers', () => {
  it('joins folded lines, takes bare LF, finds names in any case', () => {
    const octets = utf8('Content-type: text/plain;\r\n\t charset=utf-8\nX: 1\r\n\r\nbody');
    const { headers, bodyAt } = decodeMimeHeaders(octets, 0, LIMITS);
    expect(mimeHeader(headers, 'CONTENT-TYPE')).toBe('text/plain; charset=utf-8');
    expect(fromUtf8(octets.subarray(bodyAt))).toBe('body');
  });

  it.each([
    ['A: 1\r\n'.repeat(5), 'cpim.too-large'],
    [`A: ${'x'.repeat(300)}\r\n`, 'cpim.too-large'],
    ['no colon\r\n', 'cpim.malformed'],
    [': value\r\n', 'cpim.malformed'],
    [' folded first\r\n', 'cpim.malformed'],
  ])('refuses %j with %s', (text, code) => {
    expect(() => decodeMimeHeaders(utf8(text), 0, LIMITS)).toThrow(code);
  });
});

describe('transfer encoding', () => {
  it('undoes base64 with line breaks in any case of the name', () => {
    const octets = new Uint8Array(200).map((_, at) => at);
    expect(decodeTransferEncoding(utf8(encodeBase64Lines(octets)), ' BASE64', 'cpim.malformed')).toEqual(octets);
  });

  it('undoes quoted-printable', () => {
    const octets = utf8('Gr=C3=BC=C3=9Fe =\r\naus  \r\nBonn=20');
    expect(fromUtf8(decodeTransferEncoding(octets, 'quoted-printable', 'cpim.malformed'))).toBe('Grüße aus\r\nBonn ');
  });

  it.each([
    ['a=\n=3d\nb', 'a=\r\nb'],
    ['=4', '=4'],
    ['=', '='],
    ['=zz=C3=', '=zz\u00c3='],
    [' \t\r\nx \t', '\r\nx \t'],
    ['\n\n', '\r\n\r\n'],
    ['=20=\r\n', ' '],
  ])('quoted-printable %j is %j', (text, plain) => {
    expect(Buffer.from(decodeTransferEncoding(utf8(text), 'quoted-printable', 'cpim.malformed')).toString('latin1')).toBe(plain);
  });

  it.each([
    ['uuencode', 'x'],
    ['base64', 'A'],
  ])('refuses %s of %j', (encoding, text) => {
    expect(() => decodeTransferEncoding(utf8(text), encoding, 'cpim.malformed')).toThrow('cpim.malformed');
  });
});
