/** What the menu beside the own name offers, in its order. */
export type AccountAction = 'settings' | 'keys';

export function accountActions(): readonly AccountAction[] {
  return ['settings', 'keys'];
}
