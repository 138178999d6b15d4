import type { CodedError } from '../../shared/base/errors.ts';
import type { FileCandidate } from '../../shared/ipc/contract.ts';

/** Everything that crosses between the preload and the main process. */
export const IPC = {
  /** a JSON text of the contract, both ways */
  text: 'parley:text',
  /** invoke(path) → Offered; only the preload can name a path, which it has from a File */
  offerPath: 'parley:offer-path',
  /** invoke(name, octets) → Offered; for a File without a path: a pasted picture */
  offerOctets: 'parley:offer-octets',
} as const;

/** An error as data: Electron's invoke keeps only the message of one that is thrown. */
export type Offered = { readonly candidate: FileCandidate } | { readonly error: CodedError };

/** octets of a File without a path */
export const MAX_PASTED = 64 * 1024 * 1024;
