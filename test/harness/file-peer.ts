import { createMsrpEngine } from '../../electron/msrp/engine.ts';
import { RECIPIENT_LIST_INVITE, withRecipients } from '../../electron/services/recipient-body.ts';
import type { FinalAnswer, Header, OutgoingInvite, UserAgent } from '../../electron/sip/port.ts';
import { createUserAgent } from '../../electron/sip/user-agent.ts';
import { randomToken, randomUuid } from '../../shared/base/random.ts';
import { acceptContact, contactFeature, FILE_TRANSFER } from '../../shared/protocol/cpm/names.ts';
import { makeFileOffer, makeOrigin } from '../../shared/protocol/sdp/file-offer.ts';
import { decodeSdp, encodeSdp, SDP_TYPE } from '../../shared/protocol/sdp/sdp.ts';

/** Somebody who can announce one file and send another. */
export class FilePeer {
  readonly #agent: UserAgent;
  readonly #msrp = createMsrpEngine();

  private constructor(agent: UserAgent) {
    this.#agent = agent;
  }

  static async start(account: { address: string; user: string; password: string; outboundProxy: string }): Promise<FilePeer> {
    const [host, port] = account.outboundProxy.split(':');
    const agent = createUserAgent({
      ...account,
      displayName: 'Mallory',
      outboundProxy: { host: host as string, port: Number(port) },
      transport: 'tcp',
      instanceUrn: `urn:uuid:${randomUuid()}`,
      services: [FILE_TRANSFER],
      userAgent: 'CPM-client/OMA2.0 Test/1',
      expires: 600,
    });
    await agent.register();
    const peer = new FilePeer(agent);
    await peer.#msrp.listen({ host: '127.0.0.1', port: 0 });
    return peer;
  }

  /** Announces a file; `send` then sends what it likes, if it was accepted. */
  offer(
    target: string,
    announced: { name: string; size: number; type?: string; sha1?: string; sha256?: string },
    extra: { sdp?: (text: string) => string; headers?: readonly Header[]; recipients?: readonly string[] } = {},
  ): { invite: OutgoingInvite; send: (octets: Uint8Array) => Promise<void>; cut: () => Promise<void> } {
    const session = this.#msrp.createSession({ onMessage: () => ({ refuse: 403 }), onClosed: () => undefined });
    const offer = makeFileOffer({
      origin: makeOrigin('127.0.0.1', Date.now()),
      place: { protocol: 'TCP/MSRP', address: '127.0.0.1', port: this.#msrp.address.port, path: [session.localUri] },
      name: announced.name,
      type: announced.type ?? 'text/plain',
      size: announced.size,
      hashes: [
        ...(announced.sha1 ? [{ algorithm: 'sha-1', hex: announced.sha1 }] : []),
        ...(announced.sha256 ? [{ algorithm: 'sha-256', hex: announced.sha256 }] : []),
      ],
      transferId: randomToken(32),
    });
    const text = new TextDecoder().decode(encodeSdp(offer));
    const sdp = new TextEncoder().encode(extra.sdp?.(text) ?? text);
    const { recipients } = extra;
    const listed: Header[] = recipients ? [{ name: 'Require', value: RECIPIENT_LIST_INVITE }] : [];
    const invite = this.#agent.invite({
      target,
      headers: [{ name: 'Accept-Contact', value: acceptContact(FILE_TRANSFER) }, ...listed, ...(extra.headers ?? [])],
      contactParameters: contactFeature([FILE_TRANSFER]),
      ...(recipients ? withRecipients({ type: SDP_TYPE, body: sdp }, recipients) : { contentType: SDP_TYPE, body: sdp }),
    });
    return {
      invite,
      cut: () => session.close(),
      send: async (octets) => {
        const answer: FinalAnswer = await invite.answer;
        const media = decodeSdp(answer.body).media[0];
        if (media?.kind !== 'msrp') throw new Error(`answered ${answer.status}`);
        await session.connect({ role: 'active', remotePath: media.path });
        await session.send({ contentType: announced.type ?? 'text/plain', source: octets, successReport: true });
      },
    };
  }

  /** Both connections end without a word. */
  async vanish(): Promise<void> {
    await this.#msrp.close();
    await this.#agent.close();
  }

  async close(): Promise<void> {
    await this.#agent.unregister();
    await this.#agent.close();
    await this.#msrp.close();
  }
}
