import { describe, expect, test } from 'vitest';
import { fromUtf8, utf8 } from '../../../shared/base/bytes.ts';
import { decodeStoredObject, encodeStoredObject, type StoredObject } from '../../../shared/protocol/cpm-objects/stored-object.ts';
import { announcedLiteral, decodeCommand } from '../../../shared/protocol/imap/command.ts';
import { describeStructure } from '../../../shared/protocol/imap/describe.ts';
import { decodeFetchItems } from '../../../shared/protocol/imap/fetch-items.ts';
import { decodeMailboxName, encodeMailboxName, matchesPattern } from '../../../shared/protocol/imap/mailbox-name.ts';
import { decodeSearch } from '../../../shared/protocol/imap/search-keys.ts';
import { sectionRange } from '../../../shared/protocol/imap/sections.ts';
import { decodeSequenceSet, encodeSequenceSet } from '../../../shared/protocol/imap/sequence-set.ts';
import { StructureScanner } from '../../../shared/protocol/imap/structure.ts';
import { decodeWords } from '../../../shared/protocol/mime/encoded-word.ts';
import { decodeMailboxes, encodeMailHeaders, parseMailDate } from '../../../shared/protocol/mime/mail-headers.ts';
import { storedFile, storedMessage } from '../../harness/stored-objects.ts';

describe('stored objects', () => {
  const objects: Record<string, StoredObject> = {
    'a message': storedMessage({ text: 'Grüße', subject: 'Plän' }),
    'a message of octets that are no lines': { ...storedMessage(), content: utf8('From: <a>\r\n\r\n\0\nx\ry') },
    'a file': storedFile(Uint8Array.from({ length: 300 }, (_, at) => at & 255)),
    'a session that was missed': {
      kind: 'session',
      headers: storedMessage().headers,
      session: { sessionType: '1-1', sdp: 'v=0\r\ns=-\r\n', invited: ['sip:bob@parley.example'], outcome: 'missed' },
    },
    'a group': {
      kind: 'group-state',
      headers: storedMessage().headers,
      group: {
        timestamp: '2026-03-02T09:15:30Z',
        lastFocusSessionId: 'sip:x',
        groupType: 'Closed',
        participants: [{ name: 'Ä', address: 'tel:+49' }],
      },
    },
  };

  test.each(Object.entries(objects))('R-PF-53 %s is read as it was written', (_, object) => {
    expect(decodeStoredObject(encodeStoredObject(object))).toEqual(object);
  });

  test('addresses of every kind come back', () => {
    for (const address of [
      'sip:a.b%20c@home1.example',
      'tel:+49301234567',
      'sip:x;y@[::1]',
      'sips:a@b.example:5061',
      'sip:a@b;user=phone',
    ]) {
      const object = {
        ...storedMessage(),
        headers: { ...storedMessage().headers, from: { address, name: 'N' }, to: [{ address, name: '' }] },
      };
      expect(decodeStoredObject(encodeStoredObject(object)).headers).toMatchObject({ from: { address }, to: [{ address }] });
    }
  });

  test('an id with a line break is refused, not written', () => {
    const object = { ...storedMessage(), headers: { ...storedMessage().headers, contributionId: 'a\r\nBcc: x' } };
    expect(() => encodeStoredObject(object)).toThrow('multipart.malformed');
  });
});

test('headers fold at their spaces and never into an empty line', () => {
  const value = Array.from({ length: 40 }, (_, at) => `word${at}`).join(' ');
  const text = fromUtf8(encodeMailHeaders([{ name: 'Subject', value: `  ${value}  ` }], 'imap.malformed'));
  const lines = text.trimEnd().split('\r\n');
  expect(lines.length).toBeGreaterThan(2);
  expect(lines.every((line) => line.length <= 78 && line.trim() !== '')).toBe(true);
  expect(() => encodeMailHeaders([{ name: 'Subject', value: 'x'.repeat(2000) }], 'imap.malformed')).toThrow('imap.malformed');
});

test('dates, mailboxes and encoded words of others', () => {
  expect(parseMailDate('Fri, 20 Nov 2026 16:27:37 -0130')).toBe(Date.UTC(2026, 10, 20, 17, 57, 37));
  expect(parseMailDate('31 Feb 2026 00:00')).toBeNull();
  expect(decodeWords('=?utf-8?Q?a=C3=A4_b?= \r\n =?UTF-8?B?YyBk?= e')).toBe('aä bc d e');
  expect(decodeMailboxes('"A, B" <a@x> (c, d), b@y, friends: c@z;, broken, <@route:d@w>')).toEqual([
    { name: 'A, B', local: 'a', domain: 'x' },
    { name: '', local: 'b', domain: 'y' },
    { name: '', local: 'c', domain: 'z' },
    { name: '', local: 'd', domain: 'w' },
  ]);
});

describe('IMAP', () => {
  const fetchItems = (text: string) => decodeFetchItems(decodeCommand(utf8(`a FETCH 1 ${text}`)).parameters[1]);

  test('commands with quoted strings, lists and literals', () => {
    expect(decodeCommand(utf8('a1 uid store 1:* (UNCHANGEDSINCE 5) +FLAGS (\\Seen "x y" {2}\r\nä)'))).toEqual({
      tag: 'a1',
      name: 'UID STORE',
      parameters: [
        { kind: 'atom', text: '1:*' },
        {
          kind: 'list',
          items: [
            { kind: 'atom', text: 'UNCHANGEDSINCE' },
            { kind: 'atom', text: '5' },
          ],
        },
        { kind: 'atom', text: '+FLAGS' },
        {
          kind: 'list',
          items: [
            { kind: 'atom', text: '\\Seen' },
            { kind: 'string', text: 'x y' },
            { kind: 'string', text: 'ä' },
          ],
        },
      ],
    });
    expect(announcedLiteral('a APPEND x {12+}')).toEqual({ octets: 12, isAwaited: false });
    expect(announcedLiteral('a APPEND x')).toBeNull();
    for (const broken of ['', 'a', 'a LOGIN "x', 'a LIST (', 'a LIST )', 'a X {9}\r\nb', `a X ${'('.repeat(20)}`]) {
      expect(() => decodeCommand(utf8(broken))).toThrow(/^imap\./);
    }
  });

  test('sets, patterns, names', () => {
    expect(decodeSequenceSet('3,*:5', 9)).toEqual([
      { from: 3, to: 3 },
      { from: 5, to: 9 },
    ]);
    expect(encodeSequenceSet([1, 2, 3, 7, 9, 10])).toBe('1:3,7,9:10');
    expect(decodeMailboxName('inbox/&AOQ- &-')).toBe('INBOX/ä &');
    expect(encodeMailboxName('Grüße & 😀')).toBe('Gr&APwA3w-e &- &2D3eAA-');
    expect(['a', 'a/b', 'ab', 'b'].filter((name) => matchesPattern(name, 'a%'))).toEqual(['a', 'ab']);
    expect(['a', 'a/b', 'ab', 'b'].filter((name) => matchesPattern(name, '*b'))).toEqual(['a/b', 'ab', 'b']);
    for (const name of ['', '/', 'a//b', 'a*', 'x'.repeat(600)]) expect(() => decodeMailboxName(name)).toThrow('imap.malformed');
  });

  test('what is to be fetched and searched', () => {
    expect(fetchItems('(FLAGS BODY[2.HEADER.FIELDS (To "From")]<5.7>)')).toEqual([
      { kind: 'value', name: 'FLAGS' },
      {
        kind: 'section',
        label: 'BODY[2.HEADER.FIELDS (To "From")]<5>',
        isPeek: false,
        path: [2],
        text: 'FIELDS',
        fields: ['to', 'from'],
        partial: { from: 5, octets: 7 },
      },
    ]);
    expect(() => fetchItems('BODY[1.FOO]')).toThrow('imap.malformed');
    const search = (text: string) => decodeSearch(decodeCommand(utf8(`a SEARCH ${text}`)).parameters);
    expect(search('OR (UNSEEN TO x) NOT 1:3')).toMatchObject({
      kind: 'or',
      keys: [{ kind: 'and' }, { kind: 'not', key: { kind: 'numbers', set: '1:3' } }],
    });
    expect(() => search('CHARSET KOI8-R ALL')).toThrow('request.invalid');
    expect(() => search('NOT '.repeat(100))).toThrow(/^imap\./);
  });

  test('the parts of a message and where they are, also of one within another', () => {
    const inner = 'Subject: inner\r\nFrom: x@y\r\n\r\nhello\r\nyou\r\n';
    const text = `From: a@b\r\nContent-Type: multipart/mixed; boundary="q"\r\n\r\npreamble\r\n--q\r\n\r\nfirst\r\n--q\r\nContent-Type: message/rfc822\r\n\r\n${inner}\r\n--q--\r\nend`;
    const scanner = new StructureScanner();
    for (const octet of utf8(text)) scanner.push(Uint8Array.of(octet));
    const structure = scanner.end();
    const section = (path: number[], part: 'ALL' | 'HEADER' | 'TEXT' | 'MIME' = 'ALL') => {
      const range = sectionRange(structure, { path, text: part });
      return range === null ? null : text.slice(range.from, range.to);
    };
    expect(section([1])).toBe('first');
    expect(section([2])).toBe(inner);
    expect(section([2], 'MIME')).toBe('Content-Type: message/rfc822\r\n\r\n');
    expect(section([2], 'HEADER')).toBe('Subject: inner\r\nFrom: x@y\r\n\r\n');
    expect(section([2, 1])).toBe('hello\r\nyou\r\n');
    expect(section([3])).toBeNull();
    expect(section([])).toBe(text);
    expect(describeStructure(structure, false)).toContain('("message" "rfc822" NIL NIL NIL "7bit" 41 (NIL "inner"');
  });
});
