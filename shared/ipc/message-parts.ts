import * as v from 'valibot';
import { GROUP_EVENTS } from '../model/group.ts';
import { LEFT_BY, MESSAGE_KINDS } from '../model/message.ts';
import { MESSAGE_STATUSES } from '../model/states/message-status.ts';
import { TRANSFER_STATES } from '../model/states/transfer-state.ts';
import { codedError, octets, time } from './parts.ts';

/** A message and its file, as every part of the contract shows them. */

export const id = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(Number.MAX_SAFE_INTEGER));
export const count = v.pipe(v.number(), v.integer(), v.minValue(0));
export const list = <Item extends v.GenericSchema>(item: Item) => v.pipe(v.array(item), v.readonly());

/** most rows one answer carries */
export const MAX_PAGE = 200;

export const clientId = v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{16,64}$/));
export const pageLimit = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MAX_PAGE));
export const messageStatus = v.picklist(MESSAGE_STATUSES);
export const transferState = v.picklist(TRANSFER_STATES);
export const direction = v.picklist(['in', 'out']);
export const kind = v.picklist(MESSAGE_KINDS);
export const person = v.object({ address: v.string(), name: v.string() });

const transfer = v.object({
  id,
  direction,
  pull: v.boolean(),
  state: transferState,
  name: v.string(),
  type: v.string(),
  size: octets,
  sizeKnown: v.boolean(),
  transferred: octets,
  legs: v.nullable(v.object({ total: count, done: count })),
  invitation: v.nullable(v.string()),
  error: v.nullable(codedError),
  previewable: v.boolean(),
  thumbnail: v.boolean(),
  savedAs: v.nullable(v.string()),
  verifiedBy: v.nullable(v.picklist(['sha-256', 'sha-1'])),
});

const reach = v.object({ total: v.nullable(count), delivered: count, displayed: count, failed: count });

export const message = v.object({
  id,
  conversationId: id,
  direction,
  kind,
  text: v.string(),
  status: messageStatus,
  sentAt: time,
  storedAt: time,
  deliveredAt: v.nullable(time),
  displayedAt: v.nullable(time),
  imdnId: v.string(),
  error: v.nullable(codedError),
  anonymous: v.boolean(),
  replyTo: v.nullable(v.string()),
  alsoTo: list(v.string()),
  reach: v.nullable(reach),
  failedTo: list(v.object({ address: v.string(), name: v.string() })),
  transfer: v.nullable(transfer),
  deferred: v.boolean(),
  author: v.nullable(person),
  event: v.nullable(v.object({ what: v.picklist(GROUP_EVENTS), people: list(person), by: v.nullable(person) })),
  quote: v.nullable(v.object({ messageId: id, direction, kind, author: v.nullable(person), text: v.nullable(v.string()) })),
  leftBy: v.optional(v.picklist(LEFT_BY)),
});
