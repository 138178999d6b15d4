import { type Copy, decodeResourceLists, RESOURCE_LISTS_TYPE } from '../../../shared/protocol/lists/resource-lists.ts';
import { mediaType } from '../../../shared/protocol/mime/content-type.ts';
import { mimeHeader } from '../../../shared/protocol/mime/headers.ts';
import { decodeMultipart, partContent, partContentType } from '../../../shared/protocol/multipart/multipart.ts';
import {
  decodeReferred,
  decodeReferTo,
  type Referred,
  readReferSub,
  referredPart,
  replacedSession,
} from '../../../shared/protocol/refer/refer-to.ts';
import { encodeSipfrag, SIPFRAG_TYPE } from '../../../shared/protocol/refer/sipfrag.ts';
import { header, headers, type SipHeader, type SipRequest } from '../../../shared/protocol/sip/message.ts';
import { addressOfRecord, trySipUri } from '../../../shared/protocol/sip/uri.ts';
import { dialogRequest, FRESH, type Leg } from '../leg.ts';
import type { TransactionLayer } from '../transactions.ts';
import type { Refused } from './answers.ts';

/** option tags that a focus fulfils (RFC 5368, RFC 4488) */
const FULFILLED = new Set(['multiple-refer', 'norefersub']);

/** What is to become of one person. */
export interface Order {
  readonly isRemoval: boolean;
  /** whom it means, without method and headers */
  readonly uri: string;
  /** Contribution-ID of a session with that device which goes on in the group, see `replacedSession`; null: none */
  readonly replaces: string | null;
  readonly copy: Copy | null;
  readonly isAnonymous: boolean;
}

export interface Orders {
  readonly orders: readonly Order[];
  /** they came as a list (RFC 5368) */
  readonly isList: boolean;
  /** its sender wants to hear how it goes (RFC 4488); of a list nobody does */
  readonly isReported: boolean;
}

/** What a REFER to a focus asks for. @throws ParleyError for what cannot be read */
export function readRefer(request: SipRequest): Orders | Refused {
  const unknown = headers(request, 'Require').filter((tag) => !FULFILLED.has(tag.toLowerCase()));
  if (unknown.length > 0) return { status: 420, headers: [{ name: 'Unsupported', value: unknown.join(', ') }] };
  const values = headers(request, 'Refer-To');
  const [value] = values;
  if (value === undefined || values.length > 1) return { status: 400, reason: 'One Refer-To is needed' };
  const referred = decodeReferTo(value);
  const part = referredPart(referred);
  const orders = part === null ? [orderOf(referred, null, false)] : ordersIn(request, part);
  if (orders === null) return { status: 400, reason: 'No list of the people that it names' };
  if (orders.some((order) => order === 'method')) return { status: 400, reason: 'Neither INVITE nor BYE' };
  const isReported = part === null && readReferSub(header(request, 'Refer-Sub')) && !isRequired(request, 'norefersub');
  return { orders: distinct(orders.filter((order) => order !== 'method')), isList: part !== null, isReported };
}

/** An entry of a list, as RFC 5366 and RFC 5368 have them. @returns `method` for one that says another method than INVITE and BYE */
export function orderOf(referred: Referred, copy: Copy | null, isAnonymous: boolean): Order | 'method' {
  const method = referred.method ?? 'INVITE';
  if (method !== 'INVITE' && method !== 'BYE') return 'method';
  return { isRemoval: method === 'BYE', uri: referred.uri, replaces: replacedSession(referred.headers), copy, isAnonymous };
}

/** RFC 5363 section 4.1: one for each, however often it is named. */
export function distinct(orders: readonly Order[]): Order[] {
  const keyOf = ({ uri }: Order): string => {
    const parsed = trySipUri(uri);
    return parsed === null ? uri : addressOfRecord(parsed);
  };
  return [...new Map(orders.map((order) => [keyOf(order), order])).values()];
}

function ordersIn(request: SipRequest, id: string): (Order | 'method')[] | null {
  const list = listIn(request, id);
  return list === null
    ? null
    : decodeResourceLists(list).entries.map(({ uri, copy, isAnonymous }) => orderOf(decodeReferred(uri), copy, isAnonymous));
}

function listIn(request: SipRequest, id: string): Uint8Array | null {
  const type = header(request, 'Content-Type') ?? '';
  const isIt = (value: string | null): boolean => value?.trim().replace(/^<|>$/g, '') === id;
  if (mediaType(type) === RESOURCE_LISTS_TYPE) return isIt(header(request, 'Content-ID')) ? request.body : null;
  if (!/^\s*multipart\//i.test(type)) return null;
  const part = decodeMultipart(request.body, type).parts.find((each) => isIt(mimeHeader(each.headers, 'Content-ID')));
  return part === undefined || partContentType(part).type !== RESOURCE_LISTS_TYPE ? null : partContent(part);
}

function isRequired(request: SipRequest, tag: string): boolean {
  return headers(request, 'Require').some((each) => each.toLowerCase() === tag);
}

/** What the sender of a REFER is told of how it goes, in its dialog (RFC 3515 section 2.4.4). */
export class ReferReport {
  readonly #layer: TransactionLayer;
  readonly #leg: Leg;
  readonly #contact: SipHeader;
  readonly #event: string;
  #isOver = false;

  /** @param sequence CSeq number of the REFER, which tells it apart from others of its dialog */
  constructor(layer: TransactionLayer, leg: Leg, sequence: number, contact: SipHeader) {
    this.#layer = layer;
    this.#leg = leg;
    this.#contact = contact;
    this.#event = `refer;id=${sequence}`;
  }

  tell(status: number, text: string): void {
    if (this.#isOver) return;
    const isLast = status >= 200;
    this.#isOver = isLast;
    const seconds = Math.ceil(this.#layer.timing.ringing / 1000);
    const fields: SipHeader[] = [
      this.#contact,
      { name: 'Event', value: this.#event },
      { name: 'Subscription-State', value: isLast ? 'terminated;reason=noresource' : `active;expires=${seconds}` },
      { name: 'Content-Type', value: SIPFRAG_TYPE },
    ];
    const body = encodeSipfrag({ status, reason: text.replace(/[\r\n]/g, ' ') });
    this.#layer.send(this.#leg.flow, dialogRequest(this.#leg, 'NOTIFY', FRESH, null, fields, body), { onFinal: () => undefined });
  }
}
