import type { Settings } from '../../../shared/model/settings.ts';

/** What the choice of a mode depends on, at the moment in which a text is tried. */
export interface ModeQuestion {
  readonly preferred: Settings['preferredMode'];
  /** a chat session with the peer is open, whoever started it */
  readonly isOpen: boolean;
  /** no session came about with the peer lately */
  readonly isBarred: boolean;
  /** the person looks at the conversation */
  readonly isShown: boolean;
  /** the peer said that it takes sessions */
  readonly isAble: boolean;
}

/**
 * How a text leaves; `standalone` is pager or large message mode, by its size. A session that is open is used: what is said in it stays in
 * order with what else is said there. A mode is a matter of one attempt: the next one asks again.
 */
export function modeFor({ preferred, isOpen, isBarred, isShown, isAble }: ModeQuestion): 'session' | 'standalone' {
  if (preferred === 'standalone') return 'standalone';
  if (isOpen) return 'session';
  if (isBarred) return 'standalone';
  return preferred === 'session' || (isShown && isAble) ? 'session' : 'standalone';
}
