import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { NO_BYTES, utf8 } from '../../shared/base/bytes.ts';
import { randomToken, randomUuid } from '../../shared/base/random.ts';
import { decodeSip, encodeSip } from '../../shared/protocol/sip/codec.ts';
import { type DigestHash, decodeChallenge, digestResponse, encodeCredentials } from '../../shared/protocol/sip/digest.ts';
import { SipFramer } from '../../shared/protocol/sip/framer.ts';
import { header, headers, type SipHeader, type SipMessage, type SipRequest, type SipResponse } from '../../shared/protocol/sip/message.ts';
import { decodeNameAddr } from '../../shared/protocol/sip/name-addr.ts';

const HASHES: Record<DigestHash, string> = { MD5: 'md5', 'SHA-256': 'sha256', 'SHA-512-256': 'sha512-256' };
const hash = (algorithm: DigestHash, octets: Uint8Array): string => createHash(HASHES[algorithm]).update(octets).digest('hex');

export interface PeerAccount {
  readonly address: string;
  readonly user: string;
  readonly password: string;
}

export interface RequestOptions {
  readonly headers?: readonly (readonly [string, string])[];
  readonly body?: string;
  readonly to?: string;
  readonly from?: string;
  readonly callId?: string;
  readonly sequence?: number;
  readonly branch?: string;
}

/** A SIP device reduced to a socket: every message is written and read by the test itself. */
export class SipPeer {
  readonly account: PeerAccount;
  readonly instance: string;
  readonly socket: Socket;
  /** everything that came and was not yet taken by `next` */
  readonly inbox: SipMessage[] = [];
  pongs = 0;
  readonly callId = randomUuid();
  sequence = 0;
  readonly #framer = new SipFramer();
  #waiting: (() => void)[] = [];

  private constructor(socket: Socket, account: PeerAccount, instance: string) {
    this.socket = socket;
    this.account = account;
    this.instance = instance;
    socket.on('data', (octets: Uint8Array) => {
      for (const frame of this.#framer.push(octets)) {
        if (frame.kind === 'message') this.inbox.push(decodeSip(frame.octets));
        else if (frame.kind === 'pong') this.pongs += 1;
      }
      this.#wake();
    });
    socket.on('close', () => this.#wake());
    socket.on('error', () => undefined);
  }

  static async connect(proxy: { readonly host: string; readonly port: number }, account: PeerAccount, instance?: string): Promise<SipPeer> {
    const socket = connect(proxy.port, proxy.host);
    await once(socket, 'connect');
    return new SipPeer(socket, account, instance ?? `urn:uuid:${randomUuid()}`);
  }

  get host(): string {
    return `${this.socket.localAddress}:${this.socket.localPort}`;
  }

  get domain(): string {
    return this.account.address.replace(/^.*@/, '');
  }

  get contactUri(): string {
    return `sip:${this.account.user}@${this.host};transport=tcp`;
  }

  /** The next message that fits, in any order of arrival; the others stay. */
  async next(fits: (message: SipMessage) => boolean, patience = 3_000): Promise<SipMessage> {
    const end = Date.now() + patience;
    for (;;) {
      const at = this.inbox.findIndex(fits);
      if (at >= 0) return this.inbox.splice(at, 1)[0] as SipMessage;
      const left = end - Date.now();
      if (left <= 0 || this.socket.closed) {
        throw new Error(`nothing that fits came to ${this.account.user}; there is ${JSON.stringify(this.inbox.map(summary))}`);
      }
      await this.#activity(left);
    }
  }

  async request(method: string, patience?: number): Promise<SipRequest> {
    return (await this.next((message) => message.kind === 'request' && message.method === method, patience)) as SipRequest;
  }

  /** The final answer to that request; provisional ones before it are dropped. */
  async final(request: SipRequest, patience?: number): Promise<SipResponse> {
    for (;;) {
      const response = (await this.next((message) => answers(message, request), patience)) as SipResponse;
      if (response.status >= 200) return response;
    }
  }

  async provisional(request: SipRequest, status: number): Promise<SipResponse> {
    return (await this.next((message) => answers(message, request) && (message as SipResponse).status === status)) as SipResponse;
  }

  async closed(patience = 3_000): Promise<void> {
    const end = Date.now() + patience;
    while (!this.socket.closed && Date.now() < end) await this.#activity(end - Date.now());
    if (!this.socket.closed) throw new Error('the connection is still open');
  }

  build(method: string, uri: string, options: RequestOptions = {}): SipRequest {
    const fields: SipHeader[] = [
      { name: 'Via', value: `SIP/2.0/TCP ${this.host};branch=${options.branch ?? `z9hG4bK${randomToken(12)}`};rport` },
      { name: 'Max-Forwards', value: '70' },
      { name: 'From', value: options.from ?? `<${this.account.address}>;tag=${randomToken(8)}` },
      { name: 'To', value: options.to ?? `<${uri}>` },
      { name: 'Call-ID', value: options.callId ?? randomUuid() },
      { name: 'CSeq', value: `${options.sequence ?? 1} ${method}` },
    ];
    for (const [name, value] of options.headers ?? []) {
      const at = fields.findIndex((field) => field.name === name);
      if (at >= 0 && name !== 'Via') fields[at] = { name, value };
      else fields.push({ name, value });
    }
    return { kind: 'request', method, uri, headers: fields, body: options.body === undefined ? NO_BYTES : utf8(options.body) };
  }

  send(message: SipMessage): void {
    this.socket.write(encodeSip(message));
  }

  /** Sends and waits for the final answer. */
  async ask(method: string, uri: string, options: RequestOptions = {}): Promise<SipResponse> {
    const request = this.build(method, uri, options);
    this.send(request);
    return this.final(request);
  }

  async register(
    options: {
      readonly algorithm?: 'MD5' | 'SHA-256';
      readonly expires?: number;
      readonly features?: string;
      readonly contact?: string;
    } = {},
  ): Promise<SipResponse> {
    const first = this.registration(options);
    this.send(first);
    const challenge = await this.final(first);
    if (challenge.status !== 401) return challenge;
    const second = this.registration(options, this.credentials(challenge, first, { algorithm: options.algorithm ?? 'SHA-256' }));
    this.send(second);
    return this.final(second);
  }

  registration(
    options: { readonly expires?: number; readonly features?: string; readonly contact?: string } = {},
    authorization?: string,
    extra: readonly (readonly [string, string])[] = [],
  ): SipRequest {
    this.sequence += 1;
    const features =
      options.features ??
      '+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.msg,urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.filetransfer"';
    const contact =
      options.contact ??
      `<${this.contactUri}>;+sip.instance="<${this.instance}>";reg-id=1${features === '' ? '' : `;${features}`};expires=${options.expires ?? 600}`;
    return this.build('REGISTER', `sip:${this.domain}`, {
      callId: this.callId,
      sequence: this.sequence,
      to: `<${this.account.address}>`,
      headers: [
        ['Contact', contact],
        ['Supported', 'path, gruu, outbound'],
        ['Require', 'gruu'],
        ...(authorization === undefined ? [] : ([['Authorization', authorization]] as const)),
        ...extra,
      ],
    });
  }

  credentials(
    challenge: SipResponse,
    request: SipRequest,
    options: { readonly algorithm?: string; readonly nc?: number; readonly password?: string; readonly username?: string } = {},
  ): string {
    const field = challenge.status === 401 ? 'WWW-Authenticate' : 'Proxy-Authenticate';
    const offered = headers(challenge, field).map(decodeChallenge);
    const chosen = offered.find(({ algorithm }) => algorithm === (options.algorithm ?? 'SHA-256'));
    if (chosen === undefined) throw new Error('that algorithm was not offered');
    const fields = {
      username: options.username ?? this.account.user,
      realm: chosen.realm,
      nonce: chosen.nonce,
      opaque: chosen.opaque,
      algorithm: chosen.algorithm,
      uri: request.uri,
      qop: 'auth',
      cnonce: randomToken(12),
      nc: (options.nc ?? 1).toString(16).padStart(8, '0'),
    };
    const response = digestResponse({ ...fields, password: options.password ?? this.account.password, method: request.method }, hash);
    return encodeCredentials({ ...fields, response });
  }

  /** Answers a request that came in; a To tag is added unless it has one. */
  answer(
    request: SipRequest,
    status: number,
    reason: string,
    options: { readonly tag?: string; readonly headers?: readonly (readonly [string, string])[]; readonly body?: string } = {},
  ): void {
    const fields = request.headers
      .filter(({ name }) => ['Via', 'Record-Route', 'From', 'To', 'Call-ID', 'CSeq'].includes(name))
      .map(({ name, value }) =>
        name === 'To' && !value.includes(';tag=') ? { name, value: `${value};tag=${options.tag ?? 'peer'}` } : { name, value },
      );
    for (const [name, value] of options.headers ?? []) fields.push({ name, value });
    this.send({ kind: 'response', status, reason, headers: fields, body: options.body === undefined ? NO_BYTES : utf8(options.body) });
  }

  /** A request inside the dialog an INVITE of this peer made; `sequence` as the INVITE's for ACK. */
  inDialog(invite: SipRequest, response: SipResponse, method: string, sequence: number, options: RequestOptions = {}): SipRequest {
    const contact = decodeNameAddr(header(response, 'Contact') ?? '').uri;
    const routes = headers(response, 'Record-Route')
      .reverse()
      .map((value) => ['Route', value] as const);
    return this.build(method, contact, {
      ...options,
      from: header(invite, 'From') ?? '',
      to: header(response, 'To') ?? '',
      callId: header(invite, 'Call-ID') ?? '',
      sequence,
      headers: [...routes, ...(options.headers ?? [])],
    });
  }

  /** A request inside the dialog an INVITE to this peer made, which it answered with `tag`. */
  inDialogBack(invite: SipRequest, method: string, sequence: number, options: RequestOptions = {}, tag = 'peer'): SipRequest {
    const contact = decodeNameAddr(header(invite, 'Contact') ?? '').uri;
    return this.build(method, contact, {
      ...options,
      from: `${header(invite, 'To')};tag=${tag}`,
      to: header(invite, 'From') ?? '',
      callId: header(invite, 'Call-ID') ?? '',
      sequence,
      headers: [...headers(invite, 'Record-Route').map((value) => ['Route', value] as const), ...(options.headers ?? [])],
    });
  }

  async close(): Promise<void> {
    this.socket.destroy();
    await this.closed();
  }

  #activity(patience: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, patience);
      this.#waiting.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const run of waiting) run();
  }
}

function answers(message: SipMessage, request: SipRequest): boolean {
  return (
    message.kind === 'response' &&
    header(message, 'Call-ID') === header(request, 'Call-ID') &&
    header(message, 'CSeq') === header(request, 'CSeq') &&
    (header(message, 'Via') ?? '').includes(/branch=[^;]+/.exec(header(request, 'Via') ?? '')?.[0] ?? '?')
  );
}

function summary(message: SipMessage): string {
  return message.kind === 'request' ? message.method : `${message.status} ${header(message, 'CSeq')}`;
}
