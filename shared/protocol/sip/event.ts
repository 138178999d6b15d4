import { decodeParams, encodeParams, type Params, paramValue } from './params.ts';
import { isToken, malformed } from './text.ts';

/** `Event: conference;id=7` (RFC 6665 section 8.2.1). */
export interface EventHeader {
  /** of the package, as written */
  readonly type: string;
  /** tells apart subscriptions of one dialog; null where there is none */
  readonly id: string | null;
  readonly parameters: Params;
}

/** @throws ParleyError `sip.malformed` */
export function decodeEvent(value: string): EventHeader {
  const end = value.search(/[;\s]/);
  const type = end < 0 ? value : value.slice(0, end);
  if (!isToken(type)) throw malformed('Event is not a token');
  const parameters = end < 0 ? [] : decodeParams(value, end);
  return { type, id: paramValue(parameters, 'id'), parameters };
}

export function encodeEvent({ type, parameters }: EventHeader): string {
  return `${type}${encodeParams(parameters)}`;
}

/** Why a subscription is over (RFC 6665 section 4.2.2), and what its subscriber does then. */
export type EndReason = 'deactivated' | 'probation' | 'rejected' | 'timeout' | 'giveup' | 'noresource' | 'invariant';
