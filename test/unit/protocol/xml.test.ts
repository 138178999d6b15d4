import { describe, expect, it } from 'vitest';
import { utf8 } from '../../../shared/base/bytes.ts';
import { decodeImdn, encodeImdn } from '../../../shared/protocol/imdn/imdn.ts';
import { attributeValue, childElement, decodeXml, escapeXml } from '../../../shared/protocol/xml/xml.ts';

describe('XML', () => {
  it('resolves namespaces and forgets prefixes', () => {
    const root = decodeXml('<a:x xmlns:a="urn:1" xmlns="urn:2" a:k="1" k="2"><y>t<![CDATA[<]]>&amp;</y></a:x>');
    expect(root).toMatchObject({ namespace: 'urn:1', name: 'x' });
    expect(root.attributes.length).toBe(2);
    expect(attributeValue(root, 'k')).toBe('2');
    expect(attributeValue(root, 'k', 'urn:1')).toBe('1');
    expect(childElement(root, 'urn:2', 'y')?.text).toBe('t<&');
    expect(childElement(root, 'urn:1', 'y')).toBeNull();
  });

  it.each([
    '<!DOCTYPE x><x/>',
    '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><x>&b;</x>',
    '<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>',
    '<x>&unknown;</x>',
    '<x',
    '<x></y>',
    '<x/><y/>',
    'text',
    '',
    '<p:x/>',
    '<x a="1" a="2"/>',
    '<x>\u0000</x>',
  ])('refuses %j', (text) => {
    expect(() => decodeXml(text)).toThrow('xml.malformed');
  });

  it('refuses what is not UTF-8', () => {
    expect(() => decodeXml(new Uint8Array([0x3c, 0x78, 0xff, 0x2f, 0x3e]))).toThrow('xml.malformed');
  });

  it.each([
    ['octets', { maxOctets: 20 }, '<x>aaaaaaaaaaaaaaaaaaaaaaa</x>'],
    ['depth', { maxDepth: 3 }, '<a><a><a><a/></a></a></a>'],
    ['elements', { maxElements: 3 }, '<a><b/><b/><b/></a>'],
    ['attributes', { maxAttributes: 2 }, '<a b="" c="" d=""/>'],
    ['namespace declarations', { maxAttributes: 2 }, '<a xmlns:b="b" xmlns:c="c" xmlns:d="d"/>'],
  ])('limits %s', (_, limits, text) => {
    expect(() => decodeXml(text, limits)).toThrow('xml.too-large');
  });

  it('what XML cannot say is replaced when escaping', () => {
    expect(escapeXml(`<&>"'\n\u0001\ud800😀`)).toBe('&lt;&amp;&gt;&quot;&apos;&#10;\ufffd\ufffd😀');
  });
});

describe('IMDN', () => {
  const wrap = (inner: string): Uint8Array => utf8(`<n:imdn xmlns:n="urn:ietf:params:xml:ns:imdn" xmlns:o="urn:o">${inner}</n:imdn>`);

  it('reads any prefix and order, and skips what it does not know', () => {
    const imdn = decodeImdn(
      wrap(
        '<o:extra/><n:display-notification><o:x/><n:status><o:delivered/><n:displayed/></n:status></n:display-notification><n:message-id> id </n:message-id>',
      ),
    );
    expect(imdn).toEqual({
      messageId: 'id',
      dateTime: null,
      recipientUri: null,
      originalRecipientUri: null,
      disposition: 'display',
      status: 'displayed',
    });
  });

  it.each(['failed', 'forbidden', 'error', 'processed', 'stored'] as const)('reads %s in a processing notification', (status) => {
    const imdn = decodeImdn(
      wrap(`<n:message-id>i</n:message-id><n:processing-notification><n:status><n:${status}/></n:status></n:processing-notification>`),
    );
    expect(imdn).toMatchObject({ disposition: 'processing', status });
  });

  it.each([
    '<n:message-id>i</n:message-id>',
    '<n:message-id>i</n:message-id><n:delivery-notification><n:status><n:teleported/></n:status></n:delivery-notification>',
    '<n:message-id>i</n:message-id><n:delivery-notification/>',
    '<n:message-id>i</n:message-id><n:delivery-notification><n:status/></n:delivery-notification>',
  ])('an unknown status can be ignored: %s', (inner) => {
    expect(decodeImdn(wrap(inner)).status).toBe('unknown');
  });

  it.each(['<n:message-id/>', '<o:message-id>i</o:message-id>', ''])('refuses a body without a message-id: %j', (inner) => {
    expect(() => decodeImdn(wrap(inner))).toThrow('imdn.malformed');
  });

  it('refuses another root and a large document', () => {
    expect(() => decodeImdn(utf8('<imdn/>'))).toThrow('imdn.malformed');
    expect(() => decodeImdn(wrap('x'.repeat(70_000)))).toThrow('xml.too-large');
  });

  it('values are escaped', () => {
    const sent = {
      messageId: 'a<&>"b',
      dateTime: '2026-03-02T09:15:30.120Z',
      recipientUri: 'sip:a@b?x=1&y=2',
      originalRecipientUri: 'sip:c@d',
      disposition: 'delivery',
      status: 'forbidden',
    } as const;
    expect(decodeImdn(encodeImdn(sent))).toEqual(sent);
  });
});
