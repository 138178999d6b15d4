import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { utf8 } from '../../../shared/base/bytes.ts';
import { ParleyError } from '../../../shared/base/errors.ts';
import { CONFERENCE_LIMITS, decodeConferenceInfo } from '../../../shared/protocol/conference/conference-info.ts';
import { decodeFileTransferInfo, decodeGroupState, decodeSessionInfo } from '../../../shared/protocol/cpm-objects/descriptions.ts';
import { DEFERRED_INFO_LIMITS, decodeDeferredInfo } from '../../../shared/protocol/deferred-info/deferred-info.ts';
import { decodeOmaDeferredList } from '../../../shared/protocol/deferred-info/oma-list.ts';
import { decodeImdn } from '../../../shared/protocol/imdn/imdn.ts';
import { decodeComposing } from '../../../shared/protocol/iscomposing/iscomposing.ts';
import { decodeResourceLists } from '../../../shared/protocol/lists/resource-lists.ts';
import { decodePreferences, PREFERENCES_NAMESPACE } from '../../../shared/protocol/preferences/preferences.ts';
import { decodeXcapDocument } from '../../../shared/protocol/xcap/xcap-document.ts';
import { decodeXcapConflict } from '../../../shared/protocol/xcap/xcap-error.ts';
import { decodeXml } from '../../../shared/protocol/xml/xml.ts';

interface Body {
  readonly decode: (octets: Uint8Array) => unknown;
  /** a good document is `open` + something + `close`, where anything unknown may stand in between */
  readonly open: string;
  readonly close: string;
  /** more octets than it reads, where it reads long lists */
  readonly tooMany?: number | undefined;
}

/** Every XML body that is read, by the decoder's name. */
const BODIES: Readonly<Record<string, Body>> = {
  decodeXml: { decode: (octets) => decodeXml(octets), open: '<a>', close: '</a>' },
  decodeImdn: {
    decode: (octets) => decodeImdn(octets),
    open: '<imdn xmlns="urn:ietf:params:xml:ns:imdn"><message-id>1</message-id>',
    close: '</imdn>',
  },
  decodeComposing: {
    decode: (octets) => decodeComposing(octets),
    open: '<isComposing xmlns="urn:ietf:params:xml:ns:im-iscomposing"><state>idle</state>',
    close: '</isComposing>',
  },
  decodeResourceLists: {
    decode: (octets) => decodeResourceLists(octets),
    open: '<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists">',
    close: '</resource-lists>',
  },
  decodeXcapDocument: { decode: (octets) => decodeXcapDocument(octets), open: '<a>', close: '</a>' },
  decodeXcapConflict: {
    decode: (octets) => decodeXcapConflict(octets),
    open: '<xcap-error xmlns="urn:ietf:params:xml:ns:xcap-error"><cannot-insert/>',
    close: '</xcap-error>',
  },
  decodePreferences: {
    decode: (octets) => decodePreferences(octets),
    open: `<preferences xmlns="${PREFERENCES_NAMESPACE}">`,
    close: '</preferences>',
  },
  decodeDeferredInfo: {
    decode: (octets) => decodeDeferredInfo(octets),
    open: '<deferred-messages xmlns="urn:x-cpm-desk:deferred-messages:1" version="1" state="full">',
    close: '</deferred-messages>',
    tooMany: DEFERRED_INFO_LIMITS.maxOctets,
  },
  decodeOmaDeferredList: {
    decode: (octets) => decodeOmaDeferredList(octets),
    open: '<deferred-list>',
    close: '</deferred-list>',
    tooMany: DEFERRED_INFO_LIMITS.maxOctets,
  },
  decodeConferenceInfo: {
    decode: (octets) => decodeConferenceInfo(octets),
    open: '<conference-info xmlns="urn:ietf:params:xml:ns:conference-info" entity="sip:a@b" version="1">',
    close: '</conference-info>',
    tooMany: CONFERENCE_LIMITS.maxOctets,
  },
  decodeSessionInfo: { decode: (octets) => decodeSessionInfo(octets), open: '<session>', close: '</session>' },
  decodeFileTransferInfo: { decode: (octets) => decodeFileTransferInfo(octets), open: '<file-transfer>', close: '</file-transfer>' },
  decodeGroupState: { decode: (octets) => decodeGroupState(octets), open: '<groupstate>', close: '</groupstate>' },
};

const laughs = Array.from({ length: 9 }, (_, at) => `<!ENTITY l${at + 1} "${`&l${at};`.repeat(10)}">`).join('');

/** what stands before the document, and what inside of it */
const BOMBS: readonly (readonly [what: string, prolog: string, inside: string, code: string])[] = [
  ['a DOCTYPE', '<!DOCTYPE a>', '', 'xml.malformed'],
  ['a DOCTYPE from elsewhere', '<!DOCTYPE a SYSTEM "http://192.0.2.1/a.dtd">', '', 'xml.malformed'],
  ['entities of entities', `<!DOCTYPE a [<!ENTITY l0 "ha">${laughs}]>`, '&l9;', 'xml.malformed'],
  ['an entity from a file', '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>', '&x;', 'xml.malformed'],
  ['a parameter entity', '<!DOCTYPE a [<!ENTITY % x "y">%x;]>', '', 'xml.malformed'],
  ['an entity that nobody declared', '', '&x;', 'xml.malformed'],
  ['a character that XML has not', '', '&#0;', 'xml.malformed'],
  ['a character beyond Unicode', '', '&#x110000;', 'xml.malformed'],
  ['depth', '', `${'<x>'.repeat(1000)}${'</x>'.repeat(1000)}`, 'xml.too-large'],
  ['depth without an end', '', '<x>'.repeat(100_000), 'xml.too-large'],
  ['elements', '', '<x/>'.repeat(60_000), 'xml.too-large'],
  ['attributes', '', `<x ${Array.from({ length: 100 }, (_, at) => `a${at}="1"`).join(' ')}/>`, 'xml.too-large'],
  ['namespaces', '', `<x ${Array.from({ length: 100 }, (_, at) => `xmlns:n${at}="u"`).join(' ')}/>`, 'xml.too-large'],
  ['one attribute twice, by two prefixes', '', '<x xmlns:a="u" xmlns:b="u" a:y="1" b:y="2"/>', 'xml.malformed'],
  ['a prefix that nobody declared', '', '<n:x/>', 'xml.malformed'],
  ['the prefix xml for something else', '', '<x xmlns:xml="u"/>', 'xml.malformed'],
  ['a second root', '', '</a><b>', 'xml.malformed'],
];

describe.each(Object.entries(BODIES))('%s', (_, { decode, open, close, tooMany = 300_000 }) => {
  it('takes a document, so that what follows is refused for what is in it', () => {
    expect(() => decode(utf8(`<?xml version="1.0"?>${open}${close}`))).not.toThrow();
  });

  it.each(BOMBS)('refuses %s with a code', (_what, prolog, inside, code) => {
    const thrown = thrownBy(() => decode(utf8(`<?xml version="1.0"?>${prolog}${open}${inside}${close}`)));
    expect(thrown).toBeInstanceOf(ParleyError);
    // what is small enough to be read at all may be refused for its size first
    expect([code, 'xml.too-large']).toContain((thrown as ParleyError).code);
    expect((thrown as ParleyError).detail.length).toBeLessThan(1000);
  });

  it.each([
    ['text', 'x'.repeat(tooMany)],
    ['a comment', `<!--${'x'.repeat(tooMany)}-->`],
  ])('refuses %s without an end, for its size', (_what, inside) => {
    expect(thrownBy(() => decode(utf8(`${open}${inside}${close}`)))).toMatchObject({ code: 'xml.too-large' });
  });

  it.each([
    ['UTF-16', Buffer.from(`\ufeff${open}${close}`, 'utf16le')],
    ['octets that are no UTF-8', Buffer.concat([Buffer.from(open), Buffer.of(0xff, 0xc0, 0x80), Buffer.from(close)])],
    ['nothing', Buffer.alloc(0)],
    ['nothing but blanks', Buffer.from(' \r\n')],
  ])('refuses %s with a code', (_what, octets) => {
    expect(thrownBy(() => decode(new Uint8Array(octets)))).toMatchObject({ code: 'xml.malformed' });
  });
});

it('every decoder that reads XML is among them', () => {
  const folder = new URL('../../../shared/protocol/', import.meta.url);
  const found = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => readFileSync(new URL(file, folder), 'utf8'))
    .filter((source) => /\bdecodeXml\(/.test(source))
    .flatMap((source) => [...source.matchAll(/export function (decode\w+)\(/g)].map((match) => match[1]));
  expect(found.sort()).toEqual(Object.keys(BODIES).sort());
});

function thrownBy(run: () => unknown): unknown {
  try {
    run();
    return null;
  } catch (thrown) {
    return thrown;
  }
}
