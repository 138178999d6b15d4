import { describe, expect, it } from 'vitest';
import { fromUtf8, utf8 } from '../../../shared/base/bytes.ts';
import {
  decodeMultipart,
  encodeMultipart,
  leafParts,
  MULTIPART_LIMITS,
  makeMultipart,
  type Part,
  partByContentId,
  partContent,
  partContentType,
  rootPart,
} from '../../../shared/protocol/multipart/multipart.ts';

const TYPE = 'multipart/mixed;boundary="b"';
const bodies = (text: string, type = TYPE): string[] => decodeMultipart(utf8(text), type).parts.map((part) => fromUtf8(part.body));
const part = (type: string, body: string, id?: string): Part => ({
  headers: [{ name: 'Content-Type', value: type }, ...(id === undefined ? [] : [{ name: 'Content-ID', value: id }])],
  body: utf8(body),
});

describe('multipart', () => {
  it('keeps what stands before the first and after the last boundary', () => {
    const text = 'before\r\nit\r\n--b\r\n\r\none\r\n--b  \t\r\nA: b\r\n\r\n\r\n--b--\r\nafter';
    const read = decodeMultipart(utf8(text), TYPE);
    expect(fromUtf8(read.preamble ?? utf8('none'))).toBe('before\r\nit');
    expect(fromUtf8(read.epilogue ?? utf8('none'))).toBe('after');
    expect(read.parts.map((each) => fromUtf8(each.body))).toEqual(['one', '']);
    expect(fromUtf8(encodeMultipart(read, 'b'))).toBe(text.replace('  \t', ''));
  });

  it('a boundary counts only as a line of its own (RFC 2046 section 5.1.1)', () => {
    expect(bodies('--b\r\n\r\nx--b\r\n--bb\r\n--b-\r\n --b\r\n--b--x\r\n\n--b\r\ny\r\n--b--')).toEqual([
      'x--b\r\n--bb\r\n--b-\r\n --b\r\n--b--x\r\n\n--b\r\ny',
    ]);
  });

  it('the line end before a boundary is not content, the one before it is', () => {
    expect(bodies('--b\r\n\r\nx\r\n\r\n--b\r\n\r\n\r\n--b--\r\n')).toEqual(['x\r\n', '']);
  });

  it('a bare line feed at the very beginning does not hide the parts', () => {
    expect(bodies('\n\r\n--b\r\n\r\nx\r\n--b--')).toEqual(['x']);
  });

  it('a boundary that begins another one is told apart: nested parts decode by another call', () => {
    const inner = encodeMultipart({ parts: [part('a/a', '1'), part('a/b', '2')] }, 'b-inner');
    const outer = encodeMultipart(
      { parts: [{ headers: [{ name: 'Content-Type', value: 'multipart/alternative;boundary=b-inner' }], body: inner }] },
      'b_',
    );
    const [nested] = decodeMultipart(outer, 'multipart/mixed;boundary=b_').parts;
    expect(nested?.body).toEqual(inner);
    expect(bodies(fromUtf8(nested?.body ?? utf8('')), 'multipart/alternative;boundary=b-inner')).toEqual(['1', '2']);
  });

  it('a Content-Length in a part is a hint only', () => {
    expect(bodies('--b\r\nContent-Length: 1\r\n\r\nlonger\r\n--b\r\nContent-Length: 99\r\n\r\nshort\r\n--b--')).toEqual([
      'longer',
      'short',
    ]);
  });

  it('a part without a type is plain text, base64 is undone', () => {
    const [first, second] = decodeMultipart(
      utf8('--b\r\n\r\nx\r\n--b\r\nContent-Transfer-Encoding: base64\r\n\r\naGk=\r\n--b--'),
      TYPE,
    ).parts;
    expect(partContentType(first as Part).type).toBe('text/plain');
    expect(fromUtf8(partContent(second as Part))).toBe('hi');
  });

  it('the root of a related body is the part named by start, else the first (RFC 2387)', () => {
    const body = encodeMultipart({ parts: [part('image/png', 'i', '<icon@x>'), part('application/sdp', 's', '<sdp@x>')] }, 'b');
    const read = decodeMultipart(body, TYPE);
    expect(fromUtf8(rootPart(read, 'multipart/related;boundary=b;start="<sdp@x>"').body)).toBe('s');
    expect(fromUtf8(rootPart(read, 'multipart/related;boundary=b').body)).toBe('i');
    expect(() => rootPart(read, 'multipart/related;boundary=b;start="<no@x>"')).toThrow('multipart.malformed');
    expect(fromUtf8(partByContentId(read, 'icon@x')?.body ?? utf8(''))).toBe('i');
  });

  it('a made body has a boundary that its parts do not have, and says its type', () => {
    const made = makeMultipart('multipart/related', [part('application/sdp', 'v=0\r\n')], new Map([['type', 'application/sdp']]));
    expect(made.contentType).toMatch(/^multipart\/related;type="application\/sdp";boundary=bnd-[\w-]{16}$/);
    expect(decodeMultipart(made.body, made.contentType).parts).toEqual([part('application/sdp', 'v=0\r\n')]);
  });

  it('parts of a multipart inside of another stand in its place (RFC 5621); one that cannot be read, or is too deep, stays what it is', () => {
    const nested = (inner: { contentType: string; body: Uint8Array }, ...more: Part[]) =>
      makeMultipart('multipart/mixed', [{ headers: [{ name: 'Content-Type', value: inner.contentType }], body: inner.body }, ...more]);
    const types = ({ contentType, body }: { contentType: string; body: Uint8Array }) =>
      leafParts(body, contentType).map((each) => partContentType(each).type);
    const related = makeMultipart('multipart/related', [part('application/sdp', 's'), part('image/png', 'i')]);
    const list = part('application/resource-lists+xml', 'l');
    expect(types(related)).toEqual(['application/sdp', 'image/png']);
    expect(types(nested(related, list))).toEqual(['application/sdp', 'image/png', 'application/resource-lists+xml']);
    expect(types(nested(nested(related), list))).toEqual(['application/sdp', 'image/png', 'application/resource-lists+xml']);
    expect(types(nested(nested(nested(related)), list))).toEqual(['multipart/related', 'application/resource-lists+xml']);
    expect(types(nested({ ...related, body: utf8('broken') }, list))).toEqual(['multipart/related', 'application/resource-lists+xml']);
    const many = makeMultipart('multipart/mixed', Array(40).fill(list));
    expect(() => types(nested(many, part(many.contentType, fromUtf8(many.body))))).toThrow('multipart.too-large');
  });

  it('a boundary inside of a part cannot be written', () => {
    expect(() => encodeMultipart({ parts: [part('a/b', 'x--by')] }, 'b')).toThrow('multipart.malformed');
  });

  it.each([
    ['', TYPE],
    ['no boundary', TYPE],
    ['--b\r\n\r\nnot closed', TYPE],
    ['--b\r\n\r\nnot closed\r\n--b\r\n', TYPE],
    ['--b\r\nbroken header\r\n\r\nx\r\n--b--', TYPE],
    ['--b\r\n\r\nx\r\n--b--', 'multipart/mixed'],
    ['--b\r\n\r\nx\r\n--b--', 'text/plain;boundary=b'],
    ['--b \r\n\r\nx\r\n--b --', 'multipart/mixed;boundary="b "'],
    ['--b\r\n\r\nx\r\n--b--', `multipart/mixed;boundary="${'b'.repeat(71)}"`],
  ])('refuses %j as %s', (text, type) => {
    expect(() => decodeMultipart(utf8(text), type)).toThrow('multipart.malformed');
  });

  it('limits size, parts and headers', () => {
    const many = `${'--b\r\n\r\nx\r\n'.repeat(MULTIPART_LIMITS.maxParts + 1)}--b--`;
    expect(() => bodies(many)).toThrow('multipart.too-large');
    expect(() => bodies(`--b\r\n${'A: b\r\n'.repeat(MULTIPART_LIMITS.maxHeaders + 1)}\r\n\r\n--b--`)).toThrow('multipart.too-large');
    expect(() => bodies(`--b\r\nA: ${'b'.repeat(MULTIPART_LIMITS.maxHeaderOctets)}\r\n\r\n\r\n--b--`)).toThrow('multipart.too-large');
    expect(() => decodeMultipart(new Uint8Array(11), TYPE, { maxOctets: 10 })).toThrow('multipart.too-large');
  });
});
