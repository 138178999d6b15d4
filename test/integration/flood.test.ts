import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { utf8 } from '../../shared/base/bytes.ts';
import type { SipRequest, SipResponse } from '../../shared/protocol/sip/message.ts';
import { SipPeer } from '../harness/sip-peer.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { type TwoPeople, twoPeople } from '../harness/two-people.ts';

const CPM = '*;+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.msg"';
const OFFER =
  'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=message 9 TCP/MSRP *\r\na=path:msrp://127.0.0.1:9/x;tcp\r\na=setup:active\r\n';

describe('a stranger who floods', { timeout: 120_000 }, () => {
  const folder = temporaryFolder();
  let people: TwoPeople;
  let mallory: SipPeer;

  beforeAll(async () => {
    people = await twoPeople(join(folder, 'people'), { strangers: ['mallory'] });
    mallory = await SipPeer.connect({ host: '127.0.0.1', port: people.networkPort }, people.accountOf('mallory'));
    expect((await mallory.register()).status).toBe(200);
  });
  afterAll(async () => {
    await mallory?.close();
    await people?.close();
  });

  it('keeps neither friend from being heard nor the person from writing, and fills neither store nor log', async () => {
    const { alice, bob } = people;
    const began = Date.now();
    let sent = 0;
    let going = true;
    const flood = (async () => {
      while (going) {
        for (let at = 0; at < 50; at++, sent++) mallory.send(request(mallory, sent));
        // what is open at once has a limit in the network; the answers make room
        while (going && sent - mallory.inbox.length > 400) await new Promise((resolve) => setTimeout(resolve, 1));
        mallory.inbox.length = Math.min(mallory.inbox.length, sent);
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    // until it has used up what it may
    await expect
      .poll(() => alice.log.filter((line) => line.startsWith('too many requests')).length, { timeout: 30_000 })
      .toBeGreaterThan(0);

    const [here, there] = [await alice.conversationWith(bob), await bob.conversationWith(alice)];
    await bob.call['messages.sendText']({ conversationId: there.id, clientId: 'friend-under-flood-0', text: 'are you there?' });
    await alice.seesMessage(({ text, direction }) => text === 'are you there?' && direction === 'in', 30_000);
    await alice.call['messages.sendText']({ conversationId: here.id, clientId: 'answer-under-flood-0', text: 'I am' });
    await bob.seesMessage(({ text, direction }) => text === 'I am' && direction === 'in', 30_000);
    await alice.seesMessage(({ text, status }) => text === 'I am' && status === 'delivered', 30_000);

    going = false;
    await flood;
    const seconds = (Date.now() - began) / 1000;
    const stored = alice.told.filter(
      ({ event, payload }) => event === 'message.changed' && (payload as { text: string }).text.startsWith('flood'),
    );
    expect(sent).toBeGreaterThan(1000);
    expect(stored.length).toBeGreaterThan(0);
    expect(stored.length).toBeLessThanOrEqual(120 + 5 * seconds + 5);
    expect(alice.log.filter((line) => line.startsWith('too many requests')).length).toBeLessThanOrEqual(1 + seconds / 10);
    const refused = mallory.inbox.filter((message) => message.kind === 'response' && message.status === 480);
    expect(refused.some((message) => message.headers.some(({ name }) => name === 'Retry-After'))).toBe(true);
  });

  it('is heard again once it has calmed down', async () => {
    const { alice } = people;
    await expect
      .poll(async () => (await mallory.ask('MESSAGE', alice.address, message('calm'))).status, { timeout: 20_000, interval: 600 })
      .toBe(200);
    await alice.seesMessage(({ text }) => text === 'calm');
  });

  it('at the door of MSRP takes no place from those that have a session', async () => {
    const { alice, bob } = people;
    const description = await offerOf(mallory, alice.address);
    const port = Number(/m=message ([0-9]+)/.exec(description)?.[1]);
    const sockets = Array.from({ length: 300 }, (_, at) => {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => undefined);
      if (at % 3 === 1) socket.write('GET / HTTP/1.1\r\n\r\n');
      if (at % 3 === 2) socket.write(utf8('MSRP '));
      return socket;
    });
    const there = await bob.conversationWith(alice);
    // above what a MESSAGE carries: it comes in a session of its own
    const text = `large ${'x'.repeat(5000)}`;
    await bob.call['messages.sendText']({ conversationId: there.id, clientId: 'large-under-flood-00', text });
    await alice.seesMessage((each) => each.text === text, 30_000);
    for (const socket of sockets) socket.destroy();
  });
});

function message(text: string): { headers: readonly (readonly [string, string])[]; body: string } {
  return {
    headers: [
      ['Accept-Contact', CPM],
      ['Content-Type', 'text/plain'],
    ],
    body: text,
  };
}

/** MESSAGE, OPTIONS, INVITE and what nobody understands, in turn */
function request(peer: SipPeer, at: number) {
  const target = 'sip:alice@parley.example';
  switch (at % 4) {
    case 0:
      return peer.build('MESSAGE', target, message(`flood ${at}`));
    case 1:
      return peer.build('OPTIONS', target, { headers: [['Accept-Contact', CPM]] });
    case 2:
      return peer.build('INVITE', target, {
        headers: [
          ['Accept-Contact', CPM.replace('.msg', '.session')],
          ['Contact', `<${peer.contactUri}>`],
          ['Content-Type', 'application/sdp'],
        ],
        body: 'garbage',
      });
    default:
      return peer.build('MESSAGE', target, { headers: [['Content-Type', 'application/x-unknown']], body: '\u0000garbage' });
  }
}

/** The session description that a chat session is answered with: it tells where MSRP listens. */
async function offerOf(peer: SipPeer, target: string): Promise<string> {
  const headers = [
    ['Accept-Contact', CPM.replace('.msg', '.session')],
    ['Contact', `<${peer.contactUri}>`],
    ['Content-Type', 'application/sdp'],
  ] as const;
  let invite = peer.build('INVITE', target, { headers, body: OFFER });
  let response = await ask(peer, invite);
  // a stranger who has just flooded has to wait
  while (response.status === 480) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    invite = peer.build('INVITE', target, { headers, body: OFFER });
    response = await ask(peer, invite);
  }
  expect(response.status).toBe(200);
  peer.send(peer.inDialog(invite, response, 'ACK', 1));
  return Buffer.from(response.body).toString('utf8');
}

function ask(peer: SipPeer, request: SipRequest): Promise<SipResponse> {
  peer.send(request);
  return peer.final(request, 20_000);
}
