import { describe, expect, it } from 'vitest';
import { fromUtf8 } from '../../../shared/base/bytes.ts';
import { encodeCpim } from '../../../shared/protocol/cpim/cpim.ts';
import { makeCpim } from '../../../shared/protocol/cpim/cpim-message.ts';
import { applicationFeature, OWN_COPIES } from '../../../shared/protocol/cpm/names.ts';
import { encodeImdn, IMDN_TYPE, type ImdnToSend } from '../../../shared/protocol/imdn/imdn.ts';
import { header, type SipRequest } from '../../../shared/protocol/sip/message.ts';
import type { SipPeer } from '../../harness/sip-peer.ts';
import { registered, start } from './start.ts';

const [ALICE, BOB] = ['sip:alice@home1.example', 'sip:bob@home1.example'];
const MSG = '+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.msg"';
const KNOWS = `${MSG};${applicationFeature([OWN_COPIES])}`;

function message(
  from: SipPeer,
  extra: readonly (readonly [string, string])[] = [],
  to = BOB,
  content: ImdnToSend | null = null,
): SipRequest {
  const cpim = makeCpim({
    ...{ from: ALICE, to, dateTime: '2026-11-20T10:00:00.000Z', imdnMessageId: 'm1' },
    ...(content === null
      ? { contentType: 'text/plain', content: 'from my laptop' }
      : { contentType: IMDN_TYPE, content: encodeImdn(content) }),
  });
  return from.build('MESSAGE', to, {
    body: fromUtf8(encodeCpim(cpim)),
    headers: [
      ['Contact', `<${from.contactUri}>;+sip.instance="<${from.instance}>"`],
      ['Conversation-ID', 'conv-1'],
      ['Contribution-ID', 'contr-1'],
      ['Content-Type', 'message/cpim'],
      ...extra,
    ],
  });
}

/** Alice's laptop, a phone of hers that knows copies and an old one, and Bob. */
async function devices() {
  const network = await start();
  const [laptop, phone, old, bob] = [
    await registered(network, 'alice', KNOWS),
    await registered(network, 'alice', KNOWS),
    await registered(network, 'alice', MSG),
    await registered(network, 'bob', KNOWS),
  ];
  return { laptop, phone, old, bob };
}

async function sent(from: SipPeer, to: SipPeer, request: SipRequest, status = 200): Promise<SipRequest> {
  from.send(request);
  const got = await to.request('MESSAGE');
  to.answer(got, status, 'x');
  expect((await from.final(request)).status).toBe(status);
  return got;
}

/** What was sent before is read: the answer to a later request is back. */
const heard = (...peers: SipPeer[]) => Promise.all(peers.map((peer) => peer.ask('OPTIONS', 'sip:home1.example')));

describe('copies for the other devices of who writes', () => {
  it('go to those that know them, as they were sent and marked, once it was taken', async () => {
    const { laptop, phone, old, bob } = await devices();
    const got = await sent(laptop, bob, message(laptop));
    expect(header(got, 'Message-Direction')).toBeNull();
    const copy = await phone.request('MESSAGE');
    expect([header(copy, 'Message-Direction'), copy.uri]).toEqual(['sent', phone.contactUri]);
    expect(header(copy, 'P-Asserted-Identity')).toContain(`<${ALICE}>`);
    for (const name of ['To', 'Conversation-ID', 'Contribution-ID', 'Content-Type']) expect(header(copy, name)).toBe(header(got, name));
    expect(copy.body).toEqual(got.body);
    await heard(laptop, old, bob);
    for (const peer of [laptop, old, bob]) expect(peer.inbox).toEqual([]);
  });

  it('tell them what was displayed, and nothing else of notifications', async () => {
    const { laptop, phone, bob } = await devices();
    const about = { messageId: 'm0', dateTime: '2026-11-20T10:00:00.000Z', recipientUri: ALICE, originalRecipientUri: ALICE } as const;
    await sent(laptop, bob, message(laptop, [], BOB, { ...about, disposition: 'delivery', status: 'delivered' }));
    await sent(laptop, bob, message(laptop, [], BOB, { ...about, disposition: 'display', status: 'displayed' }));
    expect(fromUtf8((await phone.request('MESSAGE')).body)).toContain('<displayed/>');
    await heard(phone);
    expect(phone.inbox).toEqual([]);
  });

  it('are made of nothing that was refused, has no name, or went to oneself', async () => {
    const { laptop, phone, old, bob } = await devices();
    await sent(laptop, bob, message(laptop), 486);
    await sent(laptop, bob, message(laptop, [['Privacy', 'id']]));
    const own = message(laptop, [['Message-Direction', 'sent']], ALICE);
    laptop.send(own);
    const came = await Promise.all([laptop, phone, old].map((peer) => peer.request('MESSAGE')));
    for (const request of came) expect(header(request, 'Message-Direction')).toBeNull();
    phone.answer(came[1] as SipRequest, 200, 'OK');
    await heard(phone);
    expect(phone.inbox).toEqual([]);
  });

  it('cannot be made by anybody but the network', async () => {
    const { laptop, bob } = await devices();
    bob.send(message(bob, [['Message-Direction', 'sent']], ALICE));
    expect(header(await laptop.request('MESSAGE'), 'Message-Direction')).toBeNull();
  });
});
