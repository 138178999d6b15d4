import { ParleyError } from '../../../shared/base/errors.ts';
import { addressTitle, canonicalAddress } from '../../../shared/model/address.ts';
import { anonymousKey } from '../../../shared/model/audience.ts';
import { type CpimMessage, decodeCpim } from '../../../shared/protocol/cpim/cpim.ts';
import { cpimAddress, cpimDateTime, imdnRequest } from '../../../shared/protocol/cpim/cpim-message.ts';
import type { ServiceContext } from '../context.ts';
import type { Envelope } from '../envelope.ts';

/** What is known of a message by its own headers alone: the session it came in is the network's. */
export interface KeptMessage {
  readonly envelope: Envelope;
  /** canonical address of the author as the list has it, before other addresses of the same person were folded into one */
  readonly author: string;
  /** ms since the epoch */
  readonly sentAt: number | null;
}

/**
 * Who wrote a message that the network had kept, and where it belongs (cpm.md section 11.2).
 * @throws ParleyError `cpim.*`; `peer.malformed` when there is nobody it could be from
 */
export function readKept({ account, contacts }: ServiceContext, octets: Uint8Array, fallbackId: string): KeptMessage {
  const cpim = decodeCpim(octets);
  const from = cpimAddress(cpim, 'From');
  const author = authorOf(from?.uri ?? '', account.countryCode);
  const peer = contacts.peerOf(author);
  return {
    author,
    sentAt: cpimDateTime(cpim).time,
    envelope: {
      peer,
      aliases: peer === author ? [] : [author],
      route: null,
      title: addressTitle(author, from?.name ?? ''),
      // nothing names the conversation, so the pair of addresses is it (cpm.md section 2.3)
      cpmConversationId: [canonicalAddress(account.address) ?? account.address, peer].sort().join(' '),
      contributionId: contributionOf(cpim, fallbackId),
      originInstance: null,
      answersContribution: null,
      fallbackId,
      replyTo: null,
      alsoTo: [],
      kept: 'fetched',
    },
  };
}

function authorOf(uri: string, countryCode: string | undefined): string {
  if (/@anonymous\.invalid(?:[:;?]|$)/i.test(uri)) return anonymousKey(null);
  const address = canonicalAddress(uri, countryCode);
  if (address === null) throw new ParleyError('peer.malformed', 'a kept message without a usable author');
  return address;
}

/** One for each message is the rule (cpm.md section 2.3); its own id is as good as any. */
function contributionOf(cpim: CpimMessage, fallbackId: string): string {
  const id = imdnRequest(cpim).messageId ?? fallbackId;
  return /^[\x21-\x7e]{1,128}$/.test(id) ? id : fallbackId.slice(0, 128);
}
