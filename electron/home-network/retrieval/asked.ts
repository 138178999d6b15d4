import { ParleyError } from '../../../shared/base/errors.ts';
import { type DeferredAction, type DeferredChoice, decodeDeferredRequest } from '../../../shared/protocol/lists/deferred-request.ts';
import { acceptsType } from '../../../shared/protocol/sdp/file-offer.ts';
import type { MsrpMedia } from '../../../shared/protocol/sdp/msrp-media.ts';
import { decodeSdp, type SessionDescription } from '../../../shared/protocol/sdp/sdp.ts';
import { hasToken, header, headers, type SipHeader, type SipRequest } from '../../../shared/protocol/sip/message.ts';
import type { XmlLimits } from '../../../shared/protocol/xml/xml.ts';
import { descriptionIn } from '../media/description.ts';
import { isLed } from '../media/led-media.ts';
import { recipientListIn } from '../recipient-list.ts';

/** of one INVITE: what a SIP body holds, and more than anybody picks by hand */
export const MOST_CHOICES = 10_000;
const LIMITS: Partial<XmlLimits> = { maxOctets: 1_048_576, maxDepth: 16, maxElements: 2 * MOST_CHOICES };
const LIST = 'recipient-list-invite';
/** option tags of a Require that are met here */
const FULFILLED = new Set([LIST, 'timer', 'gruu']);

/** What the INVITE of a client asks of its deferred messages. */
export interface AskedFor {
  /** one action for each of those that were named, in their order; null: everything is to be delivered (seed 004 7.2.6.2) */
  readonly choices: ReadonlyMap<string, DeferredAction> | null;
  readonly description: SessionDescription;
  /** of the medium that takes them */
  readonly mediaIndex: number;
}

/** An INVITE that is not met. */
export interface Refusal {
  readonly status: number;
  readonly reason?: string;
  /** text of a Warning, for a person */
  readonly warning?: string;
  /** of the answer */
  readonly fields?: readonly SipHeader[];
}

/** @throws ParleyError `multipart.*`, `sdp.*` */
export function readAsked(request: SipRequest): AskedFor | Refusal {
  const unknown = headers(request, 'Require').filter((tag) => !FULFILLED.has(tag.toLowerCase()));
  if (unknown.length > 0) return { status: 420, fields: [{ name: 'Unsupported', value: unknown.join(', ') }] };
  const listed = recipientListIn(header(request, 'Content-Type') ?? '', request.body);
  if (listed === null && hasToken(request, 'Require', LIST)) return { status: 400, reason: 'No list of messages' };
  const choices = listed === null ? null : choicesIn(listed.list);
  if (choices !== null && 'status' in choices) return choices;
  const described = descriptionIn(request);
  const description = described === null ? null : decodeSdp(described.sdp);
  const mediaIndex = description?.media.findIndex((media) => isLed(media) && takes(media)) ?? -1;
  if (description === null || mediaIndex < 0) return { status: 488, warning: 'MSRP that receives message/cpim is needed' };
  return { choices, description, mediaIndex };
}

function takes({ direction, acceptTypes }: MsrpMedia): boolean {
  return direction !== 'sendonly' && direction !== 'inactive' && acceptsType(acceptTypes, 'message/cpim');
}

function choicesIn(list: Uint8Array): ReadonlyMap<string, DeferredAction> | Refusal {
  const choices = new Map<string, DeferredChoice['action']>();
  try {
    const asked = decodeDeferredRequest(list, LIMITS);
    if (asked.length === 0) return { status: 400, reason: 'No list of messages' };
    if (asked.length > MOST_CHOICES) return tooMany();
    for (const { uri, action } of asked) {
      if (action === null)
        return { status: 400, reason: 'Unknown cpm_action', warning: 'cpm_action is deliver, delete, interwork or store' };
      if ((choices.get(uri) ?? action) !== action) return { status: 400, reason: 'Two actions for one message' };
      choices.set(uri, action);
    }
  } catch (thrown) {
    if (!(thrown instanceof ParleyError)) throw thrown;
    return thrown.code === 'xml.too-large' ? tooMany() : { status: 400, reason: 'List of messages cannot be read' };
  }
  return choices;
}

function tooMany(): Refusal {
  return { status: 413, warning: `at most ${MOST_CHOICES} messages` };
}
