import { describe, expect, it } from 'vitest';
import { fromUtf8, utf8 } from '../../../shared/base/bytes.ts';
import type { ConferenceInfo, ConferenceUser } from '../../../shared/protocol/conference/conference.ts';
import { decodeConferenceInfo, encodeConferenceInfo } from '../../../shared/protocol/conference/conference-info.ts';

const ENTITY = 'sip:g@a.example';
const root = (inner: string, attributes = `entity="${ENTITY}" version="1"`): ConferenceInfo =>
  decodeConferenceInfo(utf8(`<conference-info xmlns="urn:ietf:params:xml:ns:conference-info" ${attributes}>${inner}</conference-info>`));

const EMPTY: ConferenceInfo = {
  entity: ENTITY,
  state: 'full',
  version: 1,
  subject: null,
  maximumUserCount: null,
  userCount: null,
  active: null,
  users: null,
};

function member(at: number): ConferenceUser {
  return {
    entity: `sip:member-${at}@home1.example`,
    state: 'full',
    displayText: `Member ${at}`,
    isOwn: at === 0,
    roles: ['participant'],
    endpoints: [
      {
        entity: `sip:member-${at}@home1.example;gr=urn:uuid:${at}`,
        state: 'full',
        status: 'disconnected',
        joiningMethod: 'dialed-out',
        disconnectionMethod: 'failed',
        disconnectionReason: 'Reason: SIP;cause=480',
      },
    ],
  };
}

describe('the state of a conference', () => {
  it('is the whole where nothing else is said, and says nothing that was not written', () => {
    expect(root('')).toEqual(EMPTY);
    expect(root('<users><user entity="sip:b@a"/></users>').users).toEqual({
      state: 'full',
      list: [{ entity: 'sip:b@a', state: 'full', displayText: null, isOwn: false, roles: [], endpoints: [] }],
    });
  });

  it('may be partial or over, in each of its parts', () => {
    expect(root('', `entity="${ENTITY}" version="2" state="deleted"`).state).toBe('deleted');
    const { users } = root(
      '<users state="partial"><user entity="sip:b@a" state="deleted"/><user entity="sip:c@a" state="partial"><endpoint entity="sip:c@1" state="deleted"/></user></users>',
    );
    expect(users?.list.map(({ state, endpoints }) => [state, endpoints.map((each) => each.state)])).toEqual([
      ['deleted', []],
      ['partial', ['deleted']],
    ]);
  });

  it('is read with any prefix, beside what nobody knows, and in capitals where a word is one', () => {
    const document =
      '<c:conference-info xmlns:c="urn:ietf:params:xml:ns:conference-info" xmlns:o="urn:o" entity="sip:g@a" version="4294967295"><o:users/>' +
      '<c:host-info/><c:users><c:user entity="sip:b@a" o:x="1"><c:endpoint><o:status>pending</o:status><c:status> Connected </c:status></c:endpoint></c:user></c:users></c:conference-info>';
    const info = decodeConferenceInfo(utf8(document));
    expect(info.version).toBe(4_294_967_295);
    expect(info.users?.list[0]?.endpoints[0]).toMatchObject({ entity: null, status: 'connected' });
  });

  it('counts the last of a user who is told of twice, and leaves out one who could not be known', () => {
    const { users } = root(
      '<users><user entity="sip:b@a"><display-text>Old</display-text></user><user/><user entity="sip:c d@a"/>' +
        `<user entity="sip:${'x'.repeat(2000)}@a"/><user entity="sip:b@a"><display-text>New</display-text></user></users>`,
    );
    expect(users?.list.map(({ entity, displayText }) => [entity, displayText])).toEqual([['sip:b@a', 'New']]);
  });

  it('keeps each URI byte for byte and cuts what is only shown', () => {
    const { subject, users } = root(
      `<conference-description><subject> ${'é'.repeat(3000)}</subject></conference-description>` +
        '<users><user entity="SIP:B%41@A.example;x=1"/><user entity="sip:b@a.example"/></users>',
    );
    expect(subject).toHaveLength(1000);
    expect(users?.list.map(({ entity }) => entity)).toEqual(['SIP:B%41@A.example;x=1', 'sip:b@a.example']);
  });

  it.each([
    ['no entity', 'version="1"'],
    ['no version', `entity="${ENTITY}"`],
    ['a version beyond 32 bits', `entity="${ENTITY}" version="4294967296"`],
    ['a version that is none', `entity="${ENTITY}" version="-1"`],
  ])('is refused with %s', (_, attributes) => {
    expect(() => root('', attributes)).toThrow('xml.malformed');
  });

  it('of another kind, too deep or too long is refused with a code', () => {
    expect(() => decodeConferenceInfo(utf8('<conference-info entity="sip:a@b" version="1"/>'))).toThrow('xml.malformed');
    expect(() => root('<users>'.repeat(40) + '</users>'.repeat(40))).toThrow('xml.too-large');
    expect(() => root(`<users>${'<user entity="sip:a@b"/>'.repeat(60_000)}</users>`)).toThrow('xml.too-large');
  });

  it('with 5000 users is read as it was written, each with a device and why it is not in', () => {
    const info: ConferenceInfo = { ...EMPTY, users: { state: 'full', list: Array.from({ length: 5000 }, (_, at) => member(at)) } };
    expect(decodeConferenceInfo(encodeConferenceInfo(info))).toEqual(info);
  });

  it('with a URI that no document could carry, or a version beyond 32 bits, is not written', () => {
    expect(() => encodeConferenceInfo({ ...EMPTY, entity: 'sip:a b' })).toThrow('xml.malformed');
    expect(() => encodeConferenceInfo({ ...EMPTY, version: 2 ** 32 })).toThrow('xml.malformed');
    expect(fromUtf8(encodeConferenceInfo({ ...EMPTY, subject: '<a & "b">' }))).toContain('<subject>&lt;a &amp; "b"&gt;</subject>');
  });
});
