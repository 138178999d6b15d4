import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromUtf8, utf8 } from '../../../shared/base/bytes.ts';
import { type CpimMessage, decodeCpim, encodeCpim } from '../../../shared/protocol/cpim/cpim.ts';
import { cpimAddress, formatDateTime, imdnRequest, makeCpim } from '../../../shared/protocol/cpim/cpim-message.ts';
import { escapeCpim, quoteCpim, unescapeCpim } from '../../../shared/protocol/cpim/escape.ts';
import { encodeWarning, readWarnings } from '../../../shared/protocol/cpm/warning.ts';
import { decodeImdn, encodeImdn } from '../../../shared/protocol/imdn/imdn.ts';
import { decodeResourceLists, encodeResourceLists } from '../../../shared/protocol/lists/resource-lists.ts';
import { decodeContentType, encodeContentType } from '../../../shared/protocol/mime/content-type.ts';
import { decodeTransferEncoding, encodeBase64Lines } from '../../../shared/protocol/mime/transfer-encoding.ts';
import { decodeMultipart, encodeMultipart, type Multipart, makeMultipart } from '../../../shared/protocol/multipart/multipart.ts';
import { decodeFileSelector, encodeFileSelector, type FileSelector } from '../../../shared/protocol/sdp/file-selector.ts';
import { EMPTY_MSRP_MEDIA, type MsrpMedia } from '../../../shared/protocol/sdp/msrp-media.ts';
import { decodeSdp, encodeSdp, type SessionDescription } from '../../../shared/protocol/sdp/sdp.ts';
import { decodeXml, escapeXml } from '../../../shared/protocol/xml/xml.ts';

const token = fc.string({ unit: fc.constantFrom(...'abcXYZ019-!.+_~'), minLength: 1, maxLength: 12 });
/** Any Unicode text with much of what matters to the formats in it. */
const nasty = fc.string({
  unit: fc.oneof(
    fc.constantFrom(...'"\\<>&\';:=,% \t\r\n\u0000\u0085\u00a0\u2028\u202e\ufeff--é😀'),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  ),
  maxLength: 30,
});
const octets = fc.uint8Array({ maxLength: 60 });
const lineText = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what a header line cannot hold
  fromUtf8(utf8(text.replace(/[\u0000-\u001f\u007f]/g, ' '))).trim();
const headerValue = nasty.map(lineText);
const mimeHeaders = fc.array(fc.record({ name: token, value: headerValue }), { maxLength: 4 });

describe('decode ∘ encode is the identity', () => {
  it('of content types', () => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what a quoted string cannot hold
    const value = nasty.map((text) => text.replace(/[\u0000-\u001f\u007f]/g, ''));
    const parameters = fc.uniqueArray(
      fc.tuple(
        token.map((name) => name.toLowerCase()),
        value,
      ),
      { selector: ([name]) => name, maxLength: 4 },
    );
    fc.assert(
      fc.property(parameters, (pairs) => {
        const contentType = { type: 'application/x', parameters: new Map(pairs) };
        expect(decodeContentType(encodeContentType(contentType))).toEqual(contentType);
      }),
    );
  });

  it('of lists of recipients', () => {
    // what XML cannot say is replaced, and the ends of a name do not count
    const plain = nasty.map((text) => lineText(text).replace(/[\ufffd\ufffe\uffff]/g, '')).map((text) => text.trim() || null);
    const entry = fc.record({
      uri: nasty.map((text) => `sip:${lineText(text).replace(/[\s\ufffd\ufffe\uffff]/g, '')}@a.example`),
      displayName: plain,
      copy: fc.constantFrom('to', 'cc', 'bcc', null),
      isAnonymous: fc.boolean(),
      count: fc.option(fc.integer({ min: 1, max: 999_999 })),
    });
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 8 }), (entries) => {
        expect(decodeResourceLists(encodeResourceLists(entries))).toEqual({ entries, hasReferences: false });
      }),
    );
  });

  it('of base64', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (body) => {
        expect(decodeTransferEncoding(utf8(encodeBase64Lines(body)), 'base64', 'cpim.malformed')).toEqual(body);
      }),
    );
  });

  it('of CPIM escapes', () => {
    fc.assert(
      fc.property(nasty, (text) => {
        expect(unescapeCpim(escapeCpim(text))).toBe(text);
        expect(unescapeCpim(quoteCpim(text).slice(1, -1))).toBe(text);
        // biome-ignore lint/suspicious/noControlCharactersInRegex: that none is left is the point
        expect(escapeCpim(text)).not.toMatch(/[\u0000-\u001f\u007f]/);
      }),
    );
  });

  it('of CPIM', () => {
    const header = fc.record({
      name: fc.oneof(
        token.map((name) => name.replaceAll('.', '-')),
        fc.constant('imdn.Message-ID'),
        fc.constant('NS'),
      ),
      value: headerValue,
      parameters: fc.constantFrom('', ';lang=fr', ';a="b"'),
    });
    const message = fc.record({ headers: fc.array(header, { maxLength: 5 }), contentHeaders: mimeHeaders, content: octets });
    fc.assert(
      fc.property(message, (sent: CpimMessage) => {
        expect(decodeCpim(encodeCpim(sent))).toEqual(sent);
      }),
    );
  });

  it('of what is asked and said in a CPIM', () => {
    fc.assert(
      fc.property(
        nasty,
        token,
        nasty,
        fc.date({ noInvalidDate: true, min: new Date(0), max: new Date(4e12) }),
        (fromName, id, content, date) => {
          const sent = makeCpim({
            from: 'sip:a@b',
            fromName: fromUtf8(utf8(fromName)),
            to: 'sip:c@d',
            dateTime: formatDateTime(date.getTime()),
            imdnMessageId: id,
            dispositions: ['display'],
            contentType: 'text/plain',
            content,
          });
          const read = decodeCpim(encodeCpim(sent));
          expect(cpimAddress(read, 'From')).toEqual({ uri: 'sip:a@b', name: fromUtf8(utf8(fromName)) });
          expect(imdnRequest(read)).toMatchObject({ messageId: id, dispositions: new Set(['display']) });
          expect(read.content).toEqual(utf8(content));
        },
      ),
    );
  });

  it('of IMDN', () => {
    const text = nasty.map((value) =>
      lineText(value)
        .replace(/[^\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '')
        .trim(),
    );
    const imdn = fc.record({
      messageId: text.filter((id) => id !== ''),
      dateTime: text,
      recipientUri: text,
      originalRecipientUri: text,
      disposition: fc.constantFrom('delivery', 'display', 'processing'),
      status: fc.constantFrom('delivered', 'displayed', 'failed', 'forbidden', 'error', 'processed', 'stored'),
    });
    fc.assert(
      fc.property(imdn, (sent) => {
        expect(decodeImdn(encodeImdn(sent))).toEqual(sent);
      }),
    );
  });

  it('of XML text and attributes', () => {
    fc.assert(
      fc.property(nasty, (text) => {
        const expected = text.replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '\ufffd');
        const root = decodeXml(utf8(`<x a="${escapeXml(text)}">${escapeXml(text)}</x>`));
        expect(root.text).toBe(expected);
        expect(root.attributes[0]?.value).toBe(expected);
      }),
    );
  });

  it('of multipart, whatever the octets of its parts', () => {
    const body = fc.oneof(octets, nasty.map(utf8), fc.constantFrom('\r\n', '--', '\r\n--', '--bn', '\r\n\r\n').map(utf8));
    const multipart = fc.record({
      parts: fc.array(fc.record({ headers: mimeHeaders, body }), { minLength: 1, maxLength: 4 }),
      preamble: fc.option(body),
      epilogue: fc.option(body),
    });
    fc.assert(
      fc.property(multipart, (sent: Multipart) => {
        const read = decodeMultipart(encodeMultipart(sent, 'bnd"'.slice(0, 3)), 'multipart/mixed;boundary=bnd');
        expect(read).toEqual(sent);
        const made = makeMultipart('multipart/mixed', sent.parts);
        expect(decodeMultipart(made.body, made.contentType).parts).toEqual(sent.parts);
      }),
    );
  });

  const wellFormed = nasty.map((text) => fromUtf8(utf8(text)));
  const selector: fc.Arbitrary<FileSelector> = fc.record({
    name: fc.option(wellFormed),
    type: fc.constantFrom(null, 'image/jpeg', 'text/plain;charset="UTF-8"'),
    size: fc.option(fc.maxSafeNat()),
    hashes: fc.array(
      fc.record({
        algorithm: fc.constantFrom('sha-1', 'sha-256'),
        hex: fc.uint8Array({ minLength: 1, maxLength: 32 }).map((hash) => Buffer.from(hash).toString('hex')),
      }),
      { maxLength: 3 },
    ),
  });

  it('of file selectors', () => {
    fc.assert(
      fc.property(selector, (sent) => {
        const text = encodeFileSelector(sent);
        expect(text).not.toMatch(/[\r\n]/);
        expect(decodeFileSelector(text)).toEqual({ ...sent, received: text });
      }),
    );
  });

  it('of SDP, with numbers that are texts and texts that are numbers', () => {
    const value = fc.oneof(
      token,
      fc.constantFrom('007', '1e3', 'Infinity', 'NaN', '-0', '', '99999999999999999999', '0x10'),
      headerValue.map((text) => text.replace(/[\u2028\u2029]/g, '')),
    );
    const address = fc.constantFrom('192.0.2.1', '2001:db8::1', 'host.example', '1');
    const id = fc.bigInt({ min: 0n, max: 10n ** 30n }).map(String);
    const list = fc.array(fc.constantFrom('message/cpim', 'text/plain', '*', '5'), { maxLength: 3 });
    const msrp: fc.Arbitrary<MsrpMedia> = fc
      .record({
        port: fc.nat(65_535),
        protocol: fc.constantFrom('TCP/MSRP', 'TCP/TLS/MSRP'),
        address: fc.option(address),
        title: fc.option(value),
        direction: fc.constantFrom(null, 'sendrecv', 'sendonly', 'recvonly', 'inactive'),
        acceptTypes: list,
        acceptWrappedTypes: list,
        maxSize: fc.option(fc.maxSafeNat()),
        path: fc.array(fc.constantFrom('msrp://192.0.2.1:5000/a;tcp', 'msrps://[2001:db8::1]:1/B;tcp'), { maxLength: 2 }),
        cema: fc.boolean(),
        setup: fc.constantFrom(null, 'active', 'passive', 'actpass', 'holdconn'),
        fingerprint: fc.constantFrom(null, 'sha-256 AB:CD'),
        fileTransferId: fc.option(value),
        fileDisposition: fc.option(value),
        fileDate: fc.option(value),
        fileIcon: fc.option(token),
        fileSelector: fc.option(selector.map((each) => decodeFileSelector(encodeFileSelector(each)))),
        fileRange: fc.constantFrom(null, { start: 1, stop: null }, { start: 5, stop: 9 }),
      })
      .map((media) => ({ ...EMPTY_MSRP_MEDIA, ...media }) as MsrpMedia);
    const other = fc.record({
      kind: fc.constant('other' as const),
      type: fc.constantFrom('audio', 'video', 'message'),
      port: fc.nat(65_535),
      protocol: fc.constantFrom('RTP/AVP', 'UDP/TLS/RTP/SAVPF'),
      formats: fc.constantFrom('0', '0 8 101', '*', ''),
    });
    const description: fc.Arbitrary<SessionDescription> = fc.record({
      origin: fc.record({ user: token, id, version: id, address }),
      name: value,
      address: fc.option(address),
      media: fc.array(fc.oneof(msrp, other), { maxLength: 4 }),
    });
    fc.assert(
      fc.property(description, (sent) => {
        expect(decodeSdp(encodeSdp(sent))).toEqual(sent);
      }),
    );
  });

  it('of warnings', () => {
    fc.assert(
      fc.property(headerValue, (text) => {
        const warning = { code: 399, agent: 'a.example', text };
        expect(readWarnings([{ name: 'Warning', value: encodeWarning(warning) }])).toEqual([warning]);
      }),
    );
  });
});
