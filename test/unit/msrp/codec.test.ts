import { describe, expect, it } from 'vitest';
import { RangeSet } from '../../../electron/msrp/ranges.ts';
import { formatByteRange } from '../../../shared/protocol/msrp/byte-range.ts';
import { decodeHead, encodeFrame, encodeHead } from '../../../shared/protocol/msrp/codec.ts';
import { decodeFrame } from '../../../shared/protocol/msrp/framer.ts';
import { byteRangeOf, failureReportOf, headerValue, statusOf, successReportOf } from '../../../shared/protocol/msrp/headers.ts';
import { decodeMsrpUri, encodeMsrpUri, sameMsrpUri } from '../../../shared/protocol/msrp/uri.ts';

const TO = 'msrp://bob.example:8888/9di4ea;tcp';
const FROM = 'msrp://alice.example:7777/iau39;tcp';
const head = (...fields: string[]): ReturnType<typeof decodeHead> =>
  decodeHead(['MSRP d93kswow SEND', `To-Path: ${TO}`, `From-Path: ${FROM}`, ...fields].join('\r\n'));
const malformed = expect.objectContaining({ code: 'msrp.malformed' });

describe('MSRP heads', () => {
  it('reads requests and responses', () => {
    expect(head('Message-ID: 12339sdqwer')).toEqual({
      kind: 'request',
      transactionId: 'd93kswow',
      method: 'SEND',
      toPath: [TO],
      fromPath: [FROM],
      headers: [{ name: 'Message-ID', value: '12339sdqwer' }],
    });
    expect(decodeHead(`MSRP a786hjs2 413 Stop it\r\nTo-Path: ${FROM} ${TO}\r\nFrom-Path: ${TO}`)).toMatchObject({
      kind: 'response',
      status: 413,
      comment: 'Stop it',
      toPath: [FROM, TO],
    });
  });

  it('takes other spellings of names and other blanks', () => {
    const read = decodeHead(
      `MSRP d93kswow SEND\r\nTO-PATH:${TO}\r\nfrom-path: \t${FROM} \r\nbyte-range:1-*/5\r\nfailure-REPORT: No\r\nSuccess-Report: YES`,
    );
    expect([read.toPath, read.fromPath]).toEqual([[TO], [FROM]]);
    expect(byteRangeOf(read)).toEqual({ start: 1, end: null, total: 5 });
    expect(failureReportOf(read)).toBe('no');
    expect(successReportOf(read)).toBe(true);
    expect(headerValue(read, 'Message-ID')).toBeNull();
  });

  it('defaults to failure reports and no success reports', () => {
    expect(failureReportOf(head())).toBe('yes');
    expect(successReportOf(head())).toBe(false);
    expect(failureReportOf(head('Failure-Report: partial'))).toBe('partial');
  });

  it.each(['msrp d93kswow SEND', 'MSRP d93kswow send', 'MSRP d9 SEND', 'MSRP d93kswow 20 OK', 'MSRP  SEND'])(
    'refuses the start line %s',
    (line) => {
      expect(() => decodeHead(`${line}\r\nTo-Path: ${TO}\r\nFrom-Path: ${FROM}`)).toThrow(malformed);
    },
  );

  it.each([
    ['no paths', 'MSRP d93kswow SEND\r\nMessage-ID: x'],
    ['two To-Paths', `MSRP d93kswow SEND\r\nTo-Path: ${TO}\r\nTo-Path: ${TO}\r\nFrom-Path: ${FROM}`],
    ['an empty path', `MSRP d93kswow SEND\r\nTo-Path: \r\nFrom-Path: ${FROM}`],
    ['a folded field', `MSRP d93kswow SEND\r\nTo-Path: ${TO}\r\nFrom-Path: ${FROM}\r\nX: a\r\n b`],
    ['a bare carriage return', `MSRP d93kswow SEND\r\nTo-Path: ${TO}\r\nFrom-Path: ${FROM}\r\nX: a\rb`],
    ['a path beyond ASCII', `MSRP d93kswow SEND\r\nTo-Path: ${TO}\u010d\u010a\r\nFrom-Path: ${FROM}`],
  ])('refuses %s', (_name, text) => {
    expect(() => decodeHead(text)).toThrow(malformed);
  });

  it('never writes a line break out of a value', () => {
    const good = head();
    expect(() => encodeHead({ ...good, headers: [{ name: 'X', value: 'a\r\nY: b' }] })).toThrow(malformed);
    expect(() => encodeHead({ ...good, headers: [{ name: 'X: y\r\n', value: '' }] })).toThrow(malformed);
    expect(() => encodeHead({ ...good, toPath: [] })).toThrow(malformed);
    expect(() => encodeHead({ ...good, transactionId: 'a b' })).toThrow(malformed);
  });

  it('tells a body of no octets from no body', () => {
    const frame = { head: head('Content-Type: text/plain'), flag: '$' as const };
    expect(decodeFrame(encodeFrame({ ...frame, body: new Uint8Array(0) })).body).toHaveLength(0);
    expect(decodeFrame(encodeFrame({ ...frame, body: null })).body).toBeNull();
    const doubled = Buffer.from(`${encodeHead(frame.head)}\r\n-------d93kswow$\r\n`);
    expect(decodeFrame(doubled).body).toHaveLength(0);
    expect(() => decodeFrame(doubled.subarray(0, -1))).toThrow(malformed);
    expect(() => decodeFrame(Buffer.concat([doubled, Buffer.from('x')]))).toThrow(malformed);
  });

  it('reads Byte-Range and Status by their grammar only', () => {
    expect(byteRangeOf(head('Byte-Range: 1-0/0'))).toEqual({ start: 1, end: 0, total: 0 });
    expect(byteRangeOf(head())).toBeNull();
    expect(formatByteRange({ start: 2049, end: null, total: 5000 })).toBe('2049-*/5000');
    for (const range of ['0-1/1', '5-3/9', '7-*/5', 'a-b/c', '-1-2/3', '1-2', '99999999999999999-*/*']) {
      expect(() => byteRangeOf(head(`Byte-Range: ${range}`)), range).toThrow(malformed);
    }
    expect(statusOf(head('Status: 000 200'))).toEqual({ namespace: '000', code: 200, comment: null });
    expect(statusOf(head('Status: 000 413 Too much'))).toEqual({ namespace: '000', code: 413, comment: 'Too much' });
    expect(() => statusOf(head('Status: 200 OK'))).toThrow(malformed);
    expect(() => statusOf(head())).toThrow(malformed);
  });
});

describe('MSRP URIs', () => {
  const same = (a: string, b: string): boolean => sameMsrpUri(decodeMsrpUri(a), decodeMsrpUri(b));

  it('compares by RFC 4975 section 6.1', () => {
    expect(same('MSRP://Bob.Example:8888/9di4ea;TCP', 'msrp://user@bob.example:8888/9di4ea;tcp;x=y')).toBe(true);
    expect(same('msrp://[::1]:9/a;tcp', 'msrp://[0:0:0:0:0:0:0:1]:9/a;tcp')).toBe(true);
    expect(same('msrp://[::ffff:192.0.2.1]:9/a;tcp', 'msrp://[::FFFF:C000:201]:9/a;tcp')).toBe(true);
    expect(same('msrp://b%6fb.example:9/a;tcp', 'msrp://bob.example:9/a;tcp')).toBe(true);
    expect(same('msrp://bob:9/a;tcp', 'msrp://bob:9/A;tcp')).toBe(false);
    expect(same('msrp://bob:9/a;tcp', 'msrp://bob/a;tcp')).toBe(false);
    expect(same('msrp://bob:9/a;tcp', 'msrp://bob:9;tcp')).toBe(false);
    expect(same('msrp://bob:9/a;tcp', 'msrps://bob:9/a;tcp')).toBe(false);
    expect(same('msrp://bob:9/a;tcp', 'msrp://bob:9/a;ws')).toBe(false);
  });

  it('writes what it reads', () => {
    for (const uri of [TO, 'msrps://[0:0:0:0:0:0:0:1]:2855/a+b=/c;tcp', 'msrp://relay.example;tcp'])
      expect(encodeMsrpUri(decodeMsrpUri(uri))).toBe(uri);
  });

  it.each([
    '',
    'sip:bob@x',
    'msrp://',
    'msrp://bob',
    'msrp://bob:99999/a;tcp',
    'msrp://[1::2::3]/a;tcp',
    'msrp://[12345::]/a;tcp',
    `msrp://${'a'.repeat(3000)};tcp`,
  ])('refuses %s', (uri) => {
    expect(() => decodeMsrpUri(uri)).toThrow(malformed);
  });
});

describe('ranges of a message', () => {
  it('joins what touches and finds the first gap', () => {
    const ranges = new RangeSet();
    expect(ranges.covers(0)).toBe(true);
    ranges.add(10, 20);
    ranges.add(30, 40);
    expect([ranges.contiguous, ranges.count]).toEqual([0, 2]);
    ranges.add(0, 10);
    expect([ranges.contiguous, ranges.count]).toEqual([20, 2]);
    ranges.add(15, 35);
    expect([ranges.contiguous, ranges.count, ranges.covers(40), ranges.covers(41)]).toEqual([40, 1, true, false]);
    ranges.add(50, 50);
    expect(ranges.count).toBe(1);
  });
});
