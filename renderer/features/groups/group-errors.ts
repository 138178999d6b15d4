import type { ErrorCode } from '../../../shared/base/errors.ts';
import { errorLine } from '../error-words.ts';
import { groupWords } from './group-words.ts';

/** What a person reads where something was asked of a group, as a sentence. */
export function groupErrorLine(code: ErrorCode): string {
  return code === 'peer.anonymity' ? groupWords.join.noAnonymity : `${errorLine(code, groupWords.bar.within)}.`;
}
