import * as v from 'valibot';
import { clientId, id } from './message-parts.ts';
import { nothing } from './parts.ts';

/** What a person does with the conversations that the network keeps (cpm.md section 16.7): the Message Storage Server of the account. */

const peer = v.pipe(v.string(), v.minLength(1), v.maxLength(512));
/** of one stored item */
const itemId = v.pipe(v.string(), v.minLength(1), v.maxLength(1024));
const time = v.pipe(v.number(), v.integer());
const count = v.pipe(v.number(), v.integer(), v.minValue(0));

const storedItem = v.object({
  id: itemId,
  peer,
  direction: v.picklist(['in', 'out']),
  /** a session is one that was held, `missed` an invitation that nobody took */
  kind: v.picklist(['text', 'file', 'session', 'missed', 'other']),
  /** of a text its beginning, of a file its name */
  text: v.string(),
  /** ms since the epoch */
  sentAt: time,
  octets: count,
});
export type StoredItem = Readonly<v.InferOutput<typeof storedItem>>;

const storedPeer = v.object({ peer, name: v.string(), items: count, lastAt: time });
export type StoredPeer = Readonly<v.InferOutput<typeof storedPeer>>;

/** Each: `request.invalid-state` where the account has no message store, `history.*`. */
export const historyMethods = {
  /** with whom something is stored, newest first */
  'history.people': { params: nothing, result: v.object({ items: v.array(storedPeer) }) },
  /** the newest 200 of a person's, or those with that text, newest first; notifications are none of them */
  'history.items': {
    params: v.strictObject({ peer: v.optional(peer), text: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(200))) }),
    result: v.object({ items: v.array(storedItem), more: v.boolean() }),
  },
  /** brings the texts with a person into this device's conversation; `left` are files and sessions, which stay where they are */
  'history.fetch': {
    params: v.strictObject({ peer }),
    result: v.object({ conversationId: v.nullable(v.number()), fetched: count, known: count, left: count }),
  },
  /**
   * Sends stored items from where they are: their references leave this device and nothing else of them. `text` is what the conversation shows for each
   * here. `request.not-found` for one that is gone; none of them leaves then.
   */
  'history.forward': {
    params: v.strictObject({
      conversationId: id,
      items: v.pipe(
        v.array(v.strictObject({ id: itemId, clientId, text: v.pipe(v.string(), v.minLength(1), v.maxLength(1000)) })),
        v.minLength(1),
        v.maxLength(100),
      ),
    }),
    result: nothing,
  },
  /** in the network alone; without `ids` all of that person's */
  'history.remove': {
    params: v.strictObject({ peer, ids: v.optional(v.pipe(v.array(itemId), v.maxLength(500))) }),
    result: v.object({ removed: count }),
  },
} as const;
