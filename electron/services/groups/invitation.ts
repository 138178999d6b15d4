import { ParleyError } from '../../../shared/base/errors.ts';
import type { Account } from '../../../shared/model/account.ts';
import { addressTitle, canonicalAddress, domainOf } from '../../../shared/model/address.ts';
import { groupKey, type Member } from '../../../shared/model/audience.ts';
import { CPIM_TYPE, decodeCpim } from '../../../shared/protocol/cpim/cpim.ts';
import { cpimAddress } from '../../../shared/protocol/cpim/cpim-message.ts';
import { contactOf } from '../../../shared/protocol/cpm/names.ts';
import { decodeResourceLists, RESOURCE_LISTS_TYPE } from '../../../shared/protocol/lists/resource-lists.ts';
import { partContent } from '../../../shared/protocol/multipart/multipart.ts';
import { decodeReferred, replacedSession } from '../../../shared/protocol/refer/refer-to.ts';
import { header } from '../../../shared/protocol/sip/message.ts';
import { decodeNameAddr } from '../../../shared/protocol/sip/name-addr.ts';
import type { IncomingInvite } from '../../sip/port.ts';
import type { StoredGroup } from '../../store/port.ts';
import { groupOf } from '../audience.ts';
import { cpmId } from '../envelope.ts';
import { findPart, findParts } from '../session-body.ts';

const LONGEST_SUBJECT = 1000;
const MOST_PEOPLE = 500;

/** What an INVITE of a focus says (cpm.md section 8.3, F08-02). */
export interface GroupInvitation {
  /** key of the conversation that it belongs to */
  readonly peer: string;
  /** of a group that the network has by a name, where it says so */
  readonly address: string | null;
  readonly identity: string;
  readonly contributionId: string;
  readonly cpmConversationId: string;
  readonly subject: string;
  /** null where nobody says */
  readonly inviter: Member | null;
  /** canonical addresses; who invites is among them */
  readonly people: readonly string[];
  /** Contribution-ID of the chat whose place it takes */
  readonly replaces: string | null;
}

type Invite = Pick<IncomingInvite, 'headers' | 'originator' | 'originatorName' | 'from' | 'contentType' | 'body' | 'callId'>;

/** @throws ParleyError `peer.malformed` where it does not say which group it is */
export function readGroupInvitation(invite: Invite, account: Pick<Account, 'address' | 'countryCode' | 'groups'>): GroupInvitation {
  const { headers, from } = invite;
  const identity = contactOf(headers);
  if (identity === null) throw new ParleyError('peer.malformed', 'a group that is reached nowhere');
  const contributionId = cpmId(headers, 'contribution-id');
  if (contributionId === null) throw new ParleyError('peer.malformed', 'a group without a Contribution-ID');
  // a group that has an address calls by it
  const named = [from, invite.originator]
    .map((uri) => canonicalAddress(uri, account.countryCode))
    .find((uri) => uri && groupOf(account, uri));
  const inviter = inviterOf(invite, identity, account);
  return {
    peer: named ?? groupKey(contributionId),
    address: named ?? null,
    identity,
    contributionId,
    cpmConversationId: cpmId(headers, 'conversation-id') ?? contributionId,
    subject: (header({ headers }, 'Subject') ?? '').trim().slice(0, LONGEST_SUBJECT),
    inviter,
    ...listed(invite, account, inviter),
  };
}

/**
 * Whether it comes from where the group is known to be, or from another focus of the same network, which the network itself says. Who merely
 * knows the ids of a group, as everybody who ever was in it does, cannot take its place.
 */
export function isTrusted({ identity }: StoredGroup, invitation: GroupInvitation, { originator }: Pick<Invite, 'originator'>): boolean {
  const asserted = canonicalAddress(originator);
  const claimed = canonicalAddress(invitation.identity);
  if (asserted === null || asserted !== claimed) return false;
  return identity === null || asserted === canonicalAddress(identity) || domainOf(identity) === domainOf(asserted);
}

/** Referred-By, else whom the network asserts, else the author of what stands beside the offer. */
function inviterOf(invite: Invite, identity: string, { countryCode }: Pick<Account, 'countryCode'>): Member | null {
  const asserted = { uri: invite.originator, name: invite.originatorName };
  for (const { uri, name } of [referrer(invite), asserted, firstAuthor(invite)].filter((each) => each !== null)) {
    const address = canonicalAddress(uri, countryCode);
    const isFocus = address === null || address === canonicalAddress(identity, countryCode);
    if (!isFocus && !/\.invalid$/i.test(address)) return { address, name: addressTitle(address, name) };
  }
  return null;
}

interface Named {
  readonly uri: string;
  readonly name: string;
}

function referrer({ headers }: Invite): Named | null {
  try {
    const { uri, displayName } = decodeNameAddr(header({ headers }, 'Referred-By') ?? '');
    return { uri, name: displayName ?? '' };
  } catch {
    return null;
  }
}

function firstAuthor({ contentType, body }: Invite): Named | null {
  try {
    const cpim = findPart(contentType, body, CPIM_TYPE);
    return cpim === null ? null : cpimAddress(decodeCpim(cpim), 'From');
  } catch {
    return null;
  }
}

/** The others, and what the list says is replaced; a list that cannot be read says nothing. */
function listed(
  { headers, contentType, body }: Invite,
  { address: own, countryCode }: Pick<Account, 'address' | 'countryCode'>,
  inviter: Member | null,
): Pick<GroupInvitation, 'people' | 'replaces'> {
  const people = new Set<string>(inviter === null ? [] : [inviter.address]);
  let replaces = replacedSession(headers);
  try {
    for (const part of findParts(contentType, body, RESOURCE_LISTS_TYPE)) {
      for (const entry of decodeResourceLists(partContent(part)).entries.slice(0, MOST_PEOPLE)) {
        const { uri, headers: more } = decodeReferred(entry.uri);
        const address = canonicalAddress(uri, countryCode);
        if (address === canonicalAddress(own, countryCode)) replaces ??= replacedSession(more);
        else if (address !== null && !entry.isAnonymous && !/\.invalid$/i.test(address)) people.add(address);
      }
    }
  } catch (thrown) {
    if (!(thrown instanceof ParleyError)) throw thrown;
  }
  return { people: [...people], replaces };
}
