import { createMsrpEngine } from '../../electron/msrp/engine.ts';
import type { MessageSink } from '../../electron/msrp/port.ts';
import type { OutgoingInvite, UserAgent } from '../../electron/sip/port.ts';
import { createUserAgent } from '../../electron/sip/user-agent.ts';
import { randomToken, randomUuid } from '../../shared/base/random.ts';
import { encodeCpim } from '../../shared/protocol/cpim/cpim.ts';
import { ALL_DISPOSITIONS, formatDateTime, makeCpim } from '../../shared/protocol/cpim/cpim-message.ts';
import { acceptContact, type CpmService, contactFeature } from '../../shared/protocol/cpm/names.ts';
import { makeOrigin } from '../../shared/protocol/sdp/file-offer.ts';
import { EMPTY_MSRP_MEDIA } from '../../shared/protocol/sdp/msrp-media.ts';
import { decodeSdp, encodeSdp, SDP_TYPE } from '../../shared/protocol/sdp/sdp.ts';

const SERVICES: readonly CpmService[] = ['oma.cpm.session', 'oma.cpm.largemsg'];

export interface Chat {
  readonly invite: OutgoingInvite;
  /** resolves when MSRP has answered 200. @param from the author that its CPIM names instead. @param imdnId asks for all notifications about it */
  readonly say: (text: string, from?: string, imdnId?: string) => Promise<void>;
  /** what came in the session, where it listens */
  readonly heard: readonly string[];
  /** whatever it is */
  readonly send: (contentType: string, octets: Uint8Array) => Promise<void>;
  readonly end: () => Promise<void>;
}

/** A device that opens chat sessions and sends large messages, and does neither files nor pager mode. */
export class ChatPeer {
  readonly #agent: UserAgent;
  readonly #address: string;
  readonly #msrp = createMsrpEngine();

  private constructor(agent: UserAgent, address: string) {
    this.#agent = agent;
    this.#address = address;
  }

  static async start(account: { address: string; user: string; password: string; outboundProxy: string }): Promise<ChatPeer> {
    const [host, port] = account.outboundProxy.split(':');
    const agent = createUserAgent({
      ...account,
      displayName: account.user,
      outboundProxy: { host: host as string, port: Number(port) },
      transport: 'tcp',
      instanceUrn: `urn:uuid:${randomUuid()}`,
      services: SERVICES,
      userAgent: 'CPM-client/OMA2.0 Test/1',
      expires: 600,
    });
    await agent.register();
    const peer = new ChatPeer(agent, account.address);
    await peer.#msrp.listen({ host: '127.0.0.1', port: 0 });
    return peer;
  }

  /**
   * Invites, and resolves when MSRP is connected.
   * @param options.moreMedia lines of further media in the offer
   */
  async open(
    target: string,
    options: { service?: CpmService; conversationId?: string; moreMedia?: string; listens?: boolean } = {},
  ): Promise<Chat> {
    const { service = 'oma.cpm.session', conversationId = randomUuid(), moreMedia = '', listens = false } = options;
    const heard: string[] = [];
    const session = this.#msrp.createSession({ onMessage: () => (listens ? listener(heard) : { refuse: 403 }), onClosed: () => undefined });
    const offer = encodeSdp({
      origin: makeOrigin('127.0.0.1', Date.now()),
      name: '-',
      address: '127.0.0.1',
      media: [
        {
          ...EMPTY_MSRP_MEDIA,
          port: this.#msrp.address.port,
          direction: service === 'oma.cpm.largemsg' ? 'sendonly' : null,
          acceptTypes: ['message/cpim'],
          acceptWrappedTypes: ['text/plain', 'message/imdn+xml'],
          path: [session.localUri],
          setup: 'active',
        },
      ],
    });
    const invite = this.#agent.invite({
      target,
      headers: [
        { name: 'Accept-Contact', value: acceptContact(service) },
        { name: 'Conversation-ID', value: conversationId },
        { name: 'Contribution-ID', value: randomUuid() },
      ],
      contactParameters: contactFeature([service]),
      contentType: SDP_TYPE,
      body: new Uint8Array([...offer, ...new TextEncoder().encode(moreMedia)]),
    });
    const answer = await invite.answer;
    const [media] = decodeSdp(answer.body).media;
    if (media?.kind !== 'msrp') throw new Error(`answered ${answer.status}`);
    await session.connect({ role: 'active', remotePath: media.path });
    return {
      invite,
      heard,
      send: (contentType, source) => session.send({ contentType, source, successReport: false }),
      say: (text, from = this.#address, imdnId = undefined) =>
        session.send({
          contentType: 'message/cpim',
          successReport: false,
          source: encodeCpim(
            makeCpim({
              from,
              to: target,
              dateTime: formatDateTime(Date.now()),
              imdnMessageId: imdnId ?? randomToken(24),
              ...(imdnId === undefined ? {} : { dispositions: ALL_DISPOSITIONS }),
              contentType: 'text/plain;charset=UTF-8',
              content: text,
            }),
          ),
        }),
      end: async () => {
        await invite.end();
        await session.close();
      },
    };
  }

  /** The connection to the network ends without a word, the ones for media do not. */
  async cut(): Promise<void> {
    await this.#agent.close();
  }

  async close(): Promise<void> {
    await this.#agent.unregister();
    await this.#agent.close();
    await this.#msrp.close();
  }
}

/** Keeps a whole message as one text. */
function listener(heard: string[]): MessageSink {
  const parts: Buffer[] = [];
  return {
    write: (_, octets) => void parts.push(Buffer.from(octets)),
    complete: () => void heard.push(Buffer.concat(parts).toString()),
    abort: () => undefined,
  };
}
