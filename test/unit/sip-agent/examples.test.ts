import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { decodeSip } from '../../../shared/protocol/sip/codec.ts';
import { header, headers, type SipRequest } from '../../../shared/protocol/sip/message.ts';
import { exampleOctets } from '../../vectors/example.ts';
import { useStage } from './stage.ts';

const stage = useStage();

/** the wire examples that the network sends to Alice */
const requests = readdirSync(new URL('../../vectors/examples', import.meta.url))
  .filter((name) => name.endsWith('.sip'))
  .map((name) => [name, decodeSip(exampleOctets(name))] as const)
  .filter((entry): entry is readonly [string, SipRequest] => entry[1].kind === 'request' && entry[1].uri.startsWith('sip:alice@'))
  .filter(([, request]) => request.method !== 'ACK');

/** What comes of a request outside of any dialog of ours. */
function expected(request: SipRequest): number {
  const isInDialog = /;tag=/.test(header(request, 'To') ?? '');
  if (isInDialog || request.method === 'NOTIFY' || request.method === 'CANCEL') return 481;
  return request.method === 'INVITE' ? 603 : 200;
}

describe('the examples the network sends', () => {
  test('there are some of each kind', () => {
    expect(requests.filter(([, { method }]) => method === 'MESSAGE').length).toBeGreaterThanOrEqual(3);
    expect(requests.filter(([, { method }]) => method === 'INVITE').length).toBeGreaterThanOrEqual(1);
  });

  test.each(requests)('%s is delivered unchanged and answered to its sender', async (_, request) => {
    const { agent, connection } = await stage.registered();
    const bodies: Uint8Array[] = [];
    agent.events.onMessage((message) => {
      bodies.push(message.body);
      message.answer(200);
    });
    agent.events.onInvite((invite) => {
      bodies.push(invite.body);
      invite.reject(603, 'Decline');
    });
    connection.send(request);
    const answer = await connection.response(expected(request));
    for (const name of ['Via', 'From', 'Call-ID', 'CSeq']) expect(headers(answer, name)).toEqual(headers(request, name));
    expect(header(answer, 'To')?.startsWith(header(request, 'To') ?? 'none')).toBe(true);
    expect(bodies).toEqual(expected(request) === 481 || request.method === 'OPTIONS' ? [] : [request.body]);
  });
});
