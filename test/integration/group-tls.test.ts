import { afterAll, beforeAll, expect, test } from 'vitest';
import { became, invitedTo, memberOf, say } from '../harness/group-talk.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { type TwoPeople, twoPeople } from '../harness/two-people.ts';

const folder = temporaryFolder();
let people: TwoPeople;
beforeAll(async () => {
  people = await twoPeople(folder, { overTls: ['alice'] });
});
afterAll(() => people?.close());

test('R-GRP-01, R-GRP-07: who offers MSRP over TLS makes a group, talks in it and is asked to one, beside somebody over TCP', async () => {
  const { alice, bob } = people;
  const { conversationId: a } = await alice.call['groups.create']({
    subject: 'Sealed',
    addresses: [bob.address, 'sip:mallory@parley.example'],
  });
  const { conversationId: b } = await invitedTo(bob, 'Sealed');
  await bob.call['groups.join']({ conversationId: b });
  await memberOf(bob, 'Sealed');
  await became(bob, await say(alice, a, 'over TLS'), 'received');
  await became(alice, await say(bob, b, 'over TCP'), 'received');
  const offer = alice.said.find((request) => request.startsWith('INVITE') && request.includes('conference-factory'));
  expect(offer).toMatch(/^m=message \d+ TCP\/TLS\/MSRP \*\r?$/m);

  const { conversationId: other } = await bob.call['groups.create']({
    subject: 'Asked',
    addresses: [alice.address, 'sip:mallory@parley.example'],
  });
  const { conversationId: asked } = await invitedTo(alice, 'Asked');
  await alice.call['groups.join']({ conversationId: asked });
  await memberOf(alice, 'Asked');
  await became(alice, await say(bob, other, 'hello'), 'received');
  await became(bob, await say(alice, asked, 'here'), 'received');
});
