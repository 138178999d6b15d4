import type { CodedError } from '../base/errors.ts';
import type { TransferState } from './states/transfer-state.ts';

/** One file of a thread. Sizes are octets. */
export interface Transfer {
  readonly id: number;
  /** which way the octets flow: of a pull against its message */
  readonly direction: 'in' | 'out';
  /** the message asks for the file and does not bring it */
  readonly pull: boolean;
  readonly state: TransferState;
  /** as shown and as stored: cleaned, never a path */
  readonly name: string;
  /** media type, lower case, without parameters */
  readonly type: string;
  /** 0 as long as it is not known */
  readonly size: number;
  /** a file that was asked for without its size is not, until its sender says it */
  readonly sizeKnown: boolean;
  readonly transferred: number;
  /** one that goes to several people by themselves: how many of these have all of it; then `transferred` is what they have on the average */
  readonly legs: { readonly total: number; readonly done: number } | null;
  /** the same for all that one invitation offers, while they can be decided on; null: offered by itself */
  readonly invitation: string | null;
  readonly error: CodedError | null;
  /** the host serves a small picture of it */
  readonly thumbnail: boolean;
  /** of an incoming one that is done: the hash that its sender announced and that it has; null when none was announced */
  readonly verifiedBy: 'sha-256' | 'sha-1' | null;
  /** an image whose octets are on this device, so that the host can serve a preview of it */
  readonly previewable: boolean;
  /** for an incoming file that is done: its name in the download folder, never a path */
  readonly savedAs: string | null;
}

/** Sent a few times a second while octets flow; not stored. */
export interface TransferProgress {
  readonly transferId: number;
  readonly messageId: number;
  readonly conversationId: number;
  readonly transferred: number;
  readonly size: number;
  /** octets per second, smoothed over the last seconds */
  readonly rate: number;
  readonly secondsLeft: number | null;
}
