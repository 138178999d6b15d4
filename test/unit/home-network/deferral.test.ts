import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { HomeNetwork } from '../../../electron/home-network/index.ts';
import type { ProviderPolicy } from '../../../electron/home-network/rules/rules.ts';
import { fromUtf8 } from '../../../shared/base/bytes.ts';
import { decodeCpim, encodeCpim } from '../../../shared/protocol/cpim/cpim.ts';
import { ALL_DISPOSITIONS, makeCpim } from '../../../shared/protocol/cpim/cpim-message.ts';
import { decodeImdn, encodeImdn, IMDN_TYPE } from '../../../shared/protocol/imdn/imdn.ts';
import { header, headers, type SipRequest, type SipResponse } from '../../../shared/protocol/sip/message.ts';
import { imapClient } from '../../harness/mail-store.ts';
import { ManualClock } from '../../harness/manual-clock.ts';
import type { RequestOptions, SipPeer } from '../../harness/sip-peer.ts';
import { device, IN_MEMORY, registered, start } from './start.ts';

const ALICE = 'sip:alice@home1.example';
const BOB = 'sip:bob@home1.example';
const MSG = '*;+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.msg";require;explicit';
const DEFERRED = 'urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.deferred';

const network = (policy: Partial<ProviderPolicy> = {}): Promise<HomeNetwork> => start({ databases: IN_MEMORY, policy });

function cpim(text: string, id = text): string {
  const message = makeCpim({
    ...{ from: ALICE, to: BOB, dateTime: '2026-11-20T10:00:00.000Z', imdnMessageId: id, dispositions: ALL_DISPOSITIONS },
    ...{ contentType: 'text/plain;charset=UTF-8', content: text },
  });
  return fromUtf8(encodeCpim(message));
}

function write(from: SipPeer, text: string, extra: RequestOptions['headers'] = [], id = text): Promise<SipResponse> {
  return from.ask('MESSAGE', BOB, {
    body: cpim(text, id),
    headers: [
      ['Contact', `<${from.contactUri}>;+sip.instance="<${from.instance}>"`],
      ['Accept-Contact', MSG],
      ['P-Preferred-Service', 'urn:urn-7:3gpp-service.ims.icsi.oma.cpm.msg'],
      ['Conversation-ID', 'conv-1'],
      ['Contribution-ID', `contr-${text}`],
      ['Content-Type', 'message/cpim'],
      ...extra,
    ],
  });
}

const textOf = ({ body }: SipRequest): string => fromUtf8(body).split('\r\n').at(-1) ?? '';

/** What comes to a device, answered 200, until it has so many. */
async function take(peer: SipPeer, count: number): Promise<string[]> {
  const texts: string[] = [];
  while (texts.length < count) {
    const request = await peer.request('MESSAGE');
    peer.answer(request, 200, 'OK');
    texts.push(textOf(request));
  }
  return texts;
}

describe('a message for somebody who is not there', () => {
  it('R-PF-19 R-PF-24: is answered 202, and sent as in F21-01 as soon as a device of his registers', async () => {
    const home = await network();
    const alice = await registered(home, 'alice');
    expect((await write(alice, 'Call me when you are back.')).status).toBe(202);
    const bob = await registered(home, 'bob');
    const got = await bob.request('MESSAGE');
    expect(headers(got, 'Accept-Contact')).toEqual([`*;+g.3gpp.icsi-ref="${DEFERRED}"`]);
    expect(header(got, 'P-Asserted-Service')).toBe('urn:urn-7:3gpp-service.ims.icsi.oma.cpm.deferred');
    expect(header(got, 'P-Asserted-Identity')).toBe('"Alice \\"A\\"" <sip:alice@home1.example>');
    expect(header(got, 'From')).toMatch(/^<sip:alice@home1\.example>;tag=\w+/);
    expect([header(got, 'To'), header(got, 'Conversation-ID')]).toEqual([`<${BOB}>`, 'conv-1']);
    expect(header(got, 'Contribution-ID')).toBe('contr-Call me when you are back.');
    expect(got.uri).toBe(bob.contactUri);
    expect(fromUtf8(got.body)).toBe(cpim('Call me when you are back.'));
    bob.answer(got, 200, 'OK');
    // he has it: another registration brings nothing
    await bob.register();
    await wait(100);
    expect(bob.inbox).toEqual([]);
  });

  it('R-PF-24: those of one author come in their order, and what is sent meanwhile after them', async () => {
    const home = await network();
    const alice = await registered(home, 'alice');
    const texts = Array.from({ length: 30 }, (_, n) => `text ${n}`);
    for (const text of texts) expect((await write(alice, text)).status).toBe(202);
    const bob = await registered(home, 'bob');
    const first = await bob.request('MESSAGE');
    await wait(50);
    // one at a time
    expect(bob.inbox).toEqual([]);
    expect((await write(alice, 'last')).status).toBe(202);
    bob.answer(first, 200, 'OK');
    expect([textOf(first), ...(await take(bob, 30))]).toEqual([...texts, 'last']);
  });

  it('R-PF-19: a repetition is kept once', async () => {
    const home = await network();
    const alice = await registered(home, 'alice');
    for (let time = 0; time < 2; time++) expect((await write(alice, 'again')).status).toBe(202);
    const bob = await registered(home, 'bob');
    expect(await take(bob, 1)).toEqual(['again']);
    await wait(100);
    expect(bob.inbox).toEqual([]);
  });

  it.each([408, 480, 500, 503])('R-PF-19: a device that answers %i counts as none', async (status) => {
    const home = await network();
    const [alice, bob] = [await registered(home, 'alice'), await registered(home, 'bob')];
    const written = write(alice, 'one');
    bob.answer(await bob.request('MESSAGE'), status, 'No');
    expect((await written).status).toBe(202);
    const laptop = await registered(home, 'bob');
    expect(await take(laptop, 1)).toEqual(['one']);
  });

  it.each([
    [603, []],
    [486, []],
    [403, []],
    [404, []],
    [413, []],
    [415, []],
    [488, []],
    [480, [['Retry-After', '20']]],
  ] as const)('%i %j is what its recipient or his device said, so the sender hears it', async (status, extra) => {
    const home = await network();
    const [alice, bob] = [await registered(home, 'alice'), await registered(home, 'bob')];
    const written = write(alice, 'one');
    bob.answer(await bob.request('MESSAGE'), status, 'No', { headers: extra });
    expect((await written).status).toBe(status);
  });

  it('R-PF-22: fails where the operator does not defer, and what is unwelcome now waits', async () => {
    const strict = await network({ deferring: false });
    expect((await write(await registered(strict, 'alice'), 'one')).status).toBe(480);
    const home = await network({ force: { available: 'defer' } });
    const [alice, bob] = [await registered(home, 'alice'), await registered(home, 'bob')];
    expect((await write(alice, 'one')).status).toBe(202);
    await bob.register();
    await wait(100);
    expect(bob.inbox).toEqual([]);
  });

  it('a chat does not overtake what waits: it is not there to be had as long as texts go first', async () => {
    const home = await network({ force: { available: 'defer' } });
    const [alice, bob] = [await registered(home, 'alice'), await registered(home, 'bob')];
    const chat = {
      headers: [
        ['Accept-Contact', MSG.replace('cpm.msg', 'cpm.session')],
        ['P-Preferred-Service', 'urn:urn-7:3gpp-service.ims.icsi.oma.cpm.session'],
      ],
    } as const;
    expect((await alice.ask('INVITE', BOB, chat)).status).toBe(480);
    expect(bob.inbox).toEqual([]);
  });

  it('a quota that is used up is told to the sender, with when to come again', async () => {
    const home = await network({ quotaItems: 2 });
    const alice = await registered(home, 'alice');
    for (const text of ['1', '2']) expect((await write(alice, text)).status).toBe(202);
    const full = await write(alice, '3');
    expect([full.status, header(full, 'Retry-After')]).toEqual([480, '1800']);
    expect(header(full, 'Warning')).toContain('no room for more deferred messages');
    const bob = await registered(home, 'bob');
    expect(await take(bob, 2)).toEqual(['1', '2']);
    // with his other device out of the way there is room again
    await wait(50);
    await bob.close();
    expect((await write(alice, '3')).status).toBe(202);
  });

  it('R-PF-25 R-PF-37: each of his devices gets it when it comes', async () => {
    const home = await network();
    const alice = await registered(home, 'alice');
    const desk = await device(home, 'bob');
    const phone = await device(home, 'bob');
    // both are known
    for (const one of [desk, phone]) await one.register();
    for (const one of [desk, phone]) await one.register({ expires: 0 });
    expect((await write(alice, 'one')).status).toBe(202);
    await desk.register();
    expect(await take(desk, 1)).toEqual(['one']);
    await phone.register();
    expect(await take(phone, 1)).toEqual(['one']);
    await desk.register();
    await wait(100);
    expect(desk.inbox).toEqual([]);
  });

  it('R-PF-25: or the newest one only, as he wants it', async () => {
    const home = await network({ force: { devices: 'newest' } });
    const alice = await registered(home, 'alice');
    const desk = await device(home, 'bob');
    const phone = await device(home, 'bob');
    for (const one of [desk, phone]) await one.register();
    for (const one of [desk, phone]) await one.register({ expires: 0 });
    await write(alice, 'one');
    await desk.register();
    expect(await take(desk, 1)).toEqual(['one']);
    await phone.register();
    await wait(100);
    expect(phone.inbox).toEqual([]);
  });
});

describe('the end of what waits', () => {
  const DAY = 86_400_000;
  const failedIn = ({ body }: SipRequest): string => {
    const { status, messageId, recipientUri } = decodeImdn(decodeCpim(body).content);
    return `${recipientUri} ${messageId} ${status}`;
  };

  it.each([
    ['R-PF-27: what nobody says ends with the time that the operator gives', 7 * DAY, []],
    ['R-PF-28: so does what its sender would keep for 30 days', 7 * DAY, [['Expires', String(30 * 86_400)]]],
    ['R-PF-27: what its sender gives a minute ends then', 60_000, [['Expires', '60']]],
  ] as const)('%s; R-PF-30: and its author hears that it failed, when she is there', async (_, life, extra) => {
    const clock = new ManualClock(Date.now());
    const home = await start({ databases: IN_MEMORY, clock });
    const alice = await registered(home, 'alice');
    expect((await write(alice, 'one', extra)).status).toBe(202);
    await clock.advance(life - 1);
    await alice.register();
    await wait(100);
    expect(alice.inbox).toEqual([]);
    await clock.advance(1);
    const notice = await alice.request('MESSAGE');
    expect(failedIn(notice)).toBe(`${BOB} one failed`);
    expect(header(notice, 'From')).toMatch(/^<sip:bob@home1\.example>;tag=/);
    expect(header(notice, 'Conversation-ID')).toBe('conv-1');
    alice.answer(notice, 200, 'OK');
    const bob = await registered(home, 'bob');
    await wait(100);
    expect(bob.inbox).toEqual([]);
  });

  it('R-PF-30: who has gone meanwhile hears it later, and what had arrived ends without a word', async () => {
    const clock = new ManualClock(Date.now());
    const home = await start({ databases: IN_MEMORY, clock });
    const alice = await registered(home, 'alice');
    const desk = await device(home, 'bob');
    for (const one of [await device(home, 'bob'), desk]) {
      await one.register();
      await one.register({ expires: 0 });
    }
    await write(alice, 'taken');
    await desk.register();
    expect(await take(desk, 1)).toEqual(['taken']);
    await desk.register({ expires: 0 });
    await write(alice, 'left');
    await alice.close();
    for (const step of [8 * DAY, 0]) {
      await clock.advance(step);
      await wait(100);
    }
    const again = await registered(home, 'alice');
    const notice = await again.request('MESSAGE');
    again.answer(notice, 200, 'OK');
    expect(failedIn(notice)).toBe(`${BOB} left failed`);
    await wait(100);
    expect(again.inbox).toEqual([]);
  });
});

it.each([
  ['is there once, also where conversations are recorded, and nobody is told that it failed', 'store', true, 1],
  ['is there once, and nobody is told that it failed', 'store', false, 1],
  ['is not there where it is to be discarded, and its author is told', 'discard', false, 0],
] as const)('R-PF-29 R-PF-55: what expires %s', async (_, expired, recording, count) => {
  const clock = new ManualClock(Date.now());
  const home = await start({ databases: IN_MEMORY, clock, policy: { force: { expired, recording }, maxExpiry: 60 } });
  const alice = await registered(home, 'alice');
  expect((await write(alice, 'for the store')).status).toBe(202);
  await clock.advance(60_000);
  if (expired === 'discard') alice.answer(await alice.request('MESSAGE'), 200, 'OK');
  const bob = await imapClient(home.accounts[0]?.messageStore?.port ?? 0, { user: 'bob', password: 'bob-secret' });
  const stored = async (): Promise<number> => {
    await home.history?.settled();
    if (!(await bob.list()).some(({ path }) => path === 'conv-1')) return 0;
    const status = await bob.status('conv-1', { messages: true });
    return status === false ? 0 : (status.messages ?? 0);
  };
  await expect.poll(stored, { timeout: 5_000 }).toBe(count);
  await wait(100);
  expect(await stored()).toBe(count);
  await bob.logout();
  expect(alice.inbox).toEqual([]);
  const late = await registered(home, 'bob');
  await wait(50);
  expect(late.inbox).toEqual([]);
});

describe('notifications for somebody who is not there', () => {
  const delivered = (from: SipPeer, id: string): Promise<SipResponse> => {
    const content = encodeImdn({
      ...{ messageId: id, dateTime: '2026-11-20T10:00:00.000Z', recipientUri: BOB, originalRecipientUri: BOB },
      ...({ disposition: 'delivery', status: 'delivered' } as const),
    });
    const about = { from: BOB, to: ALICE, dateTime: '2026-11-20T10:00:01.000Z', imdnMessageId: `n-${id}` };
    const body = fromUtf8(encodeCpim(makeCpim({ ...about, contentType: IMDN_TYPE, content })));
    return from.ask('MESSAGE', ALICE, { headers: [['Content-Type', 'message/cpim']], body });
  };

  it('R-PF-15 R-PF-43: are kept for the device that sent the message, also where texts wait to be fetched', async () => {
    const home = await network({ force: { delivery: 'pull' } });
    const [alice, bob] = [await registered(home, 'alice'), await registered(home, 'bob')];
    const written = write(alice, 'm1');
    bob.answer(await bob.request('MESSAGE'), 200, 'OK');
    expect((await written).status).toBe(200);
    await alice.close();
    const other = await registered(home, 'alice');
    expect((await delivered(bob, 'm1')).status).toBe(202);
    await wait(50);
    expect(other.inbox).toEqual([]);
    const back = await device(home, 'alice', alice.instance);
    await back.register();
    const got = await back.request('MESSAGE');
    back.answer(got, 200, 'OK');
    expect(fromUtf8(got.body)).toContain('<delivered/>');
  });

  it('R-PF-40: of two devices that got it one after the other the author hears once', async () => {
    const home = await network();
    const alice = await registered(home, 'alice');
    const devices = [await device(home, 'bob'), await device(home, 'bob')];
    for (const one of devices) {
      await one.register();
      await one.register({ expires: 0 });
    }
    await write(alice, 'm1');
    for (const one of devices) {
      await one.register();
      expect(await take(one, 1)).toEqual(['m1']);
      const answer = delivered(one, 'm1');
      if (one === devices[0]) alice.answer(await alice.request('MESSAGE'), 200, 'OK');
      expect((await answer).status).toBe(200);
    }
    expect(alice.inbox).toEqual([]);
  });
});

it('R-PF-19: what goes to a group waits for those who are not there', async () => {
  const groups = [{ name: 'climbing-club', members: ['alice', 'bob', 'carol'] }];
  const home = await start({ databases: IN_MEMORY, groups });
  const [alice, bob] = [await registered(home, 'alice'), await registered(home, 'bob')];
  const group = 'sip:climbing-club@home1.example';
  const asked = alice.ask('MESSAGE', group, { headers: [['Content-Type', 'message/cpim']], body: cpim('all') });
  expect((await asked).status).toBe(202);
  bob.answer(await bob.request('MESSAGE'), 480, 'Away');
  for (const user of ['bob', 'carol']) {
    const peer = await registered(home, user);
    const got = await peer.request('MESSAGE');
    peer.answer(got, 200, 'OK');
    expect([header(got, 'To'), fromUtf8(got.body)]).toEqual([`<${group}>`, cpim('all')]);
  }
  expect(alice.inbox).toEqual([]);
});
