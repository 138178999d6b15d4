import type { CodedError } from '../base/errors.ts';
import type { TransferState } from './states/transfer-state.ts';

/** One file of a thread. Sizes are octets. */
export interface Transfer {
  readonly id: number;
  readonly direction: 'in' | 'out';
  readonly state: TransferState;
  /** as shown and as stored: cleaned, never a path */
  readonly name: string;
  /** media type, lower case, without parameters */
  readonly type: string;
  readonly size: number;
  readonly transferred: number;
  readonly error: CodedError | null;
  /** an image whose octets are on this device, so that the host can serve a preview of it */
  readonly previewable: boolean;
  /** for an incoming file: where it was saved, once done */
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
