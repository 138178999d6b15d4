import { describe, expect, it } from 'vitest';
import { header, headers } from '../../../shared/protocol/sip/message.ts';
import { ManualClock } from '../../harness/manual-clock.ts';
import { established, invitation } from './call.ts';
import { registered, start } from './start.ts';

describe('dialogs of the participating function', () => {
  it('acknowledges for a caller whose connection broke before its ACK, and then hangs up', async () => {
    const network = await start();
    const [alice, bob] = [await registered(network, 'alice'), await registered(network, 'bob')];
    const invite = invitation(alice);
    alice.send(invite);
    bob.answer(await bob.request('INVITE'), 200, 'OK', { headers: [['Contact', `<${bob.contactUri}>`]] });
    await alice.final(invite);
    await alice.close();
    await expect.poll(() => bob.inbox.map((message) => message.kind === 'request' && message.method)).toEqual(['ACK', 'BYE']);
  });

  it('answers INVITE with the Record-Route of a proxy on the way, its own before that (RFC 3261 section 12.1.1)', async () => {
    const network = await start();
    const [alice, bob] = [await registered(network, 'alice'), await registered(network, 'bob')];
    const invite = invitation(alice, [['Record-Route', '<sip:edge.example;lr>']]);
    alice.send(invite);
    const got = await bob.request('INVITE');
    expect(headers(got, 'Record-Route')).toHaveLength(1);
    bob.answer(got, 200, 'OK', { headers: [['Contact', `<${bob.contactUri}>`]] });
    const ok = await alice.final(invite);
    expect(headers(ok, 'Record-Route')).toEqual([header(got, 'Record-Route'), '<sip:edge.example;lr>']);
    alice.send(alice.inDialog(invite, ok, 'ACK', 1));
    await bob.request('ACK');
    const bye = bob.inDialogBack(got, 'BYE', 1);
    bob.send(bye);
    expect(headers(await alice.request('BYE'), 'Route')).toEqual(['<sip:edge.example;lr>']);
  });

  it('takes 0 for the first CSeq number of a device', async () => {
    const { alice, bob, got } = await established(await start());
    const first = bob.inDialogBack(got, 'INFO', 0);
    bob.send(first);
    alice.answer(await alice.request('INFO'), 200, 'OK');
    expect((await bob.final(first)).status).toBe(200);
  });

  it('ends a re-INVITE that a device never answers by timer C', async () => {
    const clock = new ManualClock();
    const { alice, bob, invite, ok } = await established(await start({ clock }));
    const reinvite = alice.inDialog(invite, ok, 'INVITE', 2, { headers: [['Contact', `<${alice.contactUri}>`]] });
    alice.send(reinvite);
    bob.answer(await bob.request('INVITE'), 180, 'Ringing');
    await alice.provisional(reinvite, 180);
    await clock.advance(180_000);
    await bob.request('CANCEL');
    await clock.advance(32_000);
    expect((await alice.final(reinvite)).status).toBe(487);
  });
});
