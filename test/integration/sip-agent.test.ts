import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type HomeNetwork, startHomeNetwork } from '../../electron/home-network/index.ts';
import type { Binding, IncomingInvite, IncomingMessage, OutgoingRequest, UserAgent } from '../../electron/sip/port.ts';
import { createUserAgent } from '../../electron/sip/user-agent.ts';
import { fromUtf8, utf8 } from '../../shared/base/bytes.ts';

const ICSI = '+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.';
const SERVICES = ['oma.cpm.msg', 'oma.cpm.largemsg', 'oma.cpm.session', 'oma.cpm.filetransfer'];
const INSTANCES = ['urn:uuid:f81d4fae-7dec-41d0-a765-00a0c91e6bf6', 'urn:uuid:3c5a1f0e-9b1d-4d6f-8a55-2f6f0a7b9d11'] as const;
const OFFER = 'v=0\r\no=a 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=message 9 TCP/MSRP *\r\n';
const USERS = [
  { user: 'alice', password: 'Pa55-0rd', displayName: 'Älice' },
  { user: 'bob', password: 'b0b', displayName: 'Bob' },
];

let network: HomeNetwork;
let agents: UserAgent[] = [];
let escaped: unknown[] = [];
const onEscape = (reason: unknown): void => {
  escaped.push(reason);
};

beforeEach(async () => {
  escaped = [];
  process.on('unhandledRejection', onEscape);
  network = await startHomeNetwork({ host: '127.0.0.1', port: 0, domain: 'home.test', users: USERS });
});

afterEach(async () => {
  for (const agent of agents) await agent.close();
  agents = [];
  await network.close();
  process.off('unhandledRejection', onEscape);
  expect(escaped).toEqual([]);
});

function agentOf(index: 0 | 1, password?: string): UserAgent {
  const account = network.accounts[index];
  if (account === undefined) throw new Error('no such account');
  const agent = createUserAgent({
    address: account.address,
    displayName: account.displayName,
    user: account.user,
    password: password ?? account.password,
    outboundProxy: network.address,
    transport: 'tcp',
    instanceUrn: INSTANCES[index],
    services: SERVICES,
    userAgent: 'CPM-client/OMA2.0 Parley/0.1.0 (test)',
    expires: 3600,
  });
  agents.push(agent);
  return agent;
}

async function twoAgents(): Promise<{ alice: UserAgent; bob: UserAgent; bindings: readonly [Binding, Binding] }> {
  const [alice, bob] = [agentOf(0), agentOf(1)];
  return { alice, bob, bindings: [await alice.register(), await bob.register()] };
}

function request(service: string, target: string, contentType: string, body: string): OutgoingRequest {
  return {
    target,
    headers: [
      { name: 'Accept-Contact', value: `*;${ICSI}${service}";require;explicit` },
      { name: 'P-Preferred-Service', value: `urn:urn-7:3gpp-service.ims.icsi.${service}` },
      { name: 'Contribution-ID', value: 'a2bf7895-79cc-4472-aa49-dec738325008' },
    ],
    contactParameters: `${ICSI}${service}"`,
    contentType,
    body: utf8(body),
  };
}

const next = <T>(on: (listener: (event: T) => void) => unknown): Promise<T> => new Promise((resolve) => on(resolve));

describe('two agents on the home network', () => {
  test('R-REG-01: both register, with a GRUU each, refresh and leave', async () => {
    const { alice, bindings } = await twoAgents();
    expect(bindings[0].publicGruu).toMatch(/^sip:alice@home\.test;gr=/);
    expect(bindings[0].addresses).toContain('sip:alice@home.test');
    expect(bindings[0].localHost).toBe('127.0.0.1');
    await alice.register();
    await alice.unregister();
  });

  test('a wrong password is link.credentials', async () => {
    await expect(agentOf(0, 'wrong').register()).rejects.toMatchObject({ code: 'link.credentials' });
  });

  test('R-PM-01: MESSAGE goes both ways, the answer by the GRUU of the first', async () => {
    const { alice, bob, bindings } = await twoAgents();
    const received = next<IncomingMessage>(bob.events.onMessage);
    const sent = alice.message(request('oma.cpm.msg', 'sip:bob@home.test', 'message/cpim', 'héllo €'));
    const message = await received;
    message.answer(200);
    const answer = await sent;
    expect(answer.status).toBeGreaterThanOrEqual(200);
    expect(answer.status).toBeLessThan(300);
    expect(message).toMatchObject({ originator: 'sip:alice@home.test', contentType: 'message/cpim' });
    expect(fromUtf8(message.body)).toBe('héllo €');
    const back = next<IncomingMessage>(alice.events.onMessage);
    const reply = bob.message(request('oma.cpm.msg', bindings[0].publicGruu ?? '', 'message/cpim', 'IMDN'));
    const returned = await back;
    returned.answer(200);
    expect((await reply).status).toBeLessThan(300);
    expect(returned.originator).toBe('sip:bob@home.test');
  });

  test('an unknown user is 404', async () => {
    const { alice } = await twoAgents();
    await expect(alice.message(request('oma.cpm.msg', 'sip:nobody@home.test', 'text/plain', 'x'))).resolves.toMatchObject({ status: 404 });
  });

  test('R-FT-04: an INVITE rings, is accepted with the body given, and ended by the caller', async () => {
    const { alice, bob } = await twoAgents();
    const offered = next<IncomingInvite>(bob.events.onInvite);
    const call = alice.invite(request('oma.cpm.filetransfer', 'sip:bob@home.test', 'application/sdp', OFFER));
    const ringing = next<number>((listener) => call.onProgress(listener));
    const invite = await offered;
    expect(fromUtf8(invite.body)).toBe(OFFER);
    invite.ring();
    expect(await ringing).toBe(180);
    const answerBody = OFFER.replace('o=a', 'o=b');
    const accepted = invite.accept({
      contentType: 'application/sdp',
      body: utf8(answerBody),
      contactParameters: `${ICSI}oma.cpm.filetransfer"`,
      headers: [],
    });
    const answer = await call.answer;
    expect(answer.status).toBe(200);
    expect(fromUtf8(answer.body)).toBe(answerBody);
    await accepted;
    const ended = next((listener: (cause: unknown) => void) => invite.onEnded(listener));
    await call.end();
    expect(await ended).toEqual({ by: 'remote', error: null, reason: null });
  });

  test('the called side ends the session', async () => {
    const { alice, bob } = await twoAgents();
    const offered = next<IncomingInvite>(bob.events.onInvite);
    const call = alice.invite(request('oma.cpm.session', 'sip:bob@home.test', 'application/sdp', OFFER));
    const invite = await offered;
    const accepted = invite.accept({ contentType: 'application/sdp', body: utf8(OFFER), contactParameters: '', headers: [] });
    await call.answer;
    await accepted;
    const ended = next((listener: (cause: unknown) => void) => call.onEnded(listener));
    await invite.end();
    expect(await ended).toEqual({ by: 'remote', error: null, reason: null });
  });

  test('an INVITE is declined', async () => {
    const { alice, bob } = await twoAgents();
    bob.events.onInvite((invite) => invite.reject(603, 'Decline'));
    const call = alice.invite(request('oma.cpm.filetransfer', 'sip:bob@home.test', 'application/sdp', OFFER));
    await expect(call.answer).resolves.toMatchObject({ status: 603 });
  });

  test('an INVITE is cancelled', async () => {
    const { alice, bob } = await twoAgents();
    const offered = next<IncomingInvite>(bob.events.onInvite);
    const call = alice.invite(request('oma.cpm.session', 'sip:bob@home.test', 'application/sdp', OFFER));
    const invite = await offered;
    const cancelled = next((listener: (cancel: unknown) => void) => invite.onCancelled(listener));
    invite.ring();
    await call.end();
    await expect(call.answer).resolves.toMatchObject({ status: 487 });
    expect(await cancelled).toEqual({ elsewhere: false });
  });

  test('the network closing is a loss', async () => {
    const { alice } = await twoAgents();
    const lost = next((listener: (error: unknown) => void) => alice.events.onLost(listener));
    await network.close();
    await expect(lost).resolves.toMatchObject({ code: 'link.lost' });
  });
});
