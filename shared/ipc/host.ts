import { ERROR_CODES, ParleyError } from '../base/errors.ts';
import type { FileCandidate } from './contract.ts';

/**
 * `window.parley` in Electron, put there by the preload. It carries texts and files and decides nothing: what the texts mean is
 * the contract's, and a path never enters the page. `FileObject` is the platform's File, which this layer does not know.
 */
export interface ElectronHost<FileObject> {
  send(text: string): void;
  /** @returns a function that removes the listener */
  onText(listener: (text: string) => void): () => void;
  /** Rejects for the first file that cannot be taken; read its code with {@link fromHostError}. */
  offerFiles(files: readonly FileObject[]): Promise<FileCandidate[]>;
  /** address of the image of a transfer that is `previewable` */
  previewUrl(transferId: number): string;
}

/** The coded error in what `offerFiles` rejected with: Electron's bridge lets only the message of an error through. */
export function fromHostError(thrown: unknown): ParleyError {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const code = ERROR_CODES.find((known) => message.startsWith(`${known}: `));
  return code === undefined ? new ParleyError('internal', message) : new ParleyError(code, message.slice(code.length + 2));
}

/**
 * What the headless host offers beside the contract, all below the page's own address, with the account's token from the
 * page's fragment (`#token=…`) as `?token=…`; the token alone decides whose it is:
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
