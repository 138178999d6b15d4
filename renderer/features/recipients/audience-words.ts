import { addressTitle } from '../../../shared/model/address.ts';
import { kindOfKey, listTitle, type Member } from '../../../shared/model/audience.ts';
import type { Conversation } from '../../../shared/model/conversation.ts';
import type { Message } from '../../../shared/model/message.ts';
import { isolated } from '../../ui/bidi.ts';
import { plainAddress } from '../conversations/address.ts';
import { words } from '../words.ts';

/** What stands below the title of a conversation; '' for nothing. */
export function audienceLine({ kind, peer, title, members, replyTo }: Conversation): string {
  switch (kind) {
    case 'list':
      return members.map(({ address }) => plainAddress(address)).join(', ');
    case 'group':
      return kindOfKey(peer) === null ? words.recipients.group(plainAddress(peer)) : '';
    case 'anonymous':
      return replyTo === null ? words.recipients.nobody : words.recipients.repliesTo(plainAddress(replyTo));
    case 'person':
      return plainAddress(peer) === title ? '' : plainAddress(peer);
  }
}

/** How far a message to several has come, in a few words; '' before anybody has it. */
export function reachLine({ reach, failedTo }: Pick<Message, 'reach' | 'failedTo'>): string {
  if (reach === null) return '';
  const { total, delivered, displayed } = reach;
  const text = words.recipients;
  const parts = [
    displayed > 0 ? text.seenBy(displayed, total) : delivered > 0 ? text.deliveredTo(delivered, total) : '',
    failedTo.length > 0 ? text.notDelivered(namesOf(failedTo)) : '',
  ];
  return parts.filter((part) => part !== '').join(' · ');
}

/** As a sentence has them. */
export function namesOf(people: readonly Member[]): string {
  return listTitle(people.map(({ address, name }) => isolated(addressTitle(address, name))));
}

/** Who else got a message; '' where it does not say. */
export function alsoLine({ alsoTo }: Message): string {
  return alsoTo.length === 0 ? '' : words.recipients.alsoTo(listTitle(alsoTo.map((address) => addressTitle(address))));
}
