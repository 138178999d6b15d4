import { appendFileSync } from 'node:fs';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import type { TLSSocket } from 'node:tls';

/**
 * Writes the keys of every TLS connection that this process opens from now on, so that a dissector can read what was captured. The product
 * knows nothing of it. @returns to be called when that is enough
 */
export function logTlsKeys(file: string): () => void {
  const tls = createRequire(import.meta.url)('node:tls') as { connect: (...options: unknown[]) => TLSSocket };
  const { connect } = tls;
  tls.connect = (...options) => connect(...options).on('keylog', (line) => appendFileSync(file, line));
  syncBuiltinESMExports();
  return () => {
    tls.connect = connect;
    syncBuiltinESMExports();
  };
}
