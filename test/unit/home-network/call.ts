import type { HomeNetwork } from '../../../electron/home-network/index.ts';
import type { SipRequest } from '../../../shared/protocol/sip/message.ts';
import type { SipPeer } from '../../harness/sip-peer.ts';
import { registered } from './start.ts';

export const BOB = 'sip:bob@home1.example';
export const FT = '*;+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.filetransfer";require;explicit';

export function invitation(alice: SipPeer, extra: readonly (readonly [string, string])[] = []): SipRequest {
  return alice.build('INVITE', BOB, {
    body: 'v=0\r\no=alice 1 1 IN IP4 192.0.2.10\r\n',
    headers: [
      ['Contact', `<${alice.contactUri}>;+sip.instance="<${alice.instance}>";+g.3gpp.icsi-ref="urn%3Ax"`],
      ['Accept-Contact', FT],
      ['Supported', 'timer, gruu, 100rel'],
      ['Session-Expires', '1800;refresher=uac'],
      ['Contribution-ID', 'c-1'],
      ['Content-Type', 'application/sdp'],
      ...extra,
    ],
  });
}

/** Both registered, the INVITE answered with 200 and acknowledged. */
export async function established(network: HomeNetwork) {
  const [alice, bob] = [await registered(network, 'alice'), await registered(network, 'bob')];
  const invite = invitation(alice);
  alice.send(invite);
  const got = await bob.request('INVITE');
  bob.answer(got, 200, 'OK', {
    headers: [
      ['Contact', `<${bob.contactUri}>;+sip.instance="<${bob.instance}>"`],
      ['Content-Type', 'application/sdp'],
    ],
    body: 'v=0 answer',
  });
  const ok = await alice.final(invite);
  alice.send(alice.inDialog(invite, ok, 'ACK', 1));
  await bob.request('ACK');
  return { alice, bob, invite, got, ok };
}

export function cancelOf(invite: SipRequest): SipRequest {
  const kept = invite.headers.filter(({ name }) => ['Via', 'From', 'To', 'Call-ID', 'Max-Forwards'].includes(name));
  return {
    kind: 'request',
    method: 'CANCEL',
    uri: invite.uri,
    headers: [...kept, { name: 'CSeq', value: '1 CANCEL' }],
    body: new Uint8Array(0),
  };
}
