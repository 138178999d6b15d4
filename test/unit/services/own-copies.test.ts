import { expect, test } from 'vitest';
import { Inbox } from '../../../electron/services/inbox.ts';
import { answerMessage } from '../../../electron/services/incoming-messages.ts';
import { StrangerRoom } from '../../../electron/services/stranger-room.ts';
import { encodeCpim } from '../../../shared/protocol/cpim/cpim.ts';
import { makeCpim } from '../../../shared/protocol/cpim/cpim-message.ts';
import { encodeImdn, IMDN_TYPE } from '../../../shared/protocol/imdn/imdn.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';
import { ALL_ASKED, BOB, receive } from '../store/fixture.ts';
import { stage } from './stage.ts';

const ME = 'sip:alice@example.com';
const folder = temporaryFolder();

function world() {
  const world = stage(folder);
  const room = new StrangerRoom(() => true, world.clock);
  const inbox = new Inbox(world.context, () => undefined, { take: () => undefined, ended: () => undefined }, room);
  /** @returns what it was answered */
  async function take(
    content: { text: string } | { displayed: string },
    { to = BOB, asserted = ME, id = 'own1', type = 'message/cpim' } = {},
  ): Promise<number> {
    const displayed = 'displayed' in content && {
      contentType: IMDN_TYPE,
      content: encodeImdn({
        ...{ messageId: content.displayed, dateTime: '2026-11-20T10:00:00Z', recipientUri: ME, originalRecipientUri: ME },
        ...{ disposition: 'display', status: 'displayed' },
      }),
    };
    const said = displayed || { contentType: 'text/plain', content: (content as { text: string }).text };
    const body = encodeCpim(makeCpim({ from: ME, to, dateTime: '2026-11-20T10:00:00Z', imdnMessageId: id, ...said }));
    let answered = 0;
    await answerMessage(world.context, inbox, {
      ...{ from: ME, originator: asserted, originatorName: '', callId: 'c1', cseq: 1, contentType: type, body },
      headers: [
        { name: 'P-Asserted-Identity', value: `<${asserted}>` },
        { name: 'Message-Direction', value: 'sent' },
        { name: 'Contribution-ID', value: 'k1' },
      ],
      answer: (status) => {
        answered = status;
      },
    });
    return answered;
  }
  const { calls } = world;
  const messagesWith = (peer: string) => {
    const { id } = calls.openConversation({ peer, title: '', cpmConversationId: 'x', now: 1 });
    return calls.messages({ conversationId: id, limit: 50 }).items;
  };
  return { ...world, take, messagesWith };
}

test('a text that left by another device stands here as sent, once, and leaves no more', async () => {
  const { take, messagesWith, calls } = world();
  expect([await take({ text: 'hello' }), await take({ text: 'hello' })]).toEqual([200, 200]);
  expect(messagesWith(BOB).map(({ direction, status, text, imdnId }) => [direction, status, text, imdnId])).toEqual([
    ['out', 'sent', 'hello', 'own1'],
  ]);
  expect(calls.outboxTake({ now: 1e12, limit: 9, notifications: 9 }).items).toEqual([]);
});

test('what was displayed on another device is read here with what came before it, and nobody is told again', async () => {
  const { take, messagesWith, calls } = world();
  for (const id of ['m1', 'm2', 'm3']) receive(calls, id, ALL_ASKED);
  await take({ displayed: 'm2' });
  expect(
    messagesWith(BOB)
      .map(({ imdnId, status }) => `${imdnId} ${status}`)
      .sort(),
  ).toEqual(['m1 read', 'm2 read', 'm3 received']);
  const { id } = calls.openConversation({ peer: BOB, title: '', cpmConversationId: 'x', now: 1 });
  expect(calls.conversation(id).unread).toBe(1);
  const owed = calls.outboxTake({ now: 1e12, limit: 9, notifications: 9 }).items;
  expect(owed.map((item) => item.kind === 'notification' && item.disposition)).not.toContain('displayed');
  await take({ displayed: 'never-heard-of' });
});

test('who is not this person cannot write in their name', async () => {
  const { take, messagesWith } = world();
  expect(await take({ text: 'forged' }, { asserted: 'sip:mallory@example.com' })).toBe(200);
  expect(messagesWith(BOB)).toEqual([]);
  // it is what it is: a message of whoever sent it
  expect(messagesWith('sip:mallory@example.com').map(({ direction }) => direction)).toEqual(['in']);
});

test('what cannot be read, or is to nobody else, is passed over', async () => {
  const { take, messagesWith } = world();
  expect(await take({ text: 'note' }, { to: ME })).toBe(200);
  expect(await take({ text: 'x' }, { to: 'not an address' })).toBe(200);
  expect(await take({ text: 'x' }, { type: 'image/png' })).toBe(200);
  expect(messagesWith(BOB)).toEqual([]);
});
