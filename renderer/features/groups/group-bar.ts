import type { Conversation } from '../../../shared/model/conversation.ts';
import { type Group, maySpeak } from '../../../shared/model/group.ts';
import { invitationLine } from './group-names.ts';
import { groupWords } from './group-words.ts';

/** What a person can do about where they stand. */
export type WayOut = 'join' | 'joinAgain' | 'anonymous' | 'withName' | 'tryAgain' | 'decline' | 'again' | 'remove';

export interface GroupBar {
  readonly line: string;
  readonly invitation: boolean;
  /** in place of the field for texts, for there is nobody to write to */
  readonly instead: boolean;
  /** the likeliest first */
  readonly ways: readonly WayOut[];
}

/** What stands at the foot of a group's thread; null for nothing. @param group null while it is not known */
export function barOf(conversation: Pick<Conversation, 'peer' | 'standing'>, group: Group | null): GroupBar | null {
  const w = groupWords.bar;
  const { standing } = conversation;
  // one that has an address is written to from outside too
  const isWritten = maySpeak(conversation);
  const stands = (line: string, ...ways: WayOut[]): GroupBar => {
    const instead = !isWritten || standing === 'failed';
    return { line: instead ? line : `${line} ${w.fromOutside}`, invitation: false, instead, ways };
  };
  const isRefusedNameless = group?.error?.code === 'peer.anonymity';
  switch (standing) {
    case null:
      return null;
    case 'member':
      return group !== null && group.error !== null && group.session === 'none'
        ? { line: w.away, invitation: false, instead: false, ways: ['tryAgain'] }
        : null;
    case 'starting':
      return { line: w.starting, invitation: false, instead: false, ways: [] };
    case 'invited': {
      const asked = group ?? { invitedBy: null, subject: '', participants: [] };
      return { line: `${invitationLine(asked)}.`, invitation: true, instead: true, ways: ['join', 'decline'] };
    }
    case 'declined':
      return stands(w.declined, 'join');
    case 'outside':
      return isRefusedNameless ? stands(w.outside, 'withName') : stands(w.outside, 'join', 'anonymous');
    case 'failed':
      return stands(w.failed, 'tryAgain', 'remove');
    case 'left':
      return stands(w.left, 'joinAgain');
    case 'removed':
      return stands(w.removed, 'remove');
    case 'over':
      return stands(w.over, 'again', 'remove');
  }
}
