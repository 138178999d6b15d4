import { describe, expect, test } from 'vitest';
import { attemptFromRefusal, attemptFromSend, GroupRefused, refusalOf } from '../../../../electron/services/groups/outcomes.ts';
import { NO_BYTES } from '../../../../shared/base/bytes.ts';
import type { Standing } from '../../../../shared/model/group.ts';

const answer = (status: number, warning?: string) => ({
  ...{ status, reason: 'No', contentType: null, body: NO_BYTES },
  headers: warning === undefined ? [] : [{ name: 'Warning', value: `399 cf.example "${warning}"` }],
});
const meaning = (
  status: number,
  asked: 'factory' | 'address' | 'identity',
  { warning, anonymous = false, standing = 'member' }: { warning?: string; anonymous?: boolean; standing?: Standing } = {},
) => {
  const { meaning: what, error } = refusalOf(answer(status, warning), asked, { anonymous, standing });
  return `${what} ${error.code}`;
};

describe('what the answer to the INVITE of a group means', () => {
  test('a group that is gone may be made again, one that may not be is over (cpm.md section 8.5)', () => {
    for (const status of [404, 410, 481, 604]) expect(meaning(status, 'identity')).toBe('gone group.over');
    expect(meaning(403, 'identity', { warning: '127 Service not authorised' })).toBe('over group.not-allowed');
    expect(meaning(403, 'identity', { warning: '127 Service not authorised', standing: 'removed' })).toBe('out group.not-member');
    expect(meaning(403, 'identity')).toBe('out group.not-member');
  });

  test('R-GRP-28: that a group takes nobody without a name is told as that', () => {
    expect(meaning(433, 'address')).toBe('refused peer.anonymity');
    expect(meaning(403, 'address', { anonymous: true })).toBe('refused peer.anonymity');
  });

  test('a limit, a closed group and a network without groups are told as what they are', () => {
    expect(meaning(486, 'factory')).toBe('refused request.too-many');
    expect(meaning(403, 'factory', { warning: 'at most 500 participants' })).toBe('refused request.too-many');
    expect(meaning(403, 'identity', { warning: 'The group is closed' })).toBe('refused group.closed');
    for (const status of [404, 405, 420, 501]) expect(meaning(status, 'factory')).toBe('refused group.refused');
    expect(meaning(603, 'factory')).toBe('refused group.refused');
  });

  test('trouble on the way is tried again', () => {
    for (const status of [408, 480, 500, 503]) expect(meaning(status, 'identity')).toMatch(/^later /);
  });
});

describe('a text of a group', () => {
  test('fails where its author is out, waits where there is trouble, and is said again where a session is gone', () => {
    const refused = (what: 'out' | 'later') => new GroupRefused({ meaning: what, error: { code: 'group.not-member', detail: '' } });
    expect(attemptFromRefusal(refused('out'), 0)).toMatchObject({ kind: 'failed', error: { code: 'group.not-member' } });
    expect(attemptFromRefusal(refused('later'), 0)).toMatchObject({ kind: 'postponed', whenOnline: false });
    expect(attemptFromSend({ code: 'msrp.lost', detail: '' }, 0)).toBe('again');
    expect(attemptFromSend({ code: 'msrp.refused', detail: '481 gone' }, 0)).toBe('again');
    expect(attemptFromSend({ code: 'msrp.refused', detail: '403 Not a participant' }, 0)).toMatchObject({ kind: 'failed' });
    const screened = attemptFromSend({ code: 'msrp.refused', detail: '403 Content not allowed' }, 0);
    expect(screened, 'R-PF-06 in the words of any other text').toMatchObject({ kind: 'failed', error: { code: 'network.screened' } });
    expect(attemptFromSend({ code: 'msrp.timeout', detail: '' }, 0)).toMatchObject({ kind: 'postponed' });
  });
});
