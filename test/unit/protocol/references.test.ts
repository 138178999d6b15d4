import { expect, test } from 'vitest';
import { fromUtf8, utf8 } from '../../../shared/base/bytes.ts';
import { decodeImapUrl, encodeImapUrl, type ImapUrl } from '../../../shared/protocol/imap/imap-url.ts';
import { decodeExternalBody, encodeExternalBody, isExternalBody } from '../../../shared/protocol/mime/external-body.ts';

const MESSAGE: ImapUrl = {
  user: 'alice',
  host: 'mail.example',
  port: 1143,
  folder: ['c1', 'k=20 ü/1'],
  uidValidity: 7,
  uid: 12,
  section: '2.1',
};

test('R-PF-20 a URL of a message, of a part, of a mailbox (RFC 5092)', () => {
  const url = 'imap://alice@mail.example:1143/c1/k%3D20%20%C3%BC%2F1;UIDVALIDITY=7/;UID=12/;SECTION=2.1';
  expect(encodeImapUrl(MESSAGE)).toBe(url);
  expect(decodeImapUrl(url)).toEqual(MESSAGE);
  expect(decodeImapUrl('IMAP://al%40x;AUTH=*@[::1]/c1')).toEqual({
    ...{ user: 'al@x', host: '::1', port: 143, folder: ['c1'] },
    ...{ uidValidity: null, uid: null, section: null },
  });
  expect(encodeImapUrl({ ...MESSAGE, host: '::1', uid: null, section: null })).toBe(
    'imap://alice@[::1]:1143/c1/k%3D20%20%C3%BC%2F1;UIDVALIDITY=7',
  );
});

test.each([
  ['http://alice@mail.example/c1'],
  ['imap://mail.example/c1'],
  ['imap://alice@mail.example/'],
  ['imap://alice@mail.example:0/c1'],
  ['imap://alice@mail.example/c1/;UID=0'],
  ['imap://alice@mail.example/c1/;UID=4294967296'],
  ['imap://alice@mail.example/c1/;SECTION=1'],
  ['imap://alice@mail.example/c1/;UID=1/;SECTION=HEADER'],
  ['imap://alice@mail.example/c1/;UID=1/;UID=2'],
  ['imap://alice@mail.example/c1;X=1/;UID=1'],
  ['imap://alice@mail.example/c1?SUBJECT'.replace('?', '/%00')],
  ['imap://alice@mail.example/%FF'],
  [`imap://alice@mail.example/${'x/'.repeat(11)}x`],
])('R-PF-20 %s is no such URL', (text) => {
  expect(() => decodeImapUrl(text)).toThrow(expect.objectContaining({ code: 'imap.malformed' }));
});

test('R-PF-20 a long URL is refused, whoever makes it', () => {
  expect(() => decodeImapUrl(`imap://a@b/${'x'.repeat(800)}`)).toThrow(expect.objectContaining({ code: 'imap.too-large' }));
  expect(() => encodeImapUrl({ ...MESSAGE, folder: ['ü'.repeat(200)] })).toThrow(expect.objectContaining({ code: 'imap.too-large' }));
});

test('R-PF-20 a reference is a message/external-body with a URL (RFC 2017)', () => {
  const named = { url: 'imap://alice@mail.example:1143/c1;UIDVALIDITY=7/;UID=12', contentType: 'image/png', contentId: 'x@y' };
  const { contentType, body } = encodeExternalBody(named);
  expect(contentType).toBe(`message/external-body;access-type=URL;URL="${named.url}"`);
  expect(fromUtf8(body)).toBe('Content-Type: image/png\r\nContent-ID: <x@y>\r\n\r\n');
  expect(isExternalBody(contentType)).toBe(true);
  expect(decodeExternalBody(contentType, body)).toEqual(named);
  expect(decodeExternalBody('Message/External-Body; ACCESS-TYPE="url"; url="imap://a\t b@c/d"', utf8(''))).toEqual({
    ...{ url: 'imap://ab@c/d', contentType: null, contentId: null },
  });
  for (const type of ['message/external-body;access-type=anon-ftp;site=x', 'message/external-body;access-type=URL', 'text/plain'])
    expect(() => decodeExternalBody(type, body)).toThrow(expect.objectContaining({ code: 'multipart.malformed' }));
  expect(() => encodeExternalBody({ ...named, url: 'imap://a"b' })).toThrow(expect.objectContaining({ code: 'multipart.malformed' }));
});
