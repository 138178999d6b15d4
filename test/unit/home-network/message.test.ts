import { describe, expect, it } from 'vitest';
import { fromUtf8 } from '../../../shared/base/bytes.ts';
import { encodeSip } from '../../../shared/protocol/sip/codec.ts';
import { header, headers, type SipRequest } from '../../../shared/protocol/sip/message.ts';
import { decodeNameAddr } from '../../../shared/protocol/sip/name-addr.ts';
import { paramValue } from '../../../shared/protocol/sip/params.ts';
import { ManualClock } from '../../harness/manual-clock.ts';
import { device, registered, start } from './start.ts';

const MSG = '*;+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.msg";require;explicit';
const BOB = 'sip:bob@home1.example';

describe('OPTIONS to a user', () => {
  it('comes back with what the device can do, under the address by which others reach it', async () => {
    const network = await start();
    const [alice, bob] = [await registered(network, 'alice'), await registered(network, 'bob')];
    const request = alice.build('OPTIONS', BOB, { headers: [['Accept-Contact', MSG]] });
    alice.send(request);
    const got = await bob.request('OPTIONS');
    const feature = '+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.session"';
    bob.answer(got, 200, 'OK', {
      headers: [
        ['Contact', `<${bob.contactUri}>;+sip.instance="<${bob.instance}>";${feature}`],
        ['Allow', 'INVITE'],
      ],
    });
    const response = await alice.final(request);
    expect([response.status, header(response, 'Allow')]).toEqual([200, 'INVITE']);
    expect(header(response, 'Contact')).toBe(`<sip:bob@home1.example;gr=${bob.instance}>;+sip.instance="<${bob.instance}>";${feature}`);
  });
});

describe('MESSAGE through the participating function', () => {
  it('R-PF-17: reaches the other user, and back, with everything but what belongs to one hop', async () => {
    const network = await start();
    const [alice, bob] = [await registered(network, 'alice'), await registered(network, 'bob')];
    const request = alice.build('MESSAGE', BOB, {
      body: 'Grüße – a\r\n\0b',
      headers: [
        ['Accept-Contact', MSG],
        ['P-Preferred-Identity', '<sip:alice@home1.example>'],
        ['P-Preferred-Service', 'urn:urn-7:3gpp-service.ims.icsi.oma.cpm.msg'],
        ['P-Asserted-Identity', '<sip:mallory@home1.example>'],
        ['Contact', `<sip:alice@home1.example;gr=${alice.instance}>;+sip.instance="<${alice.instance}>"`],
        ['Route', '<sip:orig@127.0.0.1;lr>'],
        ['Conversation-ID', 'conv-1'],
        ['Contribution-ID', 'contr-1'],
        ['Subject', 'about'],
        ['User-Agent', 'CPM-client/OMA2.0 Test/1'],
        ['X-Unknown', 'kept'],
        ['Content-Type', 'message/cpim'],
      ],
    });
    alice.send(request);
    const got = await bob.request('MESSAGE');
    expect(got.uri).toBe(bob.contactUri);
    expect(fromUtf8(got.body)).toBe('Grüße – a\r\n\0b');
    expect(headers(got, 'Via')).toHaveLength(1);
    expect(header(got, 'Route')).toBeNull();
    expect(header(got, 'Max-Forwards')).toBe('69');
    expect(header(got, 'P-Preferred-Identity')).toBeNull();
    expect(headers(got, 'P-Asserted-Identity')).toEqual(['"Alice \\"A\\"" <sip:alice@home1.example>']);
    expect(header(got, 'P-Asserted-Service')).toBe('urn:urn-7:3gpp-service.ims.icsi.oma.cpm.msg');
    expect(header(got, 'P-Called-Party-ID')).toBe(`<${BOB}>`);
    expect(header(got, 'Contact')).toBe(`<sip:alice@home1.example;gr=${alice.instance}>;+sip.instance="<${alice.instance}>"`);
    for (const name of ['Accept-Contact', 'Conversation-ID', 'Contribution-ID', 'Subject', 'User-Agent', 'X-Unknown', 'Content-Type']) {
      expect(header(got, name)).toBe(header(request, name));
    }
    bob.answer(got, 202, 'Accepted', { headers: [['Server', 'peer']] });
    const response = await alice.final(request);
    expect([response.status, response.reason, header(response, 'Server')]).toEqual([202, 'Accepted', 'peer']);
    expect(header(response, 'To')).toMatch(/^<sip:bob@home1\.example>;tag=/);
    expect(header(response, 'Via')).toContain('received=127.0.0.1');
    const reply = bob.ask('MESSAGE', `sip:alice@home1.example;gr=${alice.instance}`, { body: 'back' });
    const back = await alice.request('MESSAGE');
    expect([fromUtf8(back.body), header(back, 'P-Asserted-Identity')]).toEqual(['back', '<sip:bob@home1.example>']);
    alice.answer(back, 200, 'OK');
    expect((await reply).status).toBe(200);
  });

  it('answers 404 for nobody, 480 for somebody away, 416 and 483', async () => {
    const alice = await registered(await start(), 'alice');
    const ask = async (uri: string, extra: readonly (readonly [string, string])[] = []): Promise<number> =>
      (await alice.ask('MESSAGE', uri, { body: 'x', headers: extra })).status;
    expect(await ask('sip:nobody@home1.example')).toBe(404);
    expect(await ask('sip:bob@elsewhere.example')).toBe(404);
    expect(await ask('sip:alice@home1.example;gr=urn:uuid:00000000-0000-4000-8000-000000000000')).toBe(480);
    expect(await ask('sip:tgruu.none@home1.example;gr')).toBe(404);
    expect(await ask(BOB)).toBe(480);
    expect(await ask('tel:+15550100001')).toBe(416);
    expect(await ask(BOB, [['Max-Forwards', '0']])).toBe(483);
  });

  it('keeps a request from a device that did not register the feature (RFC 3841 require and explicit)', async () => {
    const network = await start();
    const alice = await registered(network, 'alice');
    const bob = await registered(network, 'bob', '+g.3gpp.icsi-ref="URN:urn-7:3gpp-service.ims.icsi.oma.cpm.Session"');
    const refused = async (value: string): Promise<number> =>
      (await alice.ask('MESSAGE', BOB, { headers: [['Accept-Contact', value]] })).status;
    const taken = async (value: string): Promise<number> => {
      const sent = alice.ask('MESSAGE', BOB, { headers: [['a', value]] });
      bob.answer(await bob.request('MESSAGE'), 200, 'OK');
      return (await sent).status;
    };
    expect(await refused(MSG)).toBe(480);
    expect(await taken(MSG.replace(';require;explicit', ''))).toBe(200);
    expect(await taken('*;+g.3gpp.icsi-ref="urn%3aurn-7%3A3gpp-service.ims.icsi.oma.cpm.session,urn%3Ax";explicit;require')).toBe(200);
    expect(await taken(`*;+sip.instance="<${bob.instance}>";require;explicit`)).toBe(200);
    expect(await refused(`*;+sip.instance="<${alice.instance}>";require;explicit`)).toBe(480);
    expect(bob.inbox).toEqual([]);
  });

  it('R-PF-37: goes to every device of a user; the first 2xx answers, once', async () => {
    const network = await start();
    const alice = await registered(network, 'alice');
    const devices = [await registered(network, 'bob'), await registered(network, 'bob')];
    const request = alice.build('MESSAGE', BOB, { body: 'both', headers: [['Accept-Contact', MSG]] });
    alice.send(request);
    const [one, two] = await Promise.all(devices.map((peer) => peer.request('MESSAGE')));
    devices[0]?.answer(one as SipRequest, 486, 'Busy Here');
    devices[1]?.answer(two as SipRequest, 200, 'OK');
    expect((await alice.final(request)).status).toBe(200);
    const again = alice.build('MESSAGE', BOB);
    alice.send(again);
    for (const [at, peer] of devices.entries()) peer.answer(await peer.request('MESSAGE'), at === 0 ? 480 : 415, 'No');
    expect((await alice.final(again)).status).toBe(415);
    expect(alice.inbox).toEqual([]);
  });

  it('finds one device by its public and its temporary GRUU', async () => {
    const network = await start();
    const alice = await registered(network, 'alice');
    const other = await registered(network, 'bob');
    const bob = await device(network, 'bob');
    const contacts = headers(await bob.register(), 'Contact').map((value) => decodeNameAddr(value));
    const own = contacts.find(({ uri }) => uri === bob.contactUri);
    for (const name of ['pub-gruu', 'temp-gruu']) {
      const sent = alice.ask('MESSAGE', paramValue(own?.parameters ?? [], name) as string);
      bob.answer(await bob.request('MESSAGE'), 200, 'OK');
      expect((await sent).status).toBe(200);
    }
    expect(other.inbox).toEqual([]);
  });

  it('hides an anonymous sender: no asserted identity, the temporary GRUU, no instance', async () => {
    const network = await start();
    const [alice, bob] = [await registered(network, 'alice'), await registered(network, 'bob')];
    const sent = alice.ask('MESSAGE', BOB, {
      from: '"Anonymous" <sip:anonymous@anonymous.invalid>;tag=1',
      headers: [
        ['Privacy', 'id'],
        ['Contact', `"Alice" <${alice.contactUri}>;+sip.instance="<${alice.instance}>"`],
      ],
    });
    const got = await bob.request('MESSAGE');
    expect(header(got, 'P-Asserted-Identity')).toBeNull();
    expect(header(got, 'Privacy')).toBe('id');
    expect(header(got, 'Contact')).toMatch(/^<sip:tgruu\.[^@]+@home1\.example;gr>$/);
    expect(Buffer.from(encodeSip(got)).toString()).not.toMatch(/alice/i);
    bob.answer(got, 200, 'OK');
    expect((await sent).status).toBe(200);
  });

  it('asks a stranger for credentials, takes them, and lets nobody speak for another', async () => {
    const network = await start();
    const bob = await registered(network, 'bob');
    const alice = await device(network, 'alice');
    const first = alice.build('MESSAGE', BOB, { body: 'x' });
    alice.send(first);
    const challenge = await alice.final(first);
    expect(challenge.status).toBe(407);
    const sent = alice.ask('MESSAGE', BOB, { body: 'x', headers: [['Proxy-Authorization', alice.credentials(challenge, first)]] });
    bob.answer(await bob.request('MESSAGE'), 200, 'OK');
    expect((await sent).status).toBe(200);
    await alice.register();
    expect((await alice.ask('MESSAGE', BOB, { headers: [['P-Preferred-Identity', '<sip:carol@home1.example>']] })).status).toBe(403);
    expect((await alice.ask('MESSAGE', BOB, { from: '<sip:carol@home1.example>;tag=1' })).status).toBe(403);
  });

  it('delivers a repeated request once and answers it twice', async () => {
    const network = await start();
    const [alice, bob] = [await registered(network, 'alice'), await registered(network, 'bob')];
    const request = alice.build('MESSAGE', BOB, { body: 'once' });
    alice.send(request);
    alice.send(request);
    bob.answer(await bob.request('MESSAGE'), 200, 'OK');
    expect((await alice.final(request)).status).toBe(200);
    alice.send(request);
    expect((await alice.final(request)).status).toBe(200);
    expect(bob.inbox).toEqual([]);
  });

  it('answers 408 when the device never does, and 480 when it goes away', async () => {
    const clock = new ManualClock();
    const network = await start({ clock });
    const [alice, bob] = [await registered(network, 'alice'), await registered(network, 'bob')];
    const silent = alice.ask('MESSAGE', BOB);
    await bob.request('MESSAGE');
    await clock.advance(32_000);
    expect((await silent).status).toBe(408);
    const request = alice.build('MESSAGE', BOB);
    alice.send(request);
    await bob.request('MESSAGE');
    await bob.close();
    expect((await alice.final(request)).status).toBe(480);
  });

  it('writes one readable line a request', async () => {
    const lines: string[] = [];
    const alice = await registered(await start({ log: (line) => lines.push(line) }), 'alice');
    await alice.ask('MESSAGE', 'sip:no%0Abody@home1.example');
    expect(lines).toHaveLength(3);
    expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d REGISTER alice 401 Unauthorized \d+\.\d ms$/);
    expect(lines[2]).toMatch(/^\d\d:\d\d:\d\d MESSAGE alice -> no\?body 404 Not Found \d+\.\d ms$/);
  });
});
