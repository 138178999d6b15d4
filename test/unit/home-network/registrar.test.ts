import { describe, expect, it } from 'vitest';
import { decodeChallenge } from '../../../shared/protocol/sip/digest.ts';
import { header, headers } from '../../../shared/protocol/sip/message.ts';
import { decodeNameAddr } from '../../../shared/protocol/sip/name-addr.ts';
import { paramValue } from '../../../shared/protocol/sip/params.ts';
import { ManualClock } from '../../harness/manual-clock.ts';
import { device, registered, start } from './start.ts';

describe('the registrar', () => {
  it('challenges with SHA-256 before MD5, under one nonce', async () => {
    const peer = await device(await start(), 'alice');
    const response = await peer.ask('REGISTER', 'sip:home1.example', { to: '<sip:alice@home1.example>' });
    const challenges = headers(response, 'WWW-Authenticate').map(decodeChallenge);
    expect(response.status).toBe(401);
    expect(challenges.map(({ algorithm }) => algorithm)).toEqual(['SHA-256', 'MD5']);
    expect(new Set(challenges.map(({ nonce }) => nonce)).size).toBe(1);
    expect(challenges[0]).toMatchObject({ realm: 'home1.example', qop: ['auth'], stale: false });
  });

  it.each(['MD5', 'SHA-256'] as const)('takes %s credentials and gives GRUUs, routes and identities', async (algorithm) => {
    const network = await start();
    const peer = await device(network, 'alice');
    const response = await peer.register({ algorithm });
    expect(response.status).toBe(200);
    const contact = decodeNameAddr(headers(response, 'Contact')[0] as string);
    expect(contact.uri).toBe(peer.contactUri);
    expect(paramValue(contact.parameters, '+sip.instance')).toBe(`<${peer.instance}>`);
    expect(paramValue(contact.parameters, 'pub-gruu')).toBe(`sip:alice@home1.example;gr=${peer.instance}`);
    expect(paramValue(contact.parameters, 'temp-gruu')).toMatch(/^sip:tgruu\.[^@;]+@home1\.example;gr$/);
    expect(paramValue(contact.parameters, '+g.3gpp.icsi-ref')).toContain('oma.cpm.msg,');
    expect(Number(paramValue(contact.parameters, 'expires'))).toBe(600);
    expect(header(response, 'Require')).toBe('outbound');
    expect(header(response, 'Flow-Timer')).toBe('120');
    expect(header(response, 'P-Associated-URI')).toBe('"Alice \\"A\\"" <sip:alice@home1.example>');
    expect(header(response, 'Service-Route')).toBe(`<sip:orig@127.0.0.1:${network.address.port};transport=tcp;lr>`);
    expect(header(response, 'Path')).toContain(';lr;ob>');
  });

  it('takes alice@domain as a digest user name too, and refuses a wrong password or another user', async () => {
    const peer = await device(await start(), 'alice');
    const ask = async (options: { username?: string; password?: string }): Promise<number> => {
      const first = peer.registration();
      peer.send(first);
      const second = peer.registration({}, peer.credentials(await peer.final(first), first, options));
      peer.send(second);
      return (await peer.final(second)).status;
    };
    expect(await ask({ username: 'alice@home1.example' })).toBe(200);
    expect(await ask({ password: 'wrong' })).toBe(401);
    expect(await ask({ username: 'nobody' })).toBe(401);
    expect(await ask({ username: 'bob', password: 'bob-secret' })).toBe(403);
  });

  it('says stale for an old nonce and for a count that does not rise', async () => {
    const clock = new ManualClock();
    const network = await start({ clock });
    const peer = await device(network, 'alice');
    const first = peer.registration();
    peer.send(first);
    const challenge = await peer.final(first);
    const ask = async (nc: number): Promise<{ status: number; stale: boolean | undefined }> => {
      const request = peer.registration({}, peer.credentials(challenge, first, { nc }));
      peer.send(request);
      const response = await peer.final(request);
      const [value] = headers(response, 'WWW-Authenticate');
      return { status: response.status, stale: value === undefined ? undefined : decodeChallenge(value).stale };
    };
    expect(await ask(1)).toEqual({ status: 200, stale: undefined });
    expect(await ask(2)).toEqual({ status: 200, stale: undefined });
    expect(await ask(2)).toEqual({ status: 401, stale: true });
    await clock.advance(300_001);
    expect(await ask(3)).toEqual({ status: 401, stale: true });
  });

  it('lists all devices of a user, ends one alone, and all with *', async () => {
    const network = await start();
    const one = await registered(network, 'alice');
    const two = await device(network, 'alice');
    expect(headers(await two.register(), 'Contact')).toHaveLength(2);
    expect(headers(await one.register({ expires: 0 }), 'Contact')).toHaveLength(1);
    await one.register();
    const first = two.registration({ contact: '*' });
    two.send(first);
    const all = two.registration({ contact: '*' }, two.credentials(await two.final(first), first), [['Expires', '0']]);
    two.send(all);
    const response = await two.final(all);
    expect(response.status).toBe(200);
    expect(headers(response, 'Contact')).toEqual([]);
  });

  it('forgets a binding with its flow, and with its time', async () => {
    const clock = new ManualClock();
    const network = await start({ clock });
    const bob = await registered(network, 'bob');
    const alice = await registered(network, 'alice');
    const reach = async (): Promise<number> =>
      (await bob.ask('OPTIONS', 'sip:alice@home1.example', { headers: [['Max-Forwards', '70']] })).status;
    const answered = reach();
    alice.answer(await alice.request('OPTIONS'), 200, 'OK');
    expect(await answered).toBe(200);
    await alice.close();
    await expect.poll(reach).toBe(480);
    const brief = await device(network, 'alice');
    expect((await brief.register({ expires: 60 })).status).toBe(200);
    await clock.advance(60_001);
    expect(await reach()).toBe(480);
  });

  it('moves a device that registers again over a new connection', async () => {
    const network = await start();
    const old = await registered(network, 'alice');
    const bob = await registered(network, 'bob');
    const stuck = bob.ask('MESSAGE', 'sip:alice@home1.example', { body: 'to a connection that nobody reads any more' });
    await old.request('MESSAGE');
    const renewed = await device(network, 'alice', old.instance);
    expect(headers(await renewed.register(), 'Contact')).toHaveLength(1);
    // not after 32 s: the sender can try again at once
    expect((await stuck).status).toBe(480);
    const sent = bob.ask('MESSAGE', 'sip:alice@home1.example', { body: 'x' });
    renewed.answer(await renewed.request('MESSAGE'), 200, 'OK');
    expect((await sent).status).toBe(200);
  });

  it('answers 420, 423, 404, 403 and 500 as RFC 3261 wants', async () => {
    const network = await start();
    const peer = await device(network, 'alice');
    const unknown = await peer.ask('REGISTER', 'sip:home1.example', {
      headers: [['Require', 'gruu, frobnicate']],
      to: '<sip:alice@home1.example>',
    });
    expect([unknown.status, header(unknown, 'Unsupported')]).toEqual([420, 'frobnicate']);
    const brief = await peer.register({ expires: 5 });
    expect([brief.status, header(brief, 'Min-Expires')]).toEqual([423, '60']);
    expect((await peer.ask('REGISTER', 'sip:elsewhere.example')).status).toBe(404);
    expect((await peer.register()).status).toBe(200);
    peer.sequence -= 2;
    const first = peer.registration();
    peer.send(first);
    const late = peer.registration({}, peer.credentials(await peer.final(first), first));
    peer.send(late);
    expect((await peer.final(late)).status).toBe(500);
  });

  it('holds a bounded number of devices for a user', async () => {
    const network = await start({ bounds: { bindingsPerUser: 2 } });
    await registered(network, 'alice');
    await registered(network, 'alice');
    expect((await (await device(network, 'alice')).register()).status).toBe(403);
  });
});
