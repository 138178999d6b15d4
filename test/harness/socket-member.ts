import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { fromUtf8 } from '../../shared/base/bytes.ts';
import { randomToken, randomUuid } from '../../shared/base/random.ts';
import { header, type SipMessage, type SipRequest, type SipResponse } from '../../shared/protocol/sip/message.ts';
import type { Announced } from './network-process.ts';
import { SipPeer } from './sip-peer.ts';

const CHAT = '*;+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.session";require;explicit';
const FEATURES = '+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.session"';
const PATIENCE = 30_000;

/** A message as it came: who says it, its imdn.Message-ID, and the text. */
export interface Heard {
  readonly from: string;
  readonly id: string;
  readonly text: string;
}

/**
 * A device in a group session that is written down by hand: sockets, and as much SIP and MSRP as it takes. It accepts each invitation to a group,
 * answers each SEND, and is always the side that connects.
 */
export class SocketMember {
  readonly peer: SipPeer;
  /** hears each text when it comes, before it is answered */
  heard: (message: Heard) => void = () => undefined;
  /** after its session was ended by the network, or lost */
  left: () => void = () => undefined;
  /** invitations are taken; else they are answered 486, for one that comes by itself */
  accepts: boolean;
  /** identity of the group that it is in, from Contact */
  group: string | null = null;
  readonly #path = `msrp://127.0.0.1:9/${randomToken(20)};tcp`;
  readonly #waiting = new Map<string, { resolve(): void; reject(error: Error): void }>();
  #socket: Socket | null = null;
  #focusPath = '';
  #joined: () => void = () => undefined;
  /** resolves when octets flow */
  readonly joined = new Promise<void>((resolve) => {
    this.#joined = resolve;
  });

  private constructor(peer: SipPeer, accepts: boolean) {
    this.peer = peer;
    this.accepts = accepts;
  }

  /** @param accepts invitations are taken, the first one may come at once; else they are answered 486, for one that comes by itself */
  static async register(
    { address, accounts }: Announced,
    user: string,
    instance = `urn:uuid:${randomUuid()}`,
    accepts = true,
  ): Promise<SocketMember> {
    const account = accounts.find((each) => each.user === user);
    if (account === undefined) throw new Error(`no account ${user}`);
    const device = new SocketMember(await SipPeer.connect(address, account, instance), accepts);
    const { status } = await device.peer.register({ features: FEATURES });
    if (status !== 200) throw new Error(`registration of ${user}: ${status}`);
    void device.#serve();
    return device;
  }

  /** To a group's address, or the identity of its session. @param list addresses for the factory */
  async join(uri: string, list: readonly string[] = []): Promise<void> {
    const { peer } = this;
    // whoever ends at this network is connected to
    const sdp = this.#describe('actpass');
    const entries = list.map((each) => `<entry uri="${each}"/>`).join('');
    const lists = `<?xml version="1.0"?><resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists"><list>${entries}</list></resource-lists>`;
    const parts = ['--b', 'Content-Type: application/sdp', '', sdp, '--b', 'Content-Type: application/resource-lists+xml'];
    const isList = list.length > 0;
    const invite = peer.build('INVITE', uri, {
      headers: [
        ['Contact', `<${peer.contactUri}>;${FEATURES}`],
        ['Accept-Contact', CHAT],
        ['Supported', 'timer'],
        ['Content-Type', isList ? 'multipart/mixed;boundary=b' : 'application/sdp'],
        ...(isList ? ([['Require', 'recipient-list-invite']] as const) : []),
      ],
      body: isList ? [...parts, 'Content-Disposition: recipient-list', '', lists, '--b--'].join('\r\n') : sdp,
    });
    peer.send(invite);
    const response = await peer.final(invite, PATIENCE);
    if (response.status !== 200) throw new Error(`${peer.account.user} to ${uri}: ${response.status} ${response.reason}`);
    peer.send(peer.inDialog(invite, response, 'ACK', 1));
    await this.#connect(response);
  }

  /** Resolves with its 200. */
  say(text: string, id = randomToken(24)): Promise<void> {
    const from = this.peer.account.address;
    const content = Buffer.from(text);
    const head = [
      ...[`From: <${from}>`, `To: <${this.group}>`, 'DateTime: 2026-11-20T10:00:00.000Z', 'NS: imdn <urn:ietf:params:imdn>'],
      ...[`imdn.Message-ID: ${id}`, '', 'Content-Type: text/plain;charset=UTF-8', `Content-Length: ${content.length}`, '', ''],
    ].join('\r\n');
    return this.#send(Buffer.concat([Buffer.from(head), content]));
  }

  /** Without a word. */
  async close(): Promise<void> {
    this.left = () => undefined;
    this.#socket?.destroy();
    await this.peer.close();
  }

  #describe(setup: 'active' | 'actpass'): string {
    return [
      ...['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0', 'm=message 9 TCP/MSRP *', 'a=sendrecv'],
      ...['a=accept-types:message/cpim', 'a=accept-wrapped-types:*', `a=path:${this.#path}`, `a=setup:${setup}`, ''],
    ].join('\r\n');
  }

  async #serve(): Promise<void> {
    const { peer } = this;
    for (;;) {
      let request: SipRequest;
      try {
        request = (await peer.next((message) => message.kind === 'request', 3_600_000)) as SipRequest;
      } catch {
        return;
      }
      if (request.method === 'INVITE') this.#accept(request);
      else if (request.method !== 'ACK') peer.answer(request, 200, 'OK');
      if (request.method === 'BYE') this.#lost();
    }
  }

  #accept(invite: SipRequest): void {
    if (!this.accepts) {
      this.peer.answer(invite, 486, 'Busy Here');
      return;
    }
    this.peer.answer(invite, 200, 'OK', {
      headers: [
        ['Contact', `<${this.peer.contactUri}>;${FEATURES}`],
        ['Content-Type', 'application/sdp'],
      ],
      body: this.#describe('active'),
    });
    void this.#connect(invite).catch(() => this.#lost());
  }

  /** To where that description is. */
  async #connect(message: SipRequest | SipResponse): Promise<void> {
    this.group = groupIn(message);
    this.#focusPath = /^a=path:(\S+)/m.exec(fromUtf8(message.body))?.[1] ?? '';
    const [, host = '', port = ''] = /^msrp:\/\/([^:/]+):(\d+)\//.exec(this.#focusPath) ?? [];
    const socket = connect(Number(port), host);
    socket.setNoDelay(true);
    this.#socket = socket;
    socket.on('error', () => undefined);
    socket.on('close', () => {
      if (this.#socket === socket) this.#lost();
    });
    let rest: Buffer = Buffer.alloc(0);
    socket.on('data', (octets: Buffer) => {
      rest = this.#take(rest.length === 0 ? octets : Buffer.concat([rest, octets]), socket);
    });
    await once(socket, 'connect');
    await this.#send(null);
    this.#joined();
  }

  #send(body: Buffer | null): Promise<void> {
    const socket = this.#socket;
    const id = randomToken(12);
    if (socket === null || socket.destroyed) return Promise.reject(new Error('not in the group'));
    const about =
      body === null ? ['Byte-Range: 1-0/0'] : [`Byte-Range: 1-${body.length}/${body.length}`, 'Content-Type: message/cpim', '', ''];
    const paths = [`MSRP ${id} SEND`, `To-Path: ${this.#focusPath}`, `From-Path: ${this.#path}`, `Message-ID: ${randomToken(12)}`];
    const head = Buffer.from([...paths, ...about].join('\r\n'));
    socket.write(Buffer.concat([head, body ?? Buffer.alloc(0), Buffer.from(`\r\n-------${id}$\r\n`)]));
    return new Promise((resolve, reject) => {
      const what = body === null ? 'the SEND that binds its session' : 'a text';
      const late = new Error(`${this.peer.account.user} has no answer to ${what} after ${PATIENCE} ms`);
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(late);
      }, PATIENCE);
      const settled = (settle: () => void): void => {
        clearTimeout(timer);
        settle();
      };
      this.#waiting.set(id, { resolve: () => settled(resolve), reject: (error) => settled(() => reject(error)) });
    });
  }

  /** Whole frames; @returns what is left of the last one */
  #take(octets: Buffer, socket: Socket): Buffer {
    let at = 0;
    const answers: string[] = [];
    for (;;) {
      const line = octets.indexOf('\r\n', at);
      if (line < 0) break;
      const [, id = '', kind = ''] = octets.toString('latin1', at, line).split(' ');
      const end = octets.indexOf(`-------${id}`, line);
      if (end < 0 || octets.length < end + id.length + 10) break;
      if (kind === 'SEND') {
        this.#hear(octets.toString('utf8', line + 2, end));
        answers.push(`MSRP ${id} 200 OK\r\nTo-Path: ${this.#focusPath}\r\nFrom-Path: ${this.#path}\r\n-------${id}$\r\n`);
      } else if (kind !== 'REPORT') {
        const waiting = this.#waiting.get(id);
        this.#waiting.delete(id);
        if (kind === '200') waiting?.resolve();
        else waiting?.reject(new Error(octets.toString('latin1', at, line)));
      }
      at = end + id.length + 10;
    }
    if (answers.length > 0) socket.write(answers.join(''));
    return octets.subarray(at);
  }

  #hear(frame: string): void {
    const from = /^From: [^<]*<([^>]*)>/m.exec(frame)?.[1];
    const id = /^imdn\.Message-ID: (\S+)/m.exec(frame)?.[1];
    if (from === undefined || id === undefined) return;
    const text = frame.slice(frame.lastIndexOf('\r\n\r\n') + 4, -2);
    this.heard({ from, id, text });
  }

  #lost(): void {
    this.#socket = null;
    for (const { reject } of this.#waiting.values()) reject(new Error('lost'));
    this.#waiting.clear();
    this.left();
  }
}

function groupIn(message: SipMessage): string {
  return /<([^>]*)>/.exec(header(message, 'Contact') ?? '')?.[1] ?? '';
}
