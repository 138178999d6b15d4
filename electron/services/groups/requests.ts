import { conferenceFactoryOf } from '../../../shared/model/account.ts';
import { CHAT_SESSION, contactFeature } from '../../../shared/protocol/cpm/names.ts';
import { encodeResourceLists, listEntry } from '../../../shared/protocol/lists/resource-lists.ts';
import { replacingEntry } from '../../../shared/protocol/refer/refer-to.ts';
import { SDP_TYPE } from '../../../shared/protocol/sdp/sdp.ts';
import type { Header, OutgoingRequest } from '../../sip/port.ts';
import type { StoredGroup } from '../../store/port.ts';
import type { ServiceContext } from '../context.ts';
import { RECIPIENT_LIST_INVITE, withList } from '../recipient-body.ts';
import { originatorHeaders } from '../standalone.ts';

/** The chat with one person that goes over into a group (cpm.md section 8.6). */
export interface Replaced {
  /** canonical address of that person */
  readonly peer: string;
  /** Contact of the device: its public GRUU */
  readonly contact: string | null;
  readonly contributionId: string;
}

/** INVITE to where groups are made, with whom it is for (F07-01, F09-01). */
export function factoryRequest(
  { account }: Pick<ServiceContext, 'account'>,
  group: StoredGroup,
  sdp: Uint8Array,
  replaced: Replaced | null,
): OutgoingRequest {
  const people = group.participants.filter(({ isSelf, address, presence }) => {
    return !isSelf && address !== null && (presence === 'in' || presence === 'invited' || presence === 'not-reached');
  });
  const list = encodeResourceLists(people.map(({ address }) => listEntry(entryOf(address as string, replaced))));
  return {
    target: conferenceFactoryOf(account),
    headers: [
      ...groupHeaders(account.address, group),
      ...(group.subject === '' ? [] : [{ name: 'Subject', value: group.subject }]),
      { name: 'Require', value: RECIPIENT_LIST_INVITE },
    ],
    contactParameters: contactFeature([CHAT_SESSION]),
    ...withList({ type: SDP_TYPE, body: sdp }, list),
  };
}

/** INVITE to a group that is there (F08-01). @param target its address, or where it is reached */
export function joinRequest(
  { account }: Pick<ServiceContext, 'account'>,
  group: StoredGroup,
  target: string,
  sdp: Uint8Array,
): OutgoingRequest {
  return {
    target,
    headers: [...groupHeaders(account.address, group), ...(group.anonymous ? [{ name: 'Privacy', value: 'id' }] : [])],
    contactParameters: contactFeature([CHAT_SESSION]),
    contentType: SDP_TYPE,
    body: sdp,
  };
}

function groupHeaders(address: string, { cpmConversationId, contributionId }: StoredGroup): Header[] {
  return originatorHeaders(CHAT_SESSION, address, { cpmConversationId, contributionId });
}

function entryOf(address: string, replaced: Replaced | null): string {
  if (replaced?.peer !== address) return address;
  return replacingEntry(
    replaced.contact !== null && /;gr(?:=|;|$)/i.test(replaced.contact) ? replaced.contact : address,
    replaced.contributionId,
  );
}
