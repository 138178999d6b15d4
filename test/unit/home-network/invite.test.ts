import { describe, expect, it } from 'vitest';
import { fromUtf8 } from '../../../shared/base/bytes.ts';
import { header, headers, type SipRequest, type SipResponse } from '../../../shared/protocol/sip/message.ts';
import { ManualClock } from '../../harness/manual-clock.ts';
import { BOB, cancelOf, established, FT, invitation } from './call.ts';
import { device, registered, start } from './start.ts';

describe('INVITE through the participating function', () => {
  it('rings, is answered, acknowledged and hung up; bodies and contacts as they should be', async () => {
    const network = await start();
    const [alice, bob] = [await registered(network, 'alice'), await registered(network, 'bob')];
    const invite = invitation(alice);
    alice.send(invite);
    await alice.provisional(invite, 100);
    const got = await bob.request('INVITE');
    expect(fromUtf8(got.body)).toBe(fromUtf8(invite.body));
    expect(header(got, 'Contact')).toBe(
      `<sip:alice@home1.example;gr=${alice.instance}>;+sip.instance="<${alice.instance}>";+g.3gpp.icsi-ref="urn%3Ax"`,
    );
    expect(header(got, 'Supported')).toBe('timer, gruu');
    expect(header(got, 'Session-Expires')).toBe('1800;refresher=uac');
    expect(header(got, 'Contribution-ID')).toBe('c-1');
    expect(header(got, 'Call-ID')).not.toBe(header(invite, 'Call-ID'));
    expect(header(got, 'Record-Route')).toBe(`<sip:127.0.0.1:${network.address.port};transport=tcp;lr>`);

    const contact = [['Contact', `<${bob.contactUri}>;+sip.instance="<${bob.instance}>"`]] as const;
    bob.answer(got, 180, 'Ringing', { headers: contact });
    const ringing = await alice.provisional(invite, 180);
    expect(header(ringing, 'Contact')).toBe(`<sip:bob@home1.example;gr=${bob.instance}>;+sip.instance="<${bob.instance}>"`);
    bob.answer(got, 200, 'OK', { headers: [...contact, ['Content-Type', 'application/sdp']], body: 'v=0 answer' });
    const ok = await alice.final(invite);
    expect(fromUtf8(ok.body)).toBe('v=0 answer');
    expect(header(ok, 'To')).toBe(header(ringing, 'To'));
    expect(header(ok, 'P-Asserted-Identity')).toBe('<sip:bob@home1.example>');
    expect(headers(ok, 'Record-Route')).toHaveLength(1);

    alice.send(alice.inDialog(invite, ok, 'ACK', 1));
    const ack = await bob.request('ACK');
    expect([ack.uri, header(ack, 'CSeq'), header(ack, 'Route')]).toEqual([bob.contactUri, '1 ACK', null]);
    // a 200 that comes again is acknowledged again
    bob.answer(got, 200, 'OK', { headers: contact });
    await bob.request('ACK');

    const bye = alice.inDialog(invite, ok, 'BYE', 2, { headers: [['Reason', 'SIP;cause=200']] });
    alice.send(bye);
    const byeGot = await bob.request('BYE');
    expect(header(byeGot, 'Reason')).toBe('SIP;cause=200');
    bob.answer(byeGot, 200, 'OK');
    expect((await alice.final(bye)).status).toBe(200);
    alice.send(alice.inDialog(invite, ok, 'INFO', 3));
    expect(((await alice.next((message) => message.kind === 'response')) as SipResponse).status).toBe(481);
  });

  it('R-PF-07: passes requests inside the dialog both ways: re-INVITE with its ACK, UPDATE, INFO, OPTIONS', async () => {
    const { alice, bob, invite, got, ok } = await established(await start());
    const reinvite = alice.inDialog(invite, ok, 'INVITE', 2, { body: 'v=0 again', headers: [['Contact', `<${alice.contactUri}>`]] });
    alice.send(reinvite);
    const again = await bob.request('INVITE');
    expect(fromUtf8(again.body)).toBe('v=0 again');
    expect(header(again, 'To')).toContain(';tag=peer');
    bob.answer(again, 200, 'OK', { headers: [['Contact', `<${bob.contactUri}>`]], body: 'v=0 yes' });
    const accepted = await alice.final(reinvite);
    expect(fromUtf8(accepted.body)).toBe('v=0 yes');
    alice.send(alice.inDialog(invite, ok, 'ACK', 2, { body: 'late answer' }));
    expect(fromUtf8((await bob.request('ACK')).body)).toBe('late answer');

    for (const [at, method] of ['UPDATE', 'INFO', 'OPTIONS'].entries()) {
      const request = bob.inDialogBack(got, method, at + 1, { headers: [['Session-Expires', '1800']] });
      bob.send(request);
      const received = await alice.request(method);
      expect(header(received, 'Session-Expires')).toBe('1800');
      expect(header(received, 'Call-ID')).toBe(header(invite, 'Call-ID'));
      alice.answer(received, 200, 'OK', { headers: [['X-Mark', method]] });
      expect(header(await bob.final(request), 'X-Mark')).toBe(method);
    }
    const old = bob.inDialogBack(got, 'INFO', 1);
    bob.send(old);
    expect((await bob.final(old)).status).toBe(500);
    const bye = bob.inDialogBack(got, 'BYE', 9);
    bob.send(bye);
    alice.answer(await alice.request('BYE'), 200, 'OK');
    expect((await bob.final(bye)).status).toBe(200);
  });

  it('answers both sides when they hang up at once', async () => {
    const { alice, bob, invite, got, ok } = await established(await start());
    const one = alice.inDialog(invite, ok, 'BYE', 2);
    const two = bob.inDialogBack(got, 'BYE', 1);
    alice.send(one);
    const byeGot = await bob.request('BYE');
    bob.send(two);
    expect((await bob.final(two)).status).toBe(200);
    bob.answer(byeGot, 200, 'OK');
    expect((await alice.final(one)).status).toBe(200);
  });

  it('a 603 ends every branch and reaches the caller as it is', async () => {
    const network = await start();
    const alice = await registered(network, 'alice');
    const [one, two] = [await registered(network, 'bob'), await registered(network, 'bob')];
    const invite = invitation(alice);
    alice.send(invite);
    const [first, second] = [await one.request('INVITE'), await two.request('INVITE')];
    two.answer(second, 180, 'Ringing');
    await alice.provisional(invite, 180);
    one.answer(first, 603, 'Decline');
    const ack = await one.request('ACK');
    expect([header(ack, 'Via'), header(ack, 'Accept-Contact')]).toEqual([header(first, 'Via'), FT]);
    const final = await alice.final(invite);
    expect([final.status, final.reason]).toEqual([603, 'Decline']);
    alice.send({ ...alice.build('ACK', BOB, { callId: header(invite, 'Call-ID') as string }), headers: ackHeaders(invite, final) });
    two.answer(await two.request('CANCEL'), 200, 'OK');
    two.answer(second, 487, 'Request Terminated');
    await two.request('ACK');
  });

  it('R-PF-35 R-PF-36 R-PF-38 R-PF-42: rings all devices; the first to answer wins and the others are told where it went', async () => {
    const network = await start();
    const alice = await registered(network, 'alice');
    const [one, two, three] = [await registered(network, 'bob'), await registered(network, 'bob'), await registered(network, 'bob')];
    const invite = invitation(alice);
    alice.send(invite);
    const got = [await one.request('INVITE'), await two.request('INVITE'), await three.request('INVITE')] as const;
    two.answer(got[1], 180, 'Ringing');
    await alice.provisional(invite, 180);
    one.answer(got[0], 200, 'OK', { headers: [['Contact', `<${one.contactUri}>`]] });
    const ok = await alice.final(invite);
    alice.send(alice.inDialog(invite, ok, 'ACK', 1));
    await one.request('ACK');
    const cancel = await two.request('CANCEL');
    expect(header(cancel, 'Reason')).toBe('SIP;cause=200;text="Call completed elsewhere"');
    expect([header(cancel, 'Via'), header(cancel, 'CSeq'), header(cancel, 'Require')]).toEqual([header(got[1], 'Via'), '1 CANCEL', null]);
    two.answer(cancel, 200, 'OK');
    two.answer(got[1], 487, 'Request Terminated');
    await two.request('ACK');
    // the third never rang and answers by itself, too late
    three.answer(got[2], 200, 'OK', { headers: [['Contact', `<${three.contactUri}>`]] });
    await three.request('ACK');
    const bye = await three.request('BYE');
    expect(header(bye, 'Reason')).toContain('Call completed elsewhere');
    three.answer(bye, 200, 'OK');
    expect(alice.inbox).toEqual([]);
  });

  it('R-PF-34: offers a file only to devices that registered for files', async () => {
    const network = await start();
    const alice = await registered(network, 'alice');
    const chatOnly = await registered(network, 'bob', '+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.session"');
    const first = invitation(alice);
    alice.send(first);
    expect((await alice.final(first)).status).toBe(480);
    const withFiles = await registered(network, 'bob');
    const second = invitation(alice);
    alice.send(second);
    withFiles.answer(await withFiles.request('INVITE'), 486, 'Busy Here');
    expect((await alice.final(second)).status).toBe(486);
    expect(chatOnly.inbox).toEqual([]);
  });

  it('takes the best refusal when all devices refuse', async () => {
    const network = await start();
    const alice = await registered(network, 'alice');
    const peers = [await registered(network, 'bob'), await registered(network, 'bob'), await registered(network, 'bob')];
    const invite = invitation(alice);
    alice.send(invite);
    for (const [at, peer] of peers.entries()) peer.answer(await peer.request('INVITE'), [480, 486, 503][at] as number, 'No');
    expect((await alice.final(invite)).status).toBe(486);
  });

  it('CANCEL reaches the ringing device with its Reason, and the caller gets 200 and 487', async () => {
    const network = await start();
    const [alice, bob] = [await registered(network, 'alice'), await registered(network, 'bob')];
    const invite = invitation(alice);
    alice.send(invite);
    const got = await bob.request('INVITE');
    bob.answer(got, 180, 'Ringing');
    await alice.provisional(invite, 180);
    const cancel: SipRequest = {
      ...cancelOf(invite),
      headers: [...cancelOf(invite).headers, { name: 'Reason', value: 'SIP;cause=487;text="Cancelled by user"' }],
    };
    alice.send(cancel);
    const accepted = await alice.final(cancel);
    expect(accepted.status).toBe(200);
    const ended = await alice.final(invite);
    expect(ended.status).toBe(487);
    expect(header(accepted, 'To')).toBe(header(ended, 'To'));
    const passed = await bob.request('CANCEL');
    expect(header(passed, 'Reason')).toBe('SIP;cause=487;text="Cancelled by user"');
    bob.answer(passed, 200, 'OK');
    bob.answer(got, 487, 'Request Terminated');
    await bob.request('ACK');
    const late = cancelOf(alice.build('INVITE', BOB));
    alice.send(late);
    expect((await alice.final(late)).status).toBe(481);
  });

  it('holds a CANCEL back until the device has answered anything', async () => {
    const network = await start();
    const [alice, bob] = [await registered(network, 'alice'), await registered(network, 'bob')];
    const invite = invitation(alice);
    alice.send(invite);
    const got = await bob.request('INVITE');
    alice.send(cancelOf(invite));
    expect((await alice.final(invite)).status).toBe(487);
    expect(bob.inbox).toEqual([]);
    bob.answer(got, 100, 'Trying');
    await bob.request('CANCEL');
  });

  it('gives up when nobody answers: by Expires with 487, by timer C with 408', async () => {
    const clock = new ManualClock();
    const network = await start({ clock });
    const [alice, bob] = [await registered(network, 'alice'), await registered(network, 'bob')];
    for (const [extra, wait, status] of [
      [[['Expires', '20']], 20_000, 487],
      [[], 180_000, 408],
    ] as const) {
      const invite = invitation(alice, extra);
      alice.send(invite);
      const got = await bob.request('INVITE');
      bob.answer(got, 180, 'Ringing');
      await alice.provisional(invite, 180);
      await clock.advance(wait - 1);
      expect(bob.inbox).toEqual([]);
      await clock.advance(1);
      expect((await alice.final(invite)).status).toBe(status);
      bob.answer(await bob.request('CANCEL'), 200, 'OK');
      bob.answer(got, 487, 'Request Terminated');
      await bob.request('ACK');
    }
  });

  it('takes an INVITE for ended that its device never ends, and one without any answer for unreachable', async () => {
    const clock = new ManualClock();
    const network = await start({ clock });
    const [alice, bob] = [await registered(network, 'alice'), await registered(network, 'bob')];
    const invite = invitation(alice);
    alice.send(invite);
    await bob.request('INVITE');
    await clock.advance(32_000);
    expect((await alice.final(invite)).status).toBe(408);
    // an answer after that finds nothing to belong to
    const second = invitation(alice);
    alice.send(second);
    const got = await bob.request('INVITE');
    bob.answer(got, 180, 'Ringing');
    await alice.provisional(second, 180);
    alice.send(cancelOf(second));
    await bob.request('CANCEL');
    await clock.advance(32_000);
    bob.answer(got, 200, 'OK', { headers: [['Contact', `<${bob.contactUri}>`]] });
    expect((await bob.ask('OPTIONS', 'sip:home1.example')).status).toBe(200);
    expect(bob.inbox).toEqual([]);
  });

  it('R-PF-08: hangs up for a side whose connection broke, and for a caller who never acknowledges', async () => {
    const one = await established(await start());
    await one.alice.close();
    const bye = await one.bob.request('BYE');
    expect(header(bye, 'Reason')).toContain('lost');

    const clock = new ManualClock();
    const network = await start({ clock });
    const [alice, bob] = [await registered(network, 'alice'), await registered(network, 'bob')];
    const invite = invitation(alice);
    alice.send(invite);
    const got = await bob.request('INVITE');
    bob.answer(got, 200, 'OK', { headers: [['Contact', `<${bob.contactUri}>`]] });
    await alice.final(invite);
    await clock.advance(32_000);
    await bob.request('ACK');
    await bob.request('BYE');
    await alice.request('BYE');
  });

  it('cancels for a caller who vanished while it rang, and tells 480 when the device vanished', async () => {
    const network = await start();
    const [alice, bob] = [await registered(network, 'alice'), await registered(network, 'bob')];
    const invite = invitation(alice);
    alice.send(invite);
    bob.answer(await bob.request('INVITE'), 180, 'Ringing');
    await alice.provisional(invite, 180);
    await alice.close();
    await bob.request('CANCEL');
    const carol = await registered(network, 'carol');
    const second = carol.build('INVITE', BOB);
    carol.send(second);
    await bob.request('INVITE');
    await bob.close();
    expect((await carol.final(second)).status).toBe(480);
  });

  it('refuses what it cannot pass on, and dialogs that are not the sender’s', async () => {
    const network = await start();
    const { invite, ok } = await established(network);
    const mallory = await device(network, 'carol');
    const bye = mallory.inDialog(invite, ok, 'BYE', 2);
    mallory.send(bye);
    expect((await mallory.final(bye)).status).toBe(481);
    const carol = await registered(network, 'carol');
    const reliable = await carol.ask('INVITE', BOB, { headers: [['Require', '100rel']] });
    expect([reliable.status, header(reliable, 'Unsupported')]).toEqual([420, '100rel']);
    expect((await carol.ask('PUBLISH', BOB)).status).toBe(405);
    expect((await carol.ask('FROBNICATE', BOB)).status).toBe(501);
    expect((await carol.ask('BYE', BOB)).status).toBe(481);
    expect((await carol.ask('OPTIONS', 'sip:home1.example')).status).toBe(200);
  });
});

function ackHeaders(invite: SipRequest, response: SipResponse) {
  const kept = invite.headers.filter(({ name }) => ['Via', 'From', 'Call-ID', 'Max-Forwards'].includes(name));
  return [...kept, { name: 'To', value: header(response, 'To') ?? '' }, { name: 'CSeq', value: '1 ACK' }];
}
