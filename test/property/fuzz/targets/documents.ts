import { preferencesFrom } from '../../../../shared/model/network-preferences.ts';
import { decodePreferences, encodePreferences, PREFERENCES_NAMESPACE } from '../../../../shared/protocol/preferences/preferences.ts';
import { decodeReferences, decodeXcapTarget, encodeXcapTarget } from '../../../../shared/protocol/xcap/selector.ts';
import {
  decodeXcapDocument,
  deleteNode,
  putAttribute,
  putElement,
  selectNode,
  writtenElement,
  writtenNamespaces,
  XcapRefusal,
} from '../../../../shared/protocol/xcap/xcap-document.ts';
import { decodeXcapConflict, encodeXcapConflict } from '../../../../shared/protocol/xcap/xcap-error.ts';
import { codec, type Target, textCodec } from '../target.ts';

const HOME = '/resource-lists/users/sip:alice@a.example/index';
const LISTS = 'urn:ietf:params:xml:ns:resource-lists';
const DOCUMENT = `<?xml version="1.0"?>
<resource-lists xmlns="${LISTS}" xmlns:p="urn:p">
  <list name="a" p:x="1"><entry uri='sip:a@b'/><!-- <list name="z"> --><entry uri="sip:c@d"><display-name>C &amp; D</display-name></entry></list>
  <p:other/><list name="b" />
</resource-lists>`;

/** an element that was empty may have got a tag for its end */
const BEFORE = [
  DOCUMENT,
  DOCUMENT.replace('<list name="b" />', '<list name="b" ></list>'),
  DOCUMENT.replace('<p:other/>', '<p:other></p:other>'),
].concat(DOCUMENT.replace("<entry uri='sip:a@b'/>", "<entry uri='sip:a@b'></entry>"));

const SELECTOR_WORDS = [
  '/~~/',
  '%5B@name=%22',
  '%22%5D',
  '%5B2%5D',
  '/@uri',
  '/namespace::*',
  '?xmlns(p=urn:p)',
  'p:',
  '*',
  '%27',
  '%2F',
  '..',
  '&amp;',
  '&#x41;',
  '%FF',
  '^',
];
const ELEMENT_WORDS = [
  '<list name="a">',
  '</list>',
  '<entry uri="sip:e@f"/>',
  '<!--',
  '-->',
  '<![CDATA[',
  ']]>',
  ' xmlns="',
  '<p:q/>',
  '&lt;',
  '\r\n',
  '<?x ?>',
  '"v"',
];

/** What the network's users write, and what is told of it. */
export const DOCUMENT_TARGETS: readonly Target[] = [
  textCodec({
    name: 'xcap-target',
    covers: [decodeXcapTarget, encodeXcapTarget, decodeReferences],
    seeds: [
      HOME,
      '/xcap-caps/global/index',
      `${HOME}/~~/resource-lists/list%5b@name=%22friends%22%5d/entry%5b2%5d/@uri`,
      `${HOME}/~~/p:a/*%5B1%5D%5B@p:b='c/d'%5D/namespace::*?xmlns(p=urn:p)xmlns(q=urn:q^))`,
    ],
    words: SELECTOR_WORDS,
    decode: decodeXcapTarget,
    encode: encodeXcapTarget,
  }),
  textCodec({
    name: 'xcap-change',
    covers: [decodeXcapDocument],
    // the selector's line, then what is put there
    seeds: [
      `${HOME}/~~/resource-lists/list%5B@name=%22a%22%5D/entry\n<entry uri="sip:x@y"/>`,
      `${HOME}/~~/resource-lists/list%5B2%5D/entry\n<entry uri="sip:x@y"/>`,
      `${HOME}/~~/resource-lists/list%5B1%5D/@p:x?xmlns(p=urn:p)\n"2"`,
      `${HOME}/~~/resource-lists/p:other/namespace::*?xmlns(p=urn:p)\n`,
    ],
    words: [...SELECTOR_WORDS, ...ELEMENT_WORDS],
    decode: change,
  }),
  codec({
    name: 'xcap-error',
    covers: [decodeXcapConflict],
    seeds: [
      encodeXcapConflict({ kind: 'no-parent' }),
      encodeXcapConflict({ kind: 'uniqueness-failure', field: 'a/@b' }),
      encodeXcapConflict({ kind: 'schema-validation-error', phrase: 'x' }),
    ],
    words: ['<cannot-insert/>', '<exists field="', ' phrase="'],
    decode: (input) => decodeXcapConflict(input),
  }),
  codec({
    name: 'preferences',
    covers: [decodePreferences, preferencesFrom],
    seeds: [
      encodePreferences(
        new Map([
          ['available', ['defer']],
          ['recording', ['true']],
          ['unwanted-word', ['a', 'b']],
        ]),
      ),
      `<p:preferences xmlns:p="${PREFERENCES_NAMESPACE}"><x xmlns="urn:x"/><p:unwanted-type>video/*</p:unwanted-type></p:preferences>`,
    ],
    words: ['<delivery>pull</delivery>', '<__proto__>x</__proto__>', '<constructor/>', '<recording>1</recording>'],
    decode: (input) => preferencesFrom(decodePreferences(input)),
  }),
];

/** Puts, reads and deletes; whatever is taken must be found again as it was put, and nothing else may have changed. */
function change(input: string): void {
  const [line = '', ...rest] = input.split('\n');
  const body = rest.join('\n');
  const { node } = decodeXcapTarget(line);
  const document = decodeXcapDocument(DOCUMENT);
  if (node === null) return;
  const there = selectNode(document, node, LISTS);
  if (there !== null) {
    if (!DOCUMENT.includes(writtenElement(document, there.element))) throw new Error('an element that is not written there');
    writtenNamespaces(document, there.element);
  }
  if (node.terminal === 'namespaces') return;
  const isElement = node.terminal === 'element';
  refusable(() => deleteNode(document, node, LISTS));
  refusable(() => {
    const { text, isNew } = (isElement ? putElement : putAttribute)(document, node, LISTS, body);
    const after = decodeXcapDocument(text);
    const found = selectNode(after, node, LISTS);
    const written = found === null ? '' : isElement ? writtenElement(after, found.element) : (found.attribute?.value ?? '');
    if (written !== body.replace(/\r\n?/g, '\n').trim()) throw new Error('GET after PUT gives something else');
    if (isNew === (there !== null)) throw new Error('new and there at once');
    const deleted = isNew ? refusable(() => deleteNode(after, node, LISTS)) : null;
    if (deleted !== null && !BEFORE.includes(deleted)) throw new Error('what was deleted again left something behind');
  });
}

function refusable<T>(run: () => T): T | null {
  try {
    return run();
  } catch (thrown) {
    if (thrown instanceof XcapRefusal) return null;
    throw thrown;
  }
}
