import type { MsrpSession } from '../../../msrp/port.ts';

/**
 * What is said in the groups of this network, apart from who may say it: signalling (the folder above) seats devices, this plane carries
 * their octets. One {@link Hall} a group.
 *
 *     signalling                                   text plane
 *     open(id, members, listener) ───────────────► the log of that group, and the cursors of its members' devices
 *     admit(member), expel(address) ─────────────► from here on, or no more, what is said is for him
 *     seat(device) ──────────────────────────────► an MSRP session whose URI goes into the session description
 *     seat.connect(role, path …) ────────────────► octets flow; the device is sent what it has not answered, from its cursor on, in order
 *     seat.leave() ──────────────────────────────► the dialog is over; the cursor stays
 *     ◄──────────────── listener.spoken(addresses): somebody spoke, and these members have nobody in the room: they are INVITEd
 *     ◄──────────────────── listener of the seat.broken(why): its octets find no way: the dialog is ended by BYE
 *     hall.awaits(address) ──────────────────────► whether something waits for that member, or that device of his: asked when one registers
 */
export interface TextPlane {
  /**
   * The group is there, new or known from before a restart.
   * @param id of its log, unchanged as long as the group is
   * @param members all of them. Who was a member in the last run keeps his place in the log; who was not begins at its end
   * @param names what the group is called in CPIM To: its identity, and its address where it has one. Without any, whatever is no member's
   */
  open(id: string, members: readonly TextMember[], listener: HallListener, names?: readonly string[]): Promise<Hall>;
  /** Nothing is sent or taken any more; resolves when what was answered 200 is on disk. */
  close(): Promise<void>;
}

/** One who belongs to the group, in the session or not. */
export interface TextMember {
  /** his address, by which signalling knows him: `sip:bob@home1.example`. Nobody is shown it whose `entity` is another one */
  readonly address: string;
  /** whom the others know: the same address, or the anonymous one that the group gave him; CPIM From of what he says, To of what goes to him */
  readonly entity: string;
  /** formal name of that From; '' where there is none */
  readonly displayName: string;
}

export interface HallListener {
  /**
   * Something was committed to the log that these members (by address) have to get, and none of their devices has a seat. Said of each entry;
   * signalling sees to it that nobody is rung twice. Not for what is passed on without being logged (isComposing).
   */
  spoken(absent: readonly string[]): void;
}

export interface Hall {
  /** From the next entry on. Resolves with the commit. Again, for somebody who is a member: his new name counts, his place stays */
  admit(member: TextMember): Promise<void>;
  /** He gets nothing more: his seats are broken without a word, his place is forgotten. Resolves with the commit */
  expel(address: string): Promise<void>;
  /**
   * One device comes in. It may have several places while it is asked in several ways; the one that connects last is its seat, and the one
   * before it is left without a word.
   * @throws ParleyError `msrp.refused` for want of room
   */
  seat(device: SeatHolder, listener: SeatListener): Seat;
  /** Entries wait for him: at all of his devices, or at that one. A device that nobody has seen has all that another one of his has */
  awaits(address: string, instance?: string): Promise<boolean>;
  /** The group is gone for good: log, cursors and seats. */
  end(): Promise<void>;
}

export interface SeatHolder {
  /** of a member */
  readonly address: string;
  /** `urn:uuid:…` of the device; '' where it says none: such devices of one user share a cursor */
  readonly instance: string;
  /** it can tell its user's own words from those of others: what he says on his other devices comes here too */
  readonly knowsOwn?: boolean;
}

export interface SeatListener {
  /**
   * At most once, and not after {@link Seat.leave}: nothing can be brought there any more.
   * @param why without quotes, for the Reason of a BYE
   */
  broken(why: string): void;
}

/** What the other end's session description says, as far as it matters for what goes there. */
export interface SeatMedia {
  readonly role: 'active' | 'passive';
  readonly remotePath: readonly string[];
  readonly via: { readonly host: string; readonly port: number } | undefined;
  /** of the certificate that it shows over TLS; absent or null: it is over TCP, or behind a relay */
  readonly fingerprint?: string | null;
  /** media types or `*`; what a device does not take is not sent to it */
  readonly acceptTypes: readonly string[];
  readonly acceptWrappedTypes: readonly string[];
  /** octets of one message with its wrapper; null: no limit */
  readonly maxSize: number | null;
  /** of a device of this project larger than others take (`chunkSizeFor`) */
  readonly chunkSize: number;
  /** false: it only listens (`a=recvonly`), what it sends is refused; null and both directions are true */
  readonly maySpeak: boolean;
  readonly mayHear: boolean;
}

/** A device's place in the room, from the offer or its answer on. */
export interface Seat {
  /** of the session: where it is reached, over TCP (`localUri`) or as the device's offer has it (`announce`), for the session description */
  readonly session: Pick<MsrpSession, 'localUri' | 'announce'>;
  /**
   * Octets may flow: after the 200 of either side. Resolves when the way is there; rejects as `MsrpSession.connect`, and `broken` is not said
   * then. What waits for that device leaves at once.
   */
  connect(media: SeatMedia): Promise<void>;
  /** The dialog is over. What has not been answered 200 waits for the next seat. Resolves when the session is closed */
  leave(): Promise<void>;
}
