/** What it takes before a message counts as seen. */
export interface Attention {
  readonly focused: boolean;
  readonly visible: boolean;
  /** the end of the newest message is on screen */
  readonly atBottom: boolean;
}

/**
 * Up to which message a "displayed" notification may truthfully be sent; null while nobody looks, or when nothing is new.
 * @param newest id of the newest message on screen
 * @param marked what was told before
 */
export function seenUpTo(attention: Attention, newest: number, marked: number): number | null {
  if (!attention.focused || !attention.visible || !attention.atBottom) return null;
  return newest > marked ? newest : null;
}
