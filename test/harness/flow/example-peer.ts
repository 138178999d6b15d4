import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { type Allowance, ExampleScript, payloadOf } from './example-script.ts';

const PATIENCE_MS = 15_000;

/** What every message of our client may do otherwise than the examples. */
const ALWAYS: readonly Allowance[] = [
  { why: 'how long an invitation may ring is said (RFC 3261 section 13.2.1)', extra: /^head\|Expires: 600$/ },
  { why: 'a method is allowed that somebody answers here: no group sessions yet', extra: /^head\|Allow: /, missing: /^head\|Allow: / },
  { why: 'a second hash beside SHA-1 (RFC 5547 section 5)', cut: / hash:sha-256:(?:[0-9A-F]{2}:){31}[0-9A-F]{2}/ },
  {
    why: 'the product is named in answers and in BYE too (RFC 3261 section 20.41)',
    extra: /^head\|User-Agent: CPM-client\/OMA2\.0 Parley\/\S+ \(linux\)$/,
  },
  { why: 'as in F11-03', extra: /^head\|Supported: timer, gruu$/, missing: /^head\|Supported: timer$/ },
  { why: 'asserted by the network, not by the client (RFC 3325)', missing: /^head\|P-Asserted-Identity: / },
];

/** A whole file needs no range (RFC 5547 section 6), and nobody is asked for a title or looks at dates. */
export const PLAIN_FILE: readonly Allowance[] = [
  { why: 'absent is all of it', missing: /^sdp\.\d\|a=file-range:1-/ },
  { why: 'optional', missing: /^sdp\.\d\|(?:i=|a=file-date:)/ },
];

/** A peer that takes no thumbnails gets none; what is beside the description then is the request for notifications alone. */
export const NO_THUMBNAIL: readonly Allowance[] = [
  { why: 'no icon', missing: /^(?:icon\b|sdp\.\d\|a=file-icon:)/ },
  { why: 'nothing refers to a part', missing: /^(?:sdp|cpim)\.head\|Content-ID: / },
  { why: 'parts beside each other', missing: /^head\|Content-Type: multipart\/related;/, extra: /^head\|Content-Type: multipart\/mixed;/ },
];

/** Of several files too each asks for its notifications; the examples leave that out. */
export const OWN_NOTIFICATIONS: readonly Allowance[] = [
  { why: 'requests beside the description', extra: /^cpim\b|^sdp\.head\|Content-Type: application\/sdp$/ },
  {
    why: 'so there are parts',
    extra: /^(?:body\.)?head\|Content-Type: multipart\/mixed;/,
    missing: /^head\|Content-Type: application\/sdp$/,
  },
  { why: 'and MIME', extra: /^head\|MIME-Version: 1\.0$/ },
  { why: 'files are kept, not shown at once', extra: /a=file-disposition:attachment$/, missing: /a=file-disposition:render$/ },
];

/** The example is what the network hands to the other client. */
export const BEFORE_THE_NETWORK: readonly Allowance[] = [
  {
    why: 'the network finds the device by Accept-Contact',
    extra: /^start\|MESSAGE sip:alice@home1\.example SIP/,
    missing: /^start\|MESSAGE sip:/,
  },
  { why: 'hops', extra: /^head\|(?:Via|Max-Forwards|Route): /, missing: /^head\|(?:Via|Max-Forwards): / },
  {
    why: 'preferred, not asserted',
    extra: /^head\|P-Preferred-(?:Service|Identity): /,
    missing: /^head\|P-Asserted-(?:Service|Identity): /,
  },
  { why: 'the network weighs it', cut: /(?<=oma\.cpm\.filetransfer");require;explicit$/ },
];

/** What the network makes of an INVITE on its way to the other client. */
export function throughTheNetwork(text: string): string {
  return text
    .replace(/Route: .*\r\n/, 'Record-Route: <sip:pcscf.home1.example:5060;transport=tcp;lr>\r\n')
    .replaceAll('P-Preferred-', 'P-Asserted-');
}

/**
 * Everybody but our client, in a flow of `spec/examples`: the proxy and the other person. It knows the examples, two sockets, and where a message ends;
 * nothing of it is the product's.
 */
export class ExamplePeer {
  script = new ExampleScript();
  readonly #known: (readonly [example: string, actual: string])[];
  readonly #sip: Server;
  readonly #msrp: Server;
  readonly #sipLine = new Line(nextSip);
  readonly #media: Line[] = [];
  readonly #lines: Line[] = [];
  #last: { readonly text: string; readonly line: Line } | null = null;
  readonly #waiting: ((line: Line) => void)[] = [];
  readonly #allowed: readonly Allowance[];
  /** every line that differed */
  readonly differences: string[] = [];
  /** what was asked and is answered by the way */
  readonly asides: string[] = [];
  /** answers MESSAGE and BYE by the way too */
  obliging = false;
  /** octets that follow the next 200 to REGISTER in the same write */
  pushes: Buffer = Buffer.alloc(0);
  /** the last REGISTER of our client */
  registration = '';

  private constructor(allowed: readonly Allowance[]) {
    this.#known = [];
    this.#allowed = [...ALWAYS, ...allowed];
    this.#sip = createServer((socket) => this.#sipLine.attach(socket));
    this.#msrp = createServer((socket) => this.#took(socket));
  }

  /** @param media the peer's address and port in the examples of that flow */
  static async start(media: { readonly host: string; readonly port: number }, allowed: readonly Allowance[] = []): Promise<ExamplePeer> {
    const peer = new ExamplePeer(allowed);
    for (const server of [peer.#sip, peer.#msrp]) {
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
    }
    peer.#known.push(['pcscf.home1.example:5060', peer.proxy]);
    peer.moves(media);
    peer.#sipLine.onAside = (message) => peer.#aside(message);
    return peer;
  }

  /** Another run of the flow. @param fresh texts of the examples that stand for something new in it: ids of calls, of messages, of files */
  again(...fresh: string[]): void {
    this.script = new ExampleScript();
    for (const [example, actual] of this.#known) this.script.bind(example, actual);
    for (const text of fresh) {
      // the cookie of a branch says by which rules it was made (RFC 3261 section 8.1.1.7)
      const last = text.replace(/^z9hG4bK|@.*$/g, '').match(/[0-9A-Za-z]+$/)?.[0] ?? text;
      this.script.bind(text, text.replace(last, randomBytes(32).toString('hex').slice(0, last.length)));
    }
  }

  /** In what follows the examples have this peer elsewhere. */
  moves(media: { readonly host: string; readonly port: number }): void {
    const { port } = this.#msrp.address() as AddressInfo;
    this.#known.push(
      [`${media.host}:${media.port}`, `127.0.0.1:${port}`],
      [`m=message ${media.port}`, `m=message ${port}`],
      [media.host, '127.0.0.1'],
    );
    for (const [example, actual] of this.#known) this.script.bind(example, actual);
  }

  get proxy(): string {
    return `127.0.0.1:${(this.#sip.address() as AddressInfo).port}`;
  }

  /** The client's next message of the kind of that example, set against it. @returns its text */
  async takes(name: string, allowed: readonly Allowance[] = [], which: (text: string) => boolean = () => true): Promise<string> {
    const kind = kindOf(this.script.play(name).toString('latin1'));
    const octets = await this.#sipLine.next((text) => kindOf(text) === kind && which(text), `${name} (${kind})`);
    this.differences.push(...this.script.differences(name, octets, [...this.#allowed, ...allowed]));
    return octets.toString('latin1');
  }

  /** The client's next request of that method, set against nothing. @returns its text */
  async takesAny(method: string): Promise<string> {
    return (await this.#sipLine.next((text) => kindOf(text) === method, method)).toString('latin1');
  }

  /** Binds texts of the examples to what a message of ours has in their place, for answers to a request that has no example. */
  binds(
    message: string,
    examples: {
      readonly branch?: string;
      readonly tag?: string;
      readonly call?: string;
      readonly sentBy?: string;
      readonly instance?: string;
    },
  ): void {
    const places = {
      branch: /;branch=([^;\s]+)/,
      tag: /\r\nFrom: .*;tag=([^;\s]+)/,
      call: /\r\nCall-ID: (\S+)/,
      sentBy: /\r\nVia: SIP\/2\.0\/TCP ([^;]+)/,
      instance: /(urn:uuid:[0-9a-f-]{36})/,
    };
    for (const [place, example] of Object.entries(examples)) {
      this.script.bind(example, places[place as keyof typeof places].exec(message)?.[1] ?? '');
    }
  }

  /** the octets of the example, as the proxy would hand them on */
  plays(name: string, edit?: (text: string) => string): void {
    this.#sipLine.write(this.script.play(name, edit));
  }

  /** The connection that the client opens. */
  accepts(): Promise<Line> {
    const line = this.#media.shift();
    return line ? Promise.resolve(line) : within(new Promise((resolve) => this.#waiting.push(resolve)), 'a connection for media');
  }

  /** Connects to where the client's description said, by the path of the example. */
  connects(path: string): Promise<Line> {
    return this.connectsTo(this.script.meaningOf(path));
  }

  /** @param path of a description of our client */
  async connectsTo(path: string): Promise<Line> {
    const where = /^msrp:\/\/([\d.]+):(\d+)\//.exec(path);
    if (where === null) throw new Error(`nowhere to connect to: ${path}`);
    const line = new Line(nextMsrp);
    const socket = connect(Number(where[2]), where[1]);
    line.attach(socket);
    await once(socket, 'connect');
    return line;
  }

  /**
   * The next message of the client to the session of the first example, all its chunks, each set against one of the examples (the last one for all
   * that come later, and the chunks may be larger) and answered by the octets of `answers`. @param line one connection, or whichever it comes on
   * @returns what it carried, with the connection
   */
  async takesMessage(
    line: Line | null,
    names: readonly string[],
    answers: readonly string[],
    allowed: readonly Allowance[] = [],
  ): Promise<Buffer> {
    const carried: Buffer[] = [];
    const session = sessionOf(this.script.play(names[0] as string).toString('latin1'));
    const chunked: readonly Allowance[] = [
      { why: 'chunks may be larger', missing: /^head\|Byte-Range/, extra: /^head\|Byte-Range/ },
      { why: 'one file, one message: its name and size stand in it too', extra: /^head\|Content-Disposition: attachment; filename="/ },
    ];
    for (let at = 0; ; ) {
      const [octets, from] = await this.#nextFor(line, session, names.join());
      const text = octets.toString('latin1');
      const name = names[Math.min(at, names.length - 1)] as string;
      if (at === 0 && isBinding(text) && !name.startsWith('F14-04')) {
        from.write(bareAnswer(text));
        continue;
      }
      this.#last = { text, line: from };
      this.differences.push(...this.script.differences(name, octets, [...this.#allowed, ...allowed, ...chunked]));
      carried.push(payloadOf(octets));
      const answer = answers[Math.min(at, answers.length - 1)];
      if (answer !== undefined) from.write(this.script.play(answer));
      at += 1;
      if (/[$#]\r\n$/.test(text)) return Buffer.concat(carried);
    }
  }

  /** The next chunk on that connection, set against the example; a flag and a range are for the test to look at. @returns its text */
  async takesChunk(line: Line, name: string, answer?: string): Promise<string> {
    for (;;) {
      const octets = await line.next((text) => / SEND\r\n/.test(text), name);
      const text = octets.toString('latin1');
      if (isBinding(text)) {
        line.write(bareAnswer(text));
        continue;
      }
      const chunked: readonly Allowance[] = [
        { why: 'the example shows the last of its chunks', missing: /^head\|Byte-Range/, extra: /^head\|Byte-Range/ },
        { why: 'one file, one message: its name and size stand in it too', extra: /^head\|Content-Disposition: attachment; filename="/ },
        { why: 'a report is asked for', extra: /^head\|Success-Report: yes$/ },
      ];
      this.differences.push(...this.script.differences(name, octets, [...this.#allowed, ...chunked]));
      if (answer !== undefined) line.write(this.script.play(answer));
      return text;
    }
  }

  /** The same until a message ends. @returns the text of its last chunk */
  async takesUntilEnd(line: Line, name: string, answer?: string): Promise<string> {
    for (;;) {
      const text = await this.takesChunk(line, name, answer);
      if (/[$#]\r\n$/.test(text)) return text;
    }
  }

  /** The 200 to the SEND without a body that ties the connection to its session. */
  async answersBinding(line: Line): Promise<void> {
    line.write(bareAnswer((await line.next(isBinding, 'a SEND without a body')).toString('latin1')));
  }

  /** That SEND from this side, by paths of the examples (F14-04). */
  binding(to: string, from: string): string {
    const fields = [`To-Path: ${this.script.meaningOf(to)}`, `From-Path: ${this.script.meaningOf(from)}`, 'Message-ID: tBRTcj3LzyEH'];
    return ['MSRP qqoe3ki1 SEND', ...fields, 'Byte-Range: 1-0/0', '-------qqoe3ki1$', ''].join('\r\n');
  }

  /** 200 that takes a file, to an INVITE that is in no example. */
  answers(invite: string): void {
    const address = this.#msrp.address() as AddressInfo;
    const selector = invite.split('\r\n').filter((line) => /^a=file-(?:selector|transfer-id):/.test(line));
    const body = [
      ...['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0', `m=message ${address.port} TCP/MSRP *`, 'a=recvonly'],
      ...['a=accept-types:*', `a=path:msrp://127.0.0.1:${address.port}/fzkIxcxc0uK7fhewyoAC;tcp`, 'a=setup:passive', ...selector, ''],
    ].join('\r\n');
    const fields = ['Contact: <sip:alice@home1.example;gr=urn:uuid:f81d4fae-7dec-41d0-a765-00a0c91e6bf6>', 'Content-Type: application/sdp'];
    const head = answerTo(invite, '200 OK', fields).toString('latin1').replace('Content-Length: 0', `Content-Length: ${body.length}`);
    this.#sipLine.write(`${head}${body}`);
  }

  /**
   * The success REPORT for the message that was taken last: asked for by Success-Report, and left out by most of the examples. @param octets so many
   * of them @param of another one
   */
  reports(octets?: number, of: { readonly text: string; readonly line: Line } | null = this.#last): void {
    const { text, line } = of ?? {};
    if (text === undefined) throw new Error('there was no message');
    const value = (name: string): string => new RegExp(`\r\n${name}: (\\S+)`).exec(text)?.[1] ?? '';
    const total = value('Byte-Range').split('/')[1];
    const fields = [
      `To-Path: ${value('From-Path')}`,
      `From-Path: ${value('To-Path')}`,
      `Message-ID: ${value('Message-ID')}`,
      `Byte-Range: 1-${octets ?? total}/${total}`,
    ];
    line?.write(['MSRP beqcsl6g REPORT', ...fields, 'Status: 000 200 OK', '-------beqcsl6g$', ''].join('\r\n'));
  }

  /** the connection of the message that was taken last */
  get lastLine(): Line {
    if (this.#last === null) throw new Error('there was no message');
    return this.#last.line;
  }

  async #nextFor(line: Line | null, session: string, what: string): Promise<[octets: Buffer, line: Line]> {
    const fits = (text: string): boolean => / SEND\r\n/.test(text) && sessionOf(text) === session;
    if (line !== null) return [await line.next(fits, what), line];
    for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 10))) {
      for (const each of this.#lines) {
        const octets = each.take(fits);
        if (octets !== null) return [octets, each];
      }
    }
    throw new Error(`never came: ${what}; only ${this.#lines.flatMap((each) => each.left).join(', ') || 'nothing'}`);
  }

  /** Sends that example as it is. */
  sends(line: Line, name: string): void {
    line.write(this.script.play(name));
  }

  /** The client's answer or report on that connection, set against the example. */
  async takesLine(line: Line, name: string, allowed: readonly Allowance[] = []): Promise<string> {
    const start = /^MSRP \S+ (\S+)/.exec(this.script.play(name).toString('latin1'))?.[1];
    const octets = await line.next((text) => /^MSRP \S+ (\S+)/.exec(text)?.[1] === start, `${name} (${start})`);
    this.differences.push(...this.script.differences(name, octets, [...this.#allowed, ...allowed]));
    return octets.toString('latin1');
  }

  async close(): Promise<void> {
    this.#sipLine.destroy();
    for (const server of [this.#sip, this.#msrp]) await new Promise((resolve) => server.close(resolve));
  }

  #took(socket: Socket): void {
    const line = new Line(nextMsrp);
    line.attach(socket);
    this.#lines.push(line);
    const waiting = this.#waiting.shift();
    if (waiting) waiting(line);
    else this.#media.push(line);
  }

  /** what is no part of a flow: to register, and to ask what somebody can do */
  #aside(message: Buffer): Buffer | null {
    const text = message.toString('latin1');
    if (text.startsWith('REGISTER ')) {
      this.asides.push('REGISTER');
      this.registration = text;
      const contact = /\r\nContact: (.*)/.exec(text)?.[1] ?? '';
      const expires = /;expires=(\d+)/.exec(contact)?.[1] ?? '3600';
      const [user, host] = (/\r\nTo: <sip:([^>]+)>/.exec(text)?.[1] ?? '').split('@');
      const instance = /urn:uuid:[0-9a-f-]{36}/.exec(contact)?.[0] ?? '';
      const gruu = `pub-gruu="sip:${user}@${host};gr=${instance}"`;
      const fields = [
        'Path: <sip:term@pcscf.home1.example;lr;ob>',
        'Service-Route: <sip:orig@scscf.home1.example;lr>',
        'Supported: path, gruu, outbound',
      ];
      const binding = expires === '0' ? [] : [`Contact: ${contact.replace(/;expires=\d+/, '')};${gruu};expires=${expires}`];
      const answer = answerTo(text, '200 OK', [...binding, ...fields, `P-Associated-URI: <sip:${user}@${host}>`]);
      return Buffer.concat([answer, this.pushes]);
    }
    if (this.obliging && /^(?:MESSAGE|BYE) /.test(text)) return answerTo(text, '200 OK', []);
    if (text.startsWith('OPTIONS ')) {
      this.asides.push('OPTIONS');
      const contact = /\r\n(Contact: .*)\r\n/.exec(this.script.play('F23-02.sip').toString('latin1'))?.[1] ?? '';
      return answerTo(text, '200 OK', [contact]);
    }
    return null;
  }
}

/** A stream that is cut into messages by the plainest means. */
export class Line {
  readonly #cut: (octets: Buffer) => number | null;
  readonly #came: Buffer[] = [];
  readonly #waiting = new Set<() => void>();
  readonly #sockets = new Set<Socket>();
  #socket: Socket | null = null;
  onAside: (message: Buffer) => Buffer | null = () => null;
  isEnded = false;

  constructor(cut: (octets: Buffer) => number | null) {
    this.#cut = cut;
  }

  attach(socket: Socket): void {
    let held = Buffer.alloc(0);
    this.#socket = socket;
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.isEnded = true;
      this.#wake();
    });
    socket.on('data', (octets) => {
      held = Buffer.concat([held, octets]);
      for (;;) {
        // RFC 5626 section 4.4.1
        if (held.subarray(0, 4).equals(Buffer.from('\r\n\r\n'))) {
          socket.write('\r\n');
          held = held.subarray(4);
          continue;
        }
        const length = this.#cut(held);
        if (length === null) break;
        const message = held.subarray(0, length);
        held = held.subarray(length);
        const aside = this.onAside(message);
        if (aside !== null) socket.write(aside);
        else this.#came.push(message);
      }
      this.#wake();
    });
  }

  write(octets: Uint8Array | string): void {
    if (this.#socket === null) throw new Error('nobody is there');
    this.#socket.write(octets);
  }

  async next(fits: (text: string) => boolean, what: string): Promise<Buffer> {
    const end = Date.now() + PATIENCE_MS;
    for (;;) {
      const octets = this.take(fits);
      if (octets !== null) return octets;
      const left = end - Date.now();
      if (left <= 0)
        throw new Error(
          `never came: ${what}; only ${this.#came.map((each) => each.toString('latin1').split('\r\n')[0]).join(', ') || 'nothing'}`,
        );
      await new Promise<void>((resolve) => {
        const timer = setTimeout(done, left);
        const waiting = this.#waiting;
        function done(): void {
          clearTimeout(timer);
          waiting.delete(done);
          resolve();
        }
        waiting.add(done);
      });
    }
  }

  /** the same, if it is there already */
  take(fits: (text: string) => boolean): Buffer | null {
    const at = this.#came.findIndex((message) => fits(message.toString('latin1')));
    return at < 0 ? null : (this.#came.splice(at, 1)[0] as Buffer);
  }

  /** starts of the messages that nobody has taken */
  get left(): string[] {
    return this.#came.map((each) => each.toString('latin1').split('\r\n')[0] ?? '');
  }

  destroy(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #wake(): void {
    for (const done of [...this.#waiting]) done();
  }
}

/** where the first message ends, or null when not all of it is there (RFC 3261 section 18.3) */
function nextSip(octets: Buffer): number | null {
  const empty = octets.indexOf('\r\n\r\n');
  if (empty < 0) return null;
  const length = Number(/\r\n(?:Content-Length|l): *(\d+)/i.exec(octets.toString('latin1', 0, empty))?.[1] ?? 0);
  return octets.length < empty + 4 + length ? null : empty + 4 + length;
}

/** the end-line is the only end (RFC 4975 section 7.1) */
function nextMsrp(octets: Buffer): number | null {
  const id = /^MSRP (\S+) /.exec(octets.toString('latin1', 0, 64))?.[1];
  if (id === undefined) return null;
  for (const flag of ['$', '+', '#']) {
    const at = octets.indexOf(`\r\n-------${id}${flag}\r\n`);
    if (at >= 0) return at + id.length + 12;
  }
  return null;
}

/** `INVITE`, or `200 INVITE` for an answer */
function kindOf(text: string): string {
  const status = /^SIP\/2\.0 (\d+)/.exec(text)?.[1];
  const method = /\r\nCSeq: *\d+ (\S+)/.exec(text)?.[1] ?? '';
  return status === undefined ? method : `${status} ${method}`;
}

function answerTo(request: string, status: string, fields: readonly string[]): Buffer {
  const repeated = request.split('\r\n').filter((line) => /^(Via|From|To|Call-ID|CSeq):/.test(line));
  const tagged = repeated.map((line) => (/^To:/.test(line) && !line.includes(';tag=') ? `${line};tag=aside` : line));
  return Buffer.from([`SIP/2.0 ${status}`, ...tagged, ...fields, 'Content-Length: 0', '', ''].join('\r\n'), 'latin1');
}

function isBinding(text: string): boolean {
  return /\r\nByte-Range: 1-0\/0\r\n/.test(text);
}

/** the session that a message of MSRP is for */
function sessionOf(text: string): string {
  return /\r\nTo-Path: \S+\/(\w+);tcp/.exec(text)?.[1] ?? '';
}

function bareAnswer(request: string): string {
  const [, id] = /^MSRP (\S+)/.exec(request) ?? [];
  const path = (name: string): string => new RegExp(`\\r\\n${name}: (\\S+)`).exec(request)?.[1] ?? '';
  return `MSRP ${id} 200 OK\r\nTo-Path: ${path('From-Path')}\r\nFrom-Path: ${path('To-Path')}\r\n-------${id}$\r\n`;
}

async function within<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`never came: ${what}`)), PATIENCE_MS);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
