import { addressTitle } from '../../../shared/model/address.ts';
import { listTitle } from '../../../shared/model/audience.ts';
import type { Conversation } from '../../../shared/model/conversation.ts';
import type { Message } from '../../../shared/model/message.ts';
import type { Reach } from '../../../shared/model/states/reach.ts';
import { plainAddress } from '../conversations/address.ts';
import { words } from '../words.ts';

/** What stands below the title of a conversation; '' for nothing. */
export function audienceLine({ kind, peer, title, members, replyTo }: Conversation): string {
  switch (kind) {
    case 'list':
      return members.map(({ address }) => plainAddress(address)).join(', ');
    case 'group':
      return words.recipients.group(plainAddress(peer));
    case 'anonymous':
      return replyTo === null ? words.recipients.nobody : words.recipients.repliesTo(plainAddress(replyTo));
    case 'person':
      return plainAddress(peer) === title ? '' : plainAddress(peer);
  }
}

/** How far a message to several has come, in a few words; '' before anybody has it. */
export function reachLine({ total, delivered, displayed, failed }: Reach): string {
  const text = words.recipients;
  const parts = [
    displayed > 0 ? text.seenBy(displayed, total) : delivered > 0 ? text.deliveredTo(delivered, total) : '',
    failed > 0 ? text.notDelivered(failed) : '',
  ];
  return parts.filter((part) => part !== '').join(' · ');
}

/** Who else got a message; '' where it does not say. */
export function alsoLine({ alsoTo }: Message): string {
  return alsoTo.length === 0 ? '' : words.recipients.alsoTo(listTitle(alsoTo.map((address) => addressTitle(address))));
}
