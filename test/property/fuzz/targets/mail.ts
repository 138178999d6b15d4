import { isDeepStrictEqual } from 'node:util';
import { wordsIn } from '../../../../electron/home-network/message-store/imap/words.ts';
import { fromUtf8, utf8 } from '../../../../shared/base/bytes.ts';
import {
  decodeFileTransferInfo,
  decodeGroupState,
  decodeSessionInfo,
  encodeGroupState,
  encodeSessionInfo,
} from '../../../../shared/protocol/cpm-objects/descriptions.ts';
import { decodeObjectHeaders } from '../../../../shared/protocol/cpm-objects/object-headers.ts';
import { decodeObjectHead, decodeStoredObject, encodeStoredObject } from '../../../../shared/protocol/cpm-objects/stored-object.ts';
import { decodeCommand } from '../../../../shared/protocol/imap/command.ts';
import { describeEnvelope, describeStructure } from '../../../../shared/protocol/imap/describe.ts';
import { decodeFetchItems } from '../../../../shared/protocol/imap/fetch-items.ts';
import { decodeImapUrl, encodeImapUrl } from '../../../../shared/protocol/imap/imap-url.ts';
import { decodeMailboxName, encodeMailboxName, matchesPattern } from '../../../../shared/protocol/imap/mailbox-name.ts';
import { decodeSearch } from '../../../../shared/protocol/imap/search-keys.ts';
import { sectionRange, someFields } from '../../../../shared/protocol/imap/sections.ts';
import { decodeSequenceSet, encodeSequenceSet } from '../../../../shared/protocol/imap/sequence-set.ts';
import { type PartStructure, StructureScanner } from '../../../../shared/protocol/imap/structure.ts';
import { decodeWords, encodeWords } from '../../../../shared/protocol/mime/encoded-word.ts';
import { decodeExternalBody, encodeExternalBody, isExternalBody } from '../../../../shared/protocol/mime/external-body.ts';
import { decodeMailboxes, encodeMailbox, formatMailDate, parseMailDate } from '../../../../shared/protocol/mime/mail-headers.ts';
import { storedFile, storedMessage } from '../../../harness/stored-objects.ts';
import { codec, stream, type Target, textCodec } from '../target.ts';
import { HEADER, optional } from './common.ts';

const OBJECTS = [
  encodeStoredObject(storedMessage({ subject: 'Plän' })),
  encodeStoredObject(storedFile()),
  encodeStoredObject({
    kind: 'session',
    headers: storedMessage().headers,
    session: { sessionType: 'Ad-Hoc', sdp: 'v=0\r\n', invited: ['sip:a@b', 'tel:+1'], outcome: 'missed' },
  }),
  encodeStoredObject({
    kind: 'group-state',
    headers: storedMessage().headers,
    group: {
      timestamp: '2026-03-02T09:15:30Z',
      lastFocusSessionId: 'f',
      groupType: 'Open',
      participants: [{ name: 'A', address: 'sip:a@b' }],
    },
  }),
];
const MAIL_WORDS = [
  '=?UTF-8?B?',
  '?=',
  '\r\n ',
  'Content-Type: multipart/related;boundary=b\r\n\r\n--b\r\n',
  'From: <',
  '@',
  '"',
  '(',
  ')',
  ';',
  ':',
];

function scan(pieces: Iterable<Uint8Array>): PartStructure {
  const scanner = new StructureScanner();
  for (const piece of pieces) scanner.push(piece);
  return scanner.end();
}

function checkRanges(part: PartStructure, length: number): void {
  if (part.headerAt > part.bodyAt || part.bodyAt > part.end || part.end > length) throw new Error('a part outside of its message');
  for (const each of part.parts) checkRanges(each, length);
}

/** What a mail program sends, and what is in a Message Storage Server. */
export const MAIL_TARGETS: readonly Target[] = [
  codec({
    name: 'stored-object',
    covers: [decodeStoredObject, decodeObjectHead, decodeObjectHeaders, decodeFileTransferInfo],
    seeds: OBJECTS,
    words: MAIL_WORDS,
    decode(input) {
      decodeObjectHead(input);
      return decodeStoredObject(input);
    },
    use(object) {
      optional(() => {
        const once = decodeStoredObject(encodeStoredObject(object));
        if (!isDeepStrictEqual(decodeStoredObject(encodeStoredObject(once)), once))
          throw new Error('an object is not read as it was written');
      });
    },
  }),
  codec({
    name: 'session-info',
    covers: [decodeSessionInfo],
    seeds: [encodeSessionInfo({ sessionType: '1-1', sdp: 'v=0\r\n', invited: ['sip:a@b'], outcome: null })],
    words: ['<outcome>missed</outcome>', ';', '<sdp>'],
    decode: decodeSessionInfo,
    encode: encodeSessionInfo,
  }),
  codec({
    name: 'group-state',
    covers: [decodeGroupState],
    seeds: [encodeGroupState({ timestamp: 't', lastFocusSessionId: 'l', groupType: 'g', participants: [{ name: 'n', address: 'a' }] })],
    words: ['<participant name="', ' comm-addr="'],
    decode: decodeGroupState,
    encode: encodeGroupState,
  }),
  textCodec({
    name: 'encoded-words',
    longest: HEADER,
    covers: [decodeWords],
    seeds: ['=?UTF-8?B?R3LDvMOfZQ==?= =?iso-8859-1?Q?a_=E4?= b', 'plain'],
    words: MAIL_WORDS,
    decode: decodeWords,
    use(decoded) {
      const text = decoded.slice(0, 300).replace(/[\ud800-\udfff]/gu, '?');
      if (decodeWords(encodeWords(text)) !== text) throw new Error('a text is not read as it was written');
    },
  }),
  textCodec({
    name: 'mailboxes',
    longest: HEADER,
    covers: [decodeMailboxes],
    seeds: ['"A \\"b" <a@b.example>, (c) c@d, group: x@y, z@w;', '=?UTF-8?B?w4RsaWNl?= <"a b"@c>'],
    words: MAIL_WORDS,
    decode: decodeMailboxes,
    use: (mailboxes) => optional(() => mailboxes.map((each) => encodeMailbox(each, 'imap.malformed'))),
  }),
  textCodec({
    name: 'mail-date',
    covers: [parseMailDate],
    seeds: ['Fri, 20 Nov 2026 16:27:37 +0130', '20-Nov-2026 16:27:37 +0000'],
    words: ['Nov', ':', '-', '+'],
    decode: (text) => ({ time: parseMailDate(text) }),
    use({ time }) {
      if (time !== null && parseMailDate(formatMailDate(time)) !== time) throw new Error('another time');
    },
  }),
  codec({
    name: 'imap-command',
    covers: [decodeCommand],
    seeds: [
      'a1 UID FETCH 1:*,7 (FLAGS BODY.PEEK[HEADER.FIELDS (To "From")]<0.10>)',
      'a LOGIN {3}\r\nbob "a\\"b"',
      'b APPEND "x" (\\Seen) "date"',
    ],
    words: ['{5}\r\n', '{99+}\r\n', '(', ')', '"', '\\', 'BODY[', ']', ' '],
    decode: (input) => decodeCommand(input),
  }),
  codec({
    name: 'imap-fetch',
    covers: [decodeFetchItems],
    seeds: ['a FETCH 1 (FLAGS UID BODY[1.2.MIME]<5.10> RFC822.HEADER)', 'a FETCH 1 FULL', 'a FETCH 1 BODY.PEEK[HEADER.FIELDS.NOT (To)]'],
    words: ['BODY[', '1.', 'TEXT', 'HEADER', ']', '<1.2>'],
    decode: (input) => decodeFetchItems(decodeCommand(input).parameters[1]),
  }),
  codec({
    name: 'imap-search',
    covers: [decodeSearch],
    seeds: [
      'a SEARCH CHARSET UTF-8 OR (NOT SEEN) HEADER "To" x SINCE 1-Feb-2026 UID 1:* MODSEQ 7',
      'a SEARCH 1:3,* KEYWORD $x LARGER 5 SENTON 1-Feb-2026',
    ],
    words: ['OR ', 'NOT ', '(', ')', ' 1:*', ' TEXT "'],
    decode: (input) => decodeSearch(decodeCommand(input).parameters),
  }),
  textCodec({
    name: 'imap-set',
    longest: HEADER,
    covers: [decodeSequenceSet],
    seeds: ['1:3,7,9:*', '*'],
    words: [',', ':', '*', '4294967295'],
    decode: (text) => decodeSequenceSet(text, 12),
    use: (ranges) => encodeSequenceSet(ranges.map(({ from }) => from)),
  }),
  textCodec({
    name: 'imap-mailbox',
    longest: HEADER,
    covers: [decodeMailboxName],
    seeds: ['inbox/&AOQ-/x', 'A &- B'],
    words: ['&', '-', '/', '&AOQ-', '*', '%'],
    decode: decodeMailboxName,
    encode: encodeMailboxName,
    use: (name) => matchesPattern(name.slice(0, 60), `%${name.slice(0, 20)}*%`),
  }),
  textCodec({
    name: 'imap-url',
    longest: HEADER,
    covers: [decodeImapUrl],
    seeds: [
      'imap://alice@127.0.0.1:1143/c1/k%201;UIDVALIDITY=7/;UID=12/;SECTION=2.1',
      'IMAP://a%40b;AUTH=*@[::1]/x',
      'imap://alice@mail.example/c1;UIDVALIDITY=4294967295',
    ],
    words: ['/;UID=', '/;SECTION=', ';UIDVALIDITY=', '%2F', '%', '@', '//', ';'],
    decode: decodeImapUrl,
    encode: encodeImapUrl,
  }),
  codec({
    name: 'external-body',
    covers: [decodeExternalBody, isExternalBody],
    seeds: [
      'message/external-body; access-type=URL; URL="imap://a@b/c"\nContent-Type: image/png\r\nContent-ID: <x@y>\r\n\r\n',
      'Message/External-Body;access-type=url;url="imap://a\t@b/c"\n\r\n',
    ],
    words: ['access-type=URL', 'URL="', '"', ';', 'Content-ID: <', '\n'],
    decode(input) {
      const text = fromUtf8(input);
      const end = text.indexOf('\n');
      const type = end < 0 ? text : text.slice(0, end);
      isExternalBody(type);
      return decodeExternalBody(type, utf8(end < 0 ? '' : text.slice(end + 1)));
    },
    use: (named) => {
      optional(() => {
        const { contentType, body } = encodeExternalBody(named);
        if (!isDeepStrictEqual(decodeExternalBody(contentType, body), named)) throw new Error('a reference is not read as it was written');
      });
    },
  }),
  stream({
    name: 'mail-structure',
    covers: [],
    seeds: ['From: a@b\r\nContent-Type: multipart/mixed;boundary=b\n\n--b\nContent-Type: message/rfc822\n\nSubject: x\n\ny\n--b--\n'],
    words: MAIL_WORDS,
    feed(pieces) {
      const all = [...pieces];
      const structure = scan(all);
      const whole = Buffer.concat(all);
      checkRanges(structure, whole.length);
      describeEnvelope(structure.envelope ?? []);
      describeStructure(structure, true);
      for (const text of ['ALL', 'HEADER', 'TEXT', 'MIME'] as const)
        for (const path of [[], [1], [2, 1]]) sectionRange(structure, { path, text });
      someFields(whole.subarray(0, structure.bodyAt), ['from'], false);
      wordsIn(structure, whole);
      return structure;
    },
  }),
];
