import * as v from 'valibot';
import { DEFERRED_KINDS, DEFERRED_ORDERS } from '../model/deferred.ts';
import { DEFERRED_STATES } from '../model/states/deferred-state.ts';
import { count, id, list, pageLimit } from './message-parts.ts';
import { codedError, nothing, octets, time } from './parts.ts';

/** What waits in the network, and what a person does with it. */

/** orders that one call carries; for more there is `deferred.orderAll` */
export const MAX_ORDERS = 1000;

const item = v.object({
  id,
  kind: v.picklist(DEFERRED_KINDS),
  peer: v.string(),
  title: v.string(),
  sentAt: time,
  size: v.nullable(octets),
  expiresAt: v.nullable(time),
  contentType: v.string(),
  subject: v.nullable(v.string()),
  state: v.picklist(DEFERRED_STATES),
  order: v.nullable(v.picklist(DEFERRED_ORDERS)),
  error: v.nullable(codedError),
});

const overview = v.object({
  support: v.picklist(['unknown', 'listed', 'counted', 'unsupported']),
  count: v.nullable(count),
  size: octets,
  hint: v.nullable(v.string()),
  ordered: count,
  fetching: v.nullable(v.object({ done: count, of: v.nullable(count) })),
  error: v.nullable(codedError),
});

export const deferredMethods = {
  'deferred.overview': { params: nothing, result: overview },
  /** newest first; `before` is the last item of the page before */
  'deferred.page': {
    params: v.strictObject({ before: v.optional(v.strictObject({ sentAt: time, id })), limit: pageLimit }),
    result: v.object({ items: list(item), more: v.boolean() }),
  },
  /**
   * Durable when it answers; what is ordered together leaves in one request, each item with its own order. One that the network has no more is
   * taken out of the list by `delete`. An item that is not there is passed over.
   */
  'deferred.order': {
    params: v.strictObject({
      orders: v.pipe(v.array(v.strictObject({ id, order: v.picklist(DEFERRED_ORDERS) })), v.minLength(1), v.maxLength(MAX_ORDERS)),
    }),
    result: nothing,
  },
  /** the same for all that waits, but for some; `deliver` without exceptions asks for whatever there is, listed or not */
  'deferred.orderAll': {
    params: v.strictObject({ order: v.picklist(DEFERRED_ORDERS), except: v.optional(v.pipe(v.array(id), v.maxLength(MAX_ORDERS))) }),
    result: nothing,
  },
  /** what has not been asked for yet waits again, what is on its way stops: nothing that came is lost */
  'deferred.stop': { params: nothing, result: nothing },
} as const;

export const deferredEvents = {
  'deferred.changed': overview,
  /**
   * items that are new or changed and items that went; with `reload` there is more than it says, and the list is to be read again
   */
  'deferred.items': v.object({ changed: list(item), removed: list(id), reload: v.boolean() }),
} as const;
