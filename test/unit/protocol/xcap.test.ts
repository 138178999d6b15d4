import { describe, expect, it } from 'vitest';
import { decodeXcapTarget, encodeXcapTarget, type NodeSelector } from '../../../shared/protocol/xcap/selector.ts';
import {
  decodeXcapDocument,
  deleteNode,
  putAttribute,
  putElement,
  selectNode,
  writtenElement,
  writtenNamespaces,
} from '../../../shared/protocol/xcap/xcap-document.ts';
import { decodeXcapConflict, encodeXcapConflict } from '../../../shared/protocol/xcap/xcap-error.ts';

const node = (selector: string, query = ''): NodeSelector => {
  const target = decodeXcapTarget(`/test/users/sip:joe@example.com/index/~~/${encodeURI(selector)}${query}`);
  if (target.node === null) throw new Error('no node');
  return target.node;
};

describe('addresses (RFC 4825 section 6)', () => {
  it('reads a document of a user and one of the global tree', () => {
    expect(decodeXcapTarget('/resource-lists/users/sip:bill@example.com/index')).toEqual({
      auid: 'resource-lists',
      user: 'sip:bill@example.com',
      document: 'index',
      node: null,
    });
    expect(decodeXcapTarget('/xcap-caps/global/index')).toMatchObject({ user: null, document: 'index' });
    expect(decodeXcapTarget('/resource-lists/users/sip%3Abill%40example.com/a/b').document).toBe('a/b');
  });

  it('reads the steps of section 13, escaped as they are there', () => {
    const { node: selector } = decodeXcapTarget(
      '/resource-lists/users/sip:bill@example.com/index/~~/resource-lists/list%5b@name=%22friends%22%5d/entry%5b2%5d/@uri',
    );
    expect(selector?.steps).toEqual([
      { name: { prefix: '', local: 'resource-lists' }, position: null, attribute: null },
      { name: { prefix: '', local: 'list' }, position: null, attribute: { name: { prefix: '', local: 'name' }, value: 'friends' } },
      { name: { prefix: '', local: 'entry' }, position: 2, attribute: null },
    ]);
    expect(selector?.terminal).toEqual({ attribute: { prefix: '', local: 'uri' } });
  });

  it('a slash, a bracket and an escaped quote in a value end no step', () => {
    for (const slash of ['/', '%2F']) {
      const { node: selector } = decodeXcapTarget(`/x/users/u/index/~~/a%5B@b=%22c${slash}%5Dd&quot;%22%5D/e`);
      expect(selector?.steps.map(({ attribute }) => attribute?.value)).toEqual(['c/]d"', undefined]);
    }
  });

  it('what is written is read as the same', () => {
    const target = {
      auid: 'resource-lists',
      user: 'sip:alice@parley.example',
      document: 'index',
      node: {
        steps: [
          { name: { prefix: 'r', local: 'resource-lists' }, position: null, attribute: null },
          { name: null, position: 3, attribute: { name: { prefix: '', local: 'name' }, value: `a/b "c" 'd' & <é ]` } },
        ],
        terminal: 'element' as const,
        namespaces: new Map([['r', 'urn:x(1)^2']]),
      },
    };
    expect(decodeXcapTarget(encodeXcapTarget(target))).toEqual(target);
  });

  it.each([
    ['resource-lists/users/u/index'],
    ['/resource-lists/users/u'],
    ['/resource-lists/people/u/index'],
    ['/resource-lists/users/u/../v/index'],
    ['/resource-lists/users/u/%2e%2e/index'],
    ['/resource-lists/users/u/index/~~/'],
    ['/resource-lists/users/u/index/~~/@uri'],
    ['/resource-lists/users/u/index/~~/a%5B0%5D'],
    ['/resource-lists/users/u/index/~~/a%5B@b%5D'],
    ['/resource-lists/users/u/index/~~/a%5B@b=%22c%5D'],
    ['/resource-lists/users/u/index/~~/p:a'],
    ['/resource-lists/users/u/index/~~/a%5B@b=%22&x;%22%5D'],
    ['/resource-lists/users/u/index/~~/a%FF'],
    [`/resource-lists/users/u/index/~~/${'a/'.repeat(40)}a`],
    [`/resource-lists/users/u/${'a'.repeat(9000)}`],
  ])('%s is no address', (target) => {
    expect(() => decodeXcapTarget(target)).toThrow('request.invalid');
  });
});

const NAMESPACED = `<?xml version="1.0"?>
<foo xmlns="urn:test:default-namespace">
  <ns1:bar xmlns:ns1="urn:test:namespace1-uri"
           xmlns="urn:test:namespace1-uri">
    <baz/>
    <ns2:baz xmlns:ns2="urn:test:namespace2-uri"/>
  </ns1:bar>
  <ns3:hi xmlns:ns3="urn:test:namespace3-uri">
    <there/>
  </ns3:hi>
</foo>`;

describe('what a selector means (RFC 4825 sections 6.3 and 6.4)', () => {
  const document = decodeXcapDocument(NAMESPACED);
  const written = (selector: string, query: string): string | null => {
    const found = selectNode(document, node(selector, query), 'urn:test:default-namespace');
    return found === null ? null : writtenElement(document, found.element);
  };

  it('prefixes are those of the query, and no prefix is the namespace of the application usage', () => {
    expect(written('foo/a:bar/b:baz', '?xmlns(a=urn:test:namespace1-uri)xmlns(b=urn:test:namespace1-uri)')).toBe('<baz/>');
    const second = '<ns2:baz xmlns:ns2="urn:test:namespace2-uri"/>';
    expect(written('foo/a:bar/b:baz', '?xmlns(a=urn:test:namespace1-uri)%20xmlns(b=urn:test:namespace2-uri)')).toBe(second);
    const third = '?xmlns(a=urn:test:namespace1-uri)xmlns(b=urn:test:namespace2-uri)xmlns(d=urn:test:default-namespace)';
    expect(written('d:foo/a:bar/b:baz', third)).toBe(second);
    expect(written('foo/bar', '')).toBeNull();
  });

  it('bindings in scope are told as an element (section 10)', () => {
    const bindings = '?xmlns(a=urn:test:namespace1-uri)';
    const found = selectNode(document, node('foo/a:bar/a:baz/namespace::*', bindings), 'urn:test:default-namespace');
    expect(found === null ? '' : writtenNamespaces(document, found.element)).toBe(
      '<baz xmlns="urn:test:namespace1-uri" xmlns:ns1="urn:test:namespace1-uri"/>',
    );
  });

  it('several elements are no answer, and a position counts before the attribute is looked at', () => {
    const list = decodeXcapDocument('<l><e u="a"/><e u="b"/></l>');
    expect(selectNode(list, node('l/e'), '')).toBeNull();
    expect(selectNode(list, node('l/e[2][@u="a"]'), '')).toBeNull();
    expect(selectNode(list, node("l/*[2][@u='b']"), '')).not.toBeNull();
    expect(selectNode(list, node('l/e[2]/@u'), '')?.attribute?.value).toBe('"b"');
  });
});

const ROOT = `<?xml version="1.0"?>
<root>
 <el1 att="first"/>
 <el1 att="second"/>
 <!-- comment -->
 <el2 att="first"/>
</root>
`;

describe('where a new element goes (RFC 4825 section 8.2.3)', () => {
  it.each([
    ['root/el1[@att="third"]', '<el1 att="third"/>', ' <el1 att="second"/><el1 att="third"/>\n'],
    ['root/el1[3][@att="third"]', '<el1 att="third"/>', ' <el1 att="second"/><el1 att="third"/>\n'],
    ['root/*[3][@att="third"]', '<el1 att="third"/>', ' <el1 att="second"/><el1 att="third"/>\n'],
    ['root/el3', '<el3 att="first"/>', ' <el2 att="first"/>\n<el3 att="first"/></root>'],
    ['root/el2[@att="2"]', '<el2 att="2"/>', ' <el2 att="first"/><el2 att="2"/>\n</root>'],
    ['root/el2[2][@att="2"]', '<el2 att="2"/>', ' <el2 att="first"/><el2 att="2"/>\n</root>'],
    ['root/*[2][@att="2"]', '<el2 att="2"/>', ' <el1 att="first"/><el2 att="2"/>\n <el1 att="second"/>'],
    ['root/el2[1][@att="2"]', '<el2 att="2"/>', ' <el2 att="2"/><el2 att="first"/>\n'],
    ['root/*[1][@att="zero"]', '<el0 att="zero"/>', '<root>\n <el0 att="zero"/><el1 att="first"/>'],
  ])('%s', (selector, body, expected) => {
    const { text, isNew } = putElement(decodeXcapDocument(ROOT), node(selector), '', body);
    expect(text).toContain(expected);
    expect(text.replace(body, '')).toBe(ROOT);
    expect(isNew).toBe(true);
  });

  it('what is there is replaced and the rest stays octet by octet', () => {
    const { text, isNew } = putElement(decodeXcapDocument(ROOT), node('root/el1[2]'), '', '<el1 att="x">y</el1>');
    expect(text).toBe(ROOT.replace('<el1 att="second"/>', '<el1 att="x">y</el1>'));
    expect(isNew).toBe(false);
  });

  it('an element without a tag for its end gets one', () => {
    expect(putElement(decodeXcapDocument('<l><m a="1" /></l>'), node('l/m/e'), '', '<e/>').text).toBe('<l><m a="1" ><e/></m></l>');
  });

  it.each([
    ['cannot-insert', 'root/el1[@att="third"]', '<el1 att="other"/>'],
    ['cannot-insert', 'root/el1[5]', '<el1/>'],
    ['no-parent', 'root/none/el1', '<el1/>'],
    ['not-xml-frag', 'root/el9', '<el9>'],
    ['not-xml-frag', 'root/el9', '<el9/><el9/>'],
    ['not-xml-frag', 'root/el9', 'text'],
    ['not-xml-frag', 'root/el9', '</root><root>'],
    ['not-xml-frag', 'root/el9', '<el9/><!-- and -->'],
    ['not-xml-frag', 'root/el9', '<p:el9/>'],
  ])('%s: %s with %s', (kind, selector, body) => {
    expect(() => putElement(decodeXcapDocument(ROOT), node(selector), '', body)).toThrow(kind);
  });
});

describe('attributes and deleting (RFC 4825 sections 7.7, 8.4)', () => {
  it('an attribute is made, replaced and taken away', () => {
    const made = putAttribute(decodeXcapDocument('<l><m/></l>'), node('l/m/@a'), '', '"1 > 0"');
    expect(made).toEqual({ text: '<l><m a="1 > 0"/></l>', isNew: true });
    const replaced = putAttribute(decodeXcapDocument(made.text), node('l/m/@a'), '', "'2'");
    expect(replaced).toEqual({ text: "<l><m a='2'/></l>", isNew: false });
    expect(deleteNode(decodeXcapDocument(replaced.text), node('l/m/@a'), '')).toBe('<l><m/></l>');
  });

  it('a value that is none, and one that its own selector would not find again', () => {
    const document = decodeXcapDocument('<l><m a="1"/></l>');
    for (const body of ['1', '"<"', '"&x;"', '"a" b="c"']) {
      expect(() => putAttribute(document, node('l/m/@a'), '', body)).toThrow('not-xml-att-value');
    }
    expect(() => putAttribute(document, node('l/m[@a="1"]/@a'), '', '"2"')).toThrow('cannot-insert');
  });

  it('white space around what is deleted stays; by position the next one would be meant', () => {
    expect(deleteNode(decodeXcapDocument(ROOT), node('root/el1[@att="second"]'), '')).toBe(ROOT.replace('<el1 att="second"/>', ''));
    expect(() => deleteNode(decodeXcapDocument(ROOT), node('root/el1[1]'), '')).toThrow('cannot-delete');
    expect(deleteNode(decodeXcapDocument(ROOT), node('root/none'), '')).toBeNull();
  });
});

it('conflicts are written and read (RFC 4825 section 11)', () => {
  for (const conflict of [
    { kind: 'no-parent' as const },
    { kind: 'schema-validation-error' as const, phrase: 'a "b" <c>' },
    { kind: 'uniqueness-failure' as const, field: 'resource-lists/list/@name' },
  ]) {
    expect(decodeXcapConflict(encodeXcapConflict(conflict))).toEqual(conflict);
  }
  const rfc =
    '<xcap-error xmlns="urn:ietf:params:xml:ns:xcap-error"><uniqueness-failure><exists field="rls-services/service/@uri"><alt-value>sip:mybuddies@example.com</alt-value></exists></uniqueness-failure></xcap-error>';
  expect(decodeXcapConflict(rfc)).toEqual({ kind: 'uniqueness-failure', field: 'rls-services/service/@uri' });
});
