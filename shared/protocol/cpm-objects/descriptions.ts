import { utf8 } from '../../base/bytes.ts';
import { ParleyError } from '../../base/errors.ts';
import { attributeValue, decodeXml, escapeXml, type XmlElement, type XmlLimits } from '../xml/xml.ts';

export const SESSION_TYPE = 'application/x-cpm-session';
export const GROUP_STATE_TYPE = 'application/group-state-object+xml';

export type SessionKind = '1-1' | 'Ad-Hoc' | 'Pre-Defined';

/** What is kept of a session, or of an invitation to one. */
export interface SessionInfo {
  readonly sessionType: SessionKind;
  /** '' where none was seen */
  readonly sdp: string;
  readonly invited: readonly string[];
  /** own element `outcome`, which other readers skip: nobody of the owner's devices took an invitation that was missed; null where it does not say */
  readonly outcome: 'accepted' | 'missed' | 'refused' | null;
}

export interface FileTransferInfo {
  readonly transferType: SessionKind;
  readonly invited: readonly string[];
  readonly files: readonly { readonly cid: string; readonly sdp: string }[];
}

export interface GroupState {
  /** RFC 3339 */
  readonly timestamp: string;
  readonly lastFocusSessionId: string;
  readonly groupType: string;
  readonly participants: readonly { readonly name: string; readonly address: string }[];
}

const LIMITS: Partial<XmlLimits> = { maxOctets: 262_144, maxDepth: 8, maxElements: 5000 };
const KINDS: readonly SessionKind[] = ['1-1', 'Ad-Hoc', 'Pre-Defined'];
const OUTCOMES = ['accepted', 'missed', 'refused'] as const;
const PROLOGUE = '<?xml version="1.0" encoding="UTF-8"?>\r\n';

export function encodeSessionInfo({ sessionType, sdp, invited, outcome }: SessionInfo): Uint8Array {
  const told = outcome === null ? '' : element('outcome', outcome);
  return utf8(
    `${PROLOGUE}<session>${element('session-type', sessionType)}${element('sdp', sdp)}${element('invited-participants', invited.join(';'))}${told}</session>\r\n`,
  );
}

/** Elements by their local names: whose namespace they are in is not the same everywhere. @throws ParleyError `xml.malformed`, `xml.too-large` */
export function decodeSessionInfo(octets: Uint8Array): SessionInfo {
  const root = rootOf(octets, 'session');
  const outcome = textOf(root, 'outcome').trim();
  return {
    sessionType: kindOf(textOf(root, 'session-type')),
    sdp: textOf(root, 'sdp'),
    invited: listOf(textOf(root, 'invited-participants')),
    outcome: OUTCOMES.find((each) => each === outcome) ?? null,
  };
}

export function encodeFileTransferInfo({ transferType, invited, files }: FileTransferInfo): Uint8Array {
  const objects = files.map(({ cid, sdp }) => `<file-object>${element('cid', cid)}${element('sdp', sdp)}</file-object>`).join('');
  return utf8(
    `${PROLOGUE}<file-transfer>${element('file-transfer-type', transferType)}${element('invited-participants', invited.join(';'))}${objects}</file-transfer>\r\n`,
  );
}

/** The name of the root is not looked at: the seeds give none. @throws ParleyError `xml.malformed`, `xml.too-large` */
export function decodeFileTransferInfo(octets: Uint8Array): FileTransferInfo {
  const root = rootOf(octets, null);
  return {
    transferType: kindOf(textOf(root, 'file-transfer-type')),
    invited: listOf(textOf(root, 'invited-participants')),
    files: root.children
      .filter(({ name }) => name === 'file-object')
      .map((object) => ({
        cid: textOf(object, 'cid')
          .trim()
          .replace(/^cid:|^<|>$/g, ''),
        sdp: textOf(object, 'sdp'),
      })),
  };
}

export function encodeGroupState({ timestamp, lastFocusSessionId, groupType, participants }: GroupState): Uint8Array {
  const about = `timestamp="${escapeXml(timestamp)}" lastfocussessionid="${escapeXml(lastFocusSessionId)}" group-type="${escapeXml(groupType)}"`;
  const people = participants.map(({ name, address }) => `<participant name="${escapeXml(name)}" comm-addr="${escapeXml(address)}"/>`);
  return utf8(`${PROLOGUE}<groupstate ${about}>${people.join('')}</groupstate>\r\n`);
}

/** @throws ParleyError `xml.malformed`, `xml.too-large` */
export function decodeGroupState(octets: Uint8Array): GroupState {
  const root = rootOf(octets, 'groupstate');
  return {
    timestamp: attributeValue(root, 'timestamp') ?? '',
    lastFocusSessionId: attributeValue(root, 'lastfocussessionid') ?? '',
    groupType: attributeValue(root, 'group-type') ?? '',
    participants: root.children
      .filter(({ name }) => name === 'participant')
      .map((each) => ({ name: attributeValue(each, 'name') ?? '', address: attributeValue(each, 'comm-addr') ?? '' })),
  };
}

function rootOf(octets: Uint8Array, name: string | null): XmlElement {
  const root = decodeXml(octets, LIMITS);
  if (name !== null && root.name !== name) throw new ParleyError('xml.malformed', `root element ${root.name.slice(0, 80)}`);
  return root;
}

function textOf(parent: XmlElement, name: string): string {
  return parent.children.find((child) => child.name === name)?.text ?? '';
}

function kindOf(text: string): SessionKind {
  return KINDS.find((kind) => kind.toLowerCase() === text.trim().toLowerCase()) ?? '1-1';
}

function listOf(text: string): string[] {
  return text
    .split(';')
    .map((each) => each.trim())
    .filter((each) => each !== '');
}

/** Line breaks as references, so that a session description keeps its CRLF (XML 1.0 section 2.11). */
function element(name: string, content: string): string {
  return `<${name}>${escapeXml(content)}</${name}>`;
}
