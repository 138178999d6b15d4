import { isDeepStrictEqual } from 'node:util';
import { CpimPayload } from '../../../../electron/services/transfers/cpim-payload.ts';
import { concatBytes, fromUtf8, utf8 } from '../../../../shared/base/bytes.ts';
import { ParleyError } from '../../../../shared/base/errors.ts';
import { type CpimMessage, cpimContent, decodeCpim, encodeCpim } from '../../../../shared/protocol/cpim/cpim.ts';
import { cpimAddress, cpimDateTime, imdnRequest } from '../../../../shared/protocol/cpim/cpim-message.ts';
import { unescapeCpim } from '../../../../shared/protocol/cpim/escape.ts';
import { decodeStored } from '../../../../shared/protocol/cpim/stored.ts';
import { DEFERRED_INFO_TYPE, decodeDeferredInfo, encodeDeferredInfo } from '../../../../shared/protocol/deferred-info/deferred-info.ts';
import { decodeMessageSummary } from '../../../../shared/protocol/deferred-info/message-summary.ts';
import { decodeDeferredNotification } from '../../../../shared/protocol/deferred-info/notification.ts';
import { decodeOmaDeferredList } from '../../../../shared/protocol/deferred-info/oma-list.ts';
import { decodeImdn, encodeImdn, type Imdn, type ImdnToSend } from '../../../../shared/protocol/imdn/imdn.ts';
import { COMPOSING_TYPE, decodeComposing, encodeComposing, type IsComposing } from '../../../../shared/protocol/iscomposing/iscomposing.ts';
import { decodeDeferredRequest, encodeDeferredRequest } from '../../../../shared/protocol/lists/deferred-request.ts';
import { decodeResourceLists, encodeResourceLists, listEntry } from '../../../../shared/protocol/lists/resource-lists.ts';
import { decodeContentDisposition, encodeContentDisposition } from '../../../../shared/protocol/mime/content-disposition.ts';
import { decodeContentType, encodeContentType, mediaType } from '../../../../shared/protocol/mime/content-type.ts';
import { decodeMimeHeaders, encodeMimeHeaders, readLine } from '../../../../shared/protocol/mime/headers.ts';
import { decodeParameters } from '../../../../shared/protocol/mime/parameters.ts';
import { decodeTransferEncoding } from '../../../../shared/protocol/mime/transfer-encoding.ts';
import {
  decodeMultipart,
  encodeMultipart,
  partContent,
  partContentType,
  rootPart,
} from '../../../../shared/protocol/multipart/multipart.ts';
import { decodeIconPart } from '../../../../shared/protocol/picture/icon-part.ts';
import { readIconPicture } from '../../../../shared/protocol/picture/icon-picture.ts';
import { decodeXml, escapeXml, type XmlElement } from '../../../../shared/protocol/xml/xml.ts';
import { greyPng, jpegThatSays } from '../../../harness/icons.ts';
import { bodies, bodiesOf } from '../seeds.ts';
import { codec, stream, type Target, textCodec } from '../target.ts';

import { HEADER, optional } from './common.ts';

const XML_WORDS = [
  '<!DOCTYPE x [',
  '<!ENTITY a "',
  '&a;',
  '<![CDATA[',
  ']]>',
  '<!--',
  '-->',
  '<?xml ',
  '?>',
  ' xmlns:a="u"',
  ' xmlns="',
  '<a>',
  '</a>',
  '<a/>',
  '&#x41;',
];

function cpimPieces(message: CpimMessage): void {
  imdnRequest(message);
  cpimDateTime(message);
  for (const name of ['From', 'To'] as const) cpimAddress(message, name);
  optional(() => cpimContent(message));
}

/** The tree as a document again: what its text and attributes say must come back. */
function writeXml({ namespace, name, attributes, children, text }: XmlElement): string {
  const own = attributes.map((attribute, at) =>
    attribute.namespace === ''
      ? ` ${attribute.name}="${escapeXml(attribute.value)}"`
      : ` xmlns:p${at}="${escapeXml(attribute.namespace)}" p${at}:${attribute.name}="${escapeXml(attribute.value)}"`,
  );
  return `<${name} xmlns="${escapeXml(namespace)}"${own.join('')}>${escapeXml(text)}${children.map(writeXml).join('')}</${name}>`;
}

/** One line of Content-Type, then the body. */
function splitFirstLine(input: Uint8Array): { readonly first: string; readonly rest: Uint8Array } {
  const end = input.indexOf(0x0a);
  const [line, rest] = end < 0 ? [input, new Uint8Array(0)] : [input.subarray(0, end), input.subarray(end + 1)];
  return { first: fromUtf8(line).trim(), rest };
}

/** Content-ID of the thumbnail of F11-01 */
const ICON = 'icon11@home1.example';

const multiparts = bodies
  .filter(({ type }) => type.startsWith('multipart/'))
  .map(({ type, body }) => concatBytes([utf8(`${type}\n`), body]));

/** A file inside of message/cpim, as it comes: what is passed on, in order, and what ended it. */
function feedPayload(parts: Iterable<Uint8Array>): unknown {
  let passed = '';
  let ended: string | null = null;
  const payload = new CpimPayload({
    write: (offset, octets) => {
      if (offset !== passed.length) throw new Error('out of order');
      passed += Buffer.from(octets).toString('latin1');
    },
    complete: async (size) => {
      ended = `complete ${size}`;
    },
    abort: ({ code }) => {
      ended = code;
    },
  });
  let at = 0;
  try {
    for (const part of parts) {
      void payload.write(at, part);
      at += part.length;
    }
    payload.complete(at).catch(() => undefined);
  } catch (thrown) {
    if (!(thrown instanceof ParleyError)) throw thrown;
    ended = thrown.code;
  }
  return { passed, ended };
}

/** What messages carry. */
export const BODY_TARGETS: readonly Target[] = [
  codec({
    name: 'cpim',
    covers: [decodeCpim],
    seeds: bodiesOf('message/cpim'),
    words: ['NS: ', 'imdn.Message-ID: ', 'From: <', 'Content-Type: ', 'Content-Transfer-Encoding: base64', '\\u00e9', ';lang=fr '],
    decode: (input) => decodeCpim(input),
    encode: encodeCpim,
    use: cpimPieces,
  }),
  stream({
    name: 'cpim-file',
    covers: [CpimPayload],
    seeds: [...bodiesOf('message/cpim'), 'From: <sip:a@b>\r\n\r\nContent-Type: text/plain\r\n\r\n', 'A: b\n\nContent-Type: a/b\n\n\n\nx'],
    words: ['\r\n\r\n', '\n\n', '\r\r\n', 'Content-Transfer-Encoding: base64\r\n', 'Content-Transfer-Encoding: 8bit\r\n'],
    feed: feedPayload,
  }),
  textCodec({
    name: 'cpim-escapes',
    covers: [],
    seeds: ['a\\u0041\\n\\"b\\\\'],
    words: ['\\', '\\u', '\\ud83d'],
    longest: HEADER,
    decode: unescapeCpim,
  }),
  codec<Imdn>({
    name: 'imdn',
    covers: [decodeImdn],
    seeds: bodiesOf('message/imdn+xml'),
    words: [...XML_WORDS, '<message-id>', '<status>', '<displayed/>', '<delivery-notification>'],
    decode: (input) => decodeImdn(input),
    use(imdn) {
      const { disposition, dateTime, recipientUri, originalRecipientUri } = imdn;
      if (disposition === null || imdn.status === 'unknown' || dateTime === null || recipientUri === null || originalRecipientUri === null)
        return;
      if (!isDeepStrictEqual(decodeImdn(encodeImdn(imdn as ImdnToSend)), imdn))
        throw new Error('what was encoded is understood as something else');
    },
  }),
  codec<IsComposing>({
    name: 'iscomposing',
    covers: [decodeComposing],
    seeds: [...bodiesOf(COMPOSING_TYPE), fromUtf8(encodeComposing('active', 60)), fromUtf8(encodeComposing('idle', 60))],
    words: [...XML_WORDS, '<state>', 'active', '<refresh>', '99999'],
    decode: (input) => decodeComposing(input),
    use(said) {
      const { state, refresh } = said;
      if (!Number.isInteger(refresh) || refresh < 1 || refresh > 600) throw new Error(`refresh ${refresh}`);
      if (decodeComposing(encodeComposing(state, refresh)).state !== state)
        throw new Error('what was encoded is understood as something else');
    },
  }),
  codec({
    name: 'stored-text',
    covers: [decodeStored],
    seeds: [...bodiesOf('message/cpim'), '[Offline message - Fri Nov 20 10:39:56 2026] hello', 'From: me, as ever'],
    words: ['[Offline message - ', '] ', 'From: <sip:a@b>', 'To: <sip:c@d>', 'DateTime: 2026-03-02T09:15:30Z'],
    decode: (input) => decodeStored(input),
    use: ({ cpim }) => cpim && cpimPieces(cpim),
  }),
  codec({
    name: 'resource-lists',
    covers: [decodeResourceLists],
    seeds: [
      encodeResourceLists([
        listEntry('sip:bob@a.example'),
        { ...listEntry('tel:+4930', 'bcc'), isAnonymous: true, count: 3, displayName: 'B' },
      ]),
      '<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists"><list><list><entry uri="sip:a@b"/></list><external anchor="u"/></list></resource-lists>',
    ],
    words: [...XML_WORDS, '<list>', '<entry uri="', ' cp:copyControl="cc"', ' cp:count="2"'],
    decode: (input) => decodeResourceLists(input),
    use({ entries }) {
      optional(() => {
        if (!isDeepStrictEqual(decodeResourceLists(encodeResourceLists(entries)).entries, entries))
          throw new Error('a list is not read as it was written');
      });
    },
  }),
  codec({
    name: 'deferred-info',
    covers: [decodeDeferredInfo],
    seeds: bodiesOf(DEFERRED_INFO_TYPE),
    words: [
      ...XML_WORDS,
      '<message uri="',
      ' state="deleted"',
      ' state="partial"',
      ' version="4294967295"',
      '<sent>',
      '<size>',
      '2026-03-01T',
    ],
    decode: (input) => decodeDeferredInfo(input),
    encode: encodeDeferredInfo,
  }),
  codec({
    name: 'oma-deferred-list',
    covers: [decodeOmaDeferredList, decodeDeferredNotification],
    seeds: [...bodiesOf(DEFERRED_INFO_TYPE), '<a><b id="sip:a@b"><from>sip:c@d</from><date>2026-03-01T18:02:11Z</date></b></a>'],
    words: [...XML_WORDS, ' id="', '<uri>', '<sent>'],
    decode: (input) => decodeDeferredNotification('application/vnd.oma.im.deferred-list+xml', input),
  }),
  codec({
    name: 'message-summary',
    covers: [decodeMessageSummary],
    seeds: ['Messages-Waiting: yes\r\nText-Message: 4/8 (1/2)\r\n\r\nSubject: a\r\n\r\n', 'Messages-Waiting: no\r\n'],
    words: ['Messages-Waiting: yes\r\n', 'Voice-Message: 2/8', '\r\n\r\n', 'Subject: '],
    decode: decodeMessageSummary,
  }),
  codec({
    name: 'deferred-request',
    covers: [decodeDeferredRequest],
    seeds: [encodeDeferredRequest([{ uri: 'sip:a@b?x=1', action: 'deliver' }]), ...bodiesOf('application/resource-lists+xml')],
    words: [...XML_WORDS, '<entry uri="', '?cpm_action=', '&amp;', 'delete'],
    decode: (input) => decodeDeferredRequest(input),
    use(asked) {
      optional(() => {
        const known = asked.flatMap(({ uri, action }) => (action === null ? [] : [{ uri, action }]));
        if (!isDeepStrictEqual(decodeDeferredRequest(encodeDeferredRequest(known)), known))
          throw new Error('a request is not read as it was written');
      });
    },
  }),
  codec({
    name: 'xml',
    covers: [decodeXml],
    seeds: [
      ...bodies.filter(({ type }) => type.endsWith('+xml')).map(({ body }) => body),
      '<a xmlns="u" b="&amp;"><![CDATA[x]]><!-- c --><?p i?><d/></a>',
    ],
    words: XML_WORDS,
    decode: (input) => decodeXml(input),
    encode: (root) => utf8(writeXml(root)),
  }),
  codec({
    name: 'multipart',
    covers: [decodeMultipart],
    seeds: multiparts,
    words: [
      '--',
      '--bnd-pWkvbN0rKCS5tG32',
      '\r\n--bnd-pWkvbN0rKCS5tG32--',
      'boundary="',
      ';start="<a>"',
      'Content-ID: <a>',
      'Content-Transfer-Encoding: quoted-printable',
    ],
    decode(input) {
      const { first: contentType, rest } = splitFirstLine(input);
      return { contentType, multipart: decodeMultipart(rest, contentType) };
    },
    encode({ contentType, multipart }) {
      const boundary = decodeContentType(contentType).parameters.get('boundary') ?? '';
      return concatBytes([utf8(`${contentType}\n`), encodeMultipart(multipart, boundary)]);
    },
    use({ contentType, multipart }) {
      optional(() => rootPart(multipart, contentType));
      for (const part of multipart.parts) {
        optional(() => partContentType(part));
        optional(() => partContent(part));
      }
    },
  }),
  codec({
    name: 'mime-headers',
    covers: [decodeMimeHeaders, readLine],
    seeds: ['Content-Type: text/plain\r\nX:\r\n folded\r\n\r\nbody'],
    words: ['\r\n ', '\n\n', 'A: b', ':'],
    decode: (input) =>
      decodeMimeHeaders(input, 0, {
        maxHeaders: 64,
        maxHeaderOctets: 65_536,
        malformed: 'multipart.malformed',
        tooLarge: 'multipart.too-large',
      }).headers,
    encode: (fields) => encodeMimeHeaders(fields, 'multipart.malformed'),
  }),
  textCodec({
    name: 'content-type',
    longest: HEADER,
    covers: [decodeContentType, decodeParameters],
    seeds: [...bodies.map(({ type }) => type), 'text/plain;charset="UTF-8";name*=utf-8\'en\'a%20b'],
    words: [';a=b', ';name*=', "utf-8''", '"', '\\'],
    decode: decodeContentType,
    encode: encodeContentType,
    use: ({ type }) => mediaType(type),
  }),
  textCodec({
    name: 'content-disposition',
    longest: HEADER,
    covers: [decodeContentDisposition],
    seeds: ['attachment;filename="a b.png"', 'recipient-list', "icon;filename*=utf-8''%e2%82%ac"],
    words: [';filename=', ';filename*=', '"'],
    decode: decodeContentDisposition,
    encode: encodeContentDisposition,
  }),
  codec({
    name: 'transfer-encoding',
    covers: [decodeTransferEncoding],
    seeds: ['base64\nSGVsbG8sIHdvcmxk\r\nIQ==', 'quoted-printable\nna=C3=AFve =\r\nline  \r\nend', 'binary\nx', '8bit\nx'],
    words: ['=', '=3D', '=\r\n', 'AAAA', ' \t\r\n'],
    decode(input) {
      const { first, rest } = splitFirstLine(input);
      return decodeTransferEncoding(rest, first, 'cpim.malformed');
    },
  }),
  codec({
    name: 'icon-picture',
    covers: [readIconPicture],
    seeds: [greyPng(16, 12), jpegThatSays(160, 90, 3)],
    words: ['\u0089PNG\r\n', 'IHDR', 'acTL', 'IEND', 'IDAT'],
    decode: readIconPicture,
  }),
  codec({
    name: 'icon-part',
    covers: [decodeIconPart],
    seeds: multiparts.filter((seed) => fromUtf8(seed).includes(`Content-ID: <${ICON}>`)),
    words: [`Content-ID: <${ICON}>`, 'Content-Transfer-Encoding: base64', 'Content-Transfer-Encoding: quoted-printable', '\r\n--'],
    decode(input) {
      const { first, rest } = splitFirstLine(input);
      return decodeIconPart(first, rest, ICON);
    },
  }),
];
