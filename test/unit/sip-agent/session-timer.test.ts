import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { IncomingInvite, OutgoingInvite, UserAgent } from '../../../electron/sip/port.ts';
import { utf8 } from '../../../shared/base/bytes.ts';
import { header, headers, type SipRequest } from '../../../shared/protocol/sip/message.ts';
import { requestOf, type ScriptedConnection } from '../../harness/scripted-sip-server.ts';
import { ANSWER, BOB_CONTACT, bindingHeaders, fileInvite, GRUU, OFFER, useStage } from './stage.ts';

const stage = useStage();

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** registered where no pongs are promised, so that advancing the clock does not break the flow */
async function registered(): Promise<{ agent: UserAgent; connection: ScriptedConnection }> {
  const agent = stage.agent();
  const opened = stage.server.connection();
  const pending = agent.register();
  const connection = await opened;
  const register = await connection.request('REGISTER');
  connection.reply(register, 200, { headers: bindingHeaders(register).filter(([name]) => name === 'Contact') });
  await pending;
  return { agent, connection };
}

async function answered(
  fields: readonly (readonly [string, string])[],
): Promise<{ call: OutgoingInvite; connection: ScriptedConnection; invite: SipRequest }> {
  const { agent, connection } = await registered();
  const call = agent.invite(fileInvite());
  const invite = await connection.request('INVITE');
  connection.reply(invite, 200, {
    headers: [...BOB_CONTACT, ['Content-Type', 'application/sdp'], ...fields],
    body: utf8(ANSWER),
    toTag: 'bob1',
  });
  await call.answer;
  await connection.request('ACK');
  return { call, connection, invite };
}

const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
};

describe('session timer', () => {
  test('R-LM-21 R-SES-16 R-EXT-14: as refresher we send UPDATE at half, again and again, to a peer that takes it', async () => {
    const { connection, invite } = await answered([
      ['Session-Expires', '90;refresher=uac'],
      ['Require', 'timer'],
      ['Allow', 'INVITE, UPDATE'],
    ]);
    for (let round = 1; round <= 2; round++) {
      vi.advanceTimersByTime(44_999);
      await turns();
      expect(connection.untaken).toEqual([]);
      vi.advanceTimersByTime(1);
      const update = await connection.request('UPDATE');
      expect(header(update, 'CSeq')).toBe(`${round + 1} UPDATE`);
      expect(header(update, 'Session-Expires')).toBe('90;refresher=uac');
      expect(headers(update, 'Supported')).toContain('timer');
      expect(header(update, 'Contact')).toBe(header(invite, 'Contact'));
      expect(update.uri).toContain('bob@home2.example;gr=');
      expect(update.body.length).toBe(0);
      connection.reply(update, 200, { headers: [['Session-Expires', '90;refresher=uac']] });
      await turns();
    }
  });

  test('without UPDATE in its Allow the refresh is a re-INVITE with our description unchanged', async () => {
    const { connection, invite } = await answered([
      ['Session-Expires', '90;refresher=uac'],
      ['Allow', 'INVITE'],
    ]);
    vi.advanceTimersByTime(45_000);
    const again = await connection.request('INVITE');
    expect(again.body).toEqual(invite.body);
    expect(header(again, 'Content-Type')).toBe('application/sdp');
    expect(header(again, 'To')).toContain(';tag=bob1');
    expect(header(again, 'CSeq')).toBe('2 INVITE');
    connection.reply(again, 200, {
      headers: [...BOB_CONTACT, ['Content-Type', 'application/sdp'], ['Session-Expires', '90;refresher=uac']],
      body: utf8(ANSWER),
    });
    const ack = await connection.request('ACK');
    expect(header(ack, 'CSeq')).toBe('2 ACK');
  });

  test('a refresh that is refused is tried once more before the session ends with BYE', async () => {
    const { call, connection } = await answered([
      ['Session-Expires', '90;refresher=uac'],
      ['Allow', 'UPDATE'],
    ]);
    const ended = vi.fn();
    call.onEnded(ended);
    vi.advanceTimersByTime(45_000);
    connection.reply(await connection.request('UPDATE'), 500);
    await turns();
    expect(ended).not.toHaveBeenCalled();
    vi.advanceTimersByTime(15_000);
    connection.reply(await connection.request('UPDATE'), 500);
    const bye = await connection.request('BYE');
    expect(ended.mock.calls).toEqual([[{ by: 'link', error: { code: 'peer.timeout', detail: expect.any(String) } }]]);
    connection.reply(bye, 200);
  });

  test('a refresh answered 481 ends the session at once', async () => {
    const { connection } = await answered([
      ['Session-Expires', '90;refresher=uac'],
      ['Allow', 'UPDATE'],
    ]);
    vi.advanceTimersByTime(45_000);
    connection.reply(await connection.request('UPDATE'), 481);
    connection.reply(await connection.request('BYE'), 200);
  });

  test('when the peer refreshes, its UPDATE keeps the session up and its silence ends it 30 s early', async () => {
    const { call, connection, invite } = await answered([['Session-Expires', '90;refresher=uas']]);
    const ended = vi.fn();
    call.onEnded(ended);
    vi.advanceTimersByTime(59_000);
    connection.send(
      requestOf('UPDATE', {
        uri: GRUU,
        callId: header(invite, 'Call-ID') ?? '',
        branch: 'z9hG4bKu1',
        from: '<sip:bob@home2.example>;tag=bob1',
        to: header(invite, 'From') ?? '',
        headers: [['Session-Expires', '90;refresher=uac']],
      }),
    );
    await connection.response(200, 'UPDATE');
    vi.advanceTimersByTime(59_999);
    await turns();
    expect(connection.untaken).toEqual([]);
    expect(ended).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    connection.reply(await connection.request('BYE'), 200);
    expect(ended).toHaveBeenCalledTimes(1);
  });

  test('a Contact in an UPDATE, or in the answer to our refresh, is where the next request goes (RFC 3311)', async () => {
    const { call, connection, invite } = await answered([
      ['Session-Expires', '90;refresher=uac'],
      ['Allow', 'UPDATE'],
    ]);
    const moved = requestOf('UPDATE', {
      uri: GRUU,
      callId: header(invite, 'Call-ID') ?? '',
      branch: 'z9hG4bKmoved',
      from: '<sip:bob@home2.example>;tag=bob1',
      to: header(invite, 'From') ?? '',
      headers: [
        ['Contact', '<sip:bob@192.0.2.7:5070;transport=tcp>'],
        ['Session-Expires', '90;refresher=uas'],
      ],
    });
    connection.send(moved);
    await connection.response(200, 'UPDATE');
    vi.advanceTimersByTime(45_000);
    const refresh = await connection.request('UPDATE');
    expect(refresh.uri).toBe('sip:bob@192.0.2.7:5070;transport=tcp');
    connection.reply(refresh, 200, {
      headers: [
        ['Contact', '<sip:bob@192.0.2.8>'],
        ['Session-Expires', '90;refresher=uac'],
      ],
    });
    await turns();
    const ended = call.end();
    const bye = await connection.request('BYE');
    expect(bye.uri).toBe('sip:bob@192.0.2.8');
    connection.reply(bye, 200);
    await ended;
  });

  test('without Session-Expires in the answer there is no timer, and after end neither', async () => {
    const { call, connection } = await answered([]);
    vi.advanceTimersByTime(3_000_000);
    await turns();
    expect(connection.untaken.filter((message) => message.kind === 'request' && message.method !== 'REGISTER')).toEqual([]);
    const ended = call.end();
    connection.reply(await connection.request('BYE'), 200);
    await ended;
  });

  test('422 raises the interval to Min-SE, once', async () => {
    const { agent, connection } = await registered();
    const call = agent.invite(fileInvite());
    const first = await connection.request('INVITE');
    connection.reply(first, 422, { headers: [['Min-SE', '3600']] });
    const second = await connection.request('INVITE');
    expect(header(second, 'Session-Expires')).toBe('3600;refresher=uac');
    expect(header(second, 'Min-SE')).toBe('3600');
    expect(header(second, 'CSeq')).toBe('2 INVITE');
    expect(second.body).toEqual(first.body);
    connection.reply(second, 422, { headers: [['Min-SE', '7200']] });
    await expect(call.answer).resolves.toMatchObject({ status: 422 });
  });

  test('called with Session-Expires we answer with it, and refresh when asked to', async () => {
    const { agent, connection } = await registered();
    const offered = new Promise<IncomingInvite>((resolve) => agent.events.onInvite(resolve));
    const parts = { uri: 'sip:alice@home1.example', callId: 'timed', branch: 'z9hG4bKtimed', body: ANSWER };
    connection.send(
      requestOf('INVITE', {
        ...parts,
        headers: [
          ...BOB_CONTACT,
          ['Supported', 'timer'],
          ['Session-Expires', '90;refresher=uas'],
          ['Allow', 'UPDATE'],
          ['Content-Type', 'application/sdp'],
        ],
      }),
    );
    const accepted = (await offered).accept({ contentType: 'application/sdp', body: utf8(OFFER), contactParameters: '', headers: [] });
    const answer = await connection.response(200, 'INVITE');
    expect(header(answer, 'Session-Expires')).toBe('90;refresher=uas');
    expect(headers(answer, 'Require')).toEqual(['timer']);
    connection.send(requestOf('ACK', { ...parts, body: '', branch: 'z9hG4bKack', to: header(answer, 'To') ?? '' }));
    await accepted;
    vi.advanceTimersByTime(45_000);
    const update = await connection.request('UPDATE');
    expect(header(update, 'CSeq')).toBe('1 UPDATE');
    expect(header(update, 'To')).toBe('<sip:bob@home2.example>;tag=bobtag');
  });
});
