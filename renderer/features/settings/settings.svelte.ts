import { type CodedError, toCodedError } from '../../../shared/base/errors.ts';
import { changeSettings, DEFAULT_SETTINGS, type PageSettings, type Settings } from '../../../shared/model/settings.ts';
import type { Bridge } from '../../bridge/bridge.ts';

/** What the person decided for this account, as the core has it. A change is shown at once, and taken back when it was refused. */
export class AccountSettings {
  current = $state.raw<Settings>(DEFAULT_SETTINGS);
  refusal = $state.raw<CodedError | null>(null);
  readonly #bridge: Bridge;

  constructor(bridge: Bridge) {
    this.#bridge = bridge;
    bridge.on('settings.changed', (settings) => (this.current = settings));
  }

  async load(): Promise<void> {
    this.current = await this.#bridge.call('settings.read', {});
  }

  /** By the host's dialog. */
  async chooseDownloadFolder(): Promise<void> {
    this.refusal = null;
    try {
      this.current = await this.#bridge.call('settings.chooseDownloadFolder', {});
    } catch (thrown) {
      this.refusal = toCodedError(thrown);
    }
  }

  async change(change: Partial<PageSettings>): Promise<void> {
    const before = this.current;
    const shown = changeSettings(before, change);
    this.current = shown;
    this.refusal = null;
    try {
      this.current = await this.#bridge.call('settings.change', change);
    } catch (thrown) {
      if (this.current === shown) this.current = before;
      this.refusal = toCodedError(thrown);
    }
  }
}
