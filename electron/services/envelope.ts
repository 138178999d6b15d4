import { ParleyError } from '../../shared/base/errors.ts';
import type { Account } from '../../shared/model/account.ts';
import { addressTitle, canonicalAddress, numberRoute } from '../../shared/model/address.ts';
import { anonymousKey } from '../../shared/model/audience.ts';
import { CHAT_SESSION, DEFERRED, instanceOf, STORE_AND_FORWARD, serviceOf } from '../../shared/protocol/cpm/names.ts';
import { header } from '../../shared/protocol/sip/message.ts';
import { decodeNameAddr } from '../../shared/protocol/sip/name-addr.ts';
import type { Header, IncomingMessage } from '../sip/port.ts';
import type { ServiceContext } from './context.ts';
import { recipientsIn } from './reading.ts';

const ANONYMOUS_HOST = /@anonymous\.invalid(?:[:;?]|$)/i;
/** what stands in the list for somebody who does not say who it is */
const ANONYMOUS_TITLE = 'Anonymous';
const LONGEST_URI = 256;
const STORED = new RegExp(`sips?:${STORE_AND_FORWARD}@`, 'i');

/** Who a message is from and where it belongs, by the SIP request that brought it or the session it came in. */
export interface Envelope {
  /** canonical address, or the key of `audience.ts` for somebody without a name */
  readonly peer: string;
  /** further addresses that the network asserts to be the same person's */
  readonly aliases: readonly string[];
  /** where a request to a number goes */
  readonly route: string | null;
  readonly title: string;
  readonly cpmConversationId: string;
  readonly contributionId: string;
  readonly originInstance: string | null;
  /** InReplyTo-Contribution-ID */
  readonly answersContribution: string | null;
  /** Date of a MESSAGE, ms since the epoch: when a text was sent that tells no other time */
  readonly date?: number | null;
  /** for a message without an id of its own */
  readonly fallbackId: string;
  /** where its author wants the answer */
  readonly replyTo: string | null;
  /** who else got it, as far as the request tells: canonical addresses */
  readonly alsoTo: readonly string[];
  /** it comes in the session of a group: each message says who wrote it */
  readonly group?: GroupPlace | undefined;
  /** the network had kept it, and brings it now by itself, or because it was asked to */
  readonly kept?: 'pushed' | 'fetched' | undefined;
}

export interface GroupPlace {
  readonly conversationId: number;
  /** where the group is reached */
  readonly identity: string;
}

type Request = Omit<IncomingMessage, 'answer'>;

/** @throws ParleyError `peer.malformed` when there is nobody it could be from */
export function readEnvelope(request: Request, account: Pick<Account, 'address' | 'countryCode'>): Envelope {
  const { address } = account;
  const replyTo = replyToOf(request.headers);
  const sender = isAnonymous(request) ? nobody(replyTo) : originator(request, account);
  const { peer } = sender;
  return {
    ...sender,
    // without one, the pair of addresses is the conversation (cpm.md section 2.3)
    cpmConversationId: cpmId(request.headers, 'conversation-id') ?? [canonicalAddress(address) ?? address, peer].sort().join(' '),
    contributionId: cpmId(request.headers, 'contribution-id') ?? `${request.callId} ${request.cseq}`.slice(0, 128),
    originInstance: instanceOf(request.headers),
    // of a session it is the session that answers, not each text in it
    answersContribution: serviceOf(request.headers) === CHAT_SESSION ? null : cpmId(request.headers, 'inreplyto-contribution-id'),
    // Call-ID and CSeq name the request; never Call-ID alone
    fallbackId: `sip:${request.callId};${request.cseq}`,
    replyTo,
    alsoTo: recipientsIn(request.contentType, request.body),
    kept: isStored(request) || serviceOf(request.headers) === DEFERRED ? 'pushed' : undefined,
  };
}

/** A session in which the network tells what it had kept of one; its author stands elsewhere (cpm.md section 11.3). */
function isStored({ headers }: Pick<IncomingMessage, 'headers'>): boolean {
  const asserted = header({ headers }, 'P-Asserted-Identity') ?? '';
  return STORED.test(asserted) && header({ headers }, 'Referred-By') !== null;
}

/** All addresses by which a request says who sent it, the one that is written to first; empty when there is none. */
export function senderAddresses(
  { originator, alsoKnownAs = [] }: Pick<IncomingMessage, 'originator' | 'alsoKnownAs'>,
  { countryCode }: Pick<Account, 'countryCode'>,
): string[] {
  const folded = [originator, ...alsoKnownAs].map((address) => canonicalAddress(address, countryCode));
  const [peer] = folded;
  return peer == null ? [] : [...new Set(folded.filter((address) => address !== null))];
}

/** What the store has to know of a sender. */
export function senderOf(
  { contacts, settings }: ServiceContext,
  { peer, aliases, route, title, cpmConversationId, contributionId }: Envelope,
) {
  const asRequest = settings.current.requests && !contacts.names.has(peer);
  return { peer, aliases, route, title, cpmConversationId, contributionId, asRequest };
}

type Sender = Pick<Envelope, 'peer' | 'aliases' | 'route' | 'title'>;

function originator(request: Request, account: Pick<Account, 'countryCode'>): Sender {
  const [peer, ...aliases] = senderAddresses(request, account);
  if (!peer) throw new ParleyError('peer.malformed', 'no usable originator');
  return { peer, aliases, route: numberRoute(request.originator, account.countryCode), title: addressTitle(peer, request.originatorName) };
}

/** They are never taken for anybody, not even for whom their answers go to. */
function nobody(replyTo: string | null): Sender {
  const address = replyTo === null ? null : canonicalAddress(replyTo);
  const title = address === null ? ANONYMOUS_TITLE : `${ANONYMOUS_TITLE} (${addressTitle(address)})`;
  return { peer: anonymousKey(address), aliases: [], route: null, title };
}

/** A network that asserts who it is all the same was not to tell us (RFC 3325 section 7). */
function isAnonymous({ originator: uri, from, headers }: Request): boolean {
  return ANONYMOUS_HOST.test(uri) || (ANONYMOUS_HOST.test(from) && /(^|[;,\s])id($|[;,\s])/i.test(header({ headers }, 'Privacy') ?? ''));
}

/** A URI that can be written to, as it was given: it may name a device (GRUU). Null for none, or one that is of no use. */
function replyToOf(headers: readonly Header[]): string | null {
  const value = header({ headers }, 'Reply-To');
  if (value === null) return null;
  try {
    const uri = decodeNameAddr(value).uri.replace(/\?.*$/s, '');
    return uri.length <= LONGEST_URI && canonicalAddress(uri) !== null && !ANONYMOUS_HOST.test(uri) ? uri : null;
  } catch {
    return null;
  }
}

/**
 * Conversation-ID and Contribution-ID are opaque text of up to 128 octets (cpm.md section 2.3). They come back in what we send: one that could
 * not be written there counts as none.
 */
export function cpmId(headers: readonly Header[], name: string): string | null {
  const id = headers.find((each) => each.name.toLowerCase() === name)?.value.trim();
  return id && /^[\x20-\x7e]{1,128}$/.test(id) ? id : null;
}
