import { describe, expect, it } from 'vitest';
import { fromUtf8, utf8 } from '../../../shared/base/bytes.ts';
import { decodeResourceLists, encodeResourceLists, listEntry } from '../../../shared/protocol/lists/resource-lists.ts';

const read = (inner: string, root = 'xmlns="urn:ietf:params:xml:ns:resource-lists" xmlns:cp="urn:ietf:params:xml:ns:copycontrol"') =>
  decodeResourceLists(utf8(`<?xml version="1.0" encoding="UTF-8"?><resource-lists ${root}>${inner}</resource-lists>`));

describe('a list of recipients', () => {
  it('tells addresses, names and in which way each gets the message', () => {
    const { entries } = read(
      '<list><entry uri="sip:bob@a.example" cp:copyControl="to"><display-name>Bob B.</display-name></entry>' +
        '<entry uri="sip:carol@a.example?x=1&amp;y=2" cp:copyControl="bcc" cp:anonymize="true"/><entry uri="tel:+4930" cp:count="3"/></list>',
    );
    expect(entries).toEqual([
      { uri: 'sip:bob@a.example', displayName: 'Bob B.', copy: 'to', isAnonymous: false, count: null },
      { uri: 'sip:carol@a.example?x=1&y=2', displayName: null, copy: 'bcc', isAnonymous: true, count: null },
      { uri: 'tel:+4930', displayName: null, copy: null, isAnonymous: false, count: 3 },
    ]);
  });

  it.each(['urn:ietf:params:xml:ns:copycontrol', 'urn:ietf:params:xml:ns:copyControl'])('has its copy control in %s', (namespace) => {
    const root = `xmlns="urn:ietf:params:xml:ns:resource-lists" xmlns:q="${namespace}"`;
    for (const name of ['copyControl', 'copycontrol', 'CopyControl']) {
      expect(read(`<list><entry uri="sip:a@b" q:${name}="cc"/></list>`, root).entries[0]?.copy).toBe('cc');
    }
  });

  it('is read through nested lists, any prefix and elements nobody knows', () => {
    const root = 'xmlns:r="urn:ietf:params:xml:ns:resource-lists" xmlns:o="urn:other"';
    const inner =
      '<r:list><o:x/><r:list name="a"><r:entry uri="sip:a@b"/></r:list><o:entry uri="sip:no@b"/><r:entry uri="sip:c@b"/></r:list>';
    const document = `<r:resource-lists ${root}>${inner}</r:resource-lists>`;
    expect(decodeResourceLists(utf8(document)).entries.map(({ uri }) => uri)).toEqual(['sip:a@b', 'sip:c@b']);
  });

  it.each(['<external anchor="http://a.example/l"/>', '<entry-ref ref="a/b"/>'])('says that it points elsewhere: %s', (reference) => {
    expect(read(`<list><entry uri="sip:a@b"/>${reference}</list>`)).toMatchObject({ hasReferences: true, entries: [{ uri: 'sip:a@b' }] });
    expect(read('<list><entry uri="sip:a@b"/></list>').hasReferences).toBe(false);
  });

  it('without a URI in an entry, of another kind, too deep or too long is refused with a code', () => {
    expect(() => read('<list><entry/></list>')).toThrow('xml.malformed');
    expect(() => decodeResourceLists(utf8('<list xmlns="urn:ietf:params:xml:ns:resource-lists"/>'))).toThrow('xml.malformed');
    expect(() => decodeResourceLists(utf8('<resource-lists/>'))).toThrow('xml.malformed');
    expect(() => read('<list>'.repeat(40) + '</list>'.repeat(40))).toThrow('xml.too-large');
    expect(() => read(`<list>${'<entry uri="sip:a@b"/>'.repeat(6000)}</list>`)).toThrow('xml.too-large');
    expect(() => read(`<list><entry uri="sip:${'a'.repeat(5000)}@b"/></list>`)).toThrow('xml.malformed');
    expect(() => decodeResourceLists(utf8('<!DOCTYPE a><resource-lists/>'))).toThrow('xml.malformed');
  });

  it('of nothing that is a URI is not written', () => {
    for (const uri of ['', 'sip:a b@c', `sip:${'a'.repeat(5000)}`])
      expect(() => encodeResourceLists([listEntry(uri)])).toThrow('xml.malformed');
    expect(fromUtf8(encodeResourceLists([listEntry('sip:a"<&@b')]))).toContain('uri="sip:a&quot;&lt;&amp;@b"');
  });
});
