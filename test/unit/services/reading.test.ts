import { describe, expect, test } from 'vitest';
import { readEnvelope } from '../../../electron/services/envelope.ts';
import { readBody, recipientsIn } from '../../../electron/services/reading.ts';
import { concatBytes, utf8 } from '../../../shared/base/bytes.ts';
import { encodeResourceLists, listEntry } from '../../../shared/protocol/lists/resource-lists.ts';
import { htmlText } from '../../../shared/protocol/mime/html-text.ts';
import { makeMultipart, type Part } from '../../../shared/protocol/multipart/multipart.ts';
import { headerOf, sipExample } from '../../vectors/example.ts';

const part = (type: string, body: string | Uint8Array, ...more: [string, string][]): Part => ({
  headers: [{ name: 'Content-Type', value: type }, ...more.map(([name, value]) => ({ name, value }))],
  body: typeof body === 'string' ? utf8(body) : body,
});
const cpim = (type: string, content: string | Uint8Array, ...more: string[]) =>
  concatBytes([
    utf8(['From: <sip:b@x.example>', 'To: <sip:a@x.example>', '', `Content-Type: ${type}`, ...more, '', ''].join('\r\n')),
    typeof content === 'string' ? utf8(content) : content,
  ]);
const read = ({ contentType, body }: { contentType: string; body: Uint8Array }) => readBody(contentType, body);
const text = (given: { contentType: string; body: Uint8Array }) => read(given).content;

describe('a text in any charset', () => {
  test.each([
    ['iso-8859-1', [0x47, 0x72, 0xfc, 0xdf, 0x65], 'Grüße'],
    ['windows-1252', [0x80, 0x20, 0x35], '€ 5'],
    ['ISO-8859-15', [0xa4], '€'],
    ['koi8-r', [0xf0, 0xd2, 0xc9, 0xd7, 0xc5, 0xd4], 'Привет'],
    ['shift_jis', [0x93, 0xfa, 0x96, 0x7b], '日本'],
    ['gb18030', [0xc4, 0xe3, 0xba, 0xc3], '你好'],
    ['utf-16le', [0x68, 0x00, 0xe9, 0x00], 'hé'],
    ['"utf-8"', [0xc3, 0xa9], 'é'],
    ['us-ascii', [0xc3, 0xa9], 'é'],
  ])('is read: %s', (charset, octets, wanted) => {
    const body = cpim(`text/plain;charset=${charset}`, new Uint8Array(octets));
    expect(text({ contentType: 'message/cpim', body })).toEqual({ kind: 'text', text: wanted });
  });

  test('or said to be unreadable, with the reason', () => {
    const { content, cpim: around } = readBody('message/cpim', cpim('text/plain;charset=x-martian', 'abc'));
    expect(content).toEqual({ kind: 'unreadable', error: { code: 'peer.unsupported', detail: 'unknown charset x-martian' } });
    expect(around).not.toBeNull();
  });

  test.each([
    ['base64', 'R3LDvMOfZQ=='],
    ['quoted-printable', 'Gr=C3=BC=C3=9Fe'],
  ])('and with the encoding undone: %s', (encoding, content) => {
    const body = cpim('text/plain;charset=UTF-8', content, `Content-Transfer-Encoding: ${encoding}`);
    expect(text({ contentType: 'message/cpim', body })).toEqual({ kind: 'text', text: 'Grüße' });
  });
});

describe('several bodies', () => {
  test('plain text without CPIM is taken as it is', () => {
    expect(readBody('text/plain', utf8('hello'))).toMatchObject({ cpim: null, content: { kind: 'text', text: 'hello' } });
  });

  test('of alternatives the plainest that can be read is shown, inside of CPIM too', () => {
    const html = part('text/html', '<b>bold</b>');
    const plain = part('text/plain', 'plain');
    const image = part('image/png', 'x');
    expect(text(makeMultipart('multipart/alternative', [image, html, plain]))).toEqual({ kind: 'text', text: 'plain' });
    expect(text(makeMultipart('multipart/alternative', [html, image]))).toEqual({ kind: 'text', text: 'bold' });
    const inner = makeMultipart('multipart/alternative', [html, plain]);
    expect(text({ contentType: 'message/cpim', body: cpim(inner.contentType, inner.body) })).toEqual({ kind: 'text', text: 'plain' });
    expect(() => read(makeMultipart('multipart/alternative', [image]))).toThrow('peer.unsupported');
  });

  test('of mixed ones all are shown, the message of a CPIM part before anything about it', () => {
    expect(
      text(makeMultipart('multipart/mixed', [part('text/plain', 'one'), part('text/html', '<p>two'), part('application/sdp', 'v=0')])),
    ).toEqual({
      ...{ kind: 'text', text: 'one\ntwo' },
    });
    const mixed = makeMultipart('multipart/mixed', [
      part('text/plain', 'about'),
      part('message/cpim', cpim('text/plain', 'it')),
      part('text/plain', 'more'),
    ]);
    expect(text(mixed)).toEqual({ kind: 'text', text: 'it' });
    const inner = makeMultipart('multipart/mixed', [part('text/plain', 'one'), part('text/plain', 'two')]);
    expect(text({ contentType: 'message/cpim', body: cpim(inner.contentType, inner.body) })).toEqual({ kind: 'text', text: 'one\ntwo' });
  });

  test('of related ones the root is shown', () => {
    expect(text(makeMultipart('multipart/related', [part('text/html', 'root'), part('image/png', 'x')]))).toEqual({
      kind: 'text',
      text: 'root',
    });
  });

  test('one that nobody knows is passed over where it is optional, and refused where it is not', () => {
    const optional = part('application/x-odd', 'x', ['Content-Disposition', 'render;handling=optional']);
    expect(text(makeMultipart('multipart/mixed', [part('text/plain', 'hi'), optional]))).toEqual({ kind: 'text', text: 'hi' });
    for (const more of [[], [['Content-Disposition', 'render;handling=required']]] as [string, string][][]) {
      expect(() => read(makeMultipart('multipart/mixed', [part('text/plain', 'hi'), part('application/x-odd', 'x', ...more)]))).toThrow(
        'peer.unsupported',
      );
    }
    expect(() => read(makeMultipart('multipart/mixed', [optional]))).toThrow('peer.unsupported');
  });

  test('nested without end, or with a message in a message, are refused', () => {
    let body = makeMultipart('multipart/mixed', [part('text/plain', 'deep')]);
    for (let depth = 0; depth < 8; depth++) body = makeMultipart('multipart/mixed', [part(body.contentType, body.body)]);
    expect(() => read(body)).toThrow('peer.unsupported');
    expect(() => readBody('message/cpim', cpim('message/cpim', cpim('text/plain', 'x')))).toThrow('peer.unsupported');
  });

  test('F03-01 as a recipient would get it is its text, and whom it tells of', () => {
    const { body, ...example } = sipExample('F03-01.sip');
    const history = utf8(Buffer.from(body).toString().replace('recipient-list', 'recipient-list-history'));
    const { content, recipients } = readBody(headerOf({ ...example, body }, 'Content-Type'), history);
    expect(content).toEqual({ kind: 'text', text: 'Minutes are on the share.' });
    expect(recipients).toContain('sip:carol@home1.example');
  });

  test('a history tells of nobody who is to stay unknown, and one that cannot be read of nobody at all', () => {
    const list = encodeResourceLists([
      listEntry('sip:Bob@X.example;transport=tcp'),
      { ...listEntry('sip:carol@x.example'), isAnonymous: true },
      { ...listEntry('sip:anonymous@anonymous.invalid'), count: 2 },
      listEntry('mailto:x@y.example'),
    ]);
    const history = (body: Uint8Array) =>
      makeMultipart('multipart/mixed', [
        part('text/plain', 'hi'),
        part('application/resource-lists+xml', body, ['Content-Disposition', 'recipient-list-history;handling=optional']),
      ]);
    expect(read(history(list)).recipients).toEqual(['sip:Bob@x.example']);
    expect(read(history(utf8('<!DOCTYPE x>')))).toMatchObject({ content: { text: 'hi' }, recipients: [] });
    const { contentType, body } = history(list);
    expect(recipientsIn(contentType, body)).toEqual(['sip:Bob@x.example']);
    expect(recipientsIn('multipart/mixed;boundary=x', utf8('broken'))).toEqual([]);
  });
});

describe('HTML', () => {
  test.each([
    ['<p>Hello<br>world</p><p>again', 'Hello\nworld\n\nagain'],
    ['a &lt;b&gt; &amp; &#8364; &#x41; &nope; &#0;', 'a <b> & € A &nope; \ufffd'],
    ['<script>alert(1)</script>x<style>p{}</style><!-- <b> -->y', 'xy'],
    ['1 < 2 and <b onclick="x">bold</b>', '1 < 2 and bold'],
    ['<ul><li>one</li><li>two</li></ul>', 'one\n\ntwo'],
    ['<script>never closed <b>x', ''],
    ['<<a>script>alert(1)<</a>/script>', '<script>alert(1)</script>'],
    ['text <', 'text <'],
  ])('%s is text', (html, wanted) => {
    expect(htmlText(html)).toBe(wanted);
  });

  test('of any size is done with soon', () => {
    for (const flood of ['<', '<b>', '<!--', '&amp', '<script>', '&#', ' \n', '<a ']) htmlText(flood.repeat(200_000));
  });
});

describe('who a message is from', () => {
  const request = (from: string, originator: string, ...headers: [string, string][]) => ({
    ...{ from, originator, originatorName: '', callId: 'c', cseq: 1, contentType: 'text/plain', body: utf8('x') },
    headers: headers.map(([name, value]) => ({ name, value })),
  });
  const own = { address: 'sip:alice@x.example' };
  const nobody = 'sip:anonymous@anonymous.invalid';

  test('R-PM-08: with where the answer is to go', () => {
    const envelope = (value: string) => readEnvelope(request('sip:bob@x.example', 'sip:bob@x.example', ['Reply-To', value]), own);
    expect(envelope('"Help" <sip:help@x.example;gr=urn:uuid:1>;x=y')).toMatchObject({
      peer: 'sip:bob@x.example',
      replyTo: 'sip:help@x.example;gr=urn:uuid:1',
    });
    for (const odd of ['mailto:x@y.example', '<>', '"', 'sip:', `<${nobody}>`, `<sip:${'a'.repeat(300)}@x.example>`]) {
      expect(envelope(odd).replyTo, odd).toBeNull();
    }
  });

  test('R-PM-06: or from nobody, whatever the network asserts beside it', () => {
    expect(readEnvelope(request(nobody, nobody), own)).toMatchObject({ peer: 'anonymous:', title: 'Anonymous', replyTo: null });
    expect(readEnvelope(request(nobody, 'sip:bob@x.example', ['Privacy', 'id;critical']), own).peer).toBe('anonymous:');
    expect(readEnvelope(request(nobody, 'sip:bob@x.example'), own).peer).toBe('sip:bob@x.example');
    expect(readEnvelope(request(nobody, nobody, ['Reply-To', '<sip:help@x.example>']), own)).toMatchObject({
      ...{ peer: 'anonymous:sip:help@x.example', title: 'Anonymous (help)', replyTo: 'sip:help@x.example' },
    });
  });
});
