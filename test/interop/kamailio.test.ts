import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { IncomingInvite, IncomingMessage, OutgoingRequest, UserAgent } from '../../electron/sip/port.ts';
import { createUserAgent } from '../../electron/sip/user-agent.ts';
import { fromUtf8, utf8 } from '../../shared/base/bytes.ts';
import { Kamailio, kamailioMissing } from '../harness/kamailio.ts';

const ICSI = '+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.filetransfer"';
const INSTANCES = {
  alice: 'urn:uuid:f81d4fae-7dec-41d0-a765-00a0c91e6bf6',
  bob: 'urn:uuid:3c5a1f0e-9b1d-4d6f-8a55-2f6f0a7b9d11',
} as const;
const OFFER = 'v=0\r\no=a 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=message 9 TCP/MSRP *\r\n';

const title = `the user agent on Kamailio${kamailioMissing === null ? '' : ` (skipped: ${kamailioMissing})`}`;

const TRANSPORTS = ['tcp', 'tls', 'wss'] as const;
const MATRIX = [
  ...TRANSPORTS.flatMap((transport) => (['MD5', 'SHA-256'] as const).map((digest) => [transport, digest, '127.0.0.1'] as const)),
  ...TRANSPORTS.map((transport) => [transport, 'SHA-256', '::1'] as const),
];

describe.skipIf(kamailioMissing !== null).each(MATRIX)(`${title}, over %s, digest %s, at %s`, (transport, digest, host) => {
  /** as a URI names it (RFC 7118 section 5.2) */
  const inUri = transport === 'wss' ? 'ws' : transport;
  /** the host as it stands in a URI, for a regular expression */
  const here = host === '::1' ? '\\[::1\\]' : '127\\.0\\.0\\.1';
  let core: Kamailio;
  let agents: UserAgent[] = [];
  const wire: string[] = [];

  beforeAll(async () => {
    core = await Kamailio.start({ digest, host });
  });
  afterAll(() => core.stop());
  afterEach(async () => {
    for (const agent of agents) {
      await agent.unregister();
      await agent.close();
    }
    agents = [];
    wire.length = 0;
  });

  function agentOf(user: 'alice' | 'bob', password = `${user}pw`, expires = 600, instanceUrn: string = INSTANCES[user]): UserAgent {
    const agent = createUserAgent({
      address: `sip:${user}@${Kamailio.domain}`,
      displayName: user === 'alice' ? 'Älice "A", <x>' : '',
      user,
      password,
      outboundProxy: { host: core.host, port: core.portOf(transport) },
      transport,
      caCertificates: core.authority.certificate,
      instanceUrn,
      services: ['oma.cpm.msg', 'oma.cpm.filetransfer'],
      userAgent: 'CPM-client/OMA2.0 Parley/0.1.0 (test)',
      expires,
      tap: (direction, octets) => wire.push(`${user} ${direction} ${fromUtf8(octets)}`),
    });
    agents.push(agent);
    return agent;
  }

  async function pair(): Promise<{ alice: UserAgent; bob: UserAgent; gruu: string }> {
    const [alice, bob] = [agentOf('alice'), agentOf('bob')];
    const { publicGruu } = await alice.register();
    await bob.register();
    return { alice, bob, gruu: publicGruu ?? '' };
  }

  const sentBy = (user: string, start: string): string[] => wire.filter((text) => text.startsWith(`${user} out ${start}`));

  test('R-REG-01: registers with digest, outbound and GRUU, refreshes and leaves', async () => {
    const alice = agentOf('alice');
    const binding = await alice.register();
    expect(binding.publicGruu).toBe(`sip:alice@${Kamailio.domain};gr=${INSTANCES.alice}`);
    expect(binding.temporaryGruu).toMatch(/;gr/);
    expect(binding.addresses).toEqual([`sip:alice@${Kamailio.domain}`, 'tel:+15550100001']);
    expect(binding.expiresAt - Date.now()).toBeGreaterThan(500_000);
    const register = sentBy('alice', 'REGISTER').at(-1);
    expect(register).toContain(`algorithm=${digest}`);
    expect(register).toMatch(new RegExp(`Via: SIP/2\\.0/${transport.toUpperCase()} ${here}:`));
    expect(register).toMatch(new RegExp(`Contact: <sip:alice@${here}:\\d+;transport=${inUri}>`));
    await alice.register();
    await alice.unregister();
    expect(wire.at(-1)).toMatch(/^alice in SIP\/2\.0 200/);
  });

  test('a longer interval than was asked for is taken as granted', async () => {
    const { expiresAt } = await agentOf('alice', undefined, 30).register();
    expect(expiresAt - Date.now()).toBeGreaterThan(50_000);
  });

  test('a wrong password is link.credentials', async () => {
    await expect(agentOf('alice', 'wrong').register()).rejects.toMatchObject({ code: 'link.credentials' });
  });

  test('the binding of an agent that vanished is replaced by its next one', async () => {
    await agentOf('bob').register();
    await agents.pop()?.close();
    const { alice, bob } = await pair();
    let copies = 0;
    bob.events.onMessage((message) => {
      copies += 1;
      message.answer(200);
    });
    await expect(alice.message(request(`sip:bob@${Kamailio.domain}`, 'text/plain', 'once'))).resolves.toMatchObject({ status: 200 });
    expect(copies).toBe(1);
    expect(
      wire
        .filter((text) => /^bob in SIP\/2\.0 200/.test(text))
        .at(-1)
        ?.match(/reg-id=1/g),
    ).toHaveLength(1);
  });

  test('R-PM-01: MESSAGE both ways, to the address and to the GRUU', async () => {
    const { alice, bob, gruu } = await pair();
    const received = next<IncomingMessage>(bob.events.onMessage);
    const sent = alice.message(request(`sip:bob@${Kamailio.domain}`, 'message/cpim', 'héllo €'));
    const message = await received;
    message.answer(200);
    await expect(sent).resolves.toMatchObject({ status: 200 });
    expect(message).toMatchObject({ originator: `sip:alice@${Kamailio.domain}`, contentType: 'message/cpim' });
    expect(message.originatorName).toBe('alice, asserted');
    expect(fromUtf8(message.body)).toBe('héllo €');

    const back = next<IncomingMessage>(alice.events.onMessage);
    const reply = bob.message(request(gruu, 'message/cpim', 'to the device'));
    (await back).answer(200);
    await expect(reply).resolves.toMatchObject({ status: 200 });
    // the outbound proxy, then Service-Route
    expect(sentBy('alice', 'MESSAGE').at(-1)).toMatch(
      new RegExp(`Route: <sip:${here}:\\d+;transport=${inUri};lr>, <sip:${here}:\\d+;transport=tcp;lr;orig>`),
    );
  });

  test('a large MESSAGE passes; one to nobody is refused; the nonce of the proxy serves both', async () => {
    const { alice, bob } = await pair();
    const text = 'x'.repeat(20_000);
    bob.events.onMessage((message) => message.answer(fromUtf8(message.body) === text ? 200 : 400));
    await expect(alice.message(request(`sip:bob@${Kamailio.domain}`, 'text/plain', text))).resolves.toMatchObject({ status: 200 });
    await expect(alice.message(request(`sip:nobody@${Kamailio.domain}`, 'text/plain', 'x'))).resolves.toMatchObject({ status: 480 });
    expect(wire.filter((text) => text.startsWith('alice in SIP/2.0 407'))).toHaveLength(1);
    expect(sentBy('alice', 'MESSAGE').map((text) => /nc=(\d+)/.exec(text)?.[1])).toEqual([undefined, '00000001', '00000002']);
  });

  test('R-FT-04: INVITE, 180, 200, ACK and BYE of the caller', async () => {
    const { alice, bob } = await pair();
    const offered = next<IncomingInvite>(bob.events.onInvite);
    const call = alice.invite(request(`sip:bob@${Kamailio.domain}`, 'application/sdp', OFFER));
    const ringing = next<number>((listener) => call.onProgress(listener));
    const invite = await offered;
    invite.ring();
    expect(await ringing).toBe(180);
    const accepted = invite.accept(answer());
    await expect(call.answer).resolves.toMatchObject({ status: 200 });
    await accepted;
    const ended = next((listener: (cause: unknown) => void) => invite.onEnded(listener));
    await call.end();
    expect(await ended).toEqual({ by: 'remote', error: null, reason: null });
    expect(wire.at(-1)).toMatch(/^alice in SIP\/2\.0 200/);
  });

  test('BYE of the called side, over Record-Route to the GRUU of the caller', async () => {
    const { alice, bob } = await pair();
    const offered = next<IncomingInvite>(bob.events.onInvite);
    const call = alice.invite(request(`sip:bob@${Kamailio.domain}`, 'application/sdp', OFFER));
    const invite = await offered;
    await Promise.all([invite.accept(answer()), call.answer]);
    const ended = next((listener: (cause: unknown) => void) => call.onEnded(listener));
    await invite.end();
    expect(await ended).toEqual({ by: 'remote', error: null, reason: null });
    expect(sentBy('bob', 'BYE')[0]).toContain(`BYE sip:alice@${Kamailio.domain};gr=${INSTANCES.alice} SIP/2.0`);
    expect(wire.at(-1)).toMatch(/^bob in SIP\/2\.0 200/);
  });

  test('CANCEL: 487 for the caller, cancelled for the called side', async () => {
    const { alice, bob } = await pair();
    const offered = next<IncomingInvite>(bob.events.onInvite);
    const call = alice.invite(request(`sip:bob@${Kamailio.domain}`, 'application/sdp', OFFER));
    const invite = await offered;
    const cancelled = next((listener: (cancel: unknown) => void) => invite.onCancelled(listener));
    invite.ring();
    await call.end();
    await expect(call.answer).resolves.toMatchObject({ status: 487 });
    expect(await cancelled).toEqual({ elsewhere: false });
  });

  test('two devices of one user: both get a MESSAGE, one takes a call and the other hears that it was taken', async () => {
    const { alice, bob } = await pair();
    const second = agentOf('bob', undefined, undefined, 'urn:uuid:0d3f2c44-55a1-4a0e-9c11-6a5b1f1d7e02');
    await second.register();
    const copies = [bob, second].map(({ events }) => next<IncomingMessage>(events.onMessage));
    const sent = alice.message(request(`sip:bob@${Kamailio.domain}`, 'text/plain', 'both'));
    for (const copy of copies) (await copy).answer(200);
    await expect(sent).resolves.toMatchObject({ status: 200 });

    const offers = [bob, second].map(({ events }) => next<IncomingInvite>(events.onInvite));
    const call = alice.invite(request(`sip:bob@${Kamailio.domain}`, 'application/sdp', OFFER));
    const [taken, missed] = (await Promise.all(offers)) as [IncomingInvite, IncomingInvite];
    taken.ring();
    missed.ring();
    const cancelled = next((listener: (cancel: unknown) => void) => missed.onCancelled(listener));
    await Promise.all([taken.accept(answer()), call.answer]);
    expect(await cancelled).toEqual({ elsewhere: true });
    await call.end();
  });

  test('R-FT-05: 603 comes through with its Warning', async () => {
    const { alice, bob } = await pair();
    bob.events.onInvite((invite) => invite.reject(603, 'Decline', [{ name: 'Warning', value: '399 bob.example "no, thanks"' }]));
    const final = await alice.invite(request(`sip:bob@${Kamailio.domain}`, 'application/sdp', OFFER)).answer;
    expect(final.status).toBe(603);
    expect(final.headers).toContainEqual({ name: 'Warning', value: '399 bob.example "no, thanks"' });
  });

  test('a core that goes away is a loss', async () => {
    const own = await Kamailio.start({ digest, host });
    try {
      const kept = core;
      core = own;
      const alice = agentOf('alice');
      core = kept;
      await alice.register();
      const lost = next((listener: (error: unknown) => void) => alice.events.onLost(listener));
      await own.stop();
      await expect(lost).resolves.toMatchObject({ code: 'link.lost' });
    } finally {
      await own.stop();
    }
  });
});

function request(target: string, contentType: string, body: string): OutgoingRequest {
  return { target, headers: [], contactParameters: ICSI, contentType, body: utf8(body) };
}

function answer(): Parameters<IncomingInvite['accept']>[0] {
  return { contentType: 'application/sdp', body: utf8(OFFER.replace('o=a', 'o=b')), contactParameters: ICSI, headers: [] };
}

function next<T>(on: (listener: (event: T) => void) => unknown): Promise<T> {
  return new Promise((resolve) => on(resolve));
}
