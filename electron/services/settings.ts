import { Emitter } from '../../shared/base/emitter.ts';
import { changeSettings, readSettings, type Settings, type SettingsChange } from '../../shared/model/settings.ts';
import type { Store } from '../store/port.ts';
import type { Notices, SettingsView } from './context.ts';

const KEY = 'settings';

/** What the person decided for this account: always at hand, durable when a change has answered. */
export class SettingsService implements SettingsView {
  readonly changed = new Emitter<{ readonly before: Settings; readonly after: Settings }>();
  readonly #store: Store;
  readonly #notices: Notices;
  #current: Settings;

  private constructor(store: Store, notices: Notices, current: Settings) {
    this.#store = store;
    this.#notices = notices;
    this.#current = current;
  }

  static async open(store: Store, notices: Notices): Promise<SettingsService> {
    return new SettingsService(store, notices, readSettings(parsed(await store.setting(KEY))));
  }

  get current(): Settings {
    return this.#current;
  }

  /** What is not given stays. Two changes at once both hold. */
  async change(change: SettingsChange): Promise<Settings> {
    const before = this.#current;
    const after = changeSettings(before, change);
    this.#current = after;
    try {
      await this.#store.setSetting(KEY, JSON.stringify(after));
    } catch (thrown) {
      if (this.#current === after) this.#current = before;
      throw thrown;
    }
    this.#notices.tell('settings.changed', this.#current);
    this.changed.emit({ before, after });
    return this.#current;
  }
}

function parsed(stored: string | null): unknown {
  try {
    return stored === null ? null : JSON.parse(stored);
  } catch {
    return null;
  }
}
