import type { AppState } from '../../../shared/ipc/contract.ts';
import type { Conversation } from '../../../shared/model/conversation.ts';
import { plainAddress } from '../conversations/address.ts';
import { fold } from '../fold.ts';

export interface Recipient {
  /** as it is asked for: with its scheme */
  readonly address: string;
  readonly name: string;
}

/** Everybody this page has heard of who can be written to, the network's own first. */
export function everybody(neighbours: AppState['neighbours'], conversations: readonly Conversation[]): readonly Recipient[] {
  const own = neighbours.map(({ address, displayName }) => ({ address, name: displayName || plainAddress(address) }));
  return [...own, ...peopleOf(conversations)];
}

/** Whom something was exchanged with, one by one; nobody who waits to be accepted or is kept out. */
export function peopleOf(conversations: readonly Conversation[]): readonly Recipient[] {
  return conversations
    .filter(({ kind, request, blocked }) => kind === 'person' && !request && !blocked)
    .map(({ peer, title }) => ({ address: peer, name: title }));
}

/** Those whose name or address holds the text, each address once. */
export function matchingPeople(people: readonly Recipient[], text: string): readonly Recipient[] {
  const wanted = fold(text.trim());
  const found = people.filter(({ address, name }) => fold(name).includes(wanted) || fold(plainAddress(address)).includes(wanted));
  return found.filter(({ address }, at) => found.findIndex((each) => each.address === address) === at);
}

/** The only one whom the text can mean: by the whole name, else by a part of it. */
export function meantPerson(people: readonly Recipient[], text: string): Recipient | undefined {
  if (text.trim() === '') return undefined;
  const found = matchingPeople(people, text);
  const named = found.filter(({ name }) => fold(name) === fold(text.trim()));
  const [first, second] = named.length > 0 ? named : found;
  return second === undefined ? first : undefined;
}
