import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { SessionHandlers } from '../../../electron/msrp/port.ts';
import { ChatService } from '../../../electron/services/chat/chat-service.ts';
import { Peers } from '../../../electron/services/chat/peers.ts';
import type { Envelope } from '../../../electron/services/envelope.ts';
import type { Inbox } from '../../../electron/services/inbox.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';
import { incomingInvite, sinkOf, stage } from './stage.ts';

const root = temporaryFolder();
const SDP = [
  'v=0',
  'o=- 1 1 IN IP4 127.0.0.1',
  's=-',
  'c=IN IP4 127.0.0.1',
  't=0 0',
  'm=message 2856 TCP/MSRP *',
  'a=accept-types:message/cpim text/plain',
  'a=path:msrp://127.0.0.1:2856/abcdefghijklmnopqrst;tcp',
  'a=setup:active',
  '',
].join('\r\n');
const octets = (text: string) => new TextEncoder().encode(text);

/** What comes in by a session of somebody else. */
async function session(headers: readonly { name: string; value: string }[] = []) {
  const world = stage(join(root, String(Math.random())));
  const taken: { envelope: Envelope; body: string }[] = [];
  const inbox = {
    hasRoom: () => true,
    take: async (envelope: Envelope, _type: string, body: Uint8Array) =>
      void taken.push({ envelope, body: new TextDecoder().decode(body) }),
  } as unknown as Inbox;
  let handlers: SessionHandlers | null = null;
  world.onConnect((given) => {
    handlers = given;
  });
  const call = incomingInvite('application/sdp', octets(SDP), headers);
  const chats = new ChatService(world.context, world.msrp, inbox, { peers: new Peers(world.context), onOver: () => undefined });
  await chats.invited(call.invite, 'oma.cpm.session');
  expect(call.said).toEqual(['200']);
  return { sink: sinkOf(handlers as unknown as SessionHandlers), taken };
}

test('a chunk that is sent again and shorter leaves no hole where the first one was', async () => {
  const { sink, taken } = await session();
  sink.write(0, octets('hello w'));
  sink.write(0, octets('HE'));
  sink.write(7, octets('orld'));
  await sink.complete(11);
  expect(taken.map(({ body }) => body)).toEqual(['HEllo world']);
});

test('chunks are placed by their range, whatever their order', async () => {
  const { sink, taken } = await session();
  sink.write(6, octets('world'));
  sink.write(0, octets('hello '));
  await sink.complete(11);
  expect(taken.map(({ body }) => body)).toEqual(['hello world']);
});

test('a Conversation-ID that could not be sent back counts as none', async () => {
  const bad = await session([{ name: 'Conversation-ID', value: 'a\u0000b' }]);
  await bad.sink.complete(0);
  expect(bad.taken[0]?.envelope.cpmConversationId).toBe('sip:alice@example.com sip:bob@example.com');
  const good = await session([{ name: 'Conversation-ID', value: 'f81d4fae-7dec' }]);
  await good.sink.complete(0);
  expect(good.taken[0]?.envelope.cpmConversationId).toBe('f81d4fae-7dec');
});
