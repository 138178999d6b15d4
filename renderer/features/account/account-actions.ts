/** What the menu beside the own name offers, in its order. */
export type AccountAction = 'waiting' | 'settings' | 'keys' | 'signOut' | 'signIn';

export function accountActions(isSignedOut: boolean): readonly AccountAction[] {
  return ['waiting', 'settings', 'keys', isSignedOut ? 'signIn' : 'signOut'];
}
