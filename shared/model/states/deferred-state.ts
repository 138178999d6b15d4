export const DEFERRED_STATES = ['waiting', 'chosen', 'asked', 'failed', 'done', 'gone', 'expired'] as const;

/**
 * The life of an item that waits in the network:
 *
 *     waiting ──► chosen ──► asked ──► done
 *        ▲         │  ▲        │
 *        └─────────┘  └────────┴──► failed ──► (chosen again)
 *
 * and from each of them, once the network has it no more: `gone`, or `expired` where its time was over. `done` means that it is here, or that
 * the network has taken the order for it. The network's list is what counts in the end: what it has again waits again.
 */
export type DeferredState = (typeof DEFERRED_STATES)[number];

export type DeferredEvent =
  /** the person wants something done with it */
  | 'choose'
  /** and not any more */
  | 'withdraw'
  /** the request is about to leave */
  | 'ask'
  /** the request or its session broke: the order stands */
  | 'break'
  /** an answer that another try will not change */
  | 'refuse'
  /** it came, or the network took the order */
  | 'settle'
  /** it stands in the network's list */
  | 'list'
  /** it stands in the first list of a new subscription, which knows of everything that was settled before */
  | 'list-anew'
  /** the network says by itself that it is there again, although it had taken the order to do something with it */
  | 'list-undone'
  /** it does not stand there any more */
  | 'unlist';

/** @param isOver its time is up @returns null: nothing of it is to be kept */
export function nextDeferredState(state: DeferredState, event: DeferredEvent, isOver: boolean): DeferredState | null {
  switch (event) {
    case 'choose':
      return state === 'waiting' || state === 'failed' ? 'chosen' : state;
    case 'withdraw':
      return state === 'chosen' ? 'waiting' : state;
    case 'ask':
      return state === 'chosen' ? 'asked' : state;
    case 'break':
      return state === 'asked' ? 'chosen' : state;
    case 'refuse':
      return state === 'asked' || state === 'chosen' ? 'failed' : state;
    case 'settle':
      return 'done';
    case 'list':
      return state === 'gone' || state === 'expired' ? 'waiting' : state;
    case 'list-anew':
      return state === 'gone' || state === 'expired' || state === 'done' ? 'waiting' : state;
    case 'list-undone':
      if (state === 'done') return 'failed';
      return state === 'gone' || state === 'expired' ? 'waiting' : state;
    case 'unlist':
      // whoever wanted it is told that it will not come; nobody else has to know
      if (state === 'chosen' || state === 'asked' || state === 'failed') return isOver ? 'expired' : 'gone';
      return state === 'gone' || state === 'expired' ? state : null;
  }
}
