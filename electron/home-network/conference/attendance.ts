import { toCodedError } from '../../../shared/base/errors.ts';
import { header, type SipHeader, type SipRequest } from '../../../shared/protocol/sip/message.ts';
import type { DialogOwner } from '../dialogs.ts';
import { contactUri, dialogRequest, FRESH, type Leg, reason } from '../leg.ts';
import type { ServerTransaction } from '../server-transaction.ts';
import { MIN_SE, sessionTimer, timerFields } from '../session-timer.ts';
import type { ConferenceHost } from './host.ts';
import type { Seat, SeatListener, SeatMedia } from './text/port.ts';

export const GROUP_METHODS: SipHeader = {
  name: 'Allow',
  value: 'INVITE, ACK, CANCEL, BYE, OPTIONS, MESSAGE, REFER, SUBSCRIBE, UPDATE',
};

type Over = 'leave' | 'pause' | 'lost' | 'failed';

export interface AttendanceListener {
  /**
   * The session is over, once, and the others are not told yet.
   * @param wish `leave`: its person wants out of the group; `pause`: this device alone is done for now; `lost`: nobody wanted it; `failed`:
   * its octets never found a way
   */
  over(wish: Over): void;
  /** REFER in this dialog; answers it */
  refer(transaction: ServerTransaction, leg: Leg): void;
}

interface AttendanceParts {
  readonly leg: Leg;
  /** of the device; '' where it says none */
  readonly instance: string;
  readonly seat: Seat;
  /** of the focus */
  readonly contact: SipHeader;
}

/**
 * One device in the session of a group: its dialog, and its seat in the text plane.
 *
 *     open --(BYE; octets find no way, no ACK, not refreshed: BYE from here)--> over
 */
export class Attendance implements DialogOwner {
  readonly #host: ConferenceHost;
  readonly #parts: AttendanceParts;
  readonly #listener: AttendanceListener;
  #isOver = false;
  #hasWay = false;
  #stopNoAck: () => void = () => undefined;
  #stopRefresh: () => void = () => undefined;

  constructor(host: ConferenceHost, parts: AttendanceParts, listener: AttendanceListener) {
    this.#host = host;
    this.#parts = parts;
    this.#listener = listener;
    host.dialogs.add(this, parts.leg);
  }

  /** Octets may flow. @param seconds until the device has to refresh; null: it need not */
  open(media: SeatMedia, seconds: number | null): void {
    this.timed(seconds);
    this.#parts.seat.connect(media).then(
      () => {
        this.#hasWay = true;
      },
      (thrown) => this.broken(toCodedError(thrown).detail),
    );
  }

  /** The 200 is ours, and has to be acknowledged. */
  awaitAck(): void {
    const { clock, timing } = this.#host.layer();
    this.#stopNoAck = clock.after(timing.transaction, () => this.broken('No ACK'));
  }

  /** @returns the fields of an answer that grants it */
  timed(seconds: number | null): SipHeader[] {
    this.#stopRefresh();
    if (seconds === null || this.#isOver) return [];
    this.#stopRefresh = this.#host.layer().clock.after(seconds * 1000, () => this.broken('not refreshed in time'));
    return timerFields(seconds);
  }

  acknowledged(): void {
    this.#stopNoAck();
  }

  request(leg: Leg, transaction: ServerTransaction): void {
    const { request } = transaction;
    const { method, body } = request;
    if (method === 'BYE') {
      transaction.respond(200);
      this.#end(isLeaving(request) ? 'leave' : 'pause');
    } else if (method === 'UPDATE' && body.length === 0) this.#refresh(leg, transaction);
    else if (method === 'INVITE' || method === 'UPDATE') transaction.respond(488);
    else if (method === 'REFER') this.#listener.refer(transaction, leg);
    else transaction.respond(405, { headers: [GROUP_METHODS] });
  }

  /** Octets may go on beside a connection that is gone, and the dialog on the next one; without them the end comes by itself. */
  flowClosed(): void {}

  broken: SeatListener['broken'] = (why) =>
    this.hangUp(reason(`SIP;cause=480;text="${why.replace(/[^\w .:-]/g, ' ').slice(0, 100)}"`), this.#hasWay ? 'lost' : 'failed');

  /** @param wish what its listener is told; null: nothing */
  hangUp(why: SipHeader, wish: 'lost' | 'failed' | null): void {
    if (this.#isOver) return;
    const flow = this.#flow();
    if (flow !== null) {
      this.#host.layer().send(flow, dialogRequest(this.#parts.leg, 'BYE', FRESH, null, [why]), { onFinal: () => undefined });
    }
    this.#end(wish);
  }

  #refresh(leg: Leg, transaction: ServerTransaction): void {
    const seconds = sessionTimer(transaction.request);
    if (seconds === 'too-short') {
      transaction.respond(422, { headers: [{ name: 'Min-SE', value: String(MIN_SE) }] });
      return;
    }
    leg.remoteTarget = contactUri(transaction.request) ?? leg.remoteTarget;
    transaction.respond(200, { headers: [this.#parts.contact, GROUP_METHODS, ...this.timed(seconds)] });
  }

  /** The connection of the dialog, or the one on which its device is registered now. */
  #flow(): Leg['flow'] | null {
    const { leg, instance } = this.#parts;
    if (leg.flow.isOpen) return leg.flow;
    return this.#host.bindings.of(leg.user).find((device) => device.instance === instance)?.flow ?? null;
  }

  #end(wish: Over | null): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stopNoAck();
    this.#stopRefresh();
    this.#host.dialogs.remove(this);
    void this.#parts.seat.leave();
    if (wish !== null) this.#listener.over(wish);
  }
}

/** `Reason: SIP;cause=200` is somebody's wish to be out of the group (cpm.md section 8.5); without one a device is done for now. */
function isLeaving(bye: SipRequest): boolean {
  return /^\s*SIP\b.*;\s*cause\s*=\s*200\b/i.test(header(bye, 'Reason') ?? '');
}
