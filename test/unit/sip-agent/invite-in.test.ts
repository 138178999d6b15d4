import { describe, expect, test, vi } from 'vitest';
import type { IncomingInvite } from '../../../electron/sip/port.ts';
import { fromUtf8, utf8 } from '../../../shared/base/bytes.ts';
import { header, headers, type SipRequest } from '../../../shared/protocol/sip/message.ts';
import { type Extra, requestOf, type ScriptedConnection } from '../../harness/scripted-sip-server.ts';
import { ANSWER, BOB_CONTACT, GRUU, INSTANCE, OFFER, useStage } from './stage.ts';

const stage = useStage();
const ICSI = '+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.filetransfer"';
const ROUTE = '<sip:pcscf.home1.example:5060;transport=tcp;lr>';
const ACCEPTANCE = {
  contentType: 'application/sdp',
  body: utf8(OFFER),
  contactParameters: ICSI,
  headers: [{ name: 'Session-Expires', value: '1800;refresher=uac' }],
};

/** the INVITE of example F13-01 */
function fileInvite(fields: readonly (readonly [string, string])[] = []): SipRequest {
  return requestOf('INVITE', {
    uri: GRUU,
    callId: '78dee8ddac4237a3@as.home2.example',
    branch: 'z9hG4bK0698c2f53efe',
    headers: [
      ['Record-Route', ROUTE],
      ...BOB_CONTACT,
      ['P-Asserted-Identity', '"Bob" <sip:bob@home2.example>'],
      ['Supported', 'timer'],
      ['Content-Type', 'multipart/related;boundary=b'],
      ...fields,
    ],
    body: ANSWER,
  });
}

function follow(
  invite: SipRequest,
  method: string,
  toTag: string,
  cseq = 1,
  fields: readonly (readonly [string, string])[] = [],
): SipRequest {
  const sameTransaction = method === 'CANCEL' || toTag === 'refused';
  return requestOf(method, {
    uri: GRUU,
    callId: header(invite, 'Call-ID') ?? '',
    branch: sameTransaction ? 'z9hG4bK0698c2f53efe' : `z9hG4bK${method}${cseq}`,
    cseq,
    to: method === 'CANCEL' ? '<sip:alice@home1.example>' : `<sip:alice@home1.example>;tag=${toTag}`,
    headers: fields,
  });
}

const tagOf = (message: { readonly headers: SipRequest['headers'] }): string => /;tag=(.+)$/.exec(header(message, 'To') ?? '')?.[1] ?? '';

async function called(
  fields: readonly (readonly [string, string])[] = [],
  registration: Extra = {},
): Promise<{ call: IncomingInvite; connection: ScriptedConnection; invite: SipRequest; agent: ReturnType<typeof stage.agent> }> {
  const { agent, connection } = await stage.registered({}, registration);
  const offered = new Promise<IncomingInvite>((resolve) => agent.events.onInvite(resolve));
  const invite = fileInvite(fields);
  connection.send(invite);
  const call = await offered;
  await connection.response(100);
  return { agent, call, connection, invite };
}

async function established(): Promise<Awaited<ReturnType<typeof called>> & { tag: string }> {
  const all = await called();
  const accepted = all.call.accept(ACCEPTANCE);
  const tag = tagOf(await all.connection.response(200));
  all.connection.send(follow(all.invite, 'ACK', tag));
  await accepted;
  return { ...all, tag };
}

describe('INVITE in', () => {
  test('the listener gets it whole; 180, then 200 with the body and Contact given, done with the ACK', async () => {
    const { call, connection, invite } = await called();
    expect(call).toMatchObject({
      from: 'sip:bob@home2.example',
      originator: 'sip:bob@home2.example',
      originatorName: 'Bob',
      contentType: 'multipart/related;boundary=b',
    });
    expect(fromUtf8(call.body)).toBe(ANSWER);
    call.ring();
    const ringing = await connection.response(180);
    expect(headers(ringing, 'Record-Route')).toEqual([ROUTE]);
    expect(header(ringing, 'Contact')).toBe(`<${GRUU}>;+sip.instance="<${INSTANCE}>"`);
    let isAcknowledged = false;
    const accepted = call.accept(ACCEPTANCE).then(() => {
      isAcknowledged = true;
    });
    const answer = await connection.response(200);
    expect(header(answer, 'Via')).toBe(header(invite, 'Via'));
    expect(headers(answer, 'Record-Route')).toEqual([ROUTE]);
    expect(tagOf(answer)).toBe(tagOf(ringing));
    expect(tagOf(answer)).toMatch(/^[\w-]{16}$/);
    expect(header(answer, 'Contact')).toBe(`<${GRUU}>;+sip.instance="<${INSTANCE}>";${ICSI}`);
    expect(header(answer, 'Session-Expires')).toBe('1800;refresher=uac');
    expect(header(answer, 'Content-Type')).toBe('application/sdp');
    expect(headers(answer, 'Content-Disposition')).toEqual([]);
    expect(fromUtf8(answer.body)).toBe(OFFER);
    expect(headers(answer, 'Allow')).toContain('UPDATE');
    expect(isAcknowledged).toBe(false);
    connection.send(follow(invite, 'ACK', tagOf(answer)));
    await accepted;
  });

  test('180 is sent again every minute, so that no proxy takes the invitation for dead, until it is answered', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      // nobody promises pongs, so that time alone does not break the flow
      const contact = `<sip:alice@192.0.2.1>;+sip.instance="<${INSTANCE}>";expires=3600`;
      const { call, connection } = await called([], { headers: [['Contact', contact]] });
      call.ring();
      const first = await connection.response(180);
      for (let minute = 1; minute <= 3; minute++) {
        vi.advanceTimersByTime(60_000);
        expect(tagOf(await connection.response(180))).toBe(tagOf(first));
      }
      call.reject(603);
      await connection.response(603);
      vi.advanceTimersByTime(31_000);
      vi.advanceTimersByTime(31_000);
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
      expect(connection.untaken.filter((message) => message.kind === 'response' && message.status === 180)).toEqual([]);
    } finally {
      vi.useRealTimers();
    }
  });

  test('603 is sent once with its reason and headers, and its ACK ends the transaction', async () => {
    const { call, connection, invite } = await called();
    call.reject(603, 'Decline', [{ name: 'Warning', value: '399 home1.example "133 Size exceeded"' }]);
    call.reject(486);
    const refusal = await connection.response(603);
    expect(refusal.reason).toBe('Decline');
    expect(header(refusal, 'Warning')).toContain('133');
    expect(headers(refusal, 'Contact')).toEqual([]);
    connection.send(follow(invite, 'ACK', 'refused'));
    await expect(call.accept(ACCEPTANCE)).rejects.toMatchObject({ code: 'request.invalid-state' });
    expect(connection.untaken).toEqual([]);
  });

  test('without a listener it is 480, and a listener that throws makes it 500', async () => {
    const { agent, connection } = await stage.registered();
    connection.send(fileInvite());
    await connection.response(480);
    agent.events.onInvite(() => {
      throw new Error('listener');
    });
    connection.send({
      ...fileInvite(),
      headers: fileInvite().headers.map((field) => (field.name === 'Call-ID' ? { name: 'Call-ID', value: 'other' } : field)),
    });
    await connection.response(500);
  });

  test.each([
    [[], false],
    [[['Reason', 'SIP;cause=200;text="Call completed elsewhere"']], true],
    [[['Reason', 'Q.850;cause=16, SIP;cause=200']], true],
    [[['Reason', 'SIP;cause=480']], false],
  ] as [[string, string][], boolean][])('CANCEL with %j is answered, the INVITE gets 487', async (fields, elsewhere) => {
    const { call, connection, invite } = await called();
    const cancelled = vi.fn();
    call.onCancelled(cancelled);
    connection.send(follow(invite, 'CANCEL', '', 1, fields));
    const answer = await connection.response(200, 'CANCEL');
    expect(header(answer, 'CSeq')).toBe('1 CANCEL');
    await connection.response(487, 'INVITE');
    expect(cancelled.mock.calls).toEqual([[{ elsewhere }]]);
    call.reject(603);
    await expect(call.accept(ACCEPTANCE)).rejects.toMatchObject({ code: 'request.invalid-state' });
    expect(connection.untaken).toEqual([]);
  });

  test('BYE of the other side ends it', async () => {
    const { call, connection, invite, tag } = await established();
    const ended = vi.fn();
    call.onEnded(ended);
    connection.send(follow(invite, 'BYE', tag, 2));
    await connection.response(200, 'BYE');
    expect(ended.mock.calls).toEqual([[{ by: 'remote', error: null, reason: null }]]);
    await call.end();
    expect(connection.untaken).toEqual([]);
  });

  test('end sends BYE to the Contact by the recorded route, and offered it is 480', async () => {
    const { call, connection, tag } = await established();
    const ended = call.end();
    const bye = await connection.request('BYE');
    expect(bye.uri).toBe('sip:bob@home2.example;gr=urn:uuid:3c5a1f0e-9b1d-4d6f-8a55-2f6f0a7b9d11');
    expect(headers(bye, 'Route')).toEqual([ROUTE]);
    expect(header(bye, 'From')).toBe(`<sip:alice@home1.example>;tag=${tag}`);
    expect(header(bye, 'To')).toBe('<sip:bob@home2.example>;tag=bobtag');
    connection.reply(bye, 200);
    await ended;
    const other = await called();
    await other.call.end();
    await other.connection.response(480);
  });

  test('end before the ACK waits for it', async () => {
    const { call, connection, invite } = await called();
    const accepted = call.accept(ACCEPTANCE);
    const tag = tagOf(await connection.response(200));
    await call.end();
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(connection.untaken).toEqual([]);
    connection.send(follow(invite, 'ACK', tag));
    await accepted;
    connection.reply(await connection.request('BYE'), 200);
  });

  test('a 200 without ACK is repeated, and ends with peer.timeout and BYE', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const { call, connection } = await called();
      const accepted = expect(call.accept(ACCEPTANCE)).rejects.toMatchObject({ code: 'peer.timeout' });
      await connection.response(200);
      vi.advanceTimersByTime(500);
      await connection.response(200);
      vi.advanceTimersByTime(31_500);
      await accepted;
      connection.reply(await connection.request('BYE'), 200);
    } finally {
      vi.useRealTimers();
    }
  });

  test('the link breaking closes a prompt, fails an acceptance and ends a call', async () => {
    const offered = await called();
    const cancelled = new Promise((resolve) => offered.call.onCancelled(resolve));
    offered.connection.destroy();
    await expect(cancelled).resolves.toEqual({ elsewhere: false });

    const waiting = await called();
    const accepted = waiting.call.accept(ACCEPTANCE);
    await waiting.connection.response(200);
    waiting.connection.destroy();
    await expect(accepted).rejects.toMatchObject({ code: 'link.lost' });

    const up = await established();
    const ended = new Promise((resolve) => up.call.onEnded(resolve));
    await up.agent.close();
    await expect(ended).resolves.toMatchObject({ by: 'link' });
  });

  test('without GRUU the Contact is the address of the flow', async () => {
    const agent = stage.agent();
    const opened = stage.server.connection();
    const pending = agent.register();
    const connection = await opened;
    const register = await connection.request('REGISTER');
    connection.reply(register, 200, { headers: [['Contact', header(register, 'Contact') ?? '']] });
    await pending;
    const offered = new Promise<IncomingInvite>((resolve) => agent.events.onInvite(resolve));
    connection.send({ ...fileInvite(), uri: `sip:alice@127.0.0.1:5060` });
    (await offered).ring();
    expect(header(await connection.response(180), 'Contact')).toMatch(/^<sip:alice@127\.0\.0\.1:[0-9]+;transport=tcp>;\+sip\.instance=/);
  });

  test('an INVITE that comes twice is offered once', async () => {
    const { agent, connection } = await stage.registered();
    const offered = vi.fn();
    agent.events.onInvite(offered);
    connection.send(fileInvite());
    connection.send(fileInvite());
    await connection.response(100);
    await connection.response(100);
    expect(offered).toHaveBeenCalledTimes(1);
  });

  test('an acceptance that cannot be written is refused and the invitation stays open', async () => {
    const { call, connection } = await called();
    await expect(call.accept({ ...ACCEPTANCE, body: new Uint8Array() })).rejects.toMatchObject({ code: 'request.invalid' });
    await expect(call.accept({ ...ACCEPTANCE, contactParameters: 'a\r\nb' })).rejects.toMatchObject({ code: 'request.invalid' });
    expect(() => call.reject(200)).toThrow(/request\.invalid/);
    expect(() => call.reject(603, 'a\r\nb')).toThrow(/request\.invalid/);
    call.reject(488);
    await connection.response(488);
  });
});

describe('R-REG-11: leaving with calls of others', () => {
  test('one that is up gets a BYE before the binding ends, and its owner hears of it', async () => {
    const { agent, call, connection } = await established();
    const ended = vi.fn();
    call.onEnded(ended);
    const left = agent.unregister();
    connection.reply(await connection.request('BYE'), 200);
    connection.reply(await connection.request('REGISTER'), 200);
    await left;
    expect(ended.mock.calls).toEqual([[{ by: 'link', error: { code: 'link.offline', detail: 'this device is signing out' } }]]);
  });

  test('one that is not answered yet is refused with 480', async () => {
    const { agent, call, connection } = await called();
    const cancelled = vi.fn();
    call.onCancelled(cancelled);
    const left = agent.unregister();
    await connection.response(480, 'INVITE');
    connection.reply(await connection.request('REGISTER'), 200);
    await left;
    expect(cancelled.mock.calls).toEqual([[{ elsewhere: false }]]);
  });
});
