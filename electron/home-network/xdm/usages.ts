import { toCodedError } from '../../../shared/base/errors.ts';
import { preferencesFrom } from '../../../shared/model/network-preferences.ts';
import {
  PREFERENCES_AUID,
  PREFERENCES_NAMESPACE,
  PREFERENCES_TYPE,
  preferenceTexts,
} from '../../../shared/protocol/preferences/preferences.ts';
import type { XcapConflict } from '../../../shared/protocol/xcap/xcap-document.ts';
import { attributeValue, type XmlElement, type XmlLimits } from '../../../shared/protocol/xml/xml.ts';

/** What a document may say, by its application usage (RFC 4825 section 5). */
export interface Usage {
  readonly auid: string;
  readonly mediaType: string;
  /** that unprefixed names of a node selector are in */
  readonly namespace: string;
  /** null: the document is one of these */
  check(root: XmlElement): XcapConflict | null;
}

/** of one document */
export const DOCUMENT_LIMITS: Partial<XmlLimits> = { maxOctets: 65_536, maxDepth: 12, maxElements: 2_000, maxAttributes: 16 };

const LISTS = 'urn:ietf:params:xml:ns:resource-lists';

/** RFC 4826 section 3.4: schema, and what has to be unique within one list. */
export const RESOURCE_LISTS: Usage = {
  auid: 'resource-lists',
  mediaType: 'application/resource-lists+xml',
  namespace: LISTS,
  check(root) {
    if (root.name !== 'resource-lists' || root.namespace !== LISTS) return wrong('the root is not resource-lists');
    return checkLists(root, 'resource-lists', true);
  },
};

/** What identifies one among its siblings. */
const KEYS: Readonly<Record<string, string>> = { list: 'name', entry: 'uri', 'entry-ref': 'ref', external: 'anchor' };

function checkLists(parent: XmlElement, field: string, isRoot: boolean): XcapConflict | null {
  const seen = new Set<string>();
  for (const child of parent.children) {
    // the schema allows elements of other namespaces everywhere but in the root
    if (child.namespace !== LISTS) {
      if (isRoot) return wrong(`${child.name} in resource-lists`);
      continue;
    }
    const key = KEYS[child.name];
    if (key === undefined ? child.name !== 'display-name' || isRoot : isRoot && child.name !== 'list')
      return wrong(`${child.name} in ${parent.name}`);
    if (key === undefined) continue;
    const value = attributeValue(child, key);
    if (value === null && child.name !== 'list' && child.name !== 'external') return wrong(`${child.name} without ${key}`);
    const path = `${field}/${child.name}`;
    if (value !== null && seen.has(`${child.name} ${value}`)) return { kind: 'uniqueness-failure', field: `${path}/@${key}` };
    seen.add(`${child.name} ${value}`);
    const broken = checkAddress(child.name, value) ?? (child.name === 'list' ? checkLists(child, path, false) : null);
    if (broken !== null) return broken;
  }
  return null;
}

function checkAddress(name: string, value: string | null): XcapConflict | null {
  if (name === 'external' && value !== null && !/^https?:\/\/[^\s/]+\/\S*$/.test(value)) {
    return { kind: 'constraint-failure', phrase: 'the anchor is no absolute HTTP URI' };
  }
  if (name === 'entry-ref' && (value ?? '').match(/^[^\s/:][^\s:]*$/) === null) {
    return { kind: 'constraint-failure', phrase: 'the reference is no relative path' };
  }
  if (name === 'entry' && !/^[A-Za-z][A-Za-z0-9+.-]*:\S{1,2000}$/.test(value ?? '')) return wrong('the uri of an entry is none');
  return null;
}

function wrong(phrase: string): XcapConflict {
  return { kind: 'schema-validation-error', phrase };
}

const CAPABILITIES_NAMESPACE = 'urn:ietf:params:xml:ns:xcap-caps';

/** RFC 4825 section 12: what this server knows, in the global tree, for reading alone. */
export const CAPABILITIES: Usage = {
  auid: 'xcap-caps',
  mediaType: 'application/xcap-caps+xml',
  namespace: CAPABILITIES_NAMESPACE,
  check: () => null,
};

export function capabilities(usages: readonly Usage[]): string {
  const known = [CAPABILITIES, ...usages];
  const lines = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<xcap-caps xmlns="${CAPABILITIES_NAMESPACE}">`,
    `  <auids>${known.map(({ auid }) => `<auid>${auid}</auid>`).join('')}</auids>`,
    '  <extensions/>',
    `  <namespaces>${known.map(({ namespace }) => `<namespace>${namespace}</namespace>`).join('')}</namespaces>`,
    '</xcap-caps>',
    '',
  ];
  return lines.join('\n');
}

/** Our own application usage: one document a user, `index`. */
export const PREFERENCES: Usage = {
  auid: PREFERENCES_AUID,
  mediaType: PREFERENCES_TYPE,
  namespace: PREFERENCES_NAMESPACE,
  check(root) {
    try {
      const read = preferencesFrom(preferenceTexts(root));
      return 'problem' in read ? wrong(read.problem) : null;
    } catch (thrown) {
      return wrong(toCodedError(thrown).detail);
    }
  },
};
