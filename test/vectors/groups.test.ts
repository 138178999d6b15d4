import { describe, expect, it } from 'vitest';
import { fromUtf8 } from '../../shared/base/bytes.ts';
import type { ConferenceUser } from '../../shared/protocol/conference/conference.ts';
import { CONFERENCE_INFO_TYPE, decodeConferenceInfo, encodeConferenceInfo } from '../../shared/protocol/conference/conference-info.ts';
import { isFocus } from '../../shared/protocol/cpm/names.ts';
import { warningTexts } from '../../shared/protocol/cpm/warning.ts';
import { decodeResourceLists, encodeResourceLists, listEntry } from '../../shared/protocol/lists/resource-lists.ts';
import { mimeHeader } from '../../shared/protocol/mime/headers.ts';
import { decodeMultipart, rootPart } from '../../shared/protocol/multipart/multipart.ts';
import {
  decodeReferred,
  decodeReferTo,
  encodeReferTo,
  readReferSub,
  referredPart,
  replacedSession,
  replacingEntry,
} from '../../shared/protocol/refer/refer-to.ts';
import { decodeSipfrag, encodeSipfrag, SIPFRAG_TYPE } from '../../shared/protocol/refer/sipfrag.ts';
import { decodeSdp, encodeSdp } from '../../shared/protocol/sdp/sdp.ts';
import { decodeEvent } from '../../shared/protocol/sip/event.ts';
import { headerOf, sipExample } from './example.ts';

const GROUP = 'sip:cpm-conf-7f3a91@cf.home1.example';

function listOf(name: string): { readonly body: Uint8Array; readonly disposition: string | null } {
  const request = sipExample(name);
  const type = headerOf(request, 'Content-Type');
  if (!type.startsWith('multipart/')) return { body: request.body, disposition: headerOf(request, 'Content-Disposition') };
  const list = decodeMultipart(request.body, type).parts.find((part) =>
    mimeHeader(part.headers, 'Content-Type')?.startsWith('application/resource-lists+xml'),
  );
  if (list === undefined) throw new Error(`${name} has no list`);
  return { body: list.body, disposition: mimeHeader(list.headers, 'Content-Disposition') };
}

const user = (
  entity: string,
  displayText: string,
  endpoint: Partial<ConferenceUser['endpoints'][number]>,
  isOwn = false,
): ConferenceUser => ({
  entity,
  state: 'full',
  displayText,
  isOwn,
  roles: [],
  endpoints: [
    { entity, state: 'full', status: null, joiningMethod: null, disconnectionMethod: null, disconnectionReason: null, ...endpoint },
  ],
});

describe('the wire examples of groups', () => {
  it('R-GI-01: the whole state of F07-06 is read, and written octet by octet', () => {
    const notify = sipExample('F07-06.sip');
    expect(headerOf(notify, 'Content-Type')).toBe(CONFERENCE_INFO_TYPE);
    const info = decodeConferenceInfo(notify.body);
    expect(info).toEqual({
      entity: GROUP,
      state: 'full',
      version: 1,
      subject: 'Saturday climb',
      maximumUserCount: 10,
      userCount: 4,
      active: true,
      users: {
        state: 'full',
        list: [
          user('sip:alice@home1.example', 'Alice', { status: 'connected', joiningMethod: 'dialed-in' }, true),
          user('sip:bob@home2.example', 'Bob', { status: 'connected', joiningMethod: 'dialed-out' }),
          user('sip:carol@home1.example', 'Carol', { status: 'pending' }),
          user('sip:dave@home2.example', 'Dave', { status: 'dialing-out' }),
        ],
      },
    });
    expect(fromUtf8(encodeConferenceInfo(info))).toBe(fromUtf8(notify.body));
  });

  it.each([
    [
      'F07-08.sip',
      2,
      { status: 'disconnected', disconnectionMethod: 'failed', disconnectionReason: 'Reason: SIP;cause=603;text="Decline"' },
    ],
    ['F10-13.sip', 3, { status: 'disconnected', disconnectionMethod: 'booted' }],
  ] as const)('R-GI-01: what changed in %s is read, and written octet by octet', (name, version, dave) => {
    const { body } = sipExample(name);
    const info = decodeConferenceInfo(body);
    expect(info).toMatchObject({ entity: GROUP, state: 'partial', version, subject: null, users: { state: 'partial' } });
    expect(info.users?.list.at(-1)).toEqual(user('sip:dave@home2.example', 'Dave', dave));
    expect(fromUtf8(encodeConferenceInfo(info))).toBe(fromUtf8(body));
  });

  it('R-GRP-11: the identity of the group is the Contact that says isfocus', () => {
    for (const name of ['F07-02.sip', 'F08-02.sip', 'F09-02.sip']) expect(isFocus(sipExample(name).headers)).toBe(true);
    for (const name of ['F07-01.sip', 'F05-01.sip', 'F05-04.sip']) expect(isFocus(sipExample(name).headers)).toBe(false);
  });

  it('R-GRP-04: the invited of F07-01, and those whom F08-02 tells of, are read, and the list is written octet by octet', () => {
    const invited = listOf('F07-01.sip');
    const entries = ['sip:bob@home2.example', 'sip:carol@home1.example', 'sip:dave@home2.example'].map((uri) => listEntry(uri));
    expect(invited.disposition).toBe('recipient-list');
    expect(decodeResourceLists(invited.body).entries).toEqual(entries);
    expect(fromUtf8(encodeResourceLists(entries))).toBe(fromUtf8(invited.body));
    expect(decodeResourceLists(listOf('F08-02.sip').body).entries.map(({ uri }) => uri)).toContain('sip:carol@home1.example');
    expect(listOf('F08-02.sip').disposition).toBe('recipient-list-history; handling=optional');
  });

  it('R-EXT-06 R-EXT-07: the list of F09-01 names the peer by GRUU with the session to replace, and is written octet by octet', () => {
    const gruu = 'sip:bob@home2.example;gr=urn:uuid:3c5a1f0e-9b1d-4d6f-8a55-2f6f0a7b9d11';
    const contributionId = 'ab7ca831-a2f8-4235-a856-3c80419937c7';
    const { body } = listOf('F09-01.sip');
    const [bob, carol] = decodeResourceLists(body).entries.map(({ uri }) => decodeReferred(uri));
    expect(bob).toEqual({ uri: gruu, method: null, headers: [{ name: 'Session-Replaces', value: contributionId }] });
    expect(replacedSession(bob?.headers ?? [])).toBe(contributionId);
    expect(replacedSession(carol?.headers ?? [])).toBeNull();
    const entries = [listEntry(replacingEntry(gruu, contributionId)), listEntry('sip:carol@home1.example')];
    expect(fromUtf8(encodeResourceLists(entries))).toBe(fromUtf8(body));
  });

  it('R-GM-08 R-GM-09: F10-01 asks for Erin and to be told of it', () => {
    const refer = sipExample('F10-01.sip');
    expect(decodeReferTo(headerOf(refer, 'Refer-To'))).toEqual({ uri: 'sip:erin@home1.example', method: null, headers: [] });
    expect(encodeReferTo({ uri: 'sip:erin@home1.example', method: null, headers: [] })).toBe(headerOf(refer, 'Refer-To'));
    expect(readReferSub(headerOf(refer, 'Refer-Sub'))).toBe(true);
    expect(readReferSub(headerOf(sipExample('F10-08.sip'), 'Refer-Sub'))).toBe(false);
  });

  it.each([
    ['F10-03.sip', 100, 'Trying', 'active;expires=60'],
    ['F10-05.sip', 200, 'OK', 'terminated;reason=noresource'],
  ] as const)('R-GM-32 R-GM-33: %s says how far it is', (name, status, reason, state) => {
    const notify = sipExample(name);
    expect(decodeEvent(headerOf(notify, 'Event'))).toMatchObject({ type: 'refer', id: '2' });
    expect(headerOf(notify, 'Subscription-State')).toBe(state);
    expect(headerOf(notify, 'Content-Type')).toBe(SIPFRAG_TYPE);
    expect(decodeSipfrag(notify.body)).toEqual({ status, reason });
    expect(encodeSipfrag({ status, reason })).toEqual(notify.body);
  });

  it('R-GM-10 R-GM-11: F10-07 points to its list', () => {
    const refer = sipExample('F10-07.sip');
    expect(`<${referredPart(decodeReferTo(headerOf(refer, 'Refer-To')))}>`).toBe(headerOf(refer, 'Content-ID'));
    const entries = ['sip:dave@home2.example', 'sip:erin@home1.example'].map((uri) => listEntry(uri));
    expect(fromUtf8(encodeResourceLists(entries))).toBe(fromUtf8(listOf('F10-07.sip').body));
  });

  it('R-GM-17 R-GM-27 R-GM-29: F10-09 and the list of F10-11 remove, and are written so', () => {
    const dave = { uri: 'sip:dave@home2.example', method: 'BYE', headers: [] };
    expect(decodeReferTo(headerOf(sipExample('F10-09.sip'), 'Refer-To'))).toEqual(dave);
    expect(encodeReferTo(dave)).toBe(headerOf(sipExample('F10-09.sip'), 'Refer-To'));
    const { body } = listOf('F10-11.sip');
    const { entries } = decodeResourceLists(body);
    expect(entries.map(({ uri }) => decodeReferred(uri))).toEqual([dave, { ...dave, uri: 'sip:erin@home1.example' }]);
    // ours declares a prefix that such a list does not use
    const written = fromUtf8(encodeResourceLists(entries)).replace(/\s+xmlns:cp="[^"]*"/, '');
    expect(written).toBe(fromUtf8(body));
  });

  it.each(['F07-01.sip', 'F07-02.sip', 'F08-01.sip', 'F18-01.sip'])('the SDP of %s decodes and encodes to the same octets', (name) => {
    const { headers, body, startLine } = sipExample(name);
    const type = headerOf({ headers, body, startLine }, 'Content-Type');
    const sdp = type === 'application/sdp' ? body : rootPart(decodeMultipart(body, type), type).body;
    expect(fromUtf8(encodeSdp(decodeSdp(sdp)))).toBe(fromUtf8(sdp));
  });

  it('R-CF-05: F18-02 says by its text that files are not allowed', () => {
    expect(warningTexts(sipExample('F18-02.sip').headers)).toEqual(['122 Function not allowed']);
  });
});
