import { describe, expect, test } from 'vitest';
import { isTrusted, readGroupInvitation } from '../../../../electron/services/groups/invitation.ts';
import type { StoredGroup } from '../../../../electron/store/port.ts';
import { sipExample } from '../../../vectors/example.ts';

const ACCOUNT = { address: 'sip:alice@home1.example' };
const FOCUS = 'sip:cpm-conf-7f3a91@cf.home1.example';
const F08_02 = sipExample('F08-02.sip');

const invite = (change: (headers: Record<string, string>) => void = () => undefined, originator = FOCUS, body = F08_02.body) => {
  const headers = Object.fromEntries(F08_02.headers.map(({ name, value }) => [name, value]));
  change(headers);
  return {
    headers: Object.entries(headers).map(([name, value]) => ({ name, value })),
    contentType: headers['Content-Type'] ?? '',
    ...{ body, originator, originatorName: '', from: FOCUS, callId: 'c1' },
  };
};

describe('an invitation to a group', () => {
  test('F08-02 says which group it is, where it is, who invites and who else is asked', () => {
    expect(readGroupInvitation(invite(), ACCOUNT)).toEqual({
      peer: 'group:e5dd5d0f-f75d-430e-af16-09d356a450a6',
      address: null,
      identity: FOCUS,
      contributionId: 'e5dd5d0f-f75d-430e-af16-09d356a450a6',
      cpmConversationId: '647ee1c4-d096-487d-a16d-ac517a4907b0',
      subject: 'Saturday climb',
      inviter: { address: 'sip:bob@home2.example', name: 'bob' },
      people: ['sip:bob@home2.example', 'sip:carol@home1.example', 'sip:dave@home2.example'],
      replaces: null,
    });
  });

  test('without Referred-By it is whom the network asserts, and of the focus itself nobody', () => {
    const nobody = (headers: Record<string, string>) => void delete headers['Referred-By'];
    expect(readGroupInvitation(invite(nobody), ACCOUNT).inviter).toBeNull();
    expect(readGroupInvitation(invite(nobody, 'sip:carol@home1.example'), ACCOUNT).inviter?.address).toBe('sip:carol@home1.example');
  });

  test('one that says of no group that it is one is none', () => {
    expect(() =>
      readGroupInvitation(
        invite((headers) => void delete headers['Contribution-ID']),
        ACCOUNT,
      ),
    ).toThrow(/peer\.malformed/);
    expect(() =>
      readGroupInvitation(
        invite((headers) => void delete headers.Contact),
        ACCOUNT,
      ),
    ).toThrow(/peer\.malformed/);
  });

  test('R-EXT-07: what it takes the place of stands in a header, or in the list', () => {
    const replaces = (name: string) => (headers: Record<string, string>) => {
      headers[name] = 'k9';
    };
    expect(readGroupInvitation(invite(replaces('Session-Replaces')), ACCOUNT).replaces).toBe('k9');
    expect(readGroupInvitation(invite(replaces('CPM-Replaces')), ACCOUNT).replaces).toBe('k9');
    const listed = Buffer.from(F08_02.body).toString().replace('alice@home1.example"', 'alice@home1.example;gr=1?Session-Replaces=k8"');
    expect(
      readGroupInvitation(
        invite(() => undefined, FOCUS, Buffer.from(listed)),
        ACCOUNT,
      ).replaces,
    ).toBe('k8');
  });

  test('a list that cannot be read says nothing', () => {
    const broken = Buffer.from(F08_02.body).toString().replace('<list>', '<list');
    expect(
      readGroupInvitation(
        invite(() => undefined, FOCUS, Buffer.from(broken)),
        ACCOUNT,
      ).people,
    ).toEqual(['sip:bob@home2.example']);
  });
});

describe('who says that it is a group', () => {
  const invitation = (identity = FOCUS) => ({ ...readGroupInvitation(invite(), ACCOUNT), identity });
  const known = (identity: string | null) => ({ identity }) as StoredGroup;

  test('is believed when the network asserts it, from where the group was or from the same network', () => {
    expect(isTrusted(known(FOCUS), invitation(), { originator: FOCUS })).toBe(true);
    expect(isTrusted(known('sip:cpm-conf-0@cf.home1.example'), invitation(), { originator: FOCUS })).toBe(true);
    expect(isTrusted(known(null), invitation(), { originator: FOCUS })).toBe(true);
  });

  test('is not when it merely knows the ids', () => {
    expect(isTrusted(known(FOCUS), invitation(), { originator: 'sip:mallory@home1.example' })).toBe(false);
    const elsewhere = 'sip:cpm-conf-7f3a91@evil.example';
    expect(isTrusted(known(FOCUS), invitation(elsewhere), { originator: elsewhere })).toBe(false);
  });
});
