/** What the operator lets groups be. */
export interface ConferencePolicy {
  /** people of one group, its creator included (`<maximum-user-count>`) */
  readonly maxUsers: number;
  /** groups of one creator that are not over */
  readonly maxPerCreator: number;
  /** a group with fewer people than that is over (cpm.md section 16.5, cause 410). 0: it stays, however few are left */
  readonly endsBelow: number;
  /** who may take somebody else out: the one who began it, and everybody once that one is gone; or everybody at any time */
  readonly removal: 'creator' | 'everybody';
}

export const DEFAULT_CONFERENCE_POLICY: ConferencePolicy = { maxUsers: 500, maxPerCreator: 1_000, endsBelow: 0, removal: 'creator' };
