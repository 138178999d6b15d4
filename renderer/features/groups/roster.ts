import type { Group, Participant } from '../../../shared/model/group.ts';
import { nameOf } from './group-names.ts';
import { groupWords } from './group-words.ts';

/** A line of the roster: a heading, or somebody below it. */
export type RosterLine =
  | { readonly kind: 'heading'; readonly key: string; readonly text: string }
  | { readonly kind: 'person'; readonly key: string; readonly who: Participant };

const compare = new Intl.Collator(undefined, { sensitivity: 'base', numeric: true }).compare;

/** Who is in, this person first; who is asked; and apart from them who is not, each by name. */
export function rosterLines(participants: readonly Participant[]): readonly RosterLine[] {
  const named = participants.map((who) => ({ who, name: nameOf(who) }));
  named.sort((a, b) => Number(b.who.isSelf) - Number(a.who.isSelf) || compare(a.name, b.name));
  const w = groupWords.pane;
  const part = (heading: (count: number) => string, fits: (who: Participant) => boolean): readonly RosterLine[] => {
    const people = named.filter(({ who }) => fits(who));
    if (people.length === 0) return [];
    const text = heading(people.length);
    return [
      { kind: 'heading', key: `heading ${heading(0)}`, text },
      ...people.map(({ who }): RosterLine => ({ kind: 'person', key: who.entity, who })),
    ];
  };
  return [
    ...part(w.inside, ({ presence }) => presence === 'in'),
    ...part(w.invited, ({ presence }) => presence === 'invited'),
    ...part(w.outside, ({ presence }) => presence !== 'in' && presence !== 'invited'),
  ];
}

/** Why nobody can be added; null where somebody can. */
export function whyNoAdding({ standing, closed, limit, participants }: Group): string | null {
  const w = groupWords.pane;
  if (standing !== 'member') return w.notMember;
  if (closed) return w.closed;
  const there = participants.filter(({ presence }) => presence === 'in' || presence === 'invited').length;
  return there >= limit ? w.full(Math.max(there, limit)) : null;
}

/** Whom this person can take out: whoever is in or asked, but for themselves. */
export function isRemovable({ isSelf, presence }: Participant): boolean {
  return !isSelf && (presence === 'in' || presence === 'invited');
}

/**
 * Why this person takes nobody out; null where they may try. Where the network says who is an administrator (RFC 4575 section 5.6.3), nobody
 * else does.
 */
export function whyNoRemoving({ participants }: Pick<Group, 'participants'>): string | null {
  const administrators = participants.filter(({ roles }) => roles.some((role) => role.toLowerCase() === 'administrator'));
  return administrators.length === 0 || administrators.some(({ isSelf }) => isSelf) ? null : groupWords.pane.notAdministrator;
}

/** What stands below a name: where they stand, and what they are beside a participant. */
export function stateLine({ presence, roles }: Participant): string {
  const special = roles.filter((role) => role !== 'participant').map((role) => role.charAt(0).toUpperCase() + role.slice(1));
  return [groupWords.pane.presence[presence], ...special].filter((part) => part !== '').join(' · ');
}
