import type { XmlLimits } from '../xml/xml.ts';
import { decodeResourceLists, encodeResourceLists, LIST_LIMITS, listEntry } from './resource-lists.ts';

/** What is to become of one waiting item (seed 004 7.2.6.2 sel(c)): brought here, removed, sent on by another service, kept in the message store. */
export const DEFERRED_ACTIONS = ['deliver', 'delete', 'interwork', 'store'] as const;
export type DeferredAction = (typeof DEFERRED_ACTIONS)[number];

export interface DeferredChoice {
  /** as the list of waiting items names it, unchanged */
  readonly uri: string;
  readonly action: DeferredAction;
}

/** As it was asked; an action that is not known, or that nobody named, is null. */
export interface AskedChoice {
  readonly uri: string;
  readonly action: DeferredAction | null;
}

/** most that are asked for in one request: more than anybody picks by hand, and 80 KiB of XML */
export const MAX_CHOICES = 1000;

/**
 * The list of an INVITE to the deferred messages of this person (RFC 5366, F20-01). The action stands as a header in each URI.
 * @throws ParleyError `xml.malformed` for a URI that no list could carry
 */
export function encodeDeferredRequest(choices: readonly DeferredChoice[]): Uint8Array {
  return encodeResourceLists(
    choices.map(({ uri, action }) => listEntry(`${uri}${uri.includes('?') ? '&' : '?'}cpm_action=${action}`, null)),
  );
}

/**
 * In the order of the document. An item may stand there more than once: what that means is its reader's to say.
 * @throws ParleyError `xml.malformed`, `xml.too-large`
 */
export function decodeDeferredRequest(octets: Uint8Array, limits: Partial<XmlLimits> = LIST_LIMITS): AskedChoice[] {
  return decodeResourceLists(octets, limits).entries.map(({ uri }) => askedOf(uri));
}

function askedOf(entry: string): AskedChoice {
  const at = entry.indexOf('?');
  if (at < 0) return { uri: entry, action: null };
  const headers = entry.slice(at + 1).split('&');
  const found = headers.findLastIndex((each) => /^cpm_action=/i.test(each));
  if (found < 0) return { uri: entry, action: null };
  const action = headers[found]?.slice('cpm_action='.length).toLowerCase();
  const others = headers.filter((_, index) => index !== found).join('&');
  return {
    uri: others === '' ? entry.slice(0, at) : `${entry.slice(0, at)}?${others}`,
    action: DEFERRED_ACTIONS.find((each) => each === action) ?? null,
  };
}
