import fc from 'fast-check';
import { expect, it } from 'vitest';
import { encodeSip } from '../../../shared/protocol/sip/codec.ts';
import type { SipHeader, SipMessage } from '../../../shared/protocol/sip/message.ts';
import { registered, start } from '../../unit/home-network/start.ts';

const METHODS = ['REGISTER', 'MESSAGE', 'INVITE', 'ACK', 'CANCEL', 'BYE', 'OPTIONS', 'UPDATE', 'INFO', 'PRACK', 'SUBSCRIBE'];
const FIELDS = [
  'Via',
  'From',
  'To',
  'Call-ID',
  'CSeq',
  'Contact',
  'Max-Forwards',
  'Accept-Contact',
  'Route',
  'Record-Route',
  'Require',
  'Supported',
];
const MORE_FIELDS = [
  'Expires',
  'Event',
  'Privacy',
  'P-Preferred-Identity',
  'Authorization',
  'Proxy-Authorization',
  'Path',
  'Content-Type',
  'X-Own',
];
const PIECES = [
  'sip:',
  'bob@',
  'alice@',
  'home1.example',
  ';gr',
  ';gr=',
  '<',
  '>',
  '"',
  ',',
  ';',
  '=',
  '*',
  ' ',
  '\\',
  '%00',
  'é',
  '1',
  '0',
  'Digest ',
];

const value = fc.oneof(
  fc.array(fc.constantFrom(...PIECES), { maxLength: 8 }).map((pieces) => pieces.join('')),
  fc.constantFrom(
    '<sip:bob@home1.example>',
    '*',
    '*;require;explicit',
    '99999999999',
    '-1',
    'Digest username="alice", realm="home1.example", nonce="a.b.c", uri="", response="00000000000000000000000000000000", qop=auth, nc=00000001, cnonce="x"',
  ),
);
const damage = fc.record({
  field: fc.constantFrom(...FIELDS, ...MORE_FIELDS),
  value: fc.option(value, { nil: null }),
  isAdded: fc.boolean(),
});

it('keeps serving its users whatever a registered device sends', async () => {
  const lines: string[] = [];
  const network = await start({ log: (line) => lines.push(line), bounds: { faultsPerFlow: 1e9, openPerFlow: 1e9, sessionsPerFlow: 1e9 } });
  const [alice, bob] = [await registered(network, 'alice'), await registered(network, 'bob')];
  const plan = fc.record({
    method: fc.constantFrom(...METHODS),
    uri: fc.constantFrom('sip:bob@home1.example', 'sip:home1.example', 'sip:alice@home1.example;gr', 'tel:+1', 'sip:%ff@home1.example'),
    damages: fc.array(damage, { maxLength: 3 }),
    answer: fc.option(
      fc.record({ status: fc.constantFrom(100, 180, 200, 302, 401, 480, 603), damages: fc.array(damage, { maxLength: 2 }) }),
      { nil: null },
    ),
  });
  await fc.assert(
    fc.asyncProperty(plan, async ({ method, uri, damages, answer }) => {
      write(alice.socket, { ...alice.build(method, uri), headers: damaged(alice.build(method, uri).headers, damages) });
      // the socket of bob shows what came through; he answers some of it, damaged too
      await new Promise((resolve) => setImmediate(resolve));
      for (const got of bob.inbox.splice(0)) {
        if (got.kind !== 'request' || answer === null) continue;
        const kept = got.headers.filter(({ name }) => ['Via', 'From', 'To', 'Call-ID', 'CSeq'].includes(name));
        write(bob.socket, {
          kind: 'response',
          status: answer.status,
          reason: '',
          headers: damaged(kept, answer.damages),
          body: new Uint8Array(0),
        });
      }
    }),
    { numRuns: 1_500 },
  );
  alice.inbox.length = 0;
  const carol = await registered(network, 'carol');
  const sent = alice.ask('MESSAGE', 'sip:carol@home1.example', { body: 'still here' });
  carol.answer(await carol.request('MESSAGE'), 200, 'OK');
  expect((await sent).status).toBe(200);
  expect(lines.filter((line) => line.includes('internal error'))).toEqual([]);
  expect(lines.filter((line) => line.includes(' 500 '))).toEqual([]);
});

function damaged(
  fields: readonly SipHeader[],
  damages: readonly { readonly field: string; readonly value: string | null; readonly isAdded: boolean }[],
): SipHeader[] {
  let changed = [...fields];
  for (const { field, value: text, isAdded } of damages) {
    if (!isAdded) changed = changed.filter(({ name }) => name !== field);
    if (text !== null) changed.push({ name: field, value: text });
  }
  return changed;
}

function write(socket: { write(octets: Uint8Array): unknown }, message: SipMessage): void {
  socket.write(encodeSip(message));
}
