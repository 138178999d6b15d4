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
  /** address of a picture, which is named as below `preview/` in {@link HEADLESS_PATHS} */
  previewUrl(picture: string): string;
}

/** The coded error in what `offerFiles` rejected with: Electron's bridge lets only the message of an error through. */
export function fromHostError(thrown: unknown): ParleyError {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const code = ERROR_CODES.find((known) => message.startsWith(`${known}: `));
  return code === undefined ? new ParleyError('internal', message) : new ParleyError(code, message.slice(code.length + 2));
}

/** What a picture is named by in the addresses of both hosts. */
export const PICTURES = {
  transfer: (transferId: number): string => String(transferId),
  thumbnail: (transferId: number): string => `thumbnail/${transferId}`,
  picked: (token: string): string => `picked/${token}`,
} as const;

/**
 * What the headless host offers beside the contract, all below the page's own address, with the account's token from the
 * page's fragment (`#token=…`) as `?token=…`; the token alone decides whose it is:
 *
 *     WebSocket contract             the contract, one JSON text a message
 *     POST files?token&name=…        octets of a file → FileCandidate, or { code, detail } with status 4xx
 *     GET  preview/<transferId>      the image of a transfer that is `previewable`
 *     GET  preview/thumbnail/<transferId>   the thumbnail of a transfer that has one
 *     GET  preview/picked/<token>    the image or film that was picked, for a thumbnail of it
 *     GET  saved/<transferId>        a finished file as a download; stands for `transfers.open`, which this host refuses
 */
export const HEADLESS_PATHS = {
  contract: 'contract',
  files: 'files',
  preview: (picture: string): string => `preview/${picture}`,
  saved: (transferId: number): string => `saved/${transferId}`,
} as const;
