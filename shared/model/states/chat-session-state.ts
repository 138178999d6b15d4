/** Why a chat session is over. */
export type ChatSessionEnd =
  /** its INVITE got a refusal, or none of the answers could be used */
  | 'refused'
  /** given up before it had an answer */
  | 'cancelled'
  /** this side let go of it: nothing was said for long, the window is closed, another session took its place */
  | 'released'
  /** BYE of the other side */
  | 'hung-up'
  /** the connection for its octets, or the one for its signalling, is gone */
  | 'lost';

/**
 * The life of a 1-1 chat session (cpm.md section 7):
 *
 *     inviting ──(200)──► connecting ──(MSRP is bound)──► open
 *        │                    │                            │
 *        └────────────────────┴────────────────────────────┴──► over, with why
 *
 * One that the other side starts begins in `connecting`: it is answered before it is anything to anybody. What is over stays over, and
 * keeps the reason that came first.
 */
export type ChatSessionState =
  | { readonly kind: 'inviting' }
  | { readonly kind: 'connecting' }
  | { readonly kind: 'open' }
  | { readonly kind: 'over'; readonly why: ChatSessionEnd };

export type ChatSessionEvent =
  /** a 2xx to our INVITE, or ours to theirs */
  { readonly kind: 'answered' } | { readonly kind: 'connected' } | { readonly kind: 'end'; readonly why: ChatSessionEnd };

/** @throws TypeError when the event can never happen in that state */
export function nextChatSessionState(state: ChatSessionState, event: ChatSessionEvent): ChatSessionState {
  if (state.kind === 'over') return state;
  switch (event.kind) {
    case 'answered':
      if (state.kind !== 'inviting') throw new TypeError(`a session that is ${state.kind} cannot be answered`);
      return { kind: 'connecting' };
    case 'connected':
      if (state.kind !== 'connecting') throw new TypeError(`a session that is ${state.kind} cannot be connected`);
      return { kind: 'open' };
    case 'end':
      return { kind: 'over', why: event.why };
  }
}
