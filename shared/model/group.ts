import type { CodedError } from '../base/errors.ts';
import { kindOfKey, listTitle, type Member } from './audience.ts';

/**
 * Where this person stands in a group that talks in a session.
 *
 *     outside ─► starting ─► member ◄──────────────── invited ─► declined
 *        ▲          │          │  ▲                      ▲          │
 *        │          ▼          ▼  └── (join) ── left     └──────────┴── asked again
 *     pre-defined failed     left, removed, over
 *
 * `outside`: of a pre-defined group, whose session was never entered. `starting`: it is being made. `failed`: nobody has heard of it.
 */
export const STANDINGS = ['outside', 'starting', 'failed', 'invited', 'declined', 'member', 'left', 'removed', 'over'] as const;
export type Standing = (typeof STANDINGS)[number];

/** Standings in which what is written has somewhere to go; a group that has an address is also written to from outside of its session. */
const SPEAKING: readonly Standing[] = ['starting', 'failed', 'member'];

/** Whether this person may write there. Always, where it is no group that was made for its people. */
export function maySpeak({ peer, standing }: { readonly peer: string; readonly standing: Standing | null }): boolean {
  return standing === null || kindOfKey(peer) !== 'group' || SPEAKING.includes(standing);
}

/** Whether texts pass at this moment; a member without a session enters it when there is something to say. */
export const GROUP_SESSIONS = ['none', 'joining', 'open'] as const;
export type GroupSession = (typeof GROUP_SESSIONS)[number];

/** What the conference package says of somebody (RFC 4575, cpm.md section 8.4). */
export const PRESENCES = ['in', 'invited', 'left', 'removed', 'declined', 'not-reached'] as const;
export type Presence = (typeof PRESENCES)[number];

/** Somebody in a group, this person among them. */
export interface Participant {
  /** the `entity` of the roster, byte for byte: what REFER names */
  readonly entity: string;
  /** canonical address; null of somebody who does not say who it is */
  readonly address: string | null;
  readonly name: string;
  readonly presence: Presence;
  readonly isSelf: boolean;
  readonly roles: readonly string[];
  /** this person's block list has the address (R-GI-02) */
  readonly blocked: boolean;
}

/** What a group without a subject is called: after the others who are in or asked; '' where there is nobody. */
export function companyTitle(participants: readonly Pick<Participant, 'name' | 'presence' | 'isSelf'>[]): string {
  const others = participants.filter(({ isSelf, presence }) => !isSelf && (presence === 'in' || presence === 'invited'));
  return listTitle(others.map(({ name }) => name));
}

/** What a page shows of a group beside its conversation. */
export interface Group {
  readonly conversationId: number;
  readonly standing: Standing;
  readonly session: GroupSession;
  /** '' where none is known */
  readonly subject: string;
  /** who asked this person in, null where he began it or joined by himself */
  readonly invitedBy: Member | null;
  /** a pre-defined group's own address */
  readonly address: string | null;
  readonly participants: readonly Participant[];
  /** how many people it may have, this one included */
  readonly limit: number;
  /** nobody can be added (cpm.md section 8.5) */
  readonly closed: boolean;
  /** false once the network has said so (cpm.md section 10.8) */
  readonly takesFiles: boolean;
  /** why it could not be made, entered or changed the last time; null when that went well */
  readonly error: CodedError | null;
}

/** What happened in a group, as a line of its thread. */
export const GROUP_EVENTS = ['created', 'invited', 'joined', 'left', 'removed', 'declined', 'not-reached', 'over', 'extended'] as const;
export interface GroupEvent {
  readonly what: (typeof GROUP_EVENTS)[number];
  /** whom it happened to; empty: this person */
  readonly people: readonly Member[];
  /** who did it, where that is known; null: nobody, or it is not known */
  readonly by: Member | null;
}

/** UTF-16 code units */
export const MAX_SUBJECT = 100;
