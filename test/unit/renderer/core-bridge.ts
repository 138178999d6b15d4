import type { Bridge } from '../../../renderer/bridge/bridge.ts';
import type { EventName } from '../../../shared/ipc/contract.ts';
import type { FakeCore } from '../../harness/fake-core.ts';

export interface CoreBridge extends Bridge {
  setLink(up: boolean): void;
}

/** A page's bridge to a fake core, without a transport. */
export function coreBridge(core: FakeCore): CoreBridge {
  const links = new Set<(up: boolean) => void>();
  return {
    call: (method, params) => core.handlers[method](params as never) as never,
    on: (event, listener) =>
      core.subscribe((told: EventName, payload: unknown) => {
        if (told === event) listener(payload as never);
      }),
    onLink(listener) {
      links.add(listener);
      return () => links.delete(listener);
    },
    chooseFiles: async () => (await core.handlers['files.choose']({})).items,
    offerFiles: async (files) =>
      files.map(({ name, size, type }) => ({ name, candidate: { token: `token of ${name}`, name, size, type }, error: null })),
    openLink: async (url) => void (await core.handlers['links.open']({ url })),
    pictureUrl: (picture) => `preview/${picture}`,
    savedUrl: null,
    apple: false,
    setLink(up) {
      for (const listener of links) listener(up);
    },
  };
}

/** lets everything that waits for an answer of the fake core go on */
export async function answers(): Promise<void> {
  for (let round = 0; round < 20; round++) await Promise.resolve();
}

/** A page's storage, in memory. */
export class MapStorage {
  readonly #values = new Map<string, string>();

  getItem(key: string): string | null {
    return this.#values.get(key) ?? null;
  }

  setItem(key: string, value: string): void {
    this.#values.set(key, value);
  }

  removeItem(key: string): void {
    this.#values.delete(key);
  }
}
