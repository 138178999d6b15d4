import { ParleyError } from '../../base/errors.ts';
import { DEFERRED_INFO_TYPE, decodeDeferredInfo } from './deferred-info.ts';
import type { DeferredInfo } from './entry.ts';
import { decodeMessageSummary, MESSAGE_SUMMARY_TYPE, type MessageSummary } from './message-summary.ts';
import { decodeOmaDeferredList, OMA_DEFERRED_LIST_TYPE } from './oma-list.ts';

/** Value of Accept in a subscription to `deferred-messages` (cpm.md section 11.1). */
export const DEFERRED_NOTIFICATION_TYPES = [DEFERRED_INFO_TYPE, OMA_DEFERRED_LIST_TYPE, MESSAGE_SUMMARY_TYPE].join(', ');

/** A list one can choose from, or only that something waits. `version` is null where the format has none. */
export type DeferredNotification =
  | ({ readonly kind: 'list'; readonly version: number | null } & Pick<DeferredInfo, 'state' | 'items' | 'removed'>)
  | ({ readonly kind: 'summary' } & MessageSummary);

/**
 * The body of a NOTIFY of that package.
 * @param type media type without parameters, in lower case
 * @throws ParleyError `peer.unsupported` for another type, `xml.*`, `cpim.*`
 */
export function decodeDeferredNotification(type: string, octets: Uint8Array): DeferredNotification {
  if (type === DEFERRED_INFO_TYPE) return { kind: 'list', ...decodeDeferredInfo(octets) };
  if (type === OMA_DEFERRED_LIST_TYPE) {
    return { kind: 'list', version: null, state: 'full', items: decodeOmaDeferredList(octets), removed: [] };
  }
  if (type === MESSAGE_SUMMARY_TYPE) return { kind: 'summary', ...decodeMessageSummary(octets) };
  throw new ParleyError('peer.unsupported', `a list of waiting items as ${type.slice(0, 100)}`);
}
