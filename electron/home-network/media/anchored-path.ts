import { NO_BYTES } from '../../../shared/base/bytes.ts';
import type { Clock } from '../../../shared/base/clock.ts';
import { ParleyError } from '../../../shared/base/errors.ts';
import { setupRole } from '../../../shared/protocol/sdp/file-offer.ts';
import type { MsrpMedia } from '../../../shared/protocol/sdp/msrp-media.ts';
import { decodeSdp, type SessionDescription } from '../../../shared/protocol/sdp/sdp.ts';
import type { SipMessage, SipResponse } from '../../../shared/protocol/sip/message.ts';
import { chunkSizeFor } from '../../msrp/chunk-size.ts';
import type { MsrpEngine } from '../../msrp/port.ts';
import { Bridge } from './bridge.ts';
import { type Described, descriptionIn, redirect, type Way } from './description.ts';
import { isLed, roleAnswered, viaOf, wayTo } from './led-media.ts';
import { type MediaPath, otherSide, type Side } from './media-path.ts';
import { checkSizes, type MediaPolicy } from './policy.ts';
import type { Hearing } from './witnessed.ts';

interface Line {
  readonly bridge: Bridge;
  /** its path in the last description of each side */
  readonly paths: Readonly<Record<Side, string>>;
}

interface Pending {
  readonly from: Side;
  readonly offer: SessionDescription;
  /** null: not led here */
  readonly lines: readonly ({ readonly bridge: Bridge; readonly offered: MsrpMedia; readonly isNew: boolean } | null)[];
}

/**
 * MSRP by way of this network: each side has its sessions with us, and a {@link Bridge} for each m-line joins the two. A line whose path is the
 * same in a later offer goes on; another path is another session (m-line reuse, cpm.md section 10.6). What runs over TLS between the
 * two sides is theirs and passes untouched.
 */
export class AnchoredPath implements MediaPath {
  readonly #engine: MsrpEngine;
  readonly #clock: Clock;
  readonly #policy: MediaPolicy;
  readonly #broken: (side: Side, why: string) => void;
  readonly #hear: (from: Side, contentType: string) => Hearing | null;
  readonly #chunkSizes: Record<Side, number | undefined> = { caller: undefined, callee: undefined };
  #lines: readonly (Line | null)[] = [];
  #pending: Pending | null = null;
  /** the INVITE had no offer, so it comes with the 2xx */
  #isDelayed = false;
  #lastPassed: number;
  #stopTimer: () => void;

  constructor(
    engine: MsrpEngine,
    clock: Clock,
    policy: MediaPolicy,
    broken: (side: Side, why: string) => void,
    hear: (from: Side, contentType: string) => Hearing | null = () => null,
  ) {
    this.#engine = engine;
    this.#clock = clock;
    this.#policy = policy;
    this.#broken = broken;
    this.#hear = hear;
    this.#lastPassed = clock.now();
    this.#stopTimer = clock.after(policy.idle, () => this.#checkIdle());
  }

  request(from: Side, request: SipMessage): Uint8Array {
    this.#learn(from, request);
    const described = descriptionIn(request);
    if (described === null) {
      this.#isDelayed = request.kind === 'request' && request.method === 'INVITE';
      return request.body;
    }
    if (this.#pending !== null) throw new ParleyError('request.invalid-state', 'another offer is open');
    return this.#offer(from, described);
  }

  response(from: Side, response: SipResponse): Uint8Array {
    this.#learn(from, response);
    if (response.status >= 300) {
      this.#rollBack();
      this.#isDelayed = false;
      return response.body;
    }
    // what comes before the final answer promises nothing
    if (response.status < 200) return NO_BYTES;
    const described = descriptionIn(response);
    if (described === null) return response.body;
    if (this.#pending !== null) return this.#answer(from, described);
    return this.#isDelayed ? this.#offer(from, described) : response.body;
  }

  acknowledge(from: Side, ack: SipMessage): Uint8Array {
    if (!this.#isDelayed) return ack.body;
    this.#isDelayed = false;
    const described = descriptionIn(ack);
    if (described === null) throw new ParleyError('sdp.malformed', 'an offer without an answer');
    return this.#answer(from, described);
  }

  settled(from: Side): Promise<void> | null {
    const settling = this.#lines.flatMap((line) => line?.bridge.settled(from) ?? []);
    return settling.length === 0 ? null : Promise.all(settling).then(() => undefined);
  }

  close(): void {
    this.#stopTimer();
    this.#rollBack();
    for (const line of this.#lines) line?.bridge.close();
    this.#lines = [];
  }

  #offer(from: Side, described: Described): Uint8Array {
    const offer = decodeSdp(described.sdp);
    checkSizes(offer, this.#policy);
    const lines = offer.media.map((offered, at) => {
      if (!isLed(offered)) return null;
      const known = this.#lines[at];
      const isSame = known?.paths[from] === offered.path.join(' ');
      return { bridge: known && isSame ? known.bridge : this.#newBridge(), offered, isNew: !isSame };
    });
    this.#pending = { from, offer, lines };
    try {
      const ways = lines.map(
        (line) => line && wayTo(line.bridge.uri(otherSide(from), line.offered.setup === 'active'), line.offered.setup),
      );
      return described.with(redirect(described.sdp, this.#engine.address.host, ways));
    } catch (thrown) {
      this.#rollBack();
      throw thrown;
    }
  }

  #answer(from: Side, described: Described): Uint8Array {
    const pending = this.#pending as Pending;
    const answer = decodeSdp(described.sdp);
    const to = pending.from;
    const before = this.#lines;
    const ways: (Way | null)[] = [];
    const lines = pending.lines.map((line, at): Line | null => {
      const media = answer.media[at];
      if (line === null || !isLed(media)) return null;
      const { bridge, offered, isNew } = line;
      const role = setupRole(offered.setup, 'passive');
      ways[at] = wayTo(bridge.uri(to), role);
      if (isNew) {
        bridge.connect(to, { role, remotePath: offered.path, via: viaOf(offered, pending.offer) });
        bridge.connect(from, { role: roleAnswered(offered.setup, media.setup), remotePath: media.path, via: viaOf(media, answer) });
      }
      const paths = { [to]: offered.path.join(' '), [from]: media.path.join(' ') } as Record<Side, string>;
      return { bridge, paths };
    });
    this.#pending = null;
    this.#lines = lines;
    const kept = new Set(lines.map((line) => line?.bridge));
    for (const line of [...before, ...pending.lines]) if (line && !kept.has(line.bridge)) line.bridge.close();
    return described.with(redirect(described.sdp, this.#engine.address.host, ways));
  }

  #rollBack(): void {
    for (const line of this.#pending?.lines ?? []) if (line?.isNew) line.bridge.close();
    this.#pending = null;
  }

  #newBridge(): Bridge {
    return new Bridge({
      engine: this.#engine,
      clock: this.#clock,
      maxMessage: this.#policy.maxFileSize,
      chunkSize: (side) => this.#chunkSizes[side] ?? chunkSizeFor([]),
      touched: () => {
        this.#lastPassed = this.#clock.now();
      },
      broken: this.#broken,
      hear: this.#hear,
    });
  }

  #learn(side: Side, { headers }: SipMessage): void {
    this.#chunkSizes[side] = Math.max(this.#chunkSizes[side] ?? 0, chunkSizeFor(headers));
  }

  #checkIdle(): void {
    const left = this.#lastPassed + this.#policy.idle - this.#clock.now();
    if (left > 0) this.#stopTimer = this.#clock.after(left, () => this.#checkIdle());
    else this.#broken('caller', 'nothing passed for too long');
  }
}
