import { createHash } from 'node:crypto';
import { randomToken } from '../../../shared/base/random.ts';
import type { Message } from '../../../shared/model/message.ts';
import { exampleOctets } from '../../vectors/example.ts';
import type { Person } from '../two-people.ts';
import { type ExamplePeer, type Line, throughTheNetwork } from './example-peer.ts';
import { payloadOf } from './example-script.ts';

/** what is new in every run of F11 that comes from its sender */
const FRESH = [
  '62ce3ed38bd5e1e6@192.0.2.10',
  'z9hG4bKc4206ec2ae38',
  'z9hG4bKcd3361e77479',
  'z9hG4bKebac7982eb54',
  '0f47bcd8',
  'a2bf7895-79cc-4472-aa49-dec738325008',
  'LocM98l42Gor87XWvks1iyb5',
  '4wCZTowmvkkCvtpjpsrq1gKaPs6BmZOC',
  '2UuzUxKXL4ZRjcHISOMu',
  'RPWiLa7RYK8d',
];
export const F11_CHUNKS = ['F11-05.msrp', 'F11-06.msrp', 'F11-07.msrp'] as const;
export const F11_CONTENT = Buffer.concat(F11_CHUNKS.map((name) => payloadOf(exampleOctets(name))));

export interface AnnouncedFile {
  readonly name: string;
  readonly size?: number;
  readonly sha1?: string;
}

const SELECTOR = /name:"[^"]*" type:\S+ size:\d+ hash:\S+/;

/** Alice of F11, who may send otherwise than the example does. The person is Bob, with a client of ours. */
export class F11Sender {
  readonly peer: ExamplePeer;
  readonly person: Person;
  line: Line | null = null;

  constructor(peer: ExamplePeer, person: Person) {
    this.peer = peer;
    this.person = person;
  }

  /** The person writes to her, and is no stranger from then on; she answers whatever is sent to her. */
  async isKnown(): Promise<void> {
    this.peer.obliging = true;
    const { id } = await this.person.call['conversations.open']({ address: 'sip:alice@home1.example' });
    const { imdnId } = await this.person.call['messages.sendText']({ conversationId: id, clientId: randomToken(24), text: 'send it' });
    await this.person.seesMessage((message) => message.imdnId === imdnId && message.status === 'sent');
  }

  /** INVITE. @param file as it is announced; without `sha1` the one of F11, '' for no hash */
  invites(file: AnnouncedFile): void {
    this.peer.again(...FRESH);
    const size = file.size ?? F11_CONTENT.length;
    const sha1 = file.sha1 ?? createHash('sha1').update(F11_CONTENT).digest('hex');
    const hash = sha1 === '' ? '' : ` hash:sha-1:${(sha1.toUpperCase().match(/../g) ?? []).join(':')}`;
    this.peer.plays('F11-01.sip', (text) =>
      throughTheNetwork(text)
        .replace(SELECTOR, () => `name:"${encodeName(file.name)}" type:image/jpeg size:${size}${hash}`)
        .replace('a=file-range:1-5000\r\n', ''),
    );
  }

  /** Invites, and the person is asked. @returns the message of the offer */
  async offers(file: AnnouncedFile): Promise<Message> {
    const known = new Set(this.#offers().map(({ id }) => id));
    this.invites(file);
    await this.peer.takesAny('180 INVITE');
    return this.person.seesMessage((message) => message.transfer?.state === 'offered' && !known.has(message.id));
  }

  /** The person takes it; from here on there is a connection. */
  async accepted(offer: Message): Promise<Line> {
    await this.person.call['transfers.accept']({ transferId: offer.transfer?.id as number });
    await this.peer.takes('F11-03.sip');
    this.peer.plays('F11-04.sip');
    this.line = await this.peer.connects('msrp://203.0.113.20:20700/6ZWP4aEMfj228nPJpPvz');
    return this.line;
  }

  /** BYE */
  leaves(): void {
    this.peer.plays('F11-12.sip', (text) => text.replace(/Route: .*\r\n/, ''));
  }

  /** A SEND in the form of F11-05. @param range the value of Byte-Range @param edit of all that is before the octets */
  chunk(range: string, octets: Uint8Array, flag: '$' | '+' | '#', edit: (head: string) => string = (head) => head): Buffer {
    const text = this.peer.script.play('F11-05.msrp').toString('latin1');
    const head = text.slice(0, text.indexOf('\r\n\r\n') + 4).replace(/Byte-Range: \S+/, `Byte-Range: ${range}`);
    return Buffer.concat([Buffer.from(edit(head), 'latin1'), octets, Buffer.from(`\r\n-------9h2r5pnr${flag}\r\n`)]);
  }

  #offers(): Message[] {
    return this.person.told.flatMap(({ event, payload }) => (event === 'message.changed' ? [payload as Message] : []));
  }
}

/** RFC 5547 section 6: what ends the value or the line is percent-encoded; as octets of UTF-8 */
function encodeName(name: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is encoded
  const encoded = name.replace(/["%\u0000-\u001f\u007f]/g, (each) => `%${each.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
  return Buffer.from(encoded).toString('latin1');
}
