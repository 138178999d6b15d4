import { acceptContact, CHAT_SESSION, contactFeature, IS_FOCUS, preferredService } from '../../../shared/protocol/cpm/names.ts';
import {
  encodeResourceLists,
  type ListEntry,
  RECIPIENT_LIST_HISTORY,
  RESOURCE_LISTS_TYPE,
} from '../../../shared/protocol/lists/resource-lists.ts';
import { makeMultipart } from '../../../shared/protocol/multipart/multipart.ts';
import { SDP_TYPE } from '../../../shared/protocol/sdp/sdp.ts';
import { headers, type SipHeader, type SipRequest } from '../../../shared/protocol/sip/message.ts';
import { escapeUser } from '../../../shared/protocol/sip/uri.ts';
import { SERVER_NAME } from '../settings.ts';
import { GROUP_METHODS } from './attendance.ts';
import { belonging, type ConferenceAbout, type ConferenceState, type Participant } from './state.ts';

/** seconds of a session (RFC 4028); the invited device refreshes it */
const SESSION_INTERVAL = 1_800;
/** people whom an invitation names; who more there are is told by the conference package */
const MOST_NAMED = 500;

/** Of a session that is taken up as well: its Contribution-ID (cpm.md section 8.6). */
export const SESSION_REPLACES = 'Session-Replaces';

/** Contact of the focus: the identity of the group (RFC 4579). */
export function focusContact({ uri }: Pick<ConferenceAbout, 'uri'>): SipHeader {
  return { name: 'Contact', value: `<${uri}>;${IS_FOCUS};${contactFeature([CHAT_SESSION])}` };
}

/** The fields that say which group it is, in an INVITE to somebody as in the answer to his. */
function aboutFields({ conversationId, contributionId, subject }: ConferenceAbout): SipHeader[] {
  return [
    { name: 'Conversation-ID', value: conversationId },
    { name: 'Contribution-ID', value: contributionId },
    ...(subject === null ? [] : [{ name: 'Subject', value: subject }]),
  ];
}

/** Of the 200 to somebody who comes by himself (F07-02). @param timed see `timerFields` */
export function answerFields(about: ConferenceAbout, request: SipRequest, timed: readonly SipHeader[]): SipHeader[] {
  return [
    ...headers(request, 'Record-Route').map((value) => ({ name: 'Record-Route', value })),
    focusContact(about),
    { name: 'P-Asserted-Identity', value: `<${about.uri}>` },
    ...(timed.length > 0 ? timed : [{ name: 'Supported', value: 'timer' }]),
    GROUP_METHODS,
    ...aboutFields(about),
    { name: 'Server', value: SERVER_NAME },
    { name: 'Content-Type', value: SDP_TYPE },
  ];
}

/**
 * The INVITE to somebody (F08-02), but for Request-URI and the fields of its dialog: From and To are there, its Contact is the identity of the group.
 * @param inviter entity of who asked him in; null: nobody, or somebody who does not say who it is
 * @param replaces Contribution-ID of the session that this one takes the place of
 */
export function groupInvite(state: ConferenceState, to: Participant, inviter: string | null, replaces: string | null): SipRequest {
  const { about } = state;
  return {
    kind: 'request',
    method: 'INVITE',
    uri: to.address,
    headers: [
      // a group that has an address calls by it
      { name: 'From', value: `<${about.group === null ? about.uri : groupAddress(about.group, about.uri)}>` },
      { name: 'To', value: `<${to.address}>` },
      focusContact(about),
      { name: 'Accept-Contact', value: acceptContact(CHAT_SESSION).replace(';require;explicit', '') },
      { name: 'P-Asserted-Identity', value: `<${about.uri}>` },
      { name: 'P-Asserted-Service', value: preferredService(CHAT_SESSION) },
      ...(inviter === null ? [] : [{ name: 'Referred-By', value: `<${inviter}>` }]),
      ...(replaces === null ? [] : [{ name: SESSION_REPLACES, value: replaces }]),
      ...aboutFields(about),
      { name: 'Supported', value: 'timer' },
      // the other side refreshes, as in every session with this network
      { name: 'Session-Expires', value: `${SESSION_INTERVAL};refresher=uas` },
      GROUP_METHODS,
      { name: 'User-Agent', value: SERVER_NAME },
    ],
    body: new Uint8Array(0),
  };
}

function groupAddress(name: string, uri: string): string {
  return `sip:${escapeUser(name)}@${uri.slice(uri.lastIndexOf('@') + 1)}`;
}

/** Its body: the offer, and who else is in the group (RFC 5364), blind copies left out, those without a name counted. */
export function inviteBody(
  state: ConferenceState,
  inviter: string | null,
  sdp: Uint8Array,
): { readonly contentType: string; readonly body: Uint8Array } {
  const shown = belonging(state).filter(({ entity, isBlind }) => !isBlind && entity !== inviter);
  const named = shown
    .filter(isNamed)
    .slice(0, MOST_NAMED)
    .map(({ entity }): ListEntry => entry(entity, null));
  const hidden = shown.filter((each) => !isNamed(each)).length;
  const list = [...named, ...(hidden === 0 ? [] : [entry('sip:anonymous@anonymous.invalid', hidden)])];
  return makeMultipart('multipart/mixed', [
    { headers: [{ name: 'Content-Type', value: SDP_TYPE }], body: sdp },
    {
      headers: [
        { name: 'Content-Type', value: RESOURCE_LISTS_TYPE },
        { name: 'Content-Disposition', value: `${RECIPIENT_LIST_HISTORY}; handling=optional` },
      ],
      body: encodeResourceLists(list),
    },
  ]);
}

function entry(uri: string, count: number | null): ListEntry {
  return { uri, displayName: null, copy: 'to', isAnonymous: count !== null, count };
}

export function isNamed({ address, entity }: Pick<Participant, 'address' | 'entity'>): boolean {
  return address === entity;
}
