import { expect, it } from 'vitest';
import { readArguments } from '../../../electron/home-network/arguments.ts';
import { letterParts } from '../../../electron/home-network/interworking/letter-parts.ts';
import { gatewayName, leavesAtRecipient, leavesAtSender } from '../../../electron/home-network/interworking/selection.ts';
import { DEFAULT_POLICY, rulingOf } from '../../../electron/home-network/rules/rules.ts';
import { fromUtf8, utf8 } from '../../../shared/base/bytes.ts';

it.each([
  ['off by itself', {}, {}, false, true, false],
  ['wanted, and no device is there', { interworking: 'undeliverable' }, {}, false, true, true],
  ['wanted, and a device is there', { interworking: 'undeliverable' }, {}, true, true, false],
  ['wanted, and nothing leads there', { interworking: 'undeliverable' }, {}, false, false, false],
  ['wanted, and he takes nothing now', { interworking: 'undeliverable', available: 'refuse' }, {}, false, true, false],
  ['R-PF-05: wanted, and forbidden', { interworking: 'undeliverable' }, { force: { interworking: 'off' } }, false, true, false],
  ['R-PF-05: not wanted, and prescribed', {}, { force: { interworking: 'undeliverable' } }, false, true, true],
] as const)('R-PF-44: %s', (_, preferences, policy, isReachable, hasGateway, leaves) => {
  expect(leavesAtRecipient(rulingOf({ ...DEFAULT_POLICY, ...policy }, preferences), isReachable, hasGateway)).toBe(leaves);
});

it.each([
  [true, false, true, true],
  [true, true, true, false],
  [true, false, false, false],
  [false, false, true, false],
])('R-PF-45: policy %s, a user %s, a gateway %s: %s', (interworkOriginating, isUser, hasGateway, leaves) => {
  expect(leavesAtSender(rulingOf({ ...DEFAULT_POLICY, interworkOriginating }, {}), isUser, hasGateway)).toBe(leaves);
});

it.each([
  ['tel:+49-30-1234', '+49301234'],
  ['sip:+49301234@h;user=phone', '+49301234'],
  ['sip:dave@h', 'dave'],
  ['sip:d%41ve@H', 'dAve'],
  ['sip:dave@elsewhere', null],
  ['sip:h', null],
  ['mailto:a@b', null],
])('a gateway knows %s by %s', (uri, name) => expect(gatewayName(uri, (host) => host === 'h')).toBe(name));

it('what a person wrote comes out of its envelopes', () => {
  const cpim =
    'From: <sip:a@b>\r\n\r\nContent-Type: multipart/mixed;boundary=x\r\n\r\n--x\r\n\r\none\r\n--x\r\nContent-Type: image/png\r\n\r\ntwo\r\n--x--\r\n';
  expect(letterParts('message/cpim', utf8(cpim)).map(({ type, octets }) => [type, fromUtf8(octets)])).toEqual([
    ['text/plain', 'one'],
    ['image/png', 'two'],
  ]);
  expect(() => letterParts('message/cpim', utf8('nothing'))).toThrow('cpim.malformed');
});

it('the command line says where e-mail goes', () => {
  const { smtp } = readArguments(['--smtp', '[::1]:2525', '--mail', 'bob=bob@example.org', '--mail', '+491=a.b+c@example.org']);
  expect(smtp).toEqual({
    ...{ host: '::1', port: 2525, domain: 'parley.example' },
    mail: new Map([
      ['bob', 'bob@example.org'],
      ['+491', 'a.b+c@example.org'],
    ]),
  });
  expect(readArguments([]).smtp).toBeNull();
  for (const wrong of [
    ['--smtp', 'host'],
    ['--smtp', 'h:99999'],
    ['--smtp', 'h:25', '--mail', 'bob'],
    ['--smtp', 'h:25', '--mail', 'bob=a@b, c@d'],
  ]) {
    expect(() => readArguments(wrong)).toThrow(/^--(smtp|mail) /);
  }
});
