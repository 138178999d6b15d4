import { expect, test } from 'vitest';
import type { Notification, Subscription, SubscriptionEnd } from '../../../electron/sip/port.ts';
import { fromUtf8, utf8 } from '../../../shared/base/bytes.ts';
import { header, type SipRequest } from '../../../shared/protocol/sip/message.ts';
import type { ScriptedConnection } from '../../harness/scripted-sip-server.ts';
import { GRUU, INSTANCE, useStage } from './stage.ts';

const stage = useStage();
const TARGET = 'sip:CPMDeferredMsgHndlg@home1.example';

async function subscribed(granted = '3600') {
  const { agent, connection } = await stage.registered();
  const told: string[] = [];
  const ends: SubscriptionEnd[] = [];
  const subscription: Subscription = agent.subscribe({
    target: TARGET,
    event: 'deferred-messages',
    accept: 'application/x-cpm-deferred-messages+xml',
    expires: 3600,
    contactParameters: '',
    headers: [{ name: 'P-Preferred-Identity', value: '<sip:alice@home1.example>' }],
  });
  subscription.onNotify(({ body }: Notification) => told.push(fromUtf8(body)));
  subscription.onEnded((end) => ends.push(end));
  const request = await connection.request('SUBSCRIBE');
  const accept = () =>
    connection.reply(request, 200, {
      toTag: 'psi',
      headers: [
        ['Expires', granted],
        ['Contact', '<sip:pf1@home1.example>'],
        ['Record-Route', '<sip:pcscf.home1.example;lr>'],
      ],
    });
  return { agent, connection, subscription, request, accept, told, ends };
}

/** A NOTIFY of the dialog that the SUBSCRIBE began. */
function notify(
  connection: ScriptedConnection,
  subscribe: SipRequest,
  cseq: number,
  body: string,
  more: Record<string, string> = {},
): void {
  const { tag = 'psi', state = 'active;expires=3600', event = 'deferred-messages' } = more;
  const text = [
    `NOTIFY ${GRUU} SIP/2.0`,
    `Via: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bKn${cseq}${tag}`,
    'Max-Forwards: 70',
    `From: <${TARGET}>;tag=${tag}`,
    `To: ${header(subscribe, 'From')}`,
    `Call-ID: ${header(subscribe, 'Call-ID')}`,
    `CSeq: ${cseq} NOTIFY`,
    'Contact: <sip:pf1@home1.example>',
    `Event: ${event}`,
    `Subscription-State: ${state}`,
    'Content-Type: text/plain',
    `Content-Length: ${utf8(body).length}`,
    '',
    body,
  ].join('\r\n');
  connection.write(utf8(text));
}

test('R-REG-12: it is the SUBSCRIBE of F19-01', async () => {
  const { request } = await subscribed();
  expect(request.uri).toBe(TARGET);
  expect(header(request, 'Event')).toBe('deferred-messages');
  expect(header(request, 'Expires')).toBe('3600');
  expect(header(request, 'Contact')).toBe(`<${GRUU}>;+sip.instance="<${INSTANCE}>"`);
  expect(header(request, 'Allow')).toMatch(/\bNOTIFY$/);
});

test('each NOTIFY is told once and in order, also before the answer; a repetition is answered and not told', async () => {
  const { connection, request, accept, told, subscription } = await subscribed();
  notify(connection, request, 1, 'one');
  expect((await connection.response(200, 'NOTIFY')).status).toBe(200);
  accept();
  await subscription.answer;
  notify(connection, request, 1, 'one');
  await connection.response(200, 'NOTIFY');
  notify(connection, request, 2, 'two');
  await connection.response(200, 'NOTIFY');
  expect(told).toEqual(['one', 'two']);
});

test('what is of another dialog, another package or out of order is refused', async () => {
  const { connection, request, accept, told, subscription } = await subscribed();
  accept();
  await subscription.answer;
  notify(connection, request, 5, 'x', { tag: 'fork' });
  await connection.response(481, 'NOTIFY');
  notify(connection, request, 5, 'x', { event: 'presence' });
  await connection.response(489, 'NOTIFY');
  notify(connection, request, 5, 'five');
  await connection.response(200, 'NOTIFY');
  notify(connection, request, 4, 'x');
  await connection.response(500, 'NOTIFY');
  expect(told).toEqual(['five']);
});

test('it is refreshed in its dialog, and ended by Expires: 0; what comes of it after that is answered and not told', async () => {
  const { connection, subscription, accept, request, told, ends } = await subscribed();
  accept();
  await subscription.answer;
  const refreshing = subscription.refresh();
  const refresh = await connection.request('SUBSCRIBE');
  expect(header(refresh, 'To')).toContain(';tag=psi');
  expect(header(refresh, 'CSeq')).toBe('2 SUBSCRIBE');
  expect(refresh.uri).toBe('sip:pf1@home1.example');
  expect(header(refresh, 'Route')).toBe('<sip:pcscf.home1.example;lr>');
  connection.reply(refresh, 200, { headers: [['Expires', '3600']] });
  await refreshing;
  const ending = subscription.end();
  const last = await connection.request('SUBSCRIBE');
  expect(header(last, 'Expires')).toBe('0');
  connection.reply(last, 200);
  await ending;
  notify(connection, request, 1, 'last', { state: 'terminated;reason=timeout' });
  await connection.response(200, 'NOTIFY');
  expect([told, ends]).toEqual([[], []]);
});

test('the network ends it with a reason, or a refresh finds it gone', async () => {
  const { connection, subscription, request, accept, ends } = await subscribed();
  accept();
  await subscription.answer;
  notify(connection, request, 1, '', { state: 'terminated;reason=deactivated;retry-after=7' });
  await connection.response(200, 'NOTIFY');
  expect(ends).toMatchObject([{ by: 'remote', reason: 'deactivated', retryAfterMs: 7000 }]);
  notify(connection, request, 2, 'x');
  await connection.response(481, 'NOTIFY');
  await subscription.refresh();
});

test('423 is met with what it names, and 489 is told', async () => {
  const { connection, subscription, request } = await subscribed();
  connection.reply(request, 423, { headers: [['Min-Expires', '7200']] });
  const again = await connection.request('SUBSCRIBE');
  expect(header(again, 'Expires')).toBe('7200');
  connection.reply(again, 489);
  expect((await subscription.answer).status).toBe(489);
});

test('a flow that is gone ends it', async () => {
  const { connection, subscription, accept, ends } = await subscribed();
  accept();
  await subscription.answer;
  connection.end();
  await expect.poll(() => ends).toMatchObject([{ by: 'link' }]);
});
