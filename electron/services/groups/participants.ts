import { type ErrorCode, ParleyError, toCodedError } from '../../../shared/base/errors.ts';
import { randomToken } from '../../../shared/base/random.ts';
import { domainOf } from '../../../shared/model/address.ts';
import type { Participant, Presence } from '../../../shared/model/group.ts';
import { acceptContact, CHAT_SESSION } from '../../../shared/protocol/cpm/names.ts';
import { messageRejection } from '../../../shared/protocol/cpm/rejection.ts';
import { warningTexts } from '../../../shared/protocol/cpm/warning.ts';
import { encodeResourceLists, listEntry, RECIPIENT_LIST, RESOURCE_LISTS_TYPE } from '../../../shared/protocol/lists/resource-lists.ts';
import { encodeReferred, encodeReferTo, type Referred } from '../../../shared/protocol/refer/refer-to.ts';
import { decodeSipfrag } from '../../../shared/protocol/refer/sipfrag.ts';
import type { FinalAnswer, Header, ReferRequest, Referral, SessionChanges } from '../../sip/port.ts';
import type { ServiceContext } from '../context.ts';

/** A group as one of its sessions has it. */
export interface ReferGroup {
  /** whose dialog the REFER leaves in (R-GM-24) */
  readonly dialog: Pick<SessionChanges, 'refer'>;
  /** as the roster has them, this person among them */
  readonly participants: readonly Participant[];
  /** how many it may have, this person included */
  readonly limit: number;
  /** nobody can be added */
  readonly closed: boolean;
  /** the others are not to know who this is */
  readonly anonymous: boolean;
}

/** What the focus tells of somebody who is being added, beside the roster. */
export interface AddingProgress {
  /** as it was given */
  readonly address: string;
  readonly presence: Extract<Presence, 'in' | 'invited' | 'declined' | 'not-reached'>;
}

type Told = (progress: AddingProgress) => void;

/** answers by which a server says that it takes no list, or does not know how (RFC 5368, cpm.md section 15.2) */
const NO_LISTS = [420, 415];

/**
 * Asks the focus to invite them (seed 004 7.4.6, F10-01, F10-07): one request for all, or one each where it takes no list. Resolves once it was
 * taken, which means no more than that the focus will try. Whoever is in already, or rings, is not asked for.
 * @param told of each single one, where the focus tells it (R-GM-33); of a list the roster alone tells
 * @throws ParleyError `group.closed`, `request.too-many` before anything has left; `group.*`, `request.invalid-state`, `link.*`
 */
export async function addParticipants(
  context: ServiceContext,
  group: ReferGroup,
  addresses: readonly string[],
  told: Told = () => undefined,
): Promise<void> {
  if (group.closed) throw new ParleyError('group.closed', 'the focus says that nobody can be added');
  const present = group.participants.filter(({ presence }) => presence === 'in' || presence === 'invited');
  const there = new Set(present.map(({ address }) => address));
  const wanted = [...new Set(addresses)].filter((address) => !there.has(address));
  if (present.length + wanted.length > group.limit)
    throw new ParleyError('request.too-many', `${present.length} and ${wanted.length} more, of ${group.limit}`);
  const referred = wanted.map((uri): Referred => ({ uri, method: null, headers: [] }));
  await refer(context, group, { referred, isTold: true, headers: [], copy: 'to' }, told);
}

/**
 * Asks the focus to end their sessions (seed 004 7.4.7, F10-09, F10-11), by their URIs in the roster: of somebody anonymous there is no other.
 * Resolves once it was taken; the roster tells when they are gone.
 * @throws ParleyError `request.not-found` for somebody who is not in the roster, `request.invalid` for oneself; `group.*`, `request.invalid-state`, `link.*`
 */
export async function removeParticipants(context: ServiceContext, group: ReferGroup, entities: readonly string[]): Promise<void> {
  for (const entity of entities) {
    const participant = group.participants.find((each) => each.entity === entity);
    if (participant === undefined) throw new ParleyError('request.not-found', 'nobody of that name is in the group');
    if (participant.isSelf) throw new ParleyError('request.invalid', 'who leaves by himself is not removed');
  }
  const referred = [...new Set(entities)].map((uri): Referred => ({ uri, method: 'BYE', headers: [] }));
  // RFC 4028 gives it no meaning there; the seed asks for it (R-GM-23)
  const headers = [{ name: 'Session-Expires', value: '1800;refresher=uac' }];
  await refer(context, group, { referred, isTold: false, headers, copy: null }, () => undefined);
}

interface Wish {
  readonly referred: readonly Referred[];
  /** Refer-Sub */
  readonly isTold: boolean;
  readonly headers: readonly Header[];
  /** of the entries of a list */
  readonly copy: 'to' | null;
}

async function refer(context: ServiceContext, group: ReferGroup, wish: Wish, told: Told): Promise<void> {
  const [only] = wish.referred;
  if (only === undefined) return;
  if (wish.referred.length === 1) return send(context, group, wish, { one: only, told });
  try {
    await send(context, group, wish, null);
  } catch (thrown) {
    if (!(thrown instanceof ReferRefused && NO_LISTS.includes(thrown.answer.status))) throw thrown;
    context.log(`group: the focus takes no list, so ${wish.referred.length} are named one by one`);
    for (const one of wish.referred) await send(context, group, wish, { one, told });
  }
}

/** The focus has answered with what is no 2xx. */
class ReferRefused extends ParleyError {
  readonly answer: FinalAnswer;

  constructor(code: ErrorCode, answer: FinalAnswer) {
    super(code, [`${answer.status} ${answer.reason}`, ...warningTexts(answer.headers)].join(': '));
    this.answer = answer;
  }
}

async function send(
  context: ServiceContext,
  group: ReferGroup,
  wish: Wish,
  single: { readonly one: Referred; readonly told: Told } | null,
): Promise<void> {
  const { account } = context;
  const target = single === null ? listOf(account.address, wish) : { header: encodeReferTo(single.one), list: null };
  const headers: Header[] = [
    { name: 'Accept-Contact', value: acceptContact(CHAT_SESSION) },
    { name: 'P-Preferred-Identity', value: `<${account.address}>` },
    ...(group.anonymous ? [{ name: 'Privacy', value: 'id' }] : []),
    { name: 'Refer-To', value: target.header },
    { name: 'Refer-Sub', value: String(wish.isTold) },
    { name: 'Supported', value: 'timer, gruu, norefersub' },
    ...wish.headers,
    ...(target.list?.headers ?? []),
  ];
  const body = target.list ?? { contentType: '', body: new Uint8Array(0) };
  const request: ReferRequest = { headers, contentType: body.contentType, body: body.body };
  const referral = group.dialog.refer(request);
  if (single !== null) watch(context, referral, single.one.uri, single.told);
  const answer = await referral.answer;
  if (answer.status >= 300) throw new ReferRefused(refusalCode(answer), answer);
}

/** F10-07. @throws ParleyError `request.invalid` for what no list could carry */
function listOf(address: string, { referred, copy }: Wish) {
  const id = `${randomToken(16)}@${domainOf(address) ?? 'invalid'}`;
  return {
    header: `<cid:${id}>`,
    list: {
      headers: [
        { name: 'Require', value: 'multiple-refer' },
        { name: 'Content-Disposition', value: RECIPIENT_LIST },
        { name: 'Content-ID', value: `<${id}>` },
      ],
      contentType: RESOURCE_LISTS_TYPE,
      body: encodeResourceLists(referred.map((each) => listEntry(encodeReferred(each), copy))),
    },
  };
}

/** RFC 3515 section 2.4.5: the status of the request that the focus made. */
function watch(context: ServiceContext, referral: Referral, address: string, told: Told): void {
  referral.onNotify(({ body }) => {
    try {
      told({ address, presence: presenceOfStatus(decodeSipfrag(body).status) });
    } catch (thrown) {
      context.log(`group: what became of an invitation: ${toCodedError(thrown).detail}`);
    }
  });
}

function presenceOfStatus(status: number): AddingProgress['presence'] {
  // 202: who is away is asked when he comes
  if (status < 200 || status === 202) return 'invited';
  if (status < 300) return 'in';
  return messageRejection(status).code === 'peer.declined' ? 'declined' : 'not-reached';
}

/** What the text of a Warning says of why something is not allowed in a group; 399 has no other meaning (cpm.md section 15.1). */
const WHY: readonly (readonly [text: RegExp, code: ErrorCode])[] = [
  [/anonym/i, 'peer.anonymity'],
  [/closed/i, 'group.closed'],
  [/too many|maximum|at most/i, 'request.too-many'],
  [/\b127\b|not authori[sz]ed/i, 'group.not-member'],
];

/** cpm.md section 15.2, of REFER. */
function refusalCode({ status, headers }: FinalAnswer): ErrorCode {
  if (status === 404 || status === 410 || status === 604) return 'group.over';
  if (status === 481) return 'group.not-member';
  if (status === 486) return 'request.too-many';
  if (status === 403) {
    const texts = warningTexts(headers);
    return WHY.find(([pattern]) => texts.some((text) => pattern.test(text)))?.[1] ?? 'group.not-allowed';
  }
  const { code } = messageRejection(status, headers);
  return code === 'peer.unsupported' || code === 'peer.declined' ? 'group.not-allowed' : code;
}
