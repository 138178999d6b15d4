import { describe, expect, it } from 'vitest';
import type { HomeNetworkOptions } from '../../../electron/home-network/index.ts';
import { fromUtf8 } from '../../../shared/base/bytes.ts';
import { decodeDeferredInfo } from '../../../shared/protocol/deferred-info/deferred-info.ts';
import type { DeferredInfo } from '../../../shared/protocol/deferred-info/entry.ts';
import { header, type SipRequest, type SipResponse } from '../../../shared/protocol/sip/message.ts';
import { FakeDeferral } from '../../harness/fake-deferral.ts';
import { ManualClock } from '../../harness/manual-clock.ts';
import type { SipPeer } from '../../harness/sip-peer.ts';
import { headerOf, sipExample } from '../../vectors/example.ts';
import { device, registered, start } from './start.ts';

const PSI = 'sip:CPMDeferredMsgHndlg@home1.example';
type Fields = Readonly<Record<string, string | null>>;

async function network(options: Partial<HomeNetworkOptions> = {}) {
  const deferral = new FakeDeferral();
  const network = await start({ deferral, ...options });
  return { deferral, network, alice: await registered(network, 'alice') };
}

/** F19-01, from where its device is. */
function subscribe(peer: SipPeer, changed: Fields = {}): SipRequest {
  const example = sipExample('F19-01.sip');
  const names = ['Event', 'Accept', 'Expires', 'Accept-Contact', 'Supported', 'Allow', 'User-Agent'];
  const said: Fields = {
    Contact: `<${peer.contactUri}>;+sip.instance="<${peer.instance}>"`,
    ...Object.fromEntries(names.map((name) => [name, headerOf(example, name)])),
    ...changed,
  };
  return peer.build('SUBSCRIBE', PSI, {
    headers: Object.entries(said).flatMap(([name, value]) => (value === null ? [] : [[name, value] as const])),
  });
}

async function subscribed(peer: SipPeer, changed: Fields = {}) {
  const request = subscribe(peer, changed);
  peer.send(request);
  const ok = await peer.final(request);
  expect(ok.status).toBe(200);
  const notify = await peer.request('NOTIFY');
  peer.answer(notify, 200, 'OK');
  return { request, ok, notify };
}

async function refresh(
  peer: SipPeer,
  { request, ok }: { request: SipRequest; ok: SipResponse },
  sequence: number,
  expires: number,
): Promise<SipResponse> {
  const again = peer.inDialog(request, ok, 'SUBSCRIBE', sequence, {
    headers: [
      ['Event', 'deferred-messages'],
      ['Expires', String(expires)],
      ['Contact', `<${peer.contactUri}>;+sip.instance="<${peer.instance}>"`],
    ],
  });
  peer.send(again);
  return peer.final(again);
}

/** What this peer has sent before is read: the answer to a later request is back. */
async function heard(peer: SipPeer): Promise<void> {
  await peer.ask('OPTIONS', 'sip:home1.example');
}

async function told(peer: SipPeer): Promise<DeferredInfo & { readonly state_: string | null }> {
  const notify = await peer.request('NOTIFY');
  peer.answer(notify, 200, 'OK');
  return { ...decodeDeferredInfo(notify.body), state_: header(notify, 'Subscription-State') };
}

describe('the list of what waits', () => {
  it('R-PF-26: F19 as it is written: 200 and at once the whole list, in the shape of F19-03', async () => {
    const { deferral, alice } = await network();
    deferral.add('bob');
    const example = sipExample('F19-03.sip');
    for (const item of decodeDeferredInfo(example.body).items) {
      const { sent, expires, size, ...rest } = item;
      deferral.add('alice', { ...rest, sentAt: sent as number, expiresAt: expires as number, size: size as number });
    }
    const { request, ok, notify } = await subscribed(alice);
    expect(header(ok, 'Expires')).toBe('3600');
    expect(header(ok, 'Contact')).toMatch(/^<sip:CPMDeferredMsgHndlg@127\.0\.0\.1:\d+;transport=tcp>$/);
    expect(fromUtf8(notify.body).trim()).toBe(fromUtf8(example.body).replace(/\r?\n/g, '\r\n').trim());
    for (const name of ['Event', 'Content-Type']) expect(header(notify, name)).toBe(headerOf(example, name));
    expect(header(notify, 'Subscription-State')).toMatch(/^active;expires=(3600|3599)$/);
    expect(header(notify, 'To')).toBe(header(request, 'From'));
    expect(header(notify, 'From')).toBe(header(ok, 'To'));
    expect([header(notify, 'Call-ID'), header(notify, 'CSeq')]).toEqual([header(request, 'Call-ID'), '1 NOTIFY']);
    expect(notify.uri).toBe(alice.contactUri);
  });

  it('R-PF-26: what changes comes as one partial notification for many changes, versions without a gap', async () => {
    const clock = new ManualClock(Date.UTC(2026, 2, 2));
    const { deferral, alice } = await network({ clock });
    const first = deferral.add('alice');
    const { notify } = await subscribed(alice);
    expect(decodeDeferredInfo(notify.body)).toMatchObject({ version: 1, state: 'full' });
    await heard(alice);
    await deferral.settle(first.id, 'deleted');
    const many = [1, 2, 3].map(() => deferral.add('alice'));
    deferral.add('bob');
    await deferral.settle(many[0]?.id ?? 0, 'delivered');
    expect(alice.inbox).toEqual([]);
    await clock.advance(500);
    const { version, state, items, removed } = await told(alice);
    expect({ version, state }).toEqual({ version: 2, state: 'partial' });
    expect(items.map(({ uri }) => uri)).toEqual(many.slice(1).map(({ uri }) => uri));
    expect(removed).toEqual([first.uri, many[0]?.uri]);
  });

  it('a list that is longer than a SIP body comes in parts', async () => {
    const { deferral, alice } = await network();
    for (let count = 0; count < 2_000; count++)
      deferral.add('alice', { subject: 'x'.repeat(400), contentType: 'image/jpeg', kind: 'file' });
    const { notify } = await subscribed(alice);
    let { version, items } = decodeDeferredInfo(notify.body);
    const uris = new Set(items.map(({ uri }) => uri));
    while (uris.size < 2_000) {
      const part = await told(alice);
      expect([part.version, part.state]).toEqual([version + 1, 'partial']);
      ({ version, items } = part);
      for (const { uri } of items) uris.add(uri);
    }
    expect(uris.size).toBe(2_000);
  });

  it('says how many wait to who reads no more than that (RFC 3842)', async () => {
    const { deferral, alice } = await network();
    deferral.add('alice');
    deferral.add('alice', { kind: 'notification' });
    const { notify } = await subscribed(alice, { Accept: 'text/plain, application/simple-message-summary' });
    expect(header(notify, 'Content-Type')).toBe('application/simple-message-summary');
    expect(fromUtf8(notify.body)).toBe('Messages-Waiting: yes\r\nMessage-Account: sip:alice@home1.example\r\nText-Message: 1/0\r\n');
  });

  it('R-PF-39: every device that subscribed hears of it', async () => {
    const { deferral, network: home, alice } = await network();
    const phone = await registered(home, 'alice');
    await subscribed(alice);
    await subscribed(phone);
    const { uri } = deferral.add('alice');
    for (const peer of [alice, phone]) expect((await told(peer)).items.map((item) => item.uri)).toEqual([uri]);
  });
});

it('R-PF-39: where it is for the newest only, the one before hears of it once that is gone', async () => {
  const { deferral, network: home, alice } = await network({ policy: { force: { devices: 'newest' } } });
  const phone = await registered(home, 'alice');
  await subscribed(alice);
  const dialog = await subscribed(phone);
  const { uri } = deferral.add('alice');
  expect((await told(phone)).items.map((item) => item.uri)).toEqual([uri]);
  await refresh(phone, dialog, 2, 0);
  await told(phone);
  expect((await told(alice)).items.map((item) => item.uri)).toEqual([uri]);
});

describe('a subscription', () => {
  it('goes on with a refresh, and ends with Expires 0, each time with the whole list', async () => {
    const { deferral, alice } = await network();
    const dialog = await subscribed(alice, { Expires: null });
    expect(header(dialog.ok, 'Expires')).toBe('3600');
    const { uri } = deferral.add('alice');
    expect(header(await refresh(alice, dialog, 2, 600), 'Expires')).toBe('600');
    const again = await told(alice);
    expect(again).toMatchObject({ version: 2, state: 'full', state_: 'active;expires=600' });
    expect((await refresh(alice, dialog, 3, 30)).status).toBe(423);
    expect((await refresh(alice, dialog, 4, 0)).status).toBe(200);
    const last = await told(alice);
    expect(last).toMatchObject({ version: 3, state: 'full', state_: 'terminated;reason=timeout' });
    expect(last.items.map((item) => item.uri)).toEqual([uri]);
    expect((await refresh(alice, dialog, 5, 600)).status).toBe(481);
  });

  it('is a fetch with Expires 0', async () => {
    const { alice } = await network();
    const { ok, notify } = await subscribed(alice, { Expires: '0' });
    expect([header(ok, 'Expires'), header(notify, 'Subscription-State')]).toEqual(['0', 'terminated;reason=timeout']);
    expect(decodeDeferredInfo(notify.body)).toMatchObject({ state: 'full', items: [] });
  });

  it('ends with its time, and says so', async () => {
    const clock = new ManualClock();
    const { alice } = await network({ clock });
    const dialog = await subscribed(alice, { Expires: '60' });
    await heard(alice);
    await clock.advance(59_000);
    expect(alice.inbox).toEqual([]);
    await clock.advance(1_000);
    const last = await alice.request('NOTIFY');
    expect([header(last, 'Subscription-State'), last.body.length]).toEqual(['terminated;reason=timeout', 0]);
    expect((await refresh(alice, dialog, 2, 600)).status).toBe(481);
  });

  it.each([481, 404, 500])('ends when its NOTIFY is answered %i', async (status) => {
    const { deferral, alice } = await network();
    const dialog = await subscribed(alice);
    deferral.add('alice');
    alice.answer(await alice.request('NOTIFY'), status, 'No');
    expect((await refresh(alice, dialog, 2, 600)).status).toBe(481);
  });

  it('tries again when its subscriber says when', async () => {
    const clock = new ManualClock();
    const { deferral, alice } = await network({ clock });
    await subscribed(alice);
    await heard(alice);
    const { uri } = deferral.add('alice');
    await clock.advance(500);
    alice.answer(await alice.request('NOTIFY'), 500, 'Later', { headers: [['Retry-After', '7']] });
    await heard(alice);
    await clock.advance(7_000);
    expect((await told(alice)).items.map((item) => item.uri)).toEqual([uri]);
  });

  it('follows its device to another connection', async () => {
    const { deferral, network: home, alice } = await network();
    const dialog = await subscribed(alice);
    await alice.close();
    const { uri } = deferral.add('alice');
    const back = await device(home, 'alice', alice.instance);
    await back.register();
    const { state, items } = await told(back);
    expect([state, items.map((item) => item.uri)]).toEqual(['full', [uri]]);
    const second = deferral.add('alice');
    expect((await told(back)).items.map((item) => item.uri)).toEqual([second.uri]);
    expect((await refresh(back, dialog, 2, 600)).status).toBe(200);
    expect((await told(back)).state).toBe('full');
  });

  it('is nobody else’s to use', async () => {
    const { network: home, alice } = await network();
    const dialog = await subscribed(alice);
    const carol = await registered(home, 'carol');
    expect((await refresh(carol, dialog, 2, 0)).status).toBe(481);
  });

  it.each([
    [489, 'a package that is unknown', { Event: 'presence' }],
    [489, 'no package', { Event: null }],
    [406, 'a body that nobody writes', { Accept: 'application/pidf+xml' }],
    [423, 'too short a time', { Expires: '59' }],
    [420, 'an extension that is unknown', { Require: 'eventlist' }],
    [400, 'no Contact', { Contact: null }],
    [400, 'an Event that cannot be read', { Event: 'a b' }],
  ] as const)('is refused: %i for %s', async (status, _, changed) => {
    const { alice } = await network();
    const request = subscribe(alice, changed);
    alice.send(request);
    const refusal = await alice.final(request);
    expect(refusal.status).toBe(status);
    if (status === 489) expect(header(refusal, 'Allow-Events')).toBe('deferred-messages, conference');
    if (status === 423) expect(header(refusal, 'Min-Expires')).toBe('60');
    expect(alice.inbox).toEqual([]);
  });

  it('is of one’s own list: there is none under another address, and nobody has more than the operator lets him', async () => {
    const { network: home, alice } = await network({ bounds: { subscriptionsPerUser: 20 } });
    expect(
      (
        await alice.ask('SUBSCRIBE', 'sip:bob@home1.example', {
          headers: subscribe(alice)
            .headers.slice(6)
            .map(({ name, value }) => [name, value] as const),
        })
      ).status,
    ).toBe(404);
    for (let count = 0; count < 20; count++) await subscribed(alice);
    const more = subscribe(alice);
    alice.send(more);
    expect((await alice.final(more)).status).toBe(403);
    const other = await registered(home, 'alice');
    await alice.close();
    await expect
      .poll(async () => {
        const again = subscribe(other);
        other.send(again);
        return (await other.final(again)).status;
      })
      .toBe(200);
  });

  it('is among what OPTIONS says this network takes', async () => {
    const { alice } = await network();
    const ok = await alice.ask('OPTIONS', 'sip:home1.example');
    expect(header(ok, 'Allow')).toContain('SUBSCRIBE');
    expect(header(ok, 'Allow-Events')).toBe('deferred-messages, conference');
  });
});
