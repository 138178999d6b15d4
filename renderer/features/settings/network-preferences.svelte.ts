import { type CodedError, toCodedError } from '../../../shared/base/errors.ts';
import type { Params, Result } from '../../../shared/ipc/contract.ts';
import type { Bridge } from '../../bridge/bridge.ts';

type Preferences = Result<'network.preferences'>;

/** What the network is to do, as it has it itself: asked for when it is looked at. A change is shown at once, and taken back when it was refused. */
export class NetworkPreferencesView {
  /** null until the network has answered */
  current = $state.raw<Preferences | null>(null);
  failure = $state.raw<{ readonly error: CodedError; readonly isOfReading: boolean } | null>(null);
  isLoading = $state(false);
  readonly #bridge: Bridge;
  #last = 0;

  constructor(bridge: Bridge) {
    this.#bridge = bridge;
  }

  async load(): Promise<void> {
    this.failure = null;
    this.isLoading = true;
    try {
      this.current = await this.#bridge.call('network.preferences', {});
    } catch (thrown) {
      this.failure = { error: toCodedError(thrown), isOfReading: true };
    } finally {
      this.isLoading = false;
    }
  }

  async change(change: Params<'network.change'>): Promise<void> {
    const before = this.current;
    if (before === null) return;
    this.#last += 1;
    const own = this.#last;
    this.failure = null;
    this.current = { ...before, ...definite(change) };
    try {
      const after = await this.#bridge.call('network.change', change);
      // what was chosen meanwhile is still on its way
      if (own === this.#last) this.current = after;
    } catch (thrown) {
      this.failure = { error: toCodedError(thrown), isOfReading: false };
      if (own === this.#last) this.current = before;
    }
  }
}

function definite(change: Params<'network.change'>): Partial<Preferences> {
  return Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
}
