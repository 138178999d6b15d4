import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromUtf8, utf8 } from '../../../shared/base/bytes.ts';
import { ParleyError } from '../../../shared/base/errors.ts';
import { addressTitle, canonicalAddress, domainOf } from '../../../shared/model/address.ts';
import { cleanFileName, numberedFileName } from '../../../shared/model/file-name.ts';
import { cpimContent, decodeCpim, encodeCpim } from '../../../shared/protocol/cpim/cpim.ts';
import { cpimAddress, cpimDateTime, imdnRequest } from '../../../shared/protocol/cpim/cpim-message.ts';
import { instanceOf, serviceOf } from '../../../shared/protocol/cpm/names.ts';
import { fileRejection } from '../../../shared/protocol/cpm/rejection.ts';
import { decodeImdn } from '../../../shared/protocol/imdn/imdn.ts';
import { decodeResourceLists } from '../../../shared/protocol/lists/resource-lists.ts';
import { decodeContentDisposition } from '../../../shared/protocol/mime/content-disposition.ts';
import { decodeContentType } from '../../../shared/protocol/mime/content-type.ts';
import { decodeMultipart, partContent, partContentType } from '../../../shared/protocol/multipart/multipart.ts';
import { makeFileAnswer, makeOrigin, takenLine } from '../../../shared/protocol/sdp/file-offer.ts';
import { decodeFileRange, decodeFileSelector } from '../../../shared/protocol/sdp/file-selector.ts';
import type { MsrpMedia } from '../../../shared/protocol/sdp/msrp-media.ts';
import { readFileOffer } from '../../../shared/protocol/sdp/read-file-offer.ts';
import { decodeSdp, encodeSdp, type Media } from '../../../shared/protocol/sdp/sdp.ts';
import { decodeXml } from '../../../shared/protocol/xml/xml.ts';
import { exampleOctets, sipExample } from '../../vectors/example.ts';

const BOUNDARY = 'bnd-pWkvbN0rKCS5tG32';

function survives(run: () => void): void {
  try {
    run();
  } catch (thrown) {
    if (!(thrown instanceof ParleyError)) throw thrown;
  }
}

function readCpim(octets: Uint8Array): void {
  const message = decodeCpim(octets);
  imdnRequest(message);
  cpimDateTime(message);
  cpimAddress(message, 'From');
  survives(() => cpimContent(message));
  survives(() => encodeCpim(message));
}

function readMultipart(octets: Uint8Array): void {
  for (const part of decodeMultipart(octets, `multipart/mixed;boundary=${BOUNDARY}`).parts) {
    survives(() => partContentType(part));
    survives(() => partContent(part));
  }
}

function readSdp(octets: Uint8Array): void {
  const description = decodeSdp(octets);
  const place = { protocol: 'TCP/MSRP' as const, address: '192.0.2.1', port: 1, path: ['msrp://a:1/b;tcp'] };
  const lines = new Map<number, Media>();
  for (const { mediaIndex } of readFileOffer(description).offers)
    lines.set(mediaIndex, takenLine(description.media[mediaIndex] as MsrpMedia, { place, setup: 'passive' }));
  encodeSdp(makeFileAnswer(description, { origin: makeOrigin('192.0.2.1', 1), address: '192.0.2.1', lines }));
}

function readTexts(octets: Uint8Array): void {
  const text = fromUtf8(octets);
  survives(() => decodeContentType(text));
  survives(() => decodeContentDisposition(text));
  survives(() => decodeFileSelector(text));
  survives(() => decodeFileRange(text));
  const headers = ['Accept-Contact', 'Contact', 'P-Asserted-Service', 'Warning', 'Retry-After'].map((name) => ({ name, value: text }));
  serviceOf(headers);
  instanceOf(headers);
  fileRejection(488, headers);
}

function listOf(name: string): Uint8Array {
  const { body } = sipExample(name);
  return body.subarray(Buffer.from(body).indexOf('<?xml'), Buffer.from(body).indexOf('</resource-lists>') + 17);
}

const READERS: readonly (readonly [name: string, read: (octets: Uint8Array) => void, example: Uint8Array])[] = [
  ['CPIM', readCpim, sipExample('F02-01.sip').body],
  ['IMDN', (octets) => decodeImdn(octets), decodeCpim(sipExample('F02-03.sip').body).content],
  ['XML', (octets) => decodeXml(octets), utf8('<a xmlns="u" b="&amp;"><![CDATA[x]]><!-- c --><?p i?><d/></a>')],
  ['list of recipients', (octets) => decodeResourceLists(octets), listOf('F03-01.sip')],
  ['multipart', readMultipart, sipExample('F11-01.sip').body],
  ['SDP', readSdp, sipExample('F13-01.sip').body],
  ['header values', readTexts, utf8('*;+g.3gpp.icsi-ref="urn%3Aurn-7";require, 399 a "b"; name*=UTF-8\'\'%20')],
];

/** An example with some of its octets changed, removed, doubled or cut off. */
function damaged(example: Uint8Array): fc.Arbitrary<Uint8Array> {
  const spot = fc.nat(example.length);
  const change = fc.record({
    at: spot,
    remove: fc.nat(8),
    insert: fc.oneof(fc.uint8Array({ maxLength: 8 }), fc.constantFrom('\r\n', '--', '"', '<', ':', '\0').map(utf8)),
  });
  return fc.array(change, { minLength: 1, maxLength: 6 }).map((changes) => {
    let octets = Buffer.from(example);
    for (const { at, remove, insert } of changes) octets = Buffer.concat([octets.subarray(0, at), insert, octets.subarray(at + remove)]);
    return new Uint8Array(octets);
  });
}

describe.each(READERS)('hostile %s', (_, read, example) => {
  it('random octets throw a coded error or nothing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (octets) => survives(() => read(octets))),
      { numRuns: 400 },
    );
  });

  it('a damaged example throws a coded error or nothing', () => {
    fc.assert(
      fc.property(damaged(example), (octets) => survives(() => read(octets))),
      { numRuns: 400 },
    );
  });

  it('an example cut off anywhere throws a coded error or nothing', () => {
    for (let length = 0; length < example.length; length++) survives(() => read(example.subarray(0, length)));
  });

  // A quadratic reader would need minutes for these and run into the time limit of the test.
  it.each([
    '<',
    '"',
    '\\',
    ' ',
    '\t',
    '\r\n',
    '\n ',
    '--',
    `--${BOUNDARY}`,
    `\r\n--${BOUNDARY} `,
    '=',
    '%',
    ':',
    ';',
    ',',
    '<a>',
    '<a ',
    '&',
    'a=x:"',
  ])('a flood of %j is done with soon', (flood) => {
    const octets = utf8(flood.repeat(Math.ceil(1_000_000 / flood.length)));
    survives(() => read(octets));
    survives(() => read(new Uint8Array(Buffer.concat([example, octets, example]))));
    survives(() => read(octets.subarray(0, 60_000)));
    survives(() => read(new Uint8Array(Buffer.concat([example.subarray(0, 40), octets.subarray(0, 8000), example.subarray(40)]))));
  });
});

describe('an MSRP example is no SIP body', () => {
  it.each(READERS)('for %s', (_, read) => {
    survives(() => read(exampleOctets('F11-05.msrp')));
  });
});

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: fc.constantFrom(...'sip:tel+bob@home.example;<>"?[]%20 \u202e'), maxLength: 40 }),
  fc.string({
    unit: fc.constantFrom('sip:', 'tel:', '+', '44', 'bob', '@', 'Home', '.', 'example', ':', '5060', ';user=phone', '?', '<', '>', '%62'),
    maxLength: 12,
  }),
);

describe('addresses', () => {
  it('a canonical address is its own canonical form, and one line of plain characters', () => {
    fc.assert(
      fc.property(text, (given) => {
        const canonical = canonicalAddress(given);
        addressTitle(given, given);
        domainOf(given);
        if (canonical === null) return;
        expect(canonicalAddress(canonical)).toBe(canonical);
        expect(canonicalAddress(`"x" <${canonical};a=b>;tag=1`)).toBe(canonical);
        expect(canonical).toMatch(/^(?:sip|tel):[!-~]+$/);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('file names', () => {
  const unit = fc.oneof(
    fc.constantFrom(...'/\\:*?"<>|.  \u0000\u202e\u200d', '👩‍👩‍👧', 'CON', 'nul', '.txt', '..', 'é', '\ud800', '\u2028'),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  );

  it('a cleaned name is safe anywhere, stays as it is, and leaves room for a number', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit, maxLength: 20 }), fc.string({ unit, minLength: 100, maxLength: 400 })), (received) => {
        const name = cleanFileName(received);
        expect(name).not.toBe('');
        expect(name).not.toMatch(/[<>:"/\\|?*\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029]/u);
        expect(name).not.toMatch(/^[. ]|[. ]$/);
        expect(name).not.toMatch(/^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i);
        expect(name).toBe(fromUtf8(utf8(name)));
        expect(cleanFileName(name)).toBe(name);
        expect(utf8(numberedFileName(name, 9999)).length).toBeLessThanOrEqual(255);
      }),
      { numRuns: 1000 },
    );
  });
});
