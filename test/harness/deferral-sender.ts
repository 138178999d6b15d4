import { createHash } from 'node:crypto';
import { createMsrpEngine } from '../../electron/msrp/engine.ts';
import type { MsrpEngine } from '../../electron/msrp/port.ts';
import { fromUtf8 } from '../../shared/base/bytes.ts';
import { randomToken } from '../../shared/base/random.ts';
import { encodeCpim } from '../../shared/protocol/cpim/cpim.ts';
import { ALL_DISPOSITIONS, makeCpim } from '../../shared/protocol/cpim/cpim-message.ts';
import { acceptContact, FILE_TRANSFER, LARGE_MESSAGE } from '../../shared/protocol/cpm/names.ts';
import type { SipPeer } from './sip-peer.ts';

export interface Sent {
  readonly id: string;
  readonly kind: 'pager' | 'large' | 'file';
  /** what is shown of it: the text, or the name of the file */
  readonly text: string;
  /** of a file */
  readonly octets: Buffer;
}

/** Writes to somebody by its own sockets; whoever calls knows what was accepted, to the message. */
export class DeferralSender {
  readonly #sip: SipPeer;
  readonly #msrp: MsrpEngine;
  readonly #target: string;

  private constructor(sip: SipPeer, msrp: MsrpEngine, target: string) {
    this.#sip = sip;
    this.#msrp = msrp;
    this.#target = target;
  }

  static async start(sip: SipPeer, target: string): Promise<DeferralSender> {
    const msrp = createMsrpEngine();
    await msrp.listen({ host: '127.0.0.1', port: 0 });
    return new DeferralSender(sip, msrp, target);
  }

  /** Resolves when the network, or the recipient, has all of it. Rejects when that is not known. */
  async send(sent: Sent): Promise<void> {
    if (sent.kind === 'pager') await this.#pager(sent);
    else await this.#session(sent);
  }

  async close(): Promise<void> {
    await this.#msrp.close();
  }

  async #pager({ id, text }: Sent): Promise<void> {
    const { status } = await this.#sip.ask('MESSAGE', this.#target, {
      headers: [...this.#ids(id), ['Content-Type', 'message/cpim']],
      body: fromUtf8(this.#cpim(id, text)),
    });
    if (status >= 300) throw new Error(`${id}: ${status}`);
  }

  async #session({ id, kind, text, octets }: Sent): Promise<void> {
    const session = this.#msrp.createSession({ onMessage: () => ({ refuse: 413 }), onClosed: () => undefined });
    try {
      const isFile = kind === 'file';
      const hash = createHash('sha1')
        .update(octets)
        .digest('hex')
        .toUpperCase()
        .replace(/..(?=.)/g, '$&:');
      const own = isFile
        ? [
            `a=file-selector:name:"${text}" type:application/octet-stream size:${octets.length} hash:sha-1:${hash}`,
            `a=file-transfer-id:transfer-of-${id}`,
          ]
        : [];
      const sdp = [
        ...['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0', `m=message ${this.#msrp.address.port} TCP/MSRP *`],
        ...['a=sendonly', 'a=accept-types:message/cpim *', 'a=accept-wrapped-types:*', `a=path:${session.localUri}`, 'a=setup:actpass'],
        ...[...own, ''],
      ].join('\r\n');
      const parts = ['--b', 'Content-Type: application/sdp', '', sdp, '--b', 'Content-Type: message/cpim', ''];
      const invite = this.#sip.build('INVITE', this.#target, {
        headers: [
          ['Contact', `<${this.#sip.contactUri}>`],
          ['Accept-Contact', acceptContact(isFile ? FILE_TRANSFER : LARGE_MESSAGE)],
          ...this.#ids(id),
          ['Content-Type', isFile ? 'multipart/mixed;boundary=b' : 'application/sdp'],
        ],
        body: isFile ? [...parts, fromUtf8(this.#cpim(id, '')), '--b--'].join('\r\n') : sdp,
      });
      this.#sip.send(invite);
      const ok = await this.#sip.final(invite);
      if (ok.status >= 300) throw new Error(`${id}: ${ok.status}`);
      this.#sip.send(this.#sip.inDialog(invite, ok, 'ACK', 1));
      const path = /^a=path:(\S+)/m.exec(fromUtf8(ok.body))?.[1] ?? '';
      await session.connect({ role: 'active', remotePath: [path] });
      await session.send(
        isFile
          ? { contentType: 'application/octet-stream', source: octets, successReport: true }
          : { contentType: 'message/cpim', source: this.#cpim(id, text), successReport: true },
      );
      this.#sip.send(this.#sip.inDialog(invite, ok, 'BYE', 2));
    } finally {
      await session.close();
    }
  }

  #ids(id: string): (readonly [string, string])[] {
    return [
      ['Conversation-ID', `conversation-${randomToken(8)}`],
      ['Contribution-ID', `contribution-${id}`],
    ];
  }

  #cpim(id: string, content: string): Uint8Array {
    const from = this.#sip.account.address;
    const dateTime = new Date().toISOString();
    const about = { from, to: this.#target, dateTime, imdnMessageId: id, dispositions: ALL_DISPOSITIONS };
    return encodeCpim(makeCpim({ ...about, contentType: 'text/plain', content }));
  }
}
