import type { Member } from '../../../shared/model/audience.ts';
import type { GroupEvent, Participant } from '../../../shared/model/group.ts';
import { called, namesLine, nameWithin } from './group-names.ts';
import { groupWords } from './group-words.ts';

/** names that a line shows before it is folded */
export const MOST_NAMES = 3;

/** Several of the same kind, by the same person, as one: everybody once, in their order. */
export function foldEvents(events: readonly GroupEvent[]): GroupEvent {
  const [first] = events;
  if (first === undefined) throw new RangeError('no event to fold');
  const people = new Map<string, Member>();
  // this person is named by an empty list, which folds with nothing
  for (const event of events) for (const each of event.people) people.set(each.address || each.name, each);
  return { ...first, people: [...people.values()] };
}

/** What a line says that it did not say before; null for nothing. */
export function newPart(before: GroupEvent | null, after: GroupEvent): GroupEvent | null {
  if (before === null) return after;
  const known = new Set(before.people.map(({ address, name }) => address || name));
  const people = after.people.filter(({ address, name }) => !known.has(address || name));
  return people.length === 0 ? null : { ...after, people };
}

/** Two lines that say the same of different people. */
export function foldsWith(a: GroupEvent, b: GroupEvent): boolean {
  return a.what === b.what && a.people.length > 0 && b.people.length > 0 && a.by?.address === b.by?.address && a.what !== 'created';
}

/** Where a line stands, and who reads it. */
export interface EventPlace {
  /** address of this person, who is named as you */
  readonly own: string;
  /** empty in a conversation that is none of a group */
  readonly participants: readonly Participant[];
  /** of a group, not of the conversation that it came from */
  readonly inGroup: boolean;
}

/** What happened, without a full stop. @param most names that are all shown */
export function eventLine(event: GroupEvent, { own, participants, inGroup }: EventPlace, most: number = MOST_NAMES): string {
  const text = groupWords.events;
  const { what } = event;
  const people = event.people.map((each) => called(each, participants));
  const by = event.by === null ? null : called(event.by, participants);
  const isOwn = (who: Member): boolean => who.address === own;
  const others = people.filter((each) => !isOwn(each));
  const hasOwn = others.length < people.length || (people.length === 0 && what !== 'created' && what !== 'over' && what !== 'extended');
  const names = others.map(nameWithin);
  const who = namesLine(hasOwn ? [groupWords.you, ...names] : names, most);
  const whom = namesLine(hasOwn ? [groupWords.youWithin, ...names] : names, most);
  const doer = by === null ? '' : isOwn(by) ? groupWords.you : nameWithin(by);
  const was = hasOwn || people.length > 1 ? text.were : text.was;
  switch (what) {
    case 'created':
      // only whoever made it has this line
      return text.created(doer || groupWords.you, whom);
    case 'invited':
      return doer === '' ? text.invitedAlone(who, was) : text.invited(doer, whom);
    case 'removed':
      return doer === '' ? text.removedAlone(who, was) : text.removed(doer, whom);
    case 'over':
      return doer === '' ? text.over() : text.overBy(doer);
    case 'extended':
      return inGroup ? text.grown : text.extended(whom);
    case 'joined':
    case 'left':
    case 'declined':
    case 'not-reached':
      return text[what](who);
  }
}

/** Whether the line shows fewer names than there are. */
export function isCut({ people }: GroupEvent): boolean {
  return people.length > MOST_NAMES;
}
