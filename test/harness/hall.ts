import { LogTextPlane, type TextHost } from '../../electron/home-network/conference/text/plane.ts';
import type { Hall, Seat, SeatHolder, SeatMedia, TextMember } from '../../electron/home-network/conference/text/port.ts';
import { Spool } from '../../electron/home-network/focus/spool.ts';
import { NotificationFilter } from '../../electron/home-network/notification-filter.ts';
import { createMsrpEngine } from '../../electron/msrp/engine.ts';
import type { MsrpEngine, MsrpSession } from '../../electron/msrp/port.ts';
import { concatBytes, fromUtf8 } from '../../shared/base/bytes.ts';
import { systemClock } from '../../shared/base/clock.ts';
import { encodeCpim } from '../../shared/protocol/cpim/cpim.ts';
import { ALL_DISPOSITIONS, makeCpim } from '../../shared/protocol/cpim/cpim-message.ts';
import { encodeImdn, IMDN_TYPE, type ImdnStatus } from '../../shared/protocol/imdn/imdn.ts';

const GROUP = 'sip:cpm-conf-7f3a91@cf.home1.example';
const DATE = '2026-03-02T11:00:00.000Z';

export function addressOf(name: string): string {
  return `sip:${name}@home1.example`;
}

export function memberOf(name: string): TextMember {
  return { address: addressOf(name), entity: addressOf(name), displayName: name };
}

/** A group message of somebody, with its imdn.Message-ID where it has one. */
export function textOf(from: string, text: string, imdnMessageId?: string, to = GROUP): Uint8Array {
  const dispositions = imdnMessageId === undefined ? [] : ALL_DISPOSITIONS;
  const about = { from: addressOf(from), to, dateTime: DATE, imdnMessageId, dispositions };
  return encodeCpim(makeCpim({ ...about, contentType: 'text/plain;charset=UTF-8', content: text }));
}

/** What `from` says about a message of `to`. */
export function notificationOf(from: string, to: string, messageId: string, status: ImdnStatus): Uint8Array {
  const disposition = status === 'displayed' ? 'display' : 'delivery';
  const recipientUri = addressOf(from);
  const content = encodeImdn({ messageId, dateTime: DATE, recipientUri, originalRecipientUri: recipientUri, disposition, status });
  const about = { from: recipientUri, to: addressOf(to), dateTime: DATE, imdnMessageId: `about-${messageId}-${from}-${status}` };
  return encodeCpim(makeCpim({ ...about, contentType: IMDN_TYPE, contentDisposition: 'notification', content }));
}

/** One device of a member, at the other end of a real MSRP session. */
export interface Device {
  readonly session: MsrpSession;
  readonly seat: Seat;
  /** the message/cpim that came, in order */
  readonly got: string[];
  /** why its seat was broken */
  readonly broken: string[];
  say(octets: Uint8Array): Promise<void>;
}

export interface DeviceOptions extends Partial<SeatMedia>, Partial<SeatHolder> {
  /** before a message is answered */
  readonly answer?: (text: string) => void | Promise<void>;
}

/** A text plane on loopback, whose log is memory unless it is told otherwise, and devices that come into its halls. */
export class TextRoom {
  readonly plane: LogTextPlane;
  readonly #engines: MsrpEngine[];

  private constructor(engine: MsrpEngine, host: Partial<TextHost>) {
    this.#engines = [engine];
    const notifications = new NotificationFilter();
    this.plane = new LogTextPlane({
      ...{ msrp: engine, clock: systemClock, spool: new Spool(1_000_000_000, host.databases?.folder), databases: null },
      ...{ life: 86_400_000, quota: { items: 10_000, octets: 100_000_000 }, log: () => undefined },
      ...{ screen: async () => null, wanted: async () => undefined },
      admit: (from, author, imdn, respond) => notifications.admit(from, author, imdn, respond),
      ...host,
    });
  }

  static async start(host: Partial<TextHost> = {}): Promise<TextRoom> {
    const engine = createMsrpEngine();
    await engine.listen({ host: '127.0.0.1', port: 0 });
    return new TextRoom(engine, host);
  }

  /** @param spoken hears who was not there when something was said */
  open(names: readonly string[], spoken: (absent: readonly string[]) => void = () => undefined): Promise<Hall> {
    return this.plane.open('group', names.map(memberOf), { spoken }, [GROUP]);
  }

  /** Somebody comes in. */
  async enter(hall: Hall, name: string, options: DeviceOptions = {}): Promise<Device> {
    const engine = createMsrpEngine();
    this.#engines.push(engine);
    await engine.listen({ host: '127.0.0.1', port: 0 });
    const got: string[] = [];
    const broken: string[] = [];
    const session = engine.createSession({
      onMessage: () => {
        const parts: Uint8Array[] = [];
        return {
          write: (_, octets) => void parts.push(octets.slice()),
          complete: async () => {
            const text = fromUtf8(concatBytes(parts));
            await options.answer?.(text);
            got.push(text);
          },
          abort: () => undefined,
        };
      },
      onClosed: () => undefined,
    });
    const { answer: _, instance = `urn:uuid:${name}`, knowsOwn = false, ...media } = options;
    const seat = hall.seat({ address: addressOf(name), instance, knowsOwn }, { broken: (why) => void broken.push(why) });
    const types = { acceptTypes: ['message/cpim'], acceptWrappedTypes: ['*'], maxSize: null, chunkSize: 10_240 };
    const way = { role: 'passive', remotePath: [session.localUri], via: undefined, maySpeak: true, mayHear: true } as const;
    await Promise.all([
      seat.connect({ ...types, ...way, ...media }),
      session.connect({ role: 'active', remotePath: [seat.session.localUri] }),
    ]);
    return {
      ...{ session, seat, got, broken },
      say: (octets) => session.send({ contentType: 'message/cpim', source: octets, successReport: false }),
    };
  }

  async close(): Promise<void> {
    await this.plane.close();
    for (const engine of this.#engines) await engine.close();
  }
}
