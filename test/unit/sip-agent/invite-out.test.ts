import { describe, expect, test, vi } from 'vitest';
import { utf8 } from '../../../shared/base/bytes.ts';
import { header, headers, type SipRequest } from '../../../shared/protocol/sip/message.ts';
import { requestOf, type ScriptedConnection } from '../../harness/scripted-sip-server.ts';
import { ANSWER, BOB_CONTACT, fileInvite, GRUU, INSTANCE, pass, useStage } from './stage.ts';

const stage = useStage();
const SDP: readonly (readonly [string, string])[] = [...BOB_CONTACT, ['Content-Type', 'application/sdp']];
const ROUTE = '<sip:pcscf.home1.example:5060;transport=tcp;lr>';

async function calling(overrides = {}): Promise<{
  call: ReturnType<ReturnType<typeof stage.agent>['invite']>;
  connection: ScriptedConnection;
  invite: SipRequest;
  agent: ReturnType<typeof stage.agent>;
}> {
  const { agent, connection } = await stage.registered();
  const call = agent.invite(fileInvite(overrides));
  return { agent, call, connection, invite: await connection.request('INVITE') };
}

async function established(): Promise<Awaited<ReturnType<typeof calling>> & { ack: SipRequest }> {
  const all = await calling();
  all.connection.reply(all.invite, 200, { headers: [['Record-Route', ROUTE], ...SDP], body: utf8(ANSWER), toTag: 'bob1' });
  await all.call.answer;
  return { ...all, ack: await all.connection.request('ACK') };
}

/** a request of Bob's inside the dialog */
function inDialog(
  method: string,
  invite: SipRequest,
  cseq: number,
  headersOf: readonly (readonly [string, string])[] = [],
  body = '',
): SipRequest {
  return requestOf(method, {
    uri: GRUU,
    callId: header(invite, 'Call-ID') ?? '',
    branch: `z9hG4bK${method}${cseq}`,
    cseq,
    from: '<sip:bob@home2.example>;tag=bob1',
    to: header(invite, 'From') ?? '',
    headers: headersOf,
    body,
  });
}

describe('INVITE out', () => {
  test('R-FT-04 R-FT-05 R-LM-07 R-LM-08 R-SES-09 R-SES-10: it is the INVITE of example F11-01', async () => {
    const { connection, invite } = await calling();
    expect(invite.uri).toBe('sip:bob@home2.example');
    expect(header(invite, 'Route')).toBe(`<sip:127.0.0.1:${stage.server.port};transport=tcp;lr>, <sip:orig@scscf.home1.example;lr>`);
    expect(header(invite, 'Contact')).toBe(
      `<${GRUU}>;+sip.instance="<${INSTANCE}>";+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.filetransfer"`,
    );
    expect(header(invite, 'Accept-Contact')).toBe(
      '*;+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.filetransfer";require;explicit',
    );
    expect(headers(invite, 'Accept-Contact').join()).not.toContain('oma.cpm.session');
    expect(headers(invite, 'Supported')).toEqual(['timer', 'gruu']);
    expect(header(invite, 'Session-Expires')).toBe('1800;refresher=uac');
    expect(header(invite, 'Allow')).toContain('INVITE');
    expect(header(invite, 'User-Agent')).toContain('CPM-client/OMA2.0');
    expect(header(invite, 'Content-Type')).toBe('application/sdp');
    expect(headers(invite, 'Content-Disposition')).toEqual([]);
    expect(invite.body).toEqual(fileInvite().body);
    expect(connection.textOf(invite)).not.toContain('masked');
  });

  test('a multipart body and its type go out as given, and the answer comes back unparsed', async () => {
    const body = Uint8Array.from({ length: 3000 }, (_, at) => at % 256);
    const contentType = 'multipart/related;type="application/sdp";start="<s@x>";boundary="b-é"';
    const { call, connection, invite } = await calling({ contentType, body, headers: [{ name: 'Supported', value: 'norefersub' }] });
    expect(header(invite, 'Content-Type')).toBe(contentType);
    expect(header(invite, 'MIME-Version')).toBe('1.0');
    expect(headers(invite, 'Supported')).toEqual(['norefersub', 'timer', 'gruu']);
    expect(invite.body).toEqual(body);
    connection.reply(invite, 200, { headers: [...BOB_CONTACT, ['Content-Type', 'multipart/mixed;boundary=x']], body });
    const answer = await call.answer;
    expect(answer.contentType).toBe('multipart/mixed;boundary=x');
    expect(answer.body).toEqual(body);
  });

  test('a public GRUU as Contact of the answer is the Request-URI of ACK and BYE, octet for octet, by the recorded route', async () => {
    const { call, connection, ack, invite } = await established();
    expect(ack.uri).toBe('sip:bob@home2.example;gr=urn:uuid:3c5a1f0e-9b1d-4d6f-8a55-2f6f0a7b9d11');
    expect(headers(ack, 'Route')).toEqual([ROUTE]);
    expect(header(ack, 'CSeq')).toBe('1 ACK');
    const ended = call.end();
    const bye = await connection.request('BYE');
    expect(bye.uri).toBe(ack.uri);
    expect(headers(bye, 'Route')).toEqual([ROUTE]);
    expect(header(bye, 'CSeq')).toBe('2 BYE');
    expect(header(bye, 'From')).toBe(header(invite, 'From'));
    expect(header(bye, 'To')).toBe('<sip:bob@home2.example>;tag=bob1');
    connection.reply(bye, 200);
    await ended;
  });

  test('180 is told, a refusal is an answer and is acknowledged with the preferences of the INVITE and both routes', async () => {
    const { call, connection, invite } = await calling();
    const progress = vi.fn();
    call.onProgress(progress);
    connection.reply(invite, 100);
    connection.reply(invite, 180, { headers: BOB_CONTACT });
    connection.reply(invite, 603, { reason: 'Decline <"now">' });
    await expect(call.answer).resolves.toMatchObject({ status: 603, reason: 'Decline <"now">' });
    expect(progress.mock.calls).toEqual([[180]]);
    const ack = await connection.request('ACK');
    expect(header(ack, 'Route')).toBe(header(invite, 'Route'));
    expect(header(ack, 'Via')).toBe(header(invite, 'Via'));
    expect(header(ack, 'Accept-Contact')).toBe(header(invite, 'Accept-Contact'));
  });

  test('a 180 without To tag and Contact is told, too', async () => {
    const { call, connection, invite } = await calling();
    const told = new Promise((resolve) => call.onProgress(resolve));
    const bare = { kind: 'response' as const, status: 180, reason: 'Ringing', headers: invite.headers.slice(0, 7), body: new Uint8Array() };
    connection.send(bare);
    await expect(told).resolves.toBe(180);
  });

  test('end before any provisional answer waits for one, then CANCELs with branch and CSeq number of the INVITE', async () => {
    const { call, connection, invite } = await calling();
    const ended = call.end();
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(connection.untaken).toEqual([]);
    connection.reply(invite, 100);
    const cancel = await connection.request('CANCEL');
    expect(header(cancel, 'Via')).toBe(header(invite, 'Via'));
    expect(header(cancel, 'CSeq')).toBe('1 CANCEL');
    expect(header(cancel, 'Accept-Contact')).toBe(header(invite, 'Accept-Contact'));
    expect(header(cancel, 'Route')).toBe(header(invite, 'Route'));
    expect(headers(cancel, 'Require')).toEqual([]);
    connection.reply(cancel, 200);
    connection.reply(invite, 487);
    await ended;
    await expect(call.answer).resolves.toMatchObject({ status: 487 });
    await connection.request('ACK');
  });

  test('end before the challenge came does not send the INVITE again', async () => {
    const { call, connection, invite } = await calling();
    const ended = call.end();
    connection.reply(invite, 407, { headers: [['Proxy-Authenticate', 'Digest realm="p", nonce="n", qop="auth"']] });
    await ended;
    await expect(call.answer).resolves.toMatchObject({ status: 487 });
    await connection.request('ACK');
    expect(connection.untaken).toEqual([]);
  });

  test('a 200 that crossed the CANCEL is acknowledged and ended, and the caller hears 487', async () => {
    const { call, connection, invite } = await calling();
    connection.reply(invite, 180, { headers: BOB_CONTACT });
    const progressed = connection.request('CANCEL');
    const ended = call.end();
    connection.reply(await progressed, 200);
    connection.reply(invite, 200, { headers: SDP, body: utf8(ANSWER) });
    await expect(call.answer).resolves.toMatchObject({ status: 487 });
    await connection.request('ACK');
    connection.reply(await connection.request('BYE'), 200);
    await ended;
  });

  test('of several 2xx the first is the call, the others are acknowledged and ended', async () => {
    const { call, connection, invite } = await calling();
    connection.reply(invite, 200, { headers: SDP, body: utf8(ANSWER), toTag: 'first' });
    connection.reply(invite, 200, { headers: SDP, body: utf8(ANSWER), toTag: 'second' });
    connection.reply(invite, 200, { headers: SDP, body: utf8(ANSWER), toTag: 'first' });
    await expect(call.answer).resolves.toMatchObject({ status: 200 });
    const acks = [await connection.request('ACK'), await connection.request('ACK'), await connection.request('ACK')];
    expect(acks.map((ack) => /tag=(\w+)/.exec(header(ack, 'To') ?? '')?.[1]).sort()).toEqual(['first', 'first', 'second']);
    const bye = await connection.request('BYE');
    expect(header(bye, 'To')).toContain('tag=second');
    connection.reply(bye, 200);
    const ended = call.end();
    const own = await connection.request('BYE');
    expect(header(own, 'To')).toContain('tag=first');
    connection.reply(own, 200);
    await ended;
  });

  test('a 2xx without Contact and To tag still makes a call that can be ended', async () => {
    const { call, connection, invite } = await calling();
    connection.send({
      kind: 'response',
      status: 200,
      reason: '',
      headers: invite.headers.filter(({ name }) => /^(Via|From|To|Call-ID|CSeq)$/.test(name)),
      body: utf8(ANSWER),
    });
    await expect(call.answer).resolves.toMatchObject({ status: 200 });
    expect((await connection.request('ACK')).uri).toBe('sip:bob@home2.example');
    const ended = call.end();
    connection.reply(await connection.request('BYE'), 200);
    await ended;
  });

  test('BYE of the other side ends it once, and end afterwards sends nothing', async () => {
    const { call, connection, invite } = await established();
    const ended = vi.fn();
    call.onEnded(ended);
    connection.send(inDialog('BYE', invite, 1));
    const answer = await connection.response(200, 'BYE');
    expect(header(answer, 'To')).toBe(header(invite, 'From'));
    expect(ended.mock.calls).toEqual([[{ by: 'remote', error: null, reason: null }]]);
    await call.end();
    connection.send(inDialog('BYE', invite, 2));
    await connection.response(481, 'BYE');
    expect(connection.untaken).toEqual([]);
  });

  test('a refresh by re-INVITE or UPDATE is answered with our description, a changed session is refused', async () => {
    const { connection, invite } = await established();
    const fields: [string, string][] = [...(SDP as [string, string][]), ['Session-Expires', '1800;refresher=uac']];
    connection.send(inDialog('INVITE', invite, 1, fields, ANSWER));
    const refreshed = await connection.response(200, 'INVITE');
    expect(refreshed.body).toEqual(fileInvite().body);
    expect(header(refreshed, 'Contact')).toBe(header(invite, 'Contact'));
    expect(header(refreshed, 'Session-Expires')).toBe('1800;refresher=uac');
    connection.send(inDialog('ACK', invite, 1));
    connection.send(inDialog('INVITE', invite, 2, SDP, ANSWER.replace('o=bob 7 7', 'o=bob 7 8')));
    await connection.response(488, 'INVITE');
    connection.send({
      ...inDialog('ACK', invite, 2),
      headers: inDialog('INVITE', invite, 2).headers.map((field) => (field.name === 'CSeq' ? { name: 'CSeq', value: '2 ACK' } : field)),
    });
    connection.send(inDialog('UPDATE', invite, 3, [['Session-Expires', '1800']]));
    const updated = await connection.response(200, 'UPDATE');
    expect(header(updated, 'Session-Expires')).toBe('1800;refresher=uac');
    connection.send(inDialog('UPDATE', invite, 4, SDP, ANSWER));
    await connection.response(488, 'UPDATE');
  });

  test('the link breaking ends the call by link, and fails one that waits', async () => {
    const { agent, call, connection } = await established();
    const waiting = agent.invite(fileInvite());
    await connection.request('INVITE');
    const ended = new Promise((resolve) => call.onEnded(resolve));
    connection.destroy();
    await expect(ended).resolves.toMatchObject({ by: 'link', error: { code: 'link.lost' } });
    await expect(waiting.answer).rejects.toMatchObject({ code: 'link.lost' });
    await expect(agent.invite(fileInvite()).answer).rejects.toMatchObject({ code: 'link.offline' });
  });

  test('no answer at all is link.timeout after 32 s, and no answer to a CANCEL too', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const { agent, call, connection } = await calling();
      const unanswered = expect(call.answer).rejects.toMatchObject({ code: 'link.timeout' });
      await pass(connection, 32_000);
      await unanswered;
      const second = agent.invite(fileInvite());
      connection.reply(await (async () => connection.request('INVITE'))(), 100);
      abandonedEnd(second.end());
      connection.reply(await connection.request('CANCEL'), 200);
      const cancelled = expect(second.answer).rejects.toMatchObject({ code: 'link.timeout' });
      await pass(connection, 32_000);
      await cancelled;
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('R-REG-11: leaving with calls of ours', () => {
  test('one that is up gets a BYE before the binding ends, and its owner hears of it', async () => {
    const { agent, call, connection } = await established();
    const ended = vi.fn();
    call.onEnded(ended);
    const left = agent.unregister();
    const bye = await connection.request('BYE');
    const last = await connection.request('REGISTER');
    expect(header(last, 'Contact')).toMatch(/;expires=0$/);
    connection.reply(bye, 200);
    connection.reply(last, 200);
    await left;
    expect(ended.mock.calls).toEqual([[{ by: 'link', error: { code: 'link.offline', detail: 'this device is signing out' } }]]);
  });

  test('one that is not answered yet gets a CANCEL', async () => {
    const { agent, call, connection, invite } = await calling();
    connection.reply(invite, 180, { toTag: 'bob1' });
    await new Promise<void>((resolve) => call.onProgress(() => resolve()));
    const left = agent.unregister();
    connection.reply(await connection.request('CANCEL'), 200);
    connection.reply(invite, 487, { toTag: 'bob1' });
    connection.reply(await connection.request('REGISTER'), 200);
    await left;
    expect((await call.answer).status).toBe(487);
  });
});

function abandonedEnd(pending: Promise<void>): void {
  pending.catch(() => undefined);
}
