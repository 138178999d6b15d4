import { childElement, decodeXml, escapeXml } from '../xml/xml.ts';
import { PLAIN_CONFLICTS, type XcapConflict } from './xcap-document.ts';

export const XCAP_ERROR_TYPE = 'application/xcap-error+xml';
const NAMESPACE = 'urn:ietf:params:xml:ns:xcap-error';

/** The body of a 409 (RFC 4825 section 11). */
export function encodeXcapConflict(conflict: XcapConflict): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<xcap-error xmlns="${NAMESPACE}">${errorElement(conflict)}</xcap-error>\n`;
}

function errorElement(conflict: XcapConflict): string {
  switch (conflict.kind) {
    case 'uniqueness-failure':
      return `<uniqueness-failure><exists field="${escapeXml(conflict.field)}"/></uniqueness-failure>`;
    case 'schema-validation-error':
    case 'constraint-failure':
      return `<${conflict.kind} phrase="${escapeXml(conflict.phrase)}"/>`;
    default:
      return `<${conflict.kind}/>`;
  }
}

/** @returns null for an error that is not known @throws ParleyError `xml.malformed`, `xml.too-large` */
export function decodeXcapConflict(octets: Uint8Array | string): XcapConflict | null {
  const root = decodeXml(octets, { maxOctets: 65_536, maxDepth: 8, maxElements: 100 });
  const [error] = root.children;
  if (root.name !== 'xcap-error' || root.namespace !== NAMESPACE || error?.namespace !== NAMESPACE) return null;
  const attribute = (element: typeof error, name: string): string => element.attributes.find((each) => each.name === name)?.value ?? '';
  if (error.name === 'schema-validation-error' || error.name === 'constraint-failure') {
    return { kind: error.name, phrase: attribute(error, 'phrase') };
  }
  if (error.name === 'uniqueness-failure') {
    const exists = childElement(error, NAMESPACE, 'exists');
    return { kind: 'uniqueness-failure', field: exists === null ? '' : attribute(exists, 'field') };
  }
  const kind = PLAIN_CONFLICTS.find((each) => each === error.name);
  return kind === undefined ? null : { kind };
}
