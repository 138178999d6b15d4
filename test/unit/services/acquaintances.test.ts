import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Acquaintances } from '../../../electron/services/acquaintances.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';
import { BOB, CAROL, NOTHING_ASKED, openWith, receive } from '../store/fixture.ts';
import { stage } from './stage.ts';

const folder = temporaryFolder();
const NUMBER = 'tel:+49301234567';
const MALLORY = 'sip:mallory@example.com';

function hear(world: ReturnType<typeof stage>, peer: string, aliases: readonly string[], asRequest = false) {
  const text = { peer, aliases, asRequest, title: peer, cpmConversationId: peer, contributionId: peer, imdnId: peer, text: 'hello' };
  return world.calls.receiveText({ ...text, sentAt: 1, now: 2, notify: NOTHING_ASKED });
}

test('whom the person writes with is known by every address that the network asserts, also after a restart', async () => {
  const world = stage(join(folder, 'a'));
  hear(world, BOB, [NUMBER]);
  hear(world, MALLORY, ['tel:+15550199'], true);
  const restarted = new Acquaintances(world.context, []);
  await restarted.load();
  expect([BOB, NUMBER, MALLORY, 'tel:+15550199', CAROL].map((address) => restarted.has(address))).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
});

test('an address that is asserted beside a known one is known from then on, whichever came first', () => {
  const world = stage(join(folder, 'b'));
  const known = new Acquaintances(world.context, [{ address: BOB }]);
  known.meet([NUMBER]);
  known.meet([MALLORY, 'tel:+15550199']);
  expect([NUMBER, MALLORY, 'tel:+15550199'].some((address) => known.has(address))).toBe(false);
  known.meet([NUMBER, BOB]);
  expect(known.has(NUMBER)).toBe(true);
  world.context.notices.changed({ conversation: { ...openWith(world.calls, CAROL), blocked: true } });
  expect([known.has(CAROL), known.has(BOB)]).toEqual([false, true]);
});

test('who is kept out is known by none of their addresses', async () => {
  const world = stage(join(folder, 'c'));
  const { conversation } = hear(world, BOB, [NUMBER]);
  receive(world.calls, 'of-carol', NOTHING_ASKED, CAROL);
  world.calls.blockConversation({ conversationId: conversation.id, blocked: true, now: 3 });
  const restarted = new Acquaintances(world.context, []);
  await restarted.load();
  expect([restarted.has(NUMBER), restarted.has(CAROL)]).toEqual([false, true]);
});
