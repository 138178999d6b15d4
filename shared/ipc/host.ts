import type { CodedError } from '../base/errors.ts';
import type { FileCandidate } from './contract.ts';

/** What became of one file that was dropped, pasted or uploaded; `name` as the page knows it. */
export type OfferedFile =
  | { readonly name: string; readonly candidate: FileCandidate; readonly error: null }
  | { readonly name: string; readonly candidate: null; readonly error: CodedError };

/**
 * `window.parley` in Electron, put there by the preload. It carries texts and files and decides nothing: what the texts mean is
 * the contract's, and a path never enters the page. `FileObject` is the platform's File, which this layer does not know.
 */
export interface ElectronHost<FileObject> {
  send(text: string): void;
  /** @returns a function that removes the listener */
  onText(listener: (text: string) => void): () => void;
  /** one answer a file, in their order; it never rejects for a file that cannot be taken */
  offerFiles(files: readonly FileObject[]): Promise<OfferedFile[]>;
  /** address of the image of a transfer that is `previewable` */
  previewUrl(transferId: number): string;
}

/**
 * What the headless host offers beside the contract, all relative to the page's own address, with the account's token from the
 * page's fragment (`#token=…`) as `?token=…`:
 *
 *     WebSocket contract             the contract, one JSON text a message
 *     POST files?token&name=…        octets of a file → FileCandidate, or { code, detail } with status 4xx
 *     GET  preview/<transferId>      the image of a transfer that is `previewable`
 *     GET  saved/<transferId>        a finished file as a download; stands for `transfers.open`, which this host refuses
 */
export const HEADLESS_PATHS = {
  contract: 'contract',
  files: 'files',
  preview: (transferId: number): string => `preview/${transferId}`,
  saved: (transferId: number): string => `saved/${transferId}`,
} as const;
