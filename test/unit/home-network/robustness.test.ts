import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { HomeNetwork } from '../../../electron/home-network/index.ts';
import { heldOctets } from '../../harness/held-octets.ts';
import { ManualClock } from '../../harness/manual-clock.ts';
import { device, registered, start } from './start.ts';

async function raw(network: HomeNetwork): Promise<{ socket: Socket; heard: () => string; closed: Promise<unknown> }> {
  const socket = connect(network.address.port, network.address.host);
  let text = '';
  socket.on('data', (octets: Buffer) => (text += octets.toString('latin1')));
  socket.on('error', () => undefined);
  const closed = once(socket, 'close');
  await once(socket, 'connect');
  return { socket, heard: () => text, closed };
}

describe('hostile input', () => {
  it('answers a ping between messages', async () => {
    const alice = await registered(await start(), 'alice');
    alice.socket.write('\r\n\r\n');
    await expect.poll(() => alice.pongs).toBe(1);
  });

  it.each([
    ['binary octets', Buffer.from([0, 1, 2, 255])],
    ['HTTP', 'GET / HTTP/1.1\r\n\r\n'],
    ['a stream without Content-Length', 'OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/TCP h\r\n\r\n'],
    ['a header block that never ends', `OPTIONS sip:h SIP/2.0\r\nX: ${'x'.repeat(70_000)}`],
    ['a huge body', 'OPTIONS sip:h SIP/2.0\r\nContent-Length: 99999999\r\n\r\n'],
  ])('%s close that connection, and the others live on', async (_, octets) => {
    const network = await start();
    const [alice, bob] = [await registered(network, 'alice'), await registered(network, 'bob')];
    const bad = await raw(network);
    bad.socket.write(octets);
    await bad.closed;
    const sent = alice.ask('MESSAGE', 'sip:bob@home1.example', { body: 'still here' });
    bob.answer(await bob.request('MESSAGE'), 200, 'OK');
    expect((await sent).status).toBe(200);
  });

  it('answers 400 to a request whose fields are wrong, and goes on', async () => {
    const alice = await registered(await start(), 'alice');
    for (const extra of [
      ['CSeq', '1 INVITE'],
      ['CSeq', 'x'],
      ['From', '"unbalanced <sip:a@h>;tag=1'],
      ['Call-ID', ''],
      ['Max-Forwards', '300'],
      ['Contact', '<'],
    ] as const) {
      const request = alice.build('MESSAGE', 'sip:bob@home1.example', { headers: [extra] });
      alice.send(request);
      const response = await alice.next((message) => message.kind === 'response');
      expect(response).toMatchObject({ status: 400, reason: expect.stringMatching(/^Bad Request \(/) });
    }
    expect((await alice.ask('MESSAGE', 'sip:bob@home1.example', { headers: [['Accept-Contact', 'bogus']] })).status).toBe(400);
    expect((await alice.ask('MESSAGE', 'sip:bob@home1.example')).status).toBe(480);
  });

  it('ends a connection that keeps sending nonsense or wrong passwords', async () => {
    const network = await start({ bounds: { faultsPerFlow: 3 } });
    const alice = await device(network, 'alice');
    for (let at = 0; at < 5; at++) {
      const first = alice.registration();
      alice.send(first);
      const challenge = await alice.final(first).catch(() => null);
      if (challenge === null) break;
      alice.send(alice.registration({}, alice.credentials(challenge, first, { password: `guess ${at}` })));
    }
    await alice.closed();
  });

  it('ends a flood of requests nobody answers, and no more than that flow', async () => {
    const network = await start({ bounds: { openPerFlow: 20 } });
    const [alice, bob] = [await registered(network, 'alice'), await registered(network, 'bob')];
    for (let at = 0; at < 25; at++) alice.send(alice.build('MESSAGE', 'sip:bob@home1.example'));
    await alice.closed();
    expect((await bob.ask('OPTIONS', 'sip:home1.example')).status).toBe(200);
  });

  it('ends a flood of large requests nobody answers', async () => {
    const network = await start({ bounds: { openOctetsPerFlow: 1_000_000 } });
    const [alice, bob] = [await registered(network, 'alice'), await registered(network, 'bob')];
    const body = 'x'.repeat(400_000);
    for (let at = 0; at < 2; at++) {
      const sent = alice.ask('MESSAGE', 'sip:bob@home1.example', { body });
      bob.answer(await bob.request('MESSAGE'), 200, 'OK');
      expect((await sent).status).toBe(200);
    }
    for (let at = 0; at < 3; at++) alice.send(alice.build('MESSAGE', 'sip:bob@home1.example', { body }));
    await alice.closed();
    expect((await bob.ask('OPTIONS', 'sip:home1.example')).status).toBe(200);
  });

  it('sends no more to a device that answers nothing', async () => {
    const network = await start({ bounds: { openPerFlow: 5 } });
    const [alice, carol] = [await registered(network, 'alice'), await registered(network, 'carol')];
    const [mute, quick] = [await registered(network, 'bob'), await registered(network, 'bob')];
    for (let at = 0; at < 8; at++) {
      const sent = alice.ask('MESSAGE', 'sip:bob@home1.example');
      quick.answer(await quick.request('MESSAGE'), 200, 'OK');
      expect((await sent).status).toBe(200);
    }
    expect(mute.inbox).toHaveLength(5);
    await quick.close();
    await expect.poll(async () => (await carol.ask('MESSAGE', `sip:bob@home1.example;gr=${quick.instance}`)).status).toBe(480);
    expect((await carol.ask('MESSAGE', 'sip:bob@home1.example')).status).toBe(480);
  });

  it('waits for few ACKs of a flow', async () => {
    const clock = new ManualClock();
    const stranger = await device(await start({ clock }), 'alice');
    for (let at = 0; at < 300; at++) expect((await stranger.ask('INVITE', 'sip:bob@home1.example')).status).toBe(407);
    expect(clock.waiting).toBeLessThan(150);
  });

  it.each(['MESSAGE', 'INVITE'])('keeps no body of a %s it has answered', async (method) => {
    const stranger = await device(await start(), 'alice');
    const body = 'x'.repeat(500_000);
    const before = await heldOctets();
    for (let at = 0; at < 100; at++) expect((await stranger.ask(method, 'sip:bob@home1.example', { body })).status).toBe(407);
    expect((await heldOctets()) - before).toBeLessThan(10_000_000);
  });

  it('takes no more connections than it may', async () => {
    const network = await start({ bounds: { connections: 1 } });
    const alice = await registered(network, 'alice');
    await (await raw(network)).closed;
    expect((await alice.ask('OPTIONS', 'sip:home1.example')).status).toBe(200);
  });

  it('gives the place of a connection on which nobody registered to the next one', async () => {
    const network = await start({ bounds: { connections: 3 } });
    const alice = await registered(network, 'alice');
    const idle = await Promise.all([raw(network), raw(network)]);
    const bob = await registered(network, 'bob');
    await idle[0]?.closed;
    const carol = await registered(network, 'carol');
    await idle[1]?.closed;
    for (const peer of [alice, bob, carol]) expect((await peer.ask('OPTIONS', 'sip:home1.example')).status).toBe(200);
    await (await raw(network)).closed;
  });

  it('sees its own Via come back as a loop', async () => {
    const network = await start();
    const [alice, bob] = [await registered(network, 'alice'), await registered(network, 'bob')];
    const sent = alice.ask('MESSAGE', 'sip:bob@home1.example');
    const got = await bob.request('MESSAGE');
    const back = {
      ...got,
      uri: 'sip:alice@home1.example',
      headers: [...bob.build('MESSAGE', got.uri).headers.slice(0, 1), ...got.headers],
    };
    bob.send(back);
    expect(await bob.next((message) => message.kind === 'response')).toMatchObject({ status: 482 });
    bob.answer(got, 200, 'OK');
    await sent;
  });

  it('ignores answers nobody asked for', async () => {
    const network = await start();
    const [alice, bob] = [await registered(network, 'alice'), await registered(network, 'bob')];
    const request = alice.build('MESSAGE', 'sip:bob@home1.example');
    alice.send(request);
    const got = await bob.request('MESSAGE');
    const carol = await registered(network, 'carol');
    carol.answer(got, 200, 'Forged');
    bob.answer(got, 480, 'Real');
    expect((await alice.final(request)).reason).toBe('Real');
  });

  it('closes while requests are open', async () => {
    const network = await start();
    const [alice, bob] = [await registered(network, 'alice'), await registered(network, 'bob')];
    alice.send(alice.build('INVITE', 'sip:bob@home1.example'));
    await bob.request('INVITE');
    await network.close();
    await alice.closed();
    await bob.closed();
  });
});
