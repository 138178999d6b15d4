import { exampleOctets } from '../../vectors/example.ts';

/** A difference between an example and what our client sends that is right all the same, with why. */
export interface Allowance {
  readonly why: string;
  /** text that only our lines have: cut out of them before they are compared */
  readonly cut?: RegExp;
  /** lines that only our message has */
  readonly extra?: RegExp;
  /** lines that only the example has */
  readonly missing?: RegExp;
}

/**
 * What has to be another text in every run. The groups of an expression are what may differ; text around them may not. The text of the example and
 * the text of the run are bound to each other: the example's stands for the run's in all that follows, played or compared.
 */
const SLOTS: readonly { readonly name: string; readonly at: RegExp; readonly fresh?: true }[] = [
  { name: 'sent-by', at: /^head\|Via: SIP\/2\.0\/TCP ([^;]+);/g, fresh: true },
  { name: 'branch', at: /;branch=(z9hG4bK[^;,\s>]+)/g },
  { name: 'tag', at: /;tag=([^;\s>]+)/g },
  { name: 'call', at: /^head\|Call-ID: (\S+)/g },
  { name: 'instance', at: /urn:uuid:([0-9a-f-]{36})/g },
  { name: 'id', at: /^head\|Con(?:versation|tribution)-ID: (\S+)/g },
  { name: 'product', at: /^head\|User-Agent: CPM-client\/OMA2\.0 (.+)/g, fresh: true },
  { name: 'boundary', at: /boundary=([^;]+)/g, fresh: true },
  { name: 'icon', at: /^icon\|(base64:.*)/g, fresh: true },
  { name: 'origin', at: /^sdp\|o=- (\d+) (\d+) IN IP4 (\S+)/g },
  { name: 'address', at: /^sdp\|c=IN IP4 (\S+)/g },
  { name: 'port', at: /\|(m=message [1-9]\d*) /g },
  { name: 'path', at: /(msrp:[^\s;]+);tcp/g },
  { name: 'transfer', at: /a=file-transfer-id:(\S+)/g },
  { name: 'date', at: /(?:DateTime: |<datetime>|a=file-date:)([^<]+)/g, fresh: true },
  { name: 'message', at: /(?:Message-ID: |<message-id>)([^<\s]+)/g },
  { name: 'content-id', at: /(?:Content-ID: <|cid:|start="<)([^>\s]+)/g },
  { name: 'transaction', at: /^start\|MSRP (\S+)/g, fresh: true },
];

/** One run of a flow of `spec/examples`: what their texts stand for in it. */
export class ExampleScript {
  readonly #bound = new Map<string, string>();

  bind(example: string, actual: string): void {
    this.#bound.set(example, actual);
  }

  /** what a text of the examples stands for */
  meaningOf(example: string): string {
    return this.#put(example);
  }

  /** The octets of an example with all that is bound put in its place. @param edit of the example's text, for what a network changes on the way */
  play(name: string, edit: (text: string) => string = (text) => text): Buffer {
    const { head, body, end } = cutUp(Buffer.from(exampleOctets(name)));
    if (name.endsWith('.msrp')) return Buffer.concat([latin1(this.#put(edit(head))), body, latin1(this.#put(end))]);
    const edited = edit(`${head}${body.toString('latin1')}`);
    return latin1(withLengths(this.#put(edited)));
  }

  /**
   * Sets a message of our client against the example it must be, line by line in the parts where lines are; the order of header fields is free.
   * Binds what may differ. @returns the lines that differ, `-` the example's and `+` ours
   */
  differences(name: string, octets: Uint8Array, allowed: readonly Allowance[] = []): string[] {
    const cut = (line: string): string => allowed.reduce((text, { cut: out }) => (out === undefined ? text : text.replace(out, '')), line);
    const expected = new Map<string, string[]>();
    const problems: string[] = [];
    for (const line of linesOf(Buffer.from(exampleOctets(name)))) {
      const form = formOf(this.#put(line));
      expected.set(form, [...(expected.get(form) ?? []), line]);
    }
    for (const line of linesOf(Buffer.from(octets)).map(cut)) {
      const form = formOf(line);
      const example = expected.get(form)?.shift();
      if (example !== undefined) problems.push(...this.#learn(example, line));
      else if (!allowed.some(({ extra }) => extra?.test(line))) problems.push(`+ ${line}`);
    }
    const left = [...expected.values()].flat();
    problems.push(...left.filter((line) => !allowed.some(({ missing }) => missing?.test(line))).map((line) => `- ${line}`));
    return problems.map((problem) => `${name}: ${problem}`);
  }

  #learn(example: string, actual: string): string[] {
    return SLOTS.flatMap(({ name, at, fresh }) => {
      const ours = groups(actual, at);
      return groups(example, at).flatMap((text, index) => {
        const now = ours[index] as string;
        const before = this.#bound.get(text);
        this.#bound.set(text, now);
        return fresh || before === undefined || before === now ? [] : [`~ ${name} ${text} was ${before} and is ${now}`];
      });
    });
  }

  #put(text: string): string {
    if (this.#bound.size === 0) return text;
    const known = [...this.#bound.keys()].sort((a, b) => b.length - a.length).map((each) => each.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&'));
    return text.replace(new RegExp(known.join('|'), 'g'), (each) => this.#bound.get(each) ?? each);
  }
}

/** a message in its three parts: up to and with the empty line, the body, and the end-line of MSRP */
function cutUp(octets: Buffer): { head: string; body: Buffer; end: string } {
  const text = octets.toString('latin1');
  const isMsrp = text.startsWith('MSRP ');
  const empty = text.indexOf('\r\n\r\n');
  const last = isMsrp ? text.lastIndexOf('\r\n-------') : text.length;
  if (empty < 0 || empty >= last) return { head: text.slice(0, last), body: Buffer.alloc(0), end: text.slice(last) };
  return { head: text.slice(0, empty + 4), body: octets.subarray(empty + 4, last), end: text.slice(last) };
}

/** The octets that an MSRP chunk carries. */
export function payloadOf(chunk: Uint8Array): Buffer {
  return cutUp(Buffer.from(chunk)).body;
}

/** Every line that is compared, with the part it stands in: `head|CSeq: 1 INVITE`, `sdp.2|a=setup:actpass`. Lengths are checked by who cuts the stream. */
function linesOf(octets: Buffer): string[] {
  const { head, body } = cutUp(octets);
  const [start = '', ...fields] = head.split('\r\n').filter((line) => line !== '');
  const type = fields.find((line) => /^Content-Type:/i.test(line)) ?? '';
  const isMsrp = start.startsWith('MSRP ');
  const isAnswer = start.startsWith('SIP/2.0 ');
  const lines = [`start|${start}`, ...fields.map((line) => `head|${plain(isAnswer ? beforeTheProxy(line) : line)}`)];
  if (!isMsrp) lines.push(...bodyLines(type, body.toString('latin1')));
  return lines.filter((line) => !/\|Content-Length:/i.test(line));
}

function bodyLines(type: string, text: string): string[] {
  const boundary = /boundary="?([^";]+)/.exec(type)?.[1];
  if (boundary !== undefined) {
    const parts = text.split(`--${boundary}`).slice(1, -1);
    return parts.flatMap((part) => {
      const [head = '', ...rest] = part.slice(2).split('\r\n\r\n');
      const fields = head.split('\r\n');
      const inner = fields.find((line) => /^Content-Type:/i.test(line)) ?? '';
      return [
        ...fields.map((line) => `${kindOf(inner)}.head|${plain(line)}`),
        ...bodyLines(inner, rest.join('\r\n\r\n').replace(/\r\n$/, '')),
      ];
    });
  }
  const kind = kindOf(type);
  if (kind === 'icon') return [`icon|base64:${text.replace(/\s/g, '')}`];
  let media = 0;
  return text.split('\r\n').flatMap((line) => {
    if (line.trim() === '') return [];
    if (kind === 'sdp' && line.startsWith('m=')) media += 1;
    return [`${kind}${media > 0 ? `.${media}` : ''}|${kind === 'sdp' ? line.replace(/^o=\S+/, 'o=-') : line}`];
  });
}

function kindOf(type: string): string {
  if (/application\/sdp/i.test(type)) return 'sdp';
  if (/image\//i.test(type)) return 'icon';
  if (/resource-lists/i.test(type)) return 'list';
  return /cpim/i.test(type) ? 'cpim' : 'body';
}

/** the examples show answers where the proxy has noted in Via where the request came from (RFC 3581) */
function beforeTheProxy(field: string): string {
  return field.replace(/^(Via: .*);rport=\d+;received=[^;]+$/, '$1;rport');
}

/** white space and quotes that mean nothing */
function plain(field: string): string {
  return /^Content-Type:/i.test(field) ? field.replace(/;\s+/g, ';').replace(/boundary="([^"]*)"/, 'boundary=$1') : field;
}

function groups(line: string, at: RegExp): string[] {
  return [...line.matchAll(at)].flatMap((match) => match.slice(1));
}

function formOf(line: string): string {
  return SLOTS.reduce(
    (text, { name, at }) =>
      text.replace(at, (whole: string, ...found) =>
        found.slice(0, -2).reduce((one: string, each: string) => one.replace(each, `<${name}>`), whole),
      ),
    line,
  );
}

/** lengths as they are once something else stands in the body */
function withLengths(message: string): string {
  const empty = message.indexOf('\r\n\r\n');
  const head = message.slice(0, empty);
  const boundary = /\r\nContent-Type:[^\r]*boundary="?([^";\r]+)/i.exec(head)?.[1];
  const body = message.slice(empty + 4);
  const inner =
    boundary === undefined
      ? body
      : body
          .split(`--${boundary}\r\n`)
          .map((part) => {
            const at = part.indexOf('\r\n\r\n');
            const content = part.slice(at + 4).replace(new RegExp(`\r\n(--${boundary}--[\\s\\S]*)?$`), '');
            return at < 0 ? part : part.slice(0, at).replace(/(Content-Length: )\d+/, `$1${content.length}`) + part.slice(at);
          })
          .join(`--${boundary}\r\n`);
  return `${head.replace(/(\r\nContent-Length: )\d+/i, `$1${inner.length}`)}\r\n\r\n${inner}`;
}

function latin1(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}
