import { expect, it } from 'vitest';
import { fromUtf8, utf8 } from '../../../shared/base/bytes.ts';
import { decodeImdn, encodeImdn, type LeftBy } from '../../../shared/protocol/imdn/imdn.ts';

const about = { messageId: 'm1', dateTime: 'd', recipientUri: 'sip:b@c', originalRecipientUri: 'sip:b@c' } as const;
const CPM = 'urn:oma:xml:cpm:imdn-extensions:1.0';
const read = (inner: string) =>
  decodeImdn(utf8(`<imdn xmlns="urn:ietf:params:xml:ns:imdn" xmlns:c="${CPM}"><message-id>m1</message-id>${inner}</imdn>`));

it.each(['sms', 'mms', 'email', 'other'] as const)(
  'R-PF-45: a notification says that a message left by %s, beside what it is',
  (leftBy: LeftBy) => {
    const octets = encodeImdn({ ...about, disposition: 'delivery', status: 'delivered', leftBy });
    expect(decodeImdn(octets)).toMatchObject({ disposition: 'delivery', status: 'delivered', leftBy });
  },
);

it.each([
  ['<c:interworking-notification><c:status><c:legacy-sms/></c:status></c:interworking-notification>', 'sms'],
  ['<c:interworking-notification><c:status><c:legacy-mms/></c:status></c:interworking-notification>', 'mms'],
  ['<c:interworking-notification><c:status><c:telex/></c:status></c:interworking-notification>', 'other'],
  ['<c:interworking-notification><c:status><c:error/></c:status></c:interworking-notification>', undefined],
  ['<interworking-notification><status><legacy-sms/></status></interworking-notification>', undefined],
])('R-PF-45: as others say it, alone: %s', (inner, leftBy) => {
  const { disposition, status, leftBy: said } = read(inner);
  expect([disposition, status, said]).toEqual([null, 'unknown', leftBy]);
});

it('a notification about nothing of that kind is written as ever', () => {
  const octets = encodeImdn({ ...about, disposition: 'delivery', status: 'delivered' });
  expect(fromUtf8(octets)).not.toContain('interworking');
  expect(decodeImdn(octets).leftBy).toBeUndefined();
});
