import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { randomToken } from '../../shared/base/random.ts';
import type { Message } from '../../shared/model/message.ts';
import { header } from '../../shared/protocol/sip/message.ts';
import { LargePeer } from '../harness/large-peer.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { type Person, type TwoPeople, twoPeople } from '../harness/two-people.ts';

const folder = temporaryFolder();
const GUESTS = ['carol', 'dave', 'erin', 'frank', 'grace', 'heidi'];
let people: TwoPeople;
beforeAll(async () => {
  people = await twoPeople(folder, { guests: GUESTS });
});
afterAll(() => people?.close());

async function sendTo(address: string, text: string): Promise<Message> {
  const { id } = await people.alice.call['conversations.open']({ address });
  return people.alice.call['messages.sendText']({ conversationId: id, clientId: randomToken(24), text });
}

async function became(sent: Message, status: Message['status']): Promise<Message> {
  return people.alice.seesMessage((message) => message.imdnId === sent.imdnId && message.status === status);
}

async function textsAt(person: Person, from: string): Promise<string[]> {
  const { id } = await person.call['conversations.open']({ address: from });
  return (await person.history(id)).map((message) => message.text);
}

describe('texts of every length', () => {
  test('short and large ones between each other arrive once each, in the order in which they were written, and are delivered', async () => {
    const texts = [
      'a short one',
      'x'.repeat(1200),
      'y'.repeat(1301),
      'and a short one again',
      'z'.repeat(100_000),
      // 3 and 4 octets a character: the boundaries of chunks fall inside of them
      '漢'.repeat(100_000),
      `1${'🙂'.repeat(49_999)}`,
      `12${'🙂'.repeat(49_999)}`,
      'the last one',
    ];
    const sent = await Promise.all(texts.map((text) => sendTo(people.bob.address, text)));
    for (const each of sent) await became(each, 'delivered');
    expect(await textsAt(people.bob, people.alice.address)).toEqual(texts);
    expect(people.alice.log.filter((line) => line.includes('large message'))).toEqual([]);
  });

  test('what was read is told as displayed, as of a short one', async () => {
    const sent = await sendTo(people.bob.address, 'to be read '.repeat(500));
    const received = await people.bob.seesMessage((message) => message.imdnId === sent.imdnId);
    await people.bob.call['conversations.markRead']({ conversationId: received.conversationId, upTo: received.id });
    const displayed = await became(sent, 'displayed');
    expect(displayed.deliveredAt).not.toBeNull();
  });
});

describe('a peer that', () => {
  const peers: LargePeer[] = [];
  afterAll(async () => {
    for (const peer of peers) await peer.vanish().catch(() => undefined);
  });

  async function peerOf(user: string): Promise<LargePeer> {
    const peer = await LargePeer.start(people.accountOf(user));
    peers.push(peer);
    return peer;
  }

  test.each([
    ['declines', 603, 'peer.declined'],
    ['takes no such media', 488, 'peer.unsupported'],
    ['takes no such body', 415, 'peer.unsupported'],
    ['does not know the method', 405, 'peer.unsupported'],
    ['finds it too large', 413, 'peer.too-large'],
  ] as const)('%s (%i) fails the text at once, with the reason, and the next one leaves', async (_, status, code) => {
    const peer = await peerOf('carol');
    const sent = await sendTo(people.accountOf('carol').address, 'no '.repeat(1000));
    peer.refuse(await peer.sip.request('INVITE'), status);
    expect((await became(sent, 'failed')).error?.code).toBe(code);
    const next = await sendTo(people.accountOf('carol').address, 'short');
    peer.refuse(await peer.sip.request('MESSAGE'), 200);
    await became(next, 'sent');
    await peer.vanish();
  });

  test.each([413, 405, 501, 513])('answers %i to a MESSAGE gets the same text in large message mode, once', async (status) => {
    const peer = await peerOf('dave');
    peer.obliging();
    const sent = await sendTo(people.accountOf('dave').address, `after ${status}`);
    const message = await peer.sip.request('MESSAGE');
    peer.refuse(message, status);
    const invite = await peer.sip.request('INVITE');
    for (const name of ['Conversation-ID', 'Contribution-ID']) expect(header(invite, name)).toBe(header(message, name));
    const octets: Uint8Array[] = [];
    peer.accept(invite, { write: (_, part) => void octets.push(part.slice()) });
    await became(sent, 'sent');
    expect(Buffer.concat(octets)).toEqual(Buffer.from(message.body));
    await peer.vanish();
  });

  test('refuses both modes gets no third try', async () => {
    const peer = await peerOf('dave');
    const sent = await sendTo(people.accountOf('dave').address, 'neither way');
    peer.refuse(await peer.sip.request('MESSAGE'), 405);
    peer.refuse(await peer.sip.request('INVITE'), 405);
    expect((await became(sent, 'failed')).error?.code).toBe('peer.unsupported');
    expect(peer.sip.inbox.filter((message) => message.kind === 'request' && message.method !== 'ACK')).toEqual([]);
    await peer.vanish();
  });

  test('vanishes in the middle gets it once it is back, once, and what was written later after it', async () => {
    const { address } = people.accountOf('erin');
    const peer = await peerOf('erin');
    const large = await sendTo(address, 'whole or not at all '.repeat(5000));
    const later = await sendTo(address, 'written later');
    const invite = await peer.sip.request('INVITE');
    await new Promise<void>((begun) => {
      const write = () => {
        begun();
        return new Promise<void>(() => undefined);
      };
      peer.accept(invite, { write });
    });
    await peer.vanish();
    const erin = await people.device('erin', 'erin');
    await became(large, 'delivered');
    await became(later, 'delivered');
    expect(await textsAt(erin, people.alice.address)).toEqual([large.text, later.text]);
  });

  test('vanishes after its last 200 and before it has kept the text gets it again', async () => {
    const { address } = people.accountOf('frank');
    const peer = await peerOf('frank');
    const large = await sendTo(address, 'taken, not kept '.repeat(5000));
    const invite = await peer.sip.request('INVITE');
    await new Promise<void>((resolve) => {
      peer.accept(invite, {
        complete: () => {
          setTimeout(resolve, 100);
          return new Promise(() => undefined);
        },
      });
    });
    await peer.vanish();
    const frank = await people.device('frank', 'frank');
    await became(large, 'delivered');
    expect(await textsAt(frank, people.alice.address)).toEqual([large.text]);
  });

  test('has it and could not say so does not show it twice', async () => {
    const { address } = people.accountOf('grace');
    const grace = await people.device('grace', 'grace');
    const large = await sendTo(address, 'once '.repeat(5000));
    await became(large, 'delivered');
    // the same message by the same id once more, as after a crash between the report and the booking
    const alice = await people.device('alice', 'alice-again');
    const { id } = await alice.call['conversations.open']({ address });
    await alice.call['messages.sendText']({ conversationId: id, clientId: large.imdnId, text: large.text });
    await alice.seesMessage((message) => message.imdnId === large.imdnId && /^(sent|delivered)$/.test(message.status));
    expect(await textsAt(grace, people.alice.address)).toEqual([large.text]);
    await alice.client.stop();
  });

  test('still rings when the app is closed is cancelled, and has it at the next start', async () => {
    const { address } = people.accountOf('heidi');
    const peer = await peerOf('heidi');
    const writer = await people.device('mallory', 'mallory');
    const { id } = await writer.call['conversations.open']({ address });
    const large = await writer.call['messages.sendText']({ conversationId: id, clientId: randomToken(24), text: 'patience '.repeat(500) });
    const invite = await peer.sip.request('INVITE');
    peer.sip.answer(invite, 180, 'Ringing');
    await writer.client.stop();
    const cancel = await peer.sip.request('CANCEL');
    expect(header(cancel, 'Call-ID')).toBe(header(invite, 'Call-ID'));
    await peer.vanish();
    const heidi = await people.device('heidi', 'heidi');
    const again = await people.device('mallory', 'mallory');
    await again.seesMessage((message) => message.imdnId === large.imdnId && message.status === 'delivered');
    expect(await textsAt(heidi, writer.address)).toEqual([large.text]);
  });
});
