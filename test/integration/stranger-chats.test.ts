import { statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { randomToken } from '../../shared/base/random.ts';
import { type Chat, ChatPeer } from '../harness/chat-peer.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { type TwoPeople, twoPeople } from '../harness/two-people.ts';

const folder = temporaryFolder();
let people: TwoPeople;
const peers: ChatPeer[] = [];
beforeAll(async () => {
  people = await twoPeople(folder, { guests: ['carol'], strangers: ['mallory', 'carol'] });
});
afterAll(async () => {
  for (const peer of peers) await peer.close();
  await people?.close();
});

async function strangerOf(user: string): Promise<ChatPeer> {
  const peer = await ChatPeer.start(people.accountOf(user));
  peers.push(peer);
  return peer;
}

/** says them all, one after the other. @returns what each came to: '' or the MSRP error */
async function sayAll(chat: Chat, texts: readonly string[]): Promise<string[]> {
  const outcomes: string[] = [];
  for (const text of texts) {
    outcomes.push(
      await chat.say(text).then(
        () => '',
        (thrown) => thrown.code,
      ),
    );
  }
  return outcomes;
}

describe('the chat session of a stranger', { timeout: 180_000 }, () => {
  const storedOf = (start: string): number =>
    new Set(
      people.bob.told.flatMap(({ event, payload }) =>
        event === 'message.changed' && (payload as { text: string }).text.startsWith(start) ? [(payload as { id: number }).id] : [],
      ),
    ).size;

  test('stores so many texts and no more, is over then, and friends are heard meanwhile', async () => {
    const mallory = await strangerOf('mallory');
    const chat = await mallory.open(people.bob.address);
    const over = new Promise((resolve) => chat.invite.onEnded(resolve));
    const outcomes = await sayAll(
      chat,
      Array.from({ length: 450 }, (_, at) => `fill ${at}`),
    );
    expect(outcomes.slice(0, 300).every((outcome) => outcome === '')).toBe(true);
    expect(outcomes).toContain('msrp.stopped');
    expect(await over).toEqual({ by: 'remote', error: null, reason: null });
    // what came back meanwhile is one a second
    expect(storedOf('fill ')).toBe(outcomes.filter((outcome) => outcome === '').length);

    const { id } = await people.alice.conversationWith(people.bob);
    await people.alice.call['messages.sendText']({ conversationId: id, clientId: randomToken(24), text: 'still there?' });
    await people.bob.seesMessage(({ text }) => text === 'still there?');
  });

  test('in octets as well, and another one has to wait until the person has answered', async () => {
    const carol = await strangerOf('carol');
    const chat = await carol.open(people.bob.address);
    const before = statSync(join(people.bob.data, 'parley.db')).size;
    // 297 kB each: fifteen are above what one stranger may
    const outcomes = await sayAll(
      chat,
      Array.from({ length: 16 }, () => `much ${'漢'.repeat(99_000)}`),
    );
    expect(outcomes.slice(0, 14)).toEqual(Array(14).fill(''));
    expect(outcomes.slice(14)).toEqual(['msrp.stopped', 'msrp.stopped']);
    expect(storedOf('much ')).toBe(14);
    expect(statSync(join(people.bob.data, 'parley.db')).size - before).toBeLessThan(32 * 1024 * 1024);
    // a short one finds room where a long one does not
    expect(await sayAll(chat, ['short'])).toEqual(['']);

    const { conversationId } = await people.bob.seesMessage(({ text }) => text === 'short');
    await people.bob.call['conversations.accept']({ conversationId });
    expect(await sayAll(chat, [`more ${'漢'.repeat(99_000)}`, `more ${'漢'.repeat(99_001)}`])).toEqual(['', '']);
    await chat.end();
  });
});
