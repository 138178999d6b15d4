import type { Member } from '../../../shared/model/audience.ts';
import type { Group, Participant } from '../../../shared/model/group.ts';
import { isolated } from '../../ui/bidi.ts';
import { plainAddress } from '../conversations/address.ts';
import { startOf } from '../format.ts';
import { groupWords } from './group-words.ts';

/** of a name within a sentence this much is shown, UTF-16 code units */
const LONGEST_NAME = 60;

interface Named {
  readonly name: string;
  readonly address: string | null;
}

/** The name, else the address; of somebody who does not say who it is, that. */
export function nameOf({ name, address }: Named): string {
  if (name.trim() !== '') return name;
  return address === null || address === '' ? groupWords.pane.nameless : plainAddress(address);
}

/** For use within a sentence: never turned round, never longer than a line. */
export function nameWithin(named: Named): string {
  return isolated(startOf(nameOf(named), LONGEST_NAME));
}

/** `Bob`, `Bob and Carol`, `Bob, Carol and Dave`, `Bob, Carol and 3 others`; '' for nobody. @param most names that are all shown */
export function namesLine(names: readonly string[], most = 3): string {
  const [first = '', ...others] = names;
  if (others.length === 0) return first;
  if (names.length <= most) return groupWords.and([first, ...others.slice(0, -1)].join(', '), others.at(-1) ?? '');
  const shown = names.slice(0, Math.max(1, most - 1));
  return groupWords.and(shown.join(', '), groupWords.others(names.length - shown.length));
}

/** As the roster calls somebody; who was named before anybody knew the name is known by it now. */
export function called(member: Member, participants: readonly Participant[]): Member {
  const known = participants.find(({ address }) => address !== null && address === member.address);
  return known === undefined || known.name === '' ? member : { address: member.address, name: known.name };
}

/** Whom an invitation is with, but for this person and who asks. */
export function companyOf({ participants, invitedBy }: Pick<Group, 'participants' | 'invitedBy'>): string {
  const company = participants.filter(
    ({ isSelf, address, presence }) => !isSelf && isThere(presence) && (invitedBy === null || address !== invitedBy.address),
  );
  return namesLine(company.map(nameWithin), 2);
}

/** In it, or asked and expected. */
export function isThere(presence: Participant['presence']): boolean {
  return presence === 'in' || presence === 'invited';
}

/** What an invitation asks, as a sentence without a full stop. */
export function invitationLine(group: Pick<Group, 'invitedBy' | 'subject' | 'participants'>): string {
  const { bar } = groupWords;
  const into = group.subject === '' ? bar.nameless : bar.named(isolated(startOf(group.subject, LONGEST_NAME)));
  const asks = group.invitedBy === null ? bar.asked(into) : bar.asks(nameWithin(called(group.invitedBy, group.participants)), into);
  const company = companyOf(group);
  return company === '' ? asks : `${asks}${bar.withPeople(company)}`;
}

/** How many there are, below the title; '' while that is not known. */
export function countLine({ participants }: Pick<Group, 'participants'>): string {
  const inside = participants.filter(({ presence }) => presence === 'in').length;
  const invited = participants.filter(({ presence }) => presence === 'invited').length;
  const { line } = groupWords;
  return [inside > 0 ? line.count(inside) : '', invited > 0 ? line.invited(invited) : ''].filter((part) => part !== '').join(', ');
}

/** Who is typing in a group, as a sentence. */
export function typingLine(people: readonly Member[]): string {
  return groupWords.typing(namesLine(people.map(nameWithin)), people.length > 1);
}

/** Everybody of it but this person who can be asked again. */
export function othersOf({ participants }: Pick<Group, 'participants'>): readonly Member[] {
  return participants.flatMap((each) =>
    each.isSelf || each.address === null || each.presence === 'removed' ? [] : [{ address: each.address, name: nameOf(each) }],
  );
}
