import type { NetworkDatabases } from '../../electron/home-network/databases/open.ts';

/** What a home network keeps, in that folder; null: until it closes. */
export function networkDatabases(folder: string | null = null): NetworkDatabases {
  return { worker: new URL('../../electron/home-network/databases/worker.ts', import.meta.url), nativeBinding: null, folder };
}
