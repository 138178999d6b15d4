import * as v from 'valibot';
import { MAX_RECIPIENTS } from '../model/account.ts';
import { GROUP_SESSIONS, MAX_SUBJECT, PRESENCES, STANDINGS } from '../model/group.ts';
import { count, id, list, person } from './message-parts.ts';
import { codedError, nothing } from './parts.ts';

/** Groups that talk in a session: who is in, and what a person may do there. */

const participant = v.object({
  entity: v.string(),
  address: v.nullable(v.string()),
  name: v.string(),
  presence: v.picklist(PRESENCES),
  isSelf: v.boolean(),
  roles: list(v.string()),
  blocked: v.boolean(),
});

export const group = v.object({
  conversationId: id,
  standing: v.picklist(STANDINGS),
  session: v.picklist(GROUP_SESSIONS),
  subject: v.string(),
  invitedBy: v.nullable(person),
  address: v.nullable(v.string()),
  participants: list(participant),
  limit: count,
  closed: v.boolean(),
  takesFiles: v.boolean(),
  error: v.nullable(codedError),
});

const address = v.pipe(v.string(), v.maxLength(256));
const people = v.pipe(v.array(address), v.minLength(1), v.maxLength(MAX_RECIPIENTS));
const subject = v.pipe(v.string(), v.maxLength(MAX_SUBJECT), v.regex(/^[^\p{Cc}]*$/u));

export const groupMethods = {
  /**
   * A group of these people, and the conversation it has; durable when it answers, the network is asked after that and `group.changed` tells. With
   * `extends` the person of that conversation is among them, and a chat session with him goes over into the group. Fails with `request.invalid`
   * where one is no address, `request.too-many` beyond what the account allows.
   */
  'groups.create': {
    params: v.strictObject({ subject, addresses: people, extends: v.optional(id) }),
    result: v.object({ conversationId: id }),
  },
  /** `request.not-found` where the conversation is none with a group */
  'groups.read': { params: v.strictObject({ conversationId: id }), result: group },
  /** takes an invitation, enters a pre-defined group, comes back to one that was left, tries again what failed; `group.*`, `request.invalid-state` */
  'groups.join': { params: v.strictObject({ conversationId: id, anonymous: v.optional(v.boolean()) }), result: nothing },
  /** the conversation of a group by its address, which is entered as by `groups.join`; `request.invalid` where it is no address */
  'groups.joinAddress': {
    params: v.strictObject({ address, anonymous: v.optional(v.boolean()) }),
    result: v.object({ conversationId: id }),
  },
  'groups.decline': { params: v.strictObject({ conversationId: id }), result: nothing },
  /** its conversation stays */
  'groups.leave': { params: v.strictObject({ conversationId: id }), result: nothing },
  /** one request for all of them; answers when the network has taken it, `group.changed` tells who came. `group.*`, `request.too-many`, `link.*` */
  'groups.add': { params: v.strictObject({ conversationId: id, addresses: people }), result: nothing },
  /** by the entities of the roster; one request for all of them. `group.*`, `request.not-found`, `link.*` */
  'groups.remove': {
    params: v.strictObject({ conversationId: id, entities: v.pipe(v.array(v.pipe(v.string(), v.maxLength(1024))), v.minLength(1)) }),
    result: nothing,
  },
} as const;

export const groupEvents = {
  'group.changed': group,
} as const;

export type GroupMethod = keyof typeof groupMethods;
