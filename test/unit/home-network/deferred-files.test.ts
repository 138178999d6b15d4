import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { HomeNetwork } from '../../../electron/home-network/index.ts';
import { createMsrpEngine } from '../../../electron/msrp/engine.ts';
import type { MessageSink } from '../../../electron/msrp/port.ts';
import { fromUtf8 } from '../../../shared/base/bytes.ts';
import { encodeCpim } from '../../../shared/protocol/cpim/cpim.ts';
import { makeCpim } from '../../../shared/protocol/cpim/cpim-message.ts';
import { encodeImdn, IMDN_TYPE } from '../../../shared/protocol/imdn/imdn.ts';
import type { SipMessage } from '../../../shared/protocol/sip/message.ts';
import { DeferralSender, type Sent } from '../../harness/deferral-sender.ts';
import type { RequestOptions, SipPeer } from '../../harness/sip-peer.ts';
import { BOB, FT } from './call.ts';
import { IN_MEMORY, registered, start } from './start.ts';

const ALICE = 'sip:alice@home1.example';
const senders: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const sender of senders.splice(0)) await sender.close();
});

const FILE: Sent = { id: 'f1', kind: 'file', text: 'ridge.bin', octets: Buffer.alloc(5_000, 'ridge ') };

/** Alice sends it; resolves with her device and when it was taken. */
async function began(home: HomeNetwork): Promise<readonly [SipPeer, Promise<void>]> {
  const alice = await registered(home, 'alice');
  const sender = await DeferralSender.start(alice, BOB);
  senders.push(sender);
  return [alice, sender.send(FILE)];
}

/** Alice has sent it, and the network has taken it. */
async function kept(home: HomeNetwork): Promise<SipPeer> {
  const [alice, sending] = await began(home);
  await sending;
  return alice;
}

/** Bob has it. */
function notification(): RequestOptions {
  const about = { messageId: FILE.id, dateTime: '2026-11-20T10:00:00.000Z', recipientUri: BOB, originalRecipientUri: BOB };
  const notice = makeCpim({
    ...{ from: BOB, to: ALICE, dateTime: '2026-11-20T10:00:01.000Z', imdnMessageId: 'n1' },
    ...{ contentType: IMDN_TYPE, contentDisposition: 'notification' },
    content: encodeImdn({ ...about, disposition: 'delivery', status: 'delivered' }),
  });
  return { headers: [['Content-Type', 'message/cpim']], body: fromUtf8(encodeCpim(notice)) };
}

const isInvite = (message: SipMessage) => message.kind === 'request' && message.method === 'INVITE';
const nextOffer = async (peer: SipPeer): Promise<string> => {
  const invite = await peer.request('INVITE', 10_000);
  return /name:"([^"]*)"/.exec(fromUtf8(invite.body))?.[1] ?? '';
};

describe('R-AD-04: a file is kept, and offered at the next sign-in,', () => {
  it('where its recipient is offline', async () => {
    const home = await start({ databases: IN_MEMORY });
    await kept(home);
    expect(await nextOffer(await registered(home, 'bob'))).toBe(FILE.text);
  });

  it.each([
    ['R-AD-02: where nobody accepts it before its invitation expires', 408],
    ['R-AD-02: where his device has waited for him in vain', 480],
  ])('%s', async (_, status) => {
    const home = await start({ databases: IN_MEMORY });
    const bob = await registered(home, 'bob');
    const [alice, sending] = await began(home);
    bob.answer(await bob.request('INVITE'), status, 'Nobody answered');
    // the network takes it in his place, and she is done
    await sending;
    expect(alice.inbox.filter((message) => message.kind === 'request' && message.method === 'MESSAGE')).toEqual([]);
    await bob.close();
    expect(await nextOffer(await registered(home, 'bob'))).toBe(FILE.text);
  });

  it('where the link of his device is lost while it rings', async () => {
    const home = await start({ databases: IN_MEMORY });
    const bob = await registered(home, 'bob');
    const [, sending] = await began(home);
    await bob.request('INVITE');
    await bob.close();
    await sending;
    expect(await nextOffer(await registered(home, 'bob'))).toBe(FILE.text);
  });
});

it('R-AD-06: of one transfer, the file waits for whom it is sent to, and what he says of it for who sent it', async () => {
  const home = await start({ databases: IN_MEMORY });
  const alice = await kept(home);
  await alice.close();
  // the terminating side
  const bob = await registered(home, 'bob');
  expect(await nextOffer(bob)).toBe(FILE.text);
  // the originating one
  expect((await bob.ask('MESSAGE', ALICE, notification())).status).toBe(202);
  const again = await registered(home, 'alice');
  expect(fromUtf8((await again.request('MESSAGE')).body)).toContain('<delivered/>');
});

it('R-PF-12 a file of which its recipient says that he has it, after a kill that kept the network from writing it down, is not offered again', async () => {
  const home = await start({ databases: IN_MEMORY });
  const alice = await kept(home);
  const bob = await registered(home, 'bob');
  const invite = await bob.request('INVITE');
  const told = bob.ask('MESSAGE', ALICE, notification());
  alice.answer(await alice.request('MESSAGE'), 200, 'OK');
  expect((await told).status).toBe(200);
  bob.answer(invite, 480, 'Already here');
  await bob.register();
  await wait(100);
  expect(bob.inbox.filter(isInvite)).toEqual([]);
});

it('R-PF-16: whoever asks for the rest of a file that waits here is given it by the network, also while its author is away (F16)', async () => {
  const home = await start({ databases: IN_MEMORY });
  const alice = await kept(home);
  await alice.close();
  const bob = await registered(home, 'bob');
  const offer = await bob.request('INVITE', 10_000);
  bob.answer(offer, 480, 'Not now');
  const selector = /a=file-selector:.*/.exec(fromUtf8(offer.body))?.[0] ?? '';
  const engine = createMsrpEngine();
  senders.push(engine);
  await engine.listen({ host: '127.0.0.1', port: 0 });
  const octets = Buffer.alloc(FILE.octets.length);
  FILE.octets.copy(octets, 0, 0, 2_000);
  let whole: () => void = () => undefined;
  const isWhole = new Promise<void>((resolve) => {
    whole = resolve;
  });
  const sink: MessageSink = { write: (at, part) => void octets.set(part, 2_000 + at), complete: () => whole(), abort: () => undefined };
  const session = engine.createSession({ onMessage: () => sink, onClosed: () => undefined });
  const ask = (range: string) => {
    const sdp = [
      ...['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0', `m=message ${engine.address.port} TCP/MSRP *`],
      ...['a=recvonly', 'a=accept-types:message/cpim application/octet-stream', 'a=accept-wrapped-types:*', `a=path:${session.localUri}`],
      ...['a=setup:actpass', selector, 'a=file-transfer-id:m0eguDnL2ckIUxyuBjiKoqY48cuAurAw', `a=file-range:${range}`, ''],
    ].join('\r\n');
    const headers = [
      ['Contact', `<${bob.contactUri}>`] as const,
      ['Accept-Contact', FT] as const,
      ['Content-Type', 'application/sdp'] as const,
    ];
    return bob.build('INVITE', ALICE, { headers, body: sdp });
  };
  // beyond its end there is nothing: that is for its author, who is not there
  const wrong = ask('6000-*');
  bob.send(wrong);
  expect((await bob.final(wrong)).status).toBe(480);

  const invite = ask('2001-5000');
  bob.send(invite);
  const ok = await bob.final(invite);
  expect(ok.status).toBe(200);
  const answer = fromUtf8(ok.body);
  for (const line of ['a=sendonly', selector.trim(), 'a=file-range:2001-5000']) expect(answer).toContain(line);
  bob.send(bob.inDialog(invite, ok, 'ACK', 1));
  void session.connect({ role: 'active', remotePath: [/^a=path:(\S+)/m.exec(answer)?.[1] ?? ''] });
  await isWhole;
  expect(octets.equals(FILE.octets)).toBe(true);
  bob.send(bob.inDialog(invite, ok, 'BYE', 2));
  // he has it: another device is not offered it
  await vi.waitFor(async () => {
    const phone = await registered(home, 'bob');
    await wait(50);
    expect(phone.inbox.filter(isInvite)).toEqual([]);
  }, 10_000);
});
