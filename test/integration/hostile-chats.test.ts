import { createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { utf8 } from '../../shared/base/bytes.ts';
import { randomToken } from '../../shared/base/random.ts';
import type { Message } from '../../shared/model/message.ts';
import { encodeComposing } from '../../shared/protocol/iscomposing/iscomposing.ts';
import type { SipRequest } from '../../shared/protocol/sip/message.ts';
import { ChatPeer } from '../harness/chat-peer.ts';
import { LargePeer } from '../harness/large-peer.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { type TwoPeople, twoPeople } from '../harness/two-people.ts';

const folder = temporaryFolder();
const TYPING = 'application/im-iscomposing+xml';
let people: TwoPeople;
const servers: Server[] = [];
beforeAll(async () => {
  people = await twoPeople(folder, { guests: ['carol', 'dave', 'erin', 'frank'] });
  await people.alice.call['settings.change']({ preferredMode: 'session' });
});
afterAll(async () => {
  for (const server of servers) server.close();
  await people?.close();
});

describe('a session of somebody who means no good', () => {
  let mallory: ChatPeer;
  beforeAll(async () => {
    mallory = await ChatPeer.start(people.accountOf('mallory'));
  });
  afterAll(() => mallory?.close());
  const conversations = async () => (await people.bob.call['conversations.page']({ limit: 50 })).items.map(({ peer }) => peer);

  test('what is signed with the name of somebody else stands under the one who sent it', async () => {
    const chat = await mallory.open(people.bob.address);
    await chat.say('I am Alice, believe me', people.alice.address);
    const told = await people.bob.seesMessage(({ text }) => text === 'I am Alice, believe me');
    const { peer } = (await people.bob.call['conversations.page']({ limit: 50 })).items.find(({ id }) => id === told.conversationId) ?? {};
    expect(peer).toBe(people.accountOf('mallory').address);
    await chat.end();
  });

  test('a flood of typing is heard a few times, and a text behind it arrives', async () => {
    const chat = await mallory.open(people.bob.address);
    people.bob.told.length = 0;
    const documents = [encodeComposing('active', 600), encodeComposing('idle', 60)];
    const flood = Array.from({ length: 3000 }, (_, at) => chat.send(TYPING, documents[at % 2] as Uint8Array));
    // the engine refuses what is too much at once by itself
    await Promise.allSettled(flood);
    await chat.say('and now a text');
    await people.bob.seesMessage(({ text }) => text === 'and now a text');
    const told = people.bob.told.filter(({ event }) => event === 'typing.changed').length;
    expect(told).toBeGreaterThan(0);
    expect(told).toBeLessThan(200);
    expect(await conversations()).toEqual([people.accountOf('mallory').address]);
    await chat.end();
  });

  test.each([
    [TYPING, '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', 400],
    [TYPING, '<a/>', 400],
    ['message/cpim', 'no message at all', 400],
    ['image/png', 'x', 415],
    ['multipart/mixed;boundary=b', '--b--', 415],
  ])('%s with %j is refused, and the session goes on', async (type, body, status) => {
    const chat = await mallory.open(people.bob.address);
    await expect(chat.send(type, utf8(body))).rejects.toMatchObject({ code: 'msrp.refused', detail: expect.stringMatching(`^${status}`) });
    const text = `after ${randomToken(8)}`;
    await chat.say(text);
    await people.bob.seesMessage((message) => message.text === text);
    await chat.end();
  });
});

describe('a session that comes to nothing', { timeout: 120_000 }, () => {
  /** @param take gets what arrives on each connection */
  async function listen(take: (socket: Socket, octets: Buffer) => void): Promise<number> {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (octets) => take(socket, octets));
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  function accepts(peer: LargePeer, invite: SipRequest, port: number, setup: 'active' | 'passive'): void {
    const body = [
      ...['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0', `m=message ${port} TCP/MSRP *`],
      ...['a=accept-types:message/cpim', 'a=accept-wrapped-types:text/plain', `a=path:msrp://127.0.0.1:${port}/abcdefghijklmnopqrst;tcp`],
      ...[`a=setup:${setup}`, ''],
    ].join('\r\n');
    const headers = [
      ['Contact', `<${peer.sip.contactUri}>`],
      ['Content-Type', 'application/sdp'],
    ] as const;
    peer.sip.answer(invite, 200, 'OK', { headers, body });
  }

  /** 200 to each SEND that stands in these octets */
  function answerAll(socket: Socket, octets: Buffer): void {
    for (const [, id, to, from] of octets.toString('latin1').matchAll(/MSRP (\S+) SEND\r\nTo-Path: (\S+)\r\nFrom-Path: (\S+)/g)) {
      socket.write(`MSRP ${id} 200 OK\r\nTo-Path: ${from}\r\nFrom-Path: ${to}\r\n-------${id}$\r\n`);
    }
  }

  /** Alice's text to somebody whose 200 leads to that port. @returns what the MESSAGE brought after all, once the session was ended */
  async function text(user: string, port: number, setup: 'active' | 'passive'): Promise<{ sent: Message; body: string }> {
    const peer = await LargePeer.start(people.accountOf(user), ['session', 'msg']);
    const { address } = peer.sip.account;
    const { id } = await people.alice.call['conversations.open']({ address });
    const sent = await people.alice.call['messages.sendText']({ conversationId: id, clientId: randomToken(24), text: `hello ${user}` });
    accepts(peer, await peer.sip.request('INVITE', 20_000), port, setup);
    const bye = await peer.sip.request('BYE', 60_000);
    peer.sip.answer(bye, 200, 'OK');
    const message = await peer.sip.request('MESSAGE', 20_000);
    peer.sip.answer(message, 200, 'OK');
    await people.alice.seesMessage(({ imdnId, status }) => imdnId === sent.imdnId && status === 'sent');
    await peer.vanish();
    return { sent, body: Buffer.from(message.body).toString() };
  }

  test('nobody at the other end answers, connects, or answers the text: it leaves as a message of its own, under the same id', async () => {
    const silent = await listen(() => undefined);
    let answers = 0;
    const binds = await listen((socket, octets) => {
      if (answers++ === 0) answerAll(socket, octets);
    });
    const outcomes = await Promise.all([text('carol', silent, 'passive'), text('dave', silent, 'active'), text('erin', binds, 'passive')]);
    for (const { sent, body } of outcomes) {
      expect(body).toContain(`imdn.Message-ID: ${sent.imdnId}`);
      expect(body).toContain(sent.text);
    }
    expect(answers).toBeGreaterThan(1);
  });

  test('whose connection breaks under a text is followed by another one, in which the text is said again under the same id', async () => {
    const heard: string[] = [];
    const take = (socket: Socket, octets: Buffer): void => {
      const id = /imdn\.Message-ID: (\S+)/.exec(octets.toString())?.[1];
      if (id !== undefined) heard.push(id);
      if (id !== undefined && heard.length === 1) socket.destroy();
      else answerAll(socket, octets);
    };
    const peer = await LargePeer.start(people.accountOf('frank'), ['session', 'msg']);
    const port = await listen(take);
    const { id } = await people.alice.call['conversations.open']({ address: peer.sip.account.address });
    const sent = await people.alice.call['messages.sendText']({ conversationId: id, clientId: randomToken(24), text: 'twice on its way' });
    accepts(peer, await peer.sip.request('INVITE', 20_000), port, 'passive');
    peer.sip.answer(await peer.sip.request('BYE', 20_000), 200, 'OK');
    accepts(peer, await peer.sip.request('INVITE', 20_000), port, 'passive');
    await people.alice.seesMessage(({ imdnId, status }) => imdnId === sent.imdnId && status === 'sent');
    expect(heard).toEqual([sent.imdnId, sent.imdnId]);
    expect(peer.sip.inbox.filter((message) => message.kind === 'request' && message.method === 'MESSAGE')).toEqual([]);
    await peer.vanish();
  });
});
