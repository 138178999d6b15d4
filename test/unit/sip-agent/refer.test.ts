import { describe, expect, test } from 'vitest';
import type { ReferRequest, Referral } from '../../../electron/sip/port.ts';
import { fromUtf8, utf8 } from '../../../shared/base/bytes.ts';
import { header, type SipRequest } from '../../../shared/protocol/sip/message.ts';
import { requestOf } from '../../harness/scripted-sip-server.ts';
import { ANSWER, fileInvite, GRUU, OFFER, useStage } from './stage.ts';

const stage = useStage();
const FOCUS = 'sip:cpm-conf-7f3a91@cf.home1.example';
const FACTORY = 'sip:conference-factory@home1.example';
const LIST = '<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists"/>';
const SDP: readonly (readonly [string, string])[] = [
  ['Contact', `<${FOCUS}>;isfocus`],
  ['Record-Route', '<sip:pcscf.home1.example;lr>'],
  ['Content-Type', 'application/sdp'],
];

const refer = (more: Partial<ReferRequest> = {}): ReferRequest => ({
  headers: [
    { name: 'Refer-To', value: '<sip:erin@home1.example>' },
    { name: 'Refer-Sub', value: 'true' },
    { name: 'Supported', value: 'norefersub' },
  ],
  contentType: '',
  body: new Uint8Array(),
  ...more,
});

async function group() {
  const { agent, connection } = await stage.registered();
  const call = agent.invite(fileInvite({ target: FACTORY, body: utf8(OFFER) }));
  const invite = await connection.request('INVITE');
  connection.reply(invite, 200, { headers: [...SDP], body: utf8(ANSWER), toTag: 'focus1' });
  await call.answer;
  await connection.request('ACK');
  const begin = async (request: ReferRequest = refer()) => {
    const referral = call.refer(request);
    const told = watch(referral);
    return { referral, told, request: await connection.request('REFER') };
  };
  /** a NOTIFY in the dialog of the group */
  const notify = (cseq: number, event: string, status: string, state = 'active;expires=60'): void =>
    connection.send(
      requestOf('NOTIFY', {
        uri: GRUU,
        callId: header(invite, 'Call-ID') ?? '',
        branch: `z9hG4bKn${cseq}`,
        cseq,
        from: `<${FACTORY}>;tag=focus1`,
        to: header(invite, 'From') ?? '',
        headers: [
          ['Event', event],
          ['Subscription-State', state],
          ['Content-Type', 'message/sipfrag;version=2.0'],
        ],
        body: status === '' ? '' : `SIP/2.0 ${status}\r\n`,
      }),
    );
  return { agent, call, connection, invite, begin, notify };
}

function watch(referral: Referral): string[] {
  const told: string[] = [];
  referral.onNotify(({ contentType, body }) => told.push(`${contentType} ${fromUtf8(body).trim()}`));
  referral.onEnded(() => told.push('over'));
  return told;
}

const FRAGMENT = 'message/sipfrag;version=2.0 SIP/2.0';

describe('a REFER', () => {
  test('R-GM-24: leaves in the dialog of the group, to its identity, as F10-01', async () => {
    const { begin, invite } = await group();
    const { request } = await begin();
    expect(request.uri).toBe(FOCUS);
    expect(header(request, 'Call-ID')).toBe(header(invite, 'Call-ID'));
    expect(header(request, 'From')).toBe(header(invite, 'From'));
    expect(header(request, 'To')).toBe(`<${FACTORY}>;tag=focus1`);
    expect(header(request, 'CSeq')).toBe('2 REFER');
    expect(header(request, 'Route')).toBe('<sip:pcscf.home1.example;lr>');
    expect(header(request, 'Contact')).toBe(header(invite, 'Contact'));
    expect(header(request, 'Refer-To')).toBe('<sip:erin@home1.example>');
    expect(header(request, 'Supported')).toBe('norefersub, timer, gruu');
    expect(header(request, 'Allow')).toMatch(/\bNOTIFY$/);
    expect(header(request, 'User-Agent')).toMatch(/^CPM-client\/OMA/);
    expect(header(request, 'Content-Type')).toBeNull();
  });

  test('R-GM-11: takes a list with it, also through a challenge', async () => {
    const { begin, connection } = await group();
    const { referral, request } = await begin(refer({ contentType: 'application/resource-lists+xml', body: utf8(LIST) }));
    connection.reply(request, 401, {
      headers: [['WWW-Authenticate', 'Digest realm="home1.example", nonce="n2", algorithm=SHA-256, qop="auth"']],
    });
    const again = await connection.request('REFER');
    expect([header(again, 'CSeq'), header(again, 'Content-Type'), fromUtf8(again.body)]).toEqual([
      '3 REFER',
      'application/resource-lists+xml',
      LIST,
    ]);
    expect(header(again, 'Authorization')).toContain('uri="sip:cpm-conf-7f3a91@cf.home1.example"');
    connection.reply(again, 202);
    expect((await referral.answer).status).toBe(202);
  });

  test('R-GM-32: is told how it goes by its own subscription, each NOTIFY answered 200, until that ends', async () => {
    const { begin, connection, notify } = await group();
    const { referral, told, request } = await begin();
    // it may overtake the answer
    notify(1, 'refer;id=2', '100 Trying');
    await connection.response(200, 'NOTIFY');
    connection.reply(request, 202, { headers: [['Refer-Sub', 'true']] });
    expect((await referral.answer).status).toBe(202);
    notify(2, 'refer;id=2', '200 OK', 'terminated;reason=noresource');
    await connection.response(200, 'NOTIFY');
    expect(told).toEqual([`${FRAGMENT} 100 Trying`, `${FRAGMENT} 200 OK`, 'over']);
    notify(3, 'refer;id=2', '200 OK');
    await connection.response(481, 'NOTIFY');
    expect(told).toHaveLength(3);
  });

  test('beside another one hears only of itself; without an id it is about the first that is open', async () => {
    const { begin, connection, notify } = await group();
    const [first, second] = [await begin(), await begin()];
    expect([header(first.request, 'CSeq'), header(second.request, 'CSeq')]).toEqual(['2 REFER', '3 REFER']);
    for (const { request, referral } of [first, second]) {
      connection.reply(request, 202);
      await referral.answer;
    }
    notify(1, 'refer;id=3', '486 Busy Here', 'terminated;reason=noresource');
    await connection.response(200, 'NOTIFY');
    notify(2, 'refer', '180 Ringing');
    await connection.response(200, 'NOTIFY');
    expect([first.told, second.told]).toEqual([[`${FRAGMENT} 180 Ringing`], [`${FRAGMENT} 486 Busy Here`, 'over']]);
  });

  test.each([
    ['whose other side tells nothing (RFC 4488)', 202, [['Refer-Sub', 'false']]],
    ['that is refused', 403, []],
  ] as const)('%s is over with its answer', async (_, status, headers) => {
    const { begin, connection, notify } = await group();
    const { referral, told, request } = await begin();
    connection.reply(request, status, { headers: [...headers] });
    expect((await referral.answer).status).toBe(status);
    expect(told).toEqual(['over']);
    notify(1, 'refer;id=2', '200 OK');
    await connection.response(481, 'NOTIFY');
    expect(told).toEqual(['over']);
  });

  test('is over with its dialog', async () => {
    const { begin, call, connection, notify } = await group();
    const { referral, told, request } = await begin();
    connection.reply(request, 202);
    await referral.answer;
    const ended = call.end();
    connection.reply(await connection.request('BYE'), 200);
    await ended;
    expect(told).toEqual(['over']);
    notify(1, 'refer;id=2', '200 OK');
    await connection.response(481, 'NOTIFY');
    expect(() => call.refer(refer())).toThrow('request.invalid-state');
  });

  test('whose flow breaks fails with it', async () => {
    const { begin, connection } = await group();
    const { referral, told } = await begin();
    connection.end();
    await expect(referral.answer).rejects.toThrow('link.lost');
    expect(told).toEqual(['over']);
  });

  test('is not written with what could break out of its line', async () => {
    const { call } = await group();
    expect(() => call.refer(refer({ headers: [{ name: 'Refer-To', value: '<sip:a@b>\r\nX: 1' }] }))).toThrow('request.invalid');
    expect(() => call.refer(refer({ headers: [{ name: 'To', value: '<sip:a@b>' }] }))).toThrow('request.invalid');
  });
});

describe('what others send into the dialog of a group', () => {
  test.each([
    ['presence', 489],
    ['', 489],
    ['refer;id=7', 481],
    ['refer', 481],
  ])('NOTIFY of %j: %i', async (event, status) => {
    const { connection, notify } = await group();
    notify(1, event, '200 OK');
    expect((await connection.response(status, 'NOTIFY')).status).toBe(status);
  });

  test('a REFER is refused with what may be asked instead, inside and outside: this is no focus', async () => {
    const { connection, invite } = await group();
    const asked = (toTag: string, callId: string): SipRequest =>
      requestOf('REFER', {
        uri: GRUU,
        callId,
        branch: `z9hG4bKr${toTag.length}`,
        cseq: 1,
        from: `<${FACTORY}>;tag=focus1`,
        to: toTag,
        headers: [['Refer-To', '<sip:erin@home1.example>']],
        body: '',
      });
    connection.send(asked(header(invite, 'From') ?? '', header(invite, 'Call-ID') ?? ''));
    expect(header(await connection.response(405, 'REFER'), 'Allow')).toContain('INVITE');
    connection.send(asked('<sip:alice@home1.example>', 'another'));
    expect(header(await connection.response(405, 'REFER'), 'Allow')).not.toContain('REFER');
  });
});
