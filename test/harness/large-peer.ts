import { createMsrpEngine } from '../../electron/msrp/engine.ts';
import type { MessageSink } from '../../electron/msrp/port.ts';
import { fromUtf8 } from '../../shared/base/bytes.ts';
import type { SipRequest, SipResponse } from '../../shared/protocol/sip/message.ts';
import { SipPeer } from './sip-peer.ts';

type Service = 'msg' | 'largemsg' | 'session' | 'filetransfer';

const features = (services: readonly Service[]): string =>
  `+g.3gpp.icsi-ref="${services.map((name) => `urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.${name}`).join(',')}"`;

/** Somebody who can be sent texts in pager and large message mode, or in chats, and answers them as a test decides. */
export class LargePeer {
  readonly sip: SipPeer;
  readonly #msrp = createMsrpEngine();

  private constructor(sip: SipPeer) {
    this.sip = sip;
  }

  static async start(
    account: { address: string; user: string; password: string; outboundProxy: string },
    services: readonly Service[] = ['msg', 'largemsg'],
  ): Promise<LargePeer> {
    const [host, port] = account.outboundProxy.split(':');
    const sip = await SipPeer.connect({ host: host as string, port: Number(port) }, account);
    await sip.register({ features: features(services) });
    const peer = new LargePeer(sip);
    await peer.#msrp.listen({ host: '127.0.0.1', port: 0 });
    return peer;
  }

  refuse(request: SipRequest, status: number, headers: readonly (readonly [string, string])[] = []): void {
    this.sip.answer(request, status, 'Test', { headers });
  }

  /** 200, and then every octet goes to that sink. @returns the description in it */
  accept(
    invite: SipRequest,
    sink: Partial<MessageSink>,
    headers: readonly (readonly [string, string])[] = [],
    types = 'a=accept-types:message/cpim *',
  ): string {
    const whole: MessageSink = { write: () => undefined, complete: () => undefined, abort: () => undefined, ...sink };
    const session = this.#msrp.createSession({ onMessage: () => whole, onClosed: () => undefined });
    const remotePath = [/^a=path:(\S+)/m.exec(fromUtf8(invite.body))?.[1] ?? ''];
    void session.connect({ role: 'passive', remotePath }).catch(() => undefined);
    const body = [
      ...['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0'],
      ...[`m=message ${this.#msrp.address.port} TCP/MSRP *`, 'a=recvonly', types],
      ...['a=accept-wrapped-types:text/plain message/imdn+xml', `a=path:${session.localUri}`, 'a=setup:passive', ''],
    ].join('\r\n');
    const contact = headers.some(([name]) => name === 'Contact') ? [] : [['Contact', `<${this.sip.contactUri}>`] as const];
    this.sip.answer(invite, 200, 'OK', { headers: [...contact, ['Content-Type', 'application/sdp'], ...headers], body });
    return body;
  }

  /** answers every BYE or refresh that comes, for as long as the peer is there */
  obliging(): void {
    const next = async (): Promise<void> => {
      for (;;) {
        const fits = (message: SipRequest | SipResponse) => message.kind === 'request' && /^(BYE|UPDATE)$/.test(message.method);
        const request = (await this.sip.next(fits, 120_000)) as SipRequest;
        const refresh = [
          ['Contact', `<${this.sip.contactUri}>`],
          ['Session-Expires', '90;refresher=uac'],
          ['Require', 'timer'],
        ] as const;
        this.sip.answer(request, 200, 'OK', { headers: request.method === 'UPDATE' ? refresh : [] });
      }
    };
    next().catch(() => undefined);
  }

  /** The connection for octets ends without a word. */
  cut(): Promise<void> {
    return this.#msrp.close();
  }

  /** Both connections end without a word. */
  async vanish(): Promise<void> {
    await Promise.all([this.sip.close(), this.#msrp.close()]);
  }
}
