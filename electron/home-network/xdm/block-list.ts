import { decodeXcapTarget, type NodeSelector, type XcapTarget } from '../../../shared/protocol/xcap/selector.ts';
import { decodeXcapDocument, selectNode } from '../../../shared/protocol/xcap/xcap-document.ts';
import { attributeValue, type XmlElement } from '../../../shared/protocol/xml/xml.ts';
import { RESOURCE_LISTS } from './usages.ts';

/** cpm.md section 16.6 */
export const BLOCK_LIST = 'oma_blockedcontacts';
/** how far one list may point to another */
const MAX_DEPTH = 5;
const MAX_ENTRIES = 10_000;

/**
 * Whom a person blocks: the entries of that list, those of lists inside of it, and those it points to (`external`, `entry-ref`) within the person's own documents.
 * What is pointed to and is not there is passed over, so that one broken pointer unblocks nobody else.
 * @param read one of the person's resource-lists documents by its name, null where there is none
 * @param isOwn whether that user part of a path (XUI) is the person's
 * @param rootPath path of the XCAP root; the host of an anchor is not looked at, because the own one may have another port after a restart
 * @returns URIs as written
 */
export function blockedUris(read: (name: string) => string | null, isOwn: (xui: string) => boolean, rootPath: string): ReadonlySet<string> {
  const found = new Set<string>();
  const visited = new Set<XmlElement>();
  const documents = new Map<string, ReturnType<typeof decodeXcapDocument> | null>();
  const documentOf = (name: string) => {
    if (!documents.has(name)) documents.set(name, decoded(read(name)));
    return documents.get(name) ?? null;
  };
  const selected = (name: string, node: NodeSelector): XmlElement | null => {
    const document = documentOf(name);
    return document === null ? null : (selectNode(document, node, RESOURCE_LISTS.namespace)?.element ?? null);
  };

  const take = (list: XmlElement, depth: number): void => {
    for (const child of list.children) {
      if (child.namespace !== RESOURCE_LISTS.namespace || found.size >= MAX_ENTRIES) continue;
      if (child.name === 'entry') found.add(attributeValue(child, 'uri') ?? '');
      else if (child.name === 'list') take(child, depth);
      else if (child.name === 'external') follow(pathOf(attributeValue(child, 'anchor') ?? ''), 'list', depth);
      else if (child.name === 'entry-ref') follow(`/${attributeValue(child, 'ref') ?? ''}`, 'entry', depth);
    }
  };
  const follow = (path: string | null, wanted: 'list' | 'entry', depth: number): void => {
    const target = path === null ? null : tryTarget(path);
    if (target === null || target.node === null || target.auid !== RESOURCE_LISTS.auid || !isOwn(target.user ?? '')) return;
    const element = selected(target.document, target.node);
    if (element === null || element.name !== wanted || depth >= MAX_DEPTH || visited.has(element)) return;
    if (wanted === 'entry') {
      found.add(attributeValue(element, 'uri') ?? '');
      return;
    }
    visited.add(element);
    take(element, depth + 1);
  };
  const pathOf = (anchor: string): string | null => {
    const [, path = ''] = /^https?:\/\/[^/]+(\/.*)$/i.exec(anchor) ?? [];
    return path.startsWith(`${rootPath}/`) ? path.slice(rootPath.length) : null;
  };

  for (const list of documentOf('index')?.root.children ?? []) {
    if (list.name === 'list' && list.namespace === RESOURCE_LISTS.namespace && attributeValue(list, 'name') === BLOCK_LIST) take(list, 0);
  }
  found.delete('');
  return found;
}

function decoded(text: string | null) {
  return text === null ? null : decodeXcapDocument(text);
}

function tryTarget(path: string): XcapTarget | null {
  try {
    return decodeXcapTarget(path);
  } catch {
    return null;
  }
}
