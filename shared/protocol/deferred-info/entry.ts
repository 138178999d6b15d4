/** What came in and waits: a pager mode or large message, a chat that was missed, a file (cpm.md section 11.1). */
export type DeferredKind = 'pager' | 'large' | 'chat' | 'file';

/** `too-large`: for the message store. */
export const DEFERRED_PROBLEMS = ['too-large'] as const;
export type DeferredProblem = (typeof DEFERRED_PROBLEMS)[number];

/** One waiting item. Nothing in it is to be trusted but to be shown: it is what the network says. */
export interface DeferredEntry {
  /** by which it is asked for; opaque, copied as it is (cpm.md section 19, trap 24) */
  readonly uri: string;
  readonly kind: DeferredKind;
  /** its sender's address as written; '' where the list does not say */
  readonly from: string;
  /** ms since the epoch */
  readonly sent: number | null;
  /** octets */
  readonly size: number | null;
  /** ms since the epoch; null where nobody says that it will go */
  readonly expires: number | null;
  /** of the content, '' where the list does not say */
  readonly contentType: string;
  /** of a file, its name */
  readonly subject: string | null;
  /** why what was ordered for it last was not done, as far as the network says */
  readonly undone?: DeferredProblem;
}

export interface DeferredInfo {
  /** one more than the one before in the same subscription, as in RFC 4575 section 4.3 */
  readonly version: number;
  /** `full` is all there is, `partial` what became new, changed or went since the version before */
  readonly state: 'full' | 'partial';
  readonly items: readonly DeferredEntry[];
  /** URIs of those that wait no longer: `<message uri=… state="deleted"/>` */
  readonly removed: readonly string[];
}

export const MAX_URI = 1024;
/** what is shown of them, in UTF-16 code units; a list server may write what it likes */
export const LONGEST_ADDRESS = 512;
export const LONGEST_SUBJECT = 500;
export const LONGEST_TYPE = 200;

/** It has to fit into an entry of a list again (`lists/deferred-request.ts`). */
export function usableUri(uri: string): boolean {
  return uri !== '' && uri.length <= MAX_URI && !/[\s\p{Cc}]/u.test(uri);
}

/** Without half a character at its end. */
export function cut(text: string, longest: number): string {
  return text.length <= longest ? text : text.slice(0, longest).replace(/[\ud800-\udbff]$/, '');
}
