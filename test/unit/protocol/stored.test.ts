import { describe, expect, it } from 'vitest';
import { fromUtf8, utf8 } from '../../../shared/base/bytes.ts';
import { decodeStored } from '../../../shared/protocol/cpim/stored.ts';

const STAMP = '[Offline message - Fri Nov 20 10:39:56 2026] ';
const CPIM = [
  'From: <sip:alice@test.example>',
  'To: <sip:bob@test.example>',
  'DateTime: 2026-11-20T10:39:48.947Z',
  'NS: imdn <urn:ietf:params:imdn>',
  'imdn.Message-ID: vJfZmXOm8LgrLvAWyAfdfWL2',
  '',
  'Content-Type: text/plain;charset=UTF-8',
  '',
  'hello offline €',
].join('\r\n');

describe('what comes as text/plain', () => {
  it.each(['', STAMP, STAMP.replace('Nov 20', 'Nov  2')])('is a CPM message when it has all parts of one (%j)', (stamp) => {
    const { cpim } = decodeStored(utf8(stamp + CPIM));
    expect(fromUtf8(cpim?.content ?? utf8(''))).toBe('hello offline €');
  });

  it.each([
    'hello',
    'From: Alice',
    'From: <sip:a@b.example>\r\nTo: <sip:c@d.example>\r\n\r\nhow CPIM begins',
    CPIM.replace(/^To.*\r\n/m, ''),
    CPIM.replace(/^Content-Type.*\r\n/m, 'X: y\r\n'),
    CPIM.replace(/^(DateTime|imdn).*\r\n/gm, ''),
    ` ${CPIM}`,
    `I got this: ${CPIM}`,
    '',
  ])('is a text else, as it came: %j', (text) => {
    expect(decodeStored(utf8(text))).toEqual({ cpim: null, text: utf8(text) });
  });

  it('is a text without the stamp of a store', () => {
    expect(fromUtf8(decodeStored(utf8(`${STAMP}see you at 10`)).text)).toBe('see you at 10');
    expect(fromUtf8(decodeStored(utf8(`${STAMP.replace('Fri', 'fri')}see you`)).text)).toContain('[Offline');
  });
});
