import { header, type SipMessage } from '../../shared/protocol/sip/message.ts';

/** what we ask for (cpm.md section 1); the other side may shorten it */
export const SESSION_INTERVAL = 1800;
/** RFC 4028 section 4: nobody may ask for less */
const MIN_INTERVAL = 90;
/** a Min-SE or interval beyond this is not honoured: it would be no supervision any more */
const MAX_INTERVAL = 86_400;

export interface SessionInterval {
  readonly seconds: number;
  /** of the request that carries it, or is answered by it; null when not said */
  readonly refresher: 'uac' | 'uas' | null;
}

/** `1800;refresher=uac` (RFC 4028 section 4); null when there is none, or it makes no sense. */
export function sessionInterval(message: SipMessage): SessionInterval | null {
  const found = /^([0-9]{1,10})(?:\s*;.*?\brefresher\s*=\s*(uac|uas)\b)?/i.exec(header(message, 'Session-Expires') ?? '');
  const seconds = Number(found?.[1]);
  if (!(seconds > 0)) return null;
  const refresher = found?.[2]?.toLowerCase();
  return {
    seconds: Math.min(MAX_INTERVAL, Math.max(MIN_INTERVAL, seconds)),
    refresher: refresher === 'uac' || refresher === 'uas' ? refresher : null,
  };
}

/** The Min-SE of a 422, when it is one to obey. */
export function minimumInterval(message: SipMessage): number | null {
  const seconds = Number.parseInt(header(message, 'Min-SE') ?? '', 10);
  return seconds >= MIN_INTERVAL && seconds <= MAX_INTERVAL ? seconds : null;
}

export type Refreshed =
  | { readonly kind: 'done'; readonly interval: SessionInterval | null }
  | { readonly kind: 'failed' }
  | { readonly kind: 'gone' };

/**
 * The session timer of one dialog (RFC 4028). Who refreshes does so at half of the interval, once more before the end if that failed;
 * who does not ends the session when no refresh came in time.
 */
export class SessionTimer {
  readonly #refresh: () => Promise<Refreshed>;
  readonly #expired: () => void;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(refresh: () => Promise<Refreshed>, expired: () => void) {
    this.#refresh = refresh;
    this.#expired = expired;
  }

  start(seconds: number, isRefresher: boolean): void {
    if (isRefresher)
      this.#wait(
        seconds / 2,
        () => void this.#try(seconds, () => this.#wait(seconds / 2 - margin(seconds), () => void this.#try(seconds, this.#expired))),
      );
    else this.#wait(seconds - margin(seconds), this.#expired);
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  async #try(seconds: number, onFailure: () => void): Promise<void> {
    const refreshed = await this.#refresh();
    if (this.#isStopped) return;
    if (refreshed.kind === 'gone') this.#expired();
    else if (refreshed.kind === 'failed') onFailure();
    else this.start(refreshed.interval?.seconds ?? seconds, refreshed.interval?.refresher !== 'uas');
  }

  #wait(seconds: number, run: () => void): void {
    if (this.#isStopped) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(run, seconds * 1000);
  }
}

/** RFC 4028 section 10: the session ends that long before its interval does. */
function margin(seconds: number): number {
  return Math.min(32, seconds / 3);
}
