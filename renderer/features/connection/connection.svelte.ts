import { type Clock, systemClock } from '../../../shared/base/clock.ts';
import type { CodedError } from '../../../shared/base/errors.ts';
import type { Bridge } from '../../bridge/bridge.ts';
import type { Tone } from '../../ui/link-dot.ts';
import { errorLine } from '../error-words.ts';
import { formatDuration, formatTime } from '../format.ts';
import { words } from '../words.ts';
import { linkTone, linkWord, type Registration } from './link-state.ts';

/** trouble that passes sooner than this is not worth a banner, ms */
export const BANNER_DELAY = 2000;

export interface Banner {
  readonly tone: 'waiting' | 'failed';
  readonly what: string;
  /** since when, what comes next, and that nothing is lost */
  readonly more: string;
  /** behind "Details" */
  readonly error: CodedError | null;
  /** what its button does */
  readonly action: 'retry' | 'sign-in' | null;
}

/** Whether messages get through, in words: a dot that is always there, and a banner for trouble that lasts. */
export class Connection {
  registration = $state.raw<Registration>({ kind: 'offline' });
  /** the page reaches its core */
  hostUp = $state(true);
  address = $state('');

  readonly #bridge: Bridge;
  readonly #clock: Clock;
  #known = $state(false);
  #troubleSince = $state<number | null>(null);
  #now = $state(0);
  #cancelTick: (() => void) | null = null;

  constructor(bridge: Bridge, clock: Clock = systemClock) {
    this.#bridge = bridge;
    this.#clock = clock;
  }

  readonly tone: Tone = $derived(this.hostUp ? linkTone(this.registration) : 'bad');

  readonly word: string = $derived(this.hostUp ? linkWord(this.registration) : words.connection.offline);

  readonly banner: Banner | null = $derived.by(() => {
    if (this.hostUp && this.registration.kind === 'signed-out') {
      const { signedOut: what, signedOutHint: more } = words.connection;
      return { tone: 'waiting', what, more, error: null, action: 'sign-in' };
    }
    if (this.#troubleSince === null || this.#now - this.#troubleSince < BANNER_DELAY) return null;
    if (!this.hostUp) return this.#banner('failed', words.connection.hostLost, [words.connection.hostLostHint], null, null);
    const state = this.registration;
    switch (state.kind) {
      case 'registered':
      case 'signed-out':
        return null;
      case 'connecting':
        return this.#banner('waiting', words.connection.connectingTo(this.#host), [words.connection.trying], null, null);
      case 'waiting': {
        const seconds = (state.nextTryAt - this.#now) / 1000;
        const { nextTry, nextTryOffline, trying } = words.connection;
        const announce = state.error.code === 'link.offline' ? nextTryOffline : nextTry;
        const next = seconds > 0 ? announce(formatDuration(seconds)) : trying;
        return this.#banner('waiting', this.#line(state.error), [next, words.connection.stillWorks], state.error, 'retry');
      }
      case 'refused':
        return this.#banner('failed', this.#line(state.error), [words.connection.noMoreTries], state.error, 'retry');
      case 'offline':
        return this.#banner('waiting', words.connection.notStarted, [], null, null);
    }
  });

  apply(registration: Registration): void {
    this.#known = true;
    this.registration = registration;
    this.#look();
  }

  setHostUp(up: boolean): void {
    this.hostUp = up;
    this.#look();
  }

  retryNow(): void {
    this.#bridge.call('registration.retryNow', {}).catch(() => {});
  }

  signOut(): void {
    this.#bridge.call('registration.signOut', {}).catch(() => {});
  }

  signIn(): void {
    this.#bridge.call('registration.signIn', {}).catch(() => {});
  }

  get #host(): string {
    return this.address.replace(/^.*@/, '').replace(/^sips?:/, '') || words.connection.offline;
  }

  #line(error: CodedError): string {
    return error.code === 'link.timeout' || error.code === 'link.unreachable'
      ? words.connection.noAnswer(this.#host)
      : errorLine(error.code);
  }

  #banner(tone: Banner['tone'], what: string, more: string[], error: CodedError | null, action: Banner['action']): Banner {
    const since = words.connection.since(formatTime(this.#troubleSince ?? this.#now));
    return { tone, what, more: [since, ...more].join(' '), error, action };
  }

  /** Keeps the time running while, and only while, there is trouble. */
  #look(): void {
    this.#cancelTick?.();
    this.#cancelTick = null;
    this.#now = this.#clock.now();
    const { kind } = this.registration;
    const fine = this.hostUp && (!this.#known || kind === 'registered' || kind === 'signed-out');
    if (fine) {
      this.#troubleSince = null;
      return;
    }
    this.#troubleSince ??= this.#now;
    this.#cancelTick = this.#clock.after(1000, () => this.#look());
  }
}
