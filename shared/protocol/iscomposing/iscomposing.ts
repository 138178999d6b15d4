import { utf8 } from '../../base/bytes.ts';
import { ParleyError } from '../../base/errors.ts';
import { childElement, decodeXml, escapeXml, type XmlLimits } from '../xml/xml.ts';

export const COMPOSING_TYPE = 'application/im-iscomposing+xml';
const NAMESPACE = 'urn:ietf:params:xml:ns:im-iscomposing';

/** RFC 3994 section 3.3: how long `active` holds where the document does not say, seconds */
const DEFAULT_REFRESH_S = 120;
/** nobody is taken for typing longer than that on one word of theirs, seconds */
const MAX_REFRESH_S = 600;

/** A document has a few short elements; whoever sends more means something else. */
export const COMPOSING_LIMITS: Partial<XmlLimits> = { maxOctets: 4096, maxDepth: 8, maxElements: 64 };

/** Whether somebody is writing (RFC 3994 section 3.3). */
export interface IsComposing {
  readonly state: 'active' | 'idle';
  /** media type of what is being written; null when not said */
  readonly contentType: string | null;
  /** `active`: for how long it holds, in whole seconds from 1 to 600 */
  readonly refresh: number;
}

/**
 * Elements it does not know are skipped, prefixes are free, and a state it does not know is `idle` (RFC 3994 section 3.2).
 * @throws ParleyError `xml.malformed`, `xml.too-large`
 */
export function decodeComposing(octets: Uint8Array, limits: Partial<XmlLimits> = COMPOSING_LIMITS): IsComposing {
  const root = decodeXml(octets, limits);
  if (root.name !== 'isComposing' || root.namespace !== NAMESPACE) throw new ParleyError('xml.malformed', `root element ${root.name}`);
  const text = (name: string): string | null => childElement(root, NAMESPACE, name)?.text.trim() ?? null;
  const state = text('state');
  if (state === null) throw new ParleyError('xml.malformed', 'no state');
  return {
    state: state.toLowerCase() === 'active' ? 'active' : 'idle',
    contentType: text('contenttype') || null,
    refresh: refreshOf(text('refresh')),
  };
}

/** @param refresh seconds, for `active` alone */
export function encodeComposing(state: 'active' | 'idle', refresh: number, contentType = 'text/plain'): Uint8Array {
  const lines = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<isComposing xmlns="${NAMESPACE}">`,
    `  <state>${state}</state>`,
    `  <contenttype>${escapeXml(contentType)}</contenttype>`,
    ...(state === 'active' ? [`  <refresh>${refresh}</refresh>`] : []),
    '</isComposing>',
    '',
  ];
  return utf8(lines.join('\r\n'));
}

function refreshOf(text: string | null): number {
  if (text === null || !/^\d{1,12}$/.test(text)) return DEFAULT_REFRESH_S;
  return Math.min(MAX_REFRESH_S, Math.max(1, Number(text)));
}
