/** What the menu beside the own name offers, in its order. */
export type AccountAction = 'settings' | 'keys' | 'signOut' | 'signIn';

export function accountActions(isSignedOut: boolean): readonly AccountAction[] {
  return ['settings', 'keys', isSignedOut ? 'signIn' : 'signOut'];
}
