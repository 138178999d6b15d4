import { describe, expect, test, vi } from 'vitest';
import type { IncomingReoffer } from '../../../electron/sip/port.ts';
import { fromUtf8, utf8 } from '../../../shared/base/bytes.ts';
import { header, type SipRequest } from '../../../shared/protocol/sip/message.ts';
import { requestOf } from '../../harness/scripted-sip-server.ts';
import { ANSWER, BOB_CONTACT, fileInvite, GRUU, OFFER, useStage } from './stage.ts';

const stage = useStage();
const SDP: readonly (readonly [string, string])[] = [...BOB_CONTACT, ['Content-Type', 'application/sdp']];
const SECOND = OFFER.replace('o=alice 1 1', 'o=alice 1 2');
const SECOND_ANSWER = ANSWER.replace('o=bob 7 7', 'o=bob 7 8');
const reoffer = { contentType: 'application/sdp', body: utf8(SECOND) };

async function established() {
  const { agent, connection } = await stage.registered();
  const call = agent.invite(fileInvite());
  const invite = await connection.request('INVITE');
  connection.reply(invite, 200, { headers: [...SDP], body: utf8(ANSWER), toTag: 'bob1' });
  await call.answer;
  await connection.request('ACK');
  return { agent, call, connection, invite };
}

function inDialog(method: string, invite: SipRequest, cseq: number, body = '', branch = `z9hG4bK${method}${cseq}`): SipRequest {
  return requestOf(method, {
    uri: GRUU,
    callId: header(invite, 'Call-ID') ?? '',
    branch,
    cseq,
    from: '<sip:bob@home2.example>;tag=bob1',
    to: header(invite, 'From') ?? '',
    headers: body === '' ? [] : SDP,
    body,
  });
}

describe('a re-INVITE of ours', () => {
  test('R-FT-16 carries the new offer inside the dialog; what is answered is what a refresh repeats from then on', async () => {
    const { call, connection, invite } = await established();
    const answer = call.reoffer({ ...reoffer, headers: [{ name: 'Accept-Contact', value: '*' }] });
    const second = await connection.request('INVITE');
    expect(header(second, 'To')).toContain('tag=bob1');
    expect(header(second, 'Accept-Contact')).toBe('*');
    expect(header(second, 'Contact')).toBe(header(invite, 'Contact'));
    expect(fromUtf8(second.body)).toBe(SECOND);
    connection.reply(second, 200, { headers: [...SDP], body: utf8(SECOND_ANSWER) });
    expect(fromUtf8((await answer).body)).toBe(SECOND_ANSWER);
    await connection.request('ACK');
    connection.send(inDialog('INVITE', invite, 1, SECOND_ANSWER));
    expect(fromUtf8((await connection.response(200, 'INVITE')).body)).toBe(SECOND);
  });

  test('that is refused leaves the session as it was, and the next one waits for it', async () => {
    const { call, connection } = await established();
    const refused = call.reoffer(reoffer);
    const taken = call.reoffer({ ...reoffer, body: utf8(OFFER.replace('o=alice 1 1', 'o=alice 1 3')) });
    const second = await connection.request('INVITE');
    connection.reply(second, 603);
    expect((await refused).status).toBe(603);
    const third = await connection.request('INVITE');
    expect(fromUtf8(third.body)).toContain('o=alice 1 3');
    connection.reply(third, 200, { headers: [...SDP], body: utf8(SECOND_ANSWER) });
    expect((await taken).status).toBe(200);
  });

  test('that meets one of the other side (491) is sent again after a while', async () => {
    const { call, connection } = await established();
    vi.spyOn(Math, 'random').mockReturnValue(0);
    const answer = call.reoffer(reoffer);
    connection.reply(await connection.request('INVITE'), 491);
    const again = await connection.request('INVITE');
    connection.reply(again, 200, { headers: [...SDP], body: utf8(SECOND_ANSWER) });
    expect((await answer).status).toBe(200);
    vi.restoreAllMocks();
  });

  test('while it has no answer one of the other side is told to wait (491), and goes to its listener when it comes again', async () => {
    const { call, connection, invite } = await established();
    const heard: IncomingReoffer[] = [];
    call.onReoffer((offer) => void heard.push(offer));
    const answer = call.reoffer(reoffer);
    const second = await connection.request('INVITE');
    connection.send(inDialog('INVITE', invite, 1, SECOND_ANSWER));
    await connection.response(491, 'INVITE');
    connection.send(inDialog('ACK', invite, 1, '', 'z9hG4bKINVITE1'));
    expect(heard).toEqual([]);
    connection.reply(second, 200, { headers: [...SDP], body: utf8(SECOND_ANSWER) });
    expect((await answer).status).toBe(200);
    await connection.request('ACK');
    connection.send(inDialog('INVITE', invite, 2, SECOND_ANSWER.replace('bob 7 8', 'bob 7 9')));
    await vi.waitFor(() => expect(heard).toHaveLength(1), { timeout: 15_000 });
  });

  test('is cancelled once it was heard of', async () => {
    const { call, connection } = await established();
    const abort = new AbortController();
    const answer = call.reoffer(reoffer, abort.signal);
    const second = await connection.request('INVITE');
    connection.reply(second, 180);
    abort.abort(new Error('enough'));
    const cancel = await connection.request('CANCEL');
    expect(header(cancel, 'CSeq')).toBe(`${header(second, 'CSeq')?.split(' ')[0]} CANCEL`);
    connection.reply(cancel, 200);
    connection.reply(second, 487);
    expect((await answer).status).toBe(487);
  });

  test('R-AD-07: that rings when the flow goes is over at once', async () => {
    const flow = await established();
    const unheard = flow.call.reoffer(reoffer);
    flow.connection.reply(await flow.connection.request('INVITE'), 180);
    const lost = expect(unheard).rejects.toMatchObject({ code: 'link.lost' });
    await flow.agent.close();
    await lost;
  });

  test('R-AD-07: that rings when the other side ends the session is over at once', async () => {
    const { call, connection, invite } = await established();
    const unheard = call.reoffer(reoffer);
    const lost = expect(unheard).rejects.toMatchObject({ code: 'link.lost' });
    connection.reply(await connection.request('INVITE'), 180);
    connection.send(inDialog('BYE', invite, 1));
    await lost;
  });

  test('of a session that is over is an error', async () => {
    const { call, connection, invite } = await established();
    connection.send(inDialog('BYE', invite, 1));
    await connection.response(200, 'BYE');
    await expect(call.reoffer(reoffer)).rejects.toMatchObject({ code: 'request.invalid-state' });
  });
});

describe('a re-INVITE of the other side', () => {
  test('goes to its listener, whose answer is repeated in a refresh', async () => {
    const { call, connection, invite } = await established();
    const heard: IncomingReoffer[] = [];
    call.onReoffer((offer) => void heard.push(offer));
    connection.send(inDialog('INVITE', invite, 1, SECOND_ANSWER));
    await vi.waitFor(() => expect(heard).toHaveLength(1), { timeout: 15_000 });
    expect(fromUtf8(heard[0]?.body ?? utf8(''))).toBe(SECOND_ANSWER);
    heard[0]?.ring();
    await connection.response(180, 'INVITE');
    heard[0]?.accept(reoffer);
    heard[0]?.reject(603);
    const answer = await connection.response(200, 'INVITE');
    expect(fromUtf8(answer.body)).toBe(SECOND);
    expect(heard[0]?.settled.aborted).toBe(true);
    connection.send(inDialog('ACK', invite, 1));
    connection.send(inDialog('INVITE', invite, 2, SECOND_ANSWER));
    expect(fromUtf8((await connection.response(200, 'INVITE')).body)).toBe(SECOND);
    expect(heard).toHaveLength(1);
  });

  test('that is cancelled is answered 487, and its listener knows', async () => {
    const { call, connection, invite } = await established();
    const heard: IncomingReoffer[] = [];
    call.onReoffer((offer) => void heard.push(offer));
    connection.send(inDialog('INVITE', invite, 1, SECOND_ANSWER, 'z9hG4bKsame'));
    await vi.waitFor(() => expect(heard).toHaveLength(1), { timeout: 15_000 });
    connection.send(inDialog('CANCEL', invite, 1, '', 'z9hG4bKsame'));
    await connection.response(487, 'INVITE');
    expect(heard[0]?.settled.aborted).toBe(true);
  });

  test('whose listener fails is refused', async () => {
    const { call, connection, invite } = await established();
    call.onReoffer(() => {
      throw new Error('broken');
    });
    connection.send(inDialog('INVITE', invite, 1, SECOND_ANSWER));
    await connection.response(500, 'INVITE');
  });
});
