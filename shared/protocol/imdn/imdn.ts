import { utf8 } from '../../base/bytes.ts';
import { ParleyError } from '../../base/errors.ts';
import { childElement, decodeXml, escapeXml, type XmlElement, type XmlLimits } from '../xml/xml.ts';

export const IMDN_TYPE = 'message/imdn+xml';
const NAMESPACE = 'urn:ietf:params:xml:ns:imdn';
/** of OMA CPM: `interworking-notification` with `legacy-sms` or `legacy-mms`, as other clients write it */
const CPM_NAMESPACE = 'urn:oma:xml:cpm:imdn-extensions:1.0';
/** of e-mail, for which that has no word */
const OWN_NAMESPACE = 'urn:parley:params:xml:ns:imdn';

/** By which service a message left CPM; `other`: one that is not known here. */
export type LeftBy = 'sms' | 'mms' | 'email' | 'other';
const SERVICES: readonly { readonly by: Exclude<LeftBy, 'other'>; readonly namespace: string; readonly name: string }[] = [
  { by: 'sms', namespace: CPM_NAMESPACE, name: 'legacy-sms' },
  { by: 'mms', namespace: CPM_NAMESPACE, name: 'legacy-mms' },
  { by: 'email', namespace: OWN_NAMESPACE, name: 'email' },
];

export type ImdnDisposition = 'delivery' | 'display' | 'processing';
export type ImdnStatus = 'delivered' | 'displayed' | 'failed' | 'forbidden' | 'error' | 'processed' | 'stored';

const STATUSES: readonly string[] = [
  'delivered',
  'displayed',
  'failed',
  'forbidden',
  'error',
  'processed',
  'stored',
] satisfies ImdnStatus[];
const DISPOSITIONS: readonly ImdnDisposition[] = ['delivery', 'display', 'processing'];

/** What a disposition notification says (RFC 5438 section 7.2, 11). */
export interface Imdn {
  /** imdn.Message-ID of the message that is reported on: the only thing to match by */
  readonly messageId: string;
  /** DateTime of that message, verbatim; some peers put the time of the notification here */
  readonly dateTime: string | null;
  readonly recipientUri: string | null;
  readonly originalRecipientUri: string | null;
  /** null: none that is known; to be ignored */
  readonly disposition: ImdnDisposition | null;
  /** `unknown`: to be ignored (RFC 5438 section 7.2) */
  readonly status: ImdnStatus | 'unknown';
  /** it was handed to another service */
  readonly leftBy?: LeftBy;
}

/** Elements it does not know are skipped, prefixes are free. @throws ParleyError `imdn.malformed`, `xml.malformed`, `xml.too-large` */
export function decodeImdn(octets: Uint8Array, limits: Partial<XmlLimits> = { maxOctets: 65_536 }): Imdn {
  const root = decodeXml(octets, limits);
  if (root.name !== 'imdn' || root.namespace !== NAMESPACE) throw new ParleyError('imdn.malformed', `root element ${root.name}`);
  const messageId = childText(root, 'message-id');
  if (messageId === null || messageId === '') throw new ParleyError('imdn.malformed', 'no message-id');
  const disposition = DISPOSITIONS.find((kind) => childElement(root, NAMESPACE, `${kind}-notification`) !== null) ?? null;
  const leftBy = readLeftBy(root);
  return {
    messageId,
    dateTime: childText(root, 'datetime'),
    recipientUri: childText(root, 'recipient-uri'),
    originalRecipientUri: childText(root, 'original-recipient-uri'),
    disposition,
    status: disposition === null ? 'unknown' : readStatus(root, disposition),
    ...(leftBy === null ? {} : { leftBy }),
  };
}

export interface ImdnToSend {
  readonly messageId: string;
  /** DateTime of the message that is reported on, verbatim (not of the notification) */
  readonly dateTime: string;
  readonly recipientUri: string;
  readonly originalRecipientUri: string;
  readonly disposition: ImdnDisposition;
  readonly status: ImdnStatus;
  /** said beside it, in an extension that whoever does not know it skips (RFC 5438 section 11.1.9) */
  readonly leftBy?: LeftBy | undefined;
}

export function encodeImdn(imdn: ImdnToSend): Uint8Array {
  const lines = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<imdn xmlns="${NAMESPACE}">`,
    `  <message-id>${escapeXml(imdn.messageId)}</message-id>`,
    `  <datetime>${escapeXml(imdn.dateTime)}</datetime>`,
    `  <recipient-uri>${escapeXml(imdn.recipientUri)}</recipient-uri>`,
    `  <original-recipient-uri>${escapeXml(imdn.originalRecipientUri)}</original-recipient-uri>`,
    `  <${imdn.disposition}-notification>`,
    '    <status>',
    `      <${imdn.status}/>`,
    '    </status>',
    `  </${imdn.disposition}-notification>`,
    ...(imdn.leftBy === undefined ? [] : leftByLines(imdn.leftBy)),
    '</imdn>',
    '',
  ];
  return utf8(lines.join('\r\n'));
}

function readStatus(root: XmlElement, disposition: ImdnDisposition): ImdnStatus | 'unknown' {
  const notification = childElement(root, NAMESPACE, `${disposition}-notification`);
  const status = notification && childElement(notification, NAMESPACE, 'status');
  const found = status?.children.find((child) => child.namespace === NAMESPACE && STATUSES.includes(child.name));
  return (found?.name as ImdnStatus | undefined) ?? 'unknown';
}

function leftByLines(leftBy: LeftBy): string[] {
  const service = SERVICES.find(({ by }) => by === leftBy);
  const status = service === undefined ? '<status/>' : `<status><${service.name} xmlns="${service.namespace}"/></status>`;
  return [`  <interworking-notification xmlns="${CPM_NAMESPACE}">`, `    ${status}`, '  </interworking-notification>'];
}

function readLeftBy(root: XmlElement): LeftBy | null {
  const notification = childElement(root, CPM_NAMESPACE, 'interworking-notification');
  if (notification === null) return null;
  const said = childElement(notification, CPM_NAMESPACE, 'status')?.children ?? [];
  // it could not be handed on
  if (said.some(({ name }) => name === 'error')) return null;
  return (
    SERVICES.find((service) => said.some(({ namespace, name }) => namespace === service.namespace && name === service.name))?.by ?? 'other'
  );
}

function childText(root: XmlElement, name: string): string | null {
  return childElement(root, NAMESPACE, name)?.text.trim() ?? null;
}
