import * as v from 'valibot';
import { MAX_RECIPIENTS } from '../model/account.ts';
import { CONVERSATION_KINDS } from '../model/audience.ts';
import { STANDINGS } from '../model/group.ts';
import { LEFT_BY, REPORTS } from '../model/message.ts';
import { networkPreferencesSchema } from '../model/network-preferences.ts';
import { DISPLAY_REPORTS, MESSAGE_MODES, NOTIFICATION_LEVELS, pageSettingsSchema, settingsSchema } from '../model/settings.ts';
import { type AccountMethod, accountEvents, accountMethods } from './account-contract.ts';
import { deferredEvents, deferredMethods } from './deferred-contract.ts';
import { fileEvents, fileMethods, offeredFile } from './file-contract.ts';
import { groupEvents, groupMethods } from './group-contract.ts';
import { historyMethods } from './history-contract.ts';
import {
  clientId,
  count,
  direction,
  id,
  kind,
  list,
  MAX_PAGE,
  message,
  messageStatus,
  pageLimit,
  person,
  transferState,
} from './message-parts.ts';
import { codedError, nothing, octets, registration, time } from './parts.ts';

export { type FileCandidate, MAX_FILE_NAME, type OfferedFile } from './file-contract.ts';

/**
 * THE contract between the client core and a renderer: what may be asked and what is told, each with its schema.
 * It knows no transport: Electron IPC and a WebSocket carry the same JSON texts (see `wire.ts`).
 */

/** longest text a person can send at once, in UTF-16 code units */
export const MAX_TEXT = 100_000;
/** UTF-16 offsets in a text: from, up to but without */
const offset = v.pipe(v.number(), v.integer(), v.minValue(0));
const range = v.tuple([offset, offset]);

const foundMessage = v.object({
  message,
  /** of its conversation */
  peer: v.string(),
  title: v.string(),
  /** what was found, in the message's text or its file's name, in order, without overlaps */
  ranges: v.array(range),
  /** the part of it that shows the first of them */
  excerpt: range,
});

const messageInfo = v.object({
  message,
  peer: v.string(),
  deliveryReport: v.nullable(v.picklist(REPORTS)),
  displayReport: v.nullable(v.picklist(['forbidden', 'error'])),
  leftAt: v.nullable(time),
  takenAt: v.nullable(time),
  kept: v.boolean(),
  leftBy: v.nullable(v.picklist(LEFT_BY)),
  cpmConversationId: v.string(),
  contributionId: v.string(),
  recipients: list(
    v.object({
      address: v.string(),
      name: v.string(),
      status: messageStatus,
      deliveredAt: v.nullable(time),
      displayedAt: v.nullable(time),
      error: v.nullable(codedError),
    }),
  ),
  waiting: v.nullable(v.object({ attempts: count, nextTryAt: time })),
});

const conversation = v.object({
  id,
  kind: v.picklist(CONVERSATION_KINDS),
  peer: v.string(),
  title: v.string(),
  unread: count,
  firstUnreadId: v.nullable(id),
  updatedAt: time,
  draft: v.string(),
  draftQuoteId: v.nullable(id),
  draftFiles: v.pipe(v.number(), v.integer(), v.minValue(0)),
  pinned: v.boolean(),
  archived: v.boolean(),
  markedUnread: v.boolean(),
  members: list(person),
  replyTo: v.nullable(v.string()),
  mutedUntil: v.nullable(time),
  request: v.boolean(),
  blocked: v.boolean(),
  standing: v.nullable(v.picklist(STANDINGS)),
  last: v.nullable(
    v.object({
      direction,
      kind,
      author: v.string(),
      text: v.string(),
      status: messageStatus,
      transferState: v.nullable(transferState),
      asks: v.boolean(),
      leftBy: v.optional(v.picklist(LEFT_BY)),
    }),
  ),
});

/** null is as the account's settings have it */
const conversationSettings = {
  notifications: v.nullable(v.picklist(NOTIFICATION_LEVELS)),
  displayReports: v.nullable(v.picklist(DISPLAY_REPORTS)),
  mode: v.nullable(v.picklist(MESSAGE_MODES)),
};

const conversationDetails = v.object({
  conversation,
  addresses: v.array(v.string()),
  networkName: v.string(),
  givenName: v.nullable(v.string()),
  ...conversationSettings,
});

const appState = v.object({
  account: v.object({ address: v.string(), displayName: v.string() }),
  registration,
  /** octets, 0 = no limit */
  maxFileSize: octets,
  maxRecipients: count,
  /** where files come to lie that no other folder was chosen for; to be shown, not to be named */
  downloadFolder: v.string(),
  /** groups that the network keeps */
  groups: list(v.object({ address: v.string(), name: v.string() })),
  /** the network does by `network.preferences` what this person wants */
  keepsPreferences: v.boolean(),
  /** as in `messages.cancellable` */
  cancellable: v.array(id),
  version: v.string(),
  platform: v.string(),
  /** runs on the embedded home network: addresses that can be written to without further ado */
  neighbours: v.array(v.object({ address: v.string(), displayName: v.string() })),
});

export const contract = {
  methods: {
    ...accountMethods,
    'app.state': { params: nothing, result: appState },
    'registration.retryNow': { params: nothing, result: nothing },
    /** ends the binding of this device until signIn, over restarts too; answers when the server has, or after 2 s */
    'registration.signOut': { params: nothing, result: nothing },
    'registration.signIn': { params: nothing, result: nothing },
    'settings.read': { params: nothing, result: settingsSchema },
    /** what is not given stays; answers with all of it */
    'settings.change': { params: v.partial(pageSettingsSchema), result: settingsSchema },
    /** by the host's dialog, `request.invalid` where it has none; answers with all of it, unchanged when that was closed */
    'settings.chooseDownloadFolder': { params: nothing, result: settingsSchema },
    /** what the person wants the network to do, asked of it each time; `request.invalid-state` where the account has none, `link.*` */
    'network.preferences': { params: nothing, result: networkPreferencesSchema },
    /** what is not given stays; answers with all of it */
    'network.change': {
      params: v.partial(v.omit(networkPreferencesSchema, ['unwantedWords', 'unwantedTypes'])),
      result: networkPreferencesSchema,
    },
    /** pinned ones first, then newest first; `before` is the last row of the page before; archived ones alone or not at all */
    'conversations.page': {
      params: v.strictObject({
        archived: v.optional(v.boolean()),
        /** of whom this person never wrote to, alone or not at all */
        requests: v.optional(v.boolean()),
        before: v.optional(v.strictObject({ pinned: v.boolean(), updatedAt: time, id })),
        limit: pageLimit,
      }),
      result: v.object({ items: v.array(conversation), more: v.boolean() }),
    },
    /** finds or makes the conversation with an address; fails with `request.invalid` where it is no address */
    'conversations.open': { params: v.strictObject({ address: v.pipe(v.string(), v.maxLength(256)) }), result: conversation },
    /**
     * finds or makes the conversation with several people, one for each set of them; fails with `request.invalid` where one is no address,
     * `request.too-many` beyond what the account allows
     */
    'conversations.openList': {
      params: v.strictObject({
        addresses: v.pipe(v.array(v.pipe(v.string(), v.maxLength(256))), v.minLength(1), v.maxLength(MAX_RECIPIENTS)),
      }),
      result: conversation,
    },
    /** the one with everybody who got a message, its author or whom he wants the answer to go to among them */
    'conversations.openReplyAll': { params: v.strictObject({ messageId: id }), result: conversation },
    /** answers go to the other person again, whatever the last message asked for */
    'conversations.forgetReplyTo': { params: v.strictObject({ conversationId: id }), result: nothing },
    /** all messages up to `upTo` were seen: unread falls, display notifications are queued */
    'conversations.markRead': { params: v.strictObject({ conversationId: id, upTo: id }), result: nothing },
    /** what is not given stays; reading takes the mark away, the next message brings an archived one back */
    'conversations.arrange': {
      params: v.strictObject({
        conversationId: id,
        pinned: v.optional(v.boolean()),
        archived: v.optional(v.boolean()),
        markedUnread: v.optional(v.boolean()),
      }),
      result: nothing,
    },
    'conversations.details': { params: v.strictObject({ conversationId: id }), result: conversationDetails },
    /** what is not given stays; an empty name takes the given one away */
    'conversations.configure': {
      params: v.strictObject({
        conversationId: id,
        givenName: v.optional(v.pipe(v.string(), v.maxLength(100), v.regex(/^[^\p{Cc}]*$/u))),
        mutedUntil: v.optional(v.nullable(time)),
        settings: v.optional(v.partial(v.strictObject(conversationSettings))),
      }),
      result: nothing,
    },
    /** a request becomes a conversation like any other; writing does the same */
    'conversations.accept': { params: v.strictObject({ conversationId: id }), result: nothing },
    /** lets nothing of that person in any more, by whatever address, and takes what waits for an answer back; or ends that */
    'conversations.block': { params: v.strictObject({ conversationId: id, blocked: v.boolean() }), result: nothing },
    /** last blocked first */
    'blocked.list': {
      params: nothing,
      result: v.object({ items: v.array(v.object({ conversation, addresses: v.array(v.string()) })) }),
    },
    /** takes all of it out of this device; what has not left is withdrawn, transfers under way are cancelled first */
    'conversations.remove': { params: v.strictObject({ conversationId: id }), result: nothing },
    /** what the person looks at, null for none: its peer is asked what it can do, and texts to it may leave in a chat session */
    'conversations.shown': { params: v.strictObject({ conversationId: v.nullable(id) }), result: nothing },
    /** the message whose notification was picked and that no page has shown since, which one takes on itself by this; a page that starts asks as well */
    'notifications.take': {
      params: nothing,
      result: v.object({ picked: v.nullable(v.object({ conversationId: id, messageId: id })) }),
    },
    /** true at each key stroke, or at least every 10 s while they come; false when what was written was taken away. It runs out by itself. */
    'typing.set': { params: v.strictObject({ conversationId: id, typing: v.boolean() }), result: nothing },
    /** `files` that wait to be sent with it, by their tokens; one that the core no longer knows is left out */
    'conversations.saveDraft': {
      params: v.strictObject({
        conversationId: id,
        text: v.pipe(v.string(), v.maxLength(MAX_TEXT)),
        quotes: v.optional(id),
        files: v.optional(v.pipe(v.array(v.pipe(v.string(), v.maxLength(128))), v.maxLength(MAX_PAGE))),
      }),
      result: nothing,
    },
    /** the files that wait with a draft, each with its candidate or the reason why it cannot be sent any more */
    'conversations.draftFiles': { params: v.strictObject({ conversationId: id }), result: v.object({ items: v.array(offeredFile) }) },
    /** oldest first; `around` one message, else with neither `before` nor `after` the newest page */
    'messages.page': {
      params: v.strictObject({
        conversationId: id,
        before: v.optional(id),
        after: v.optional(id),
        around: v.optional(id),
        limit: pageLimit,
      }),
      result: v.object({ items: v.array(message), moreBefore: v.boolean(), moreAfter: v.boolean() }),
    },
    /**
     * All texts and file names that have words which start as those given, newest first; `before` is the last message of the page before.
     * `count` is told on the first page of one conversation only, and no further than 1000.
     */
    'search.messages': {
      params: v.strictObject({
        text: v.pipe(v.string(), v.maxLength(MAX_TEXT)),
        conversationId: v.optional(id),
        before: v.optional(id),
        limit: pageLimit,
      }),
      result: v.object({ items: v.array(foundMessage), more: v.boolean(), count: v.nullable(offset) }),
    },
    /** `clientId` makes it repeatable: the same id again answers with the message that is already there */
    'messages.sendText': {
      params: v.strictObject({
        conversationId: id,
        clientId,
        text: v.pipe(v.string(), v.minLength(1), v.maxLength(MAX_TEXT)),
        /** the message of the same conversation that it answers; one that is gone meanwhile is not quoted */
        quotes: v.optional(id),
        /** without the name: a message that nobody can answer, unless it has a Reply-To */
        anonymous: v.optional(v.boolean()),
      }),
      result: message,
    },
    /** a large message that is under way; `request.invalid-state` when it is not any more */
    'messages.cancel': { params: v.strictObject({ messageId: id }), result: nothing },
    /** one that failed; of one to several those get it whom it did not get to, or one of them alone */
    'messages.retry': {
      params: v.strictObject({ messageId: id, recipient: v.optional(v.pipe(v.string(), v.maxLength(256))) }),
      result: message,
    },
    /**
     * takes it out of this device only; what has not left is withdrawn, a transfer under way is cancelled first; `request.invalid-state` for a
     * text that is on its way at this moment
     */
    'messages.remove': { params: v.strictObject({ messageId: id }), result: nothing },
    /** one message, by its id */
    'messages.read': { params: v.strictObject({ messageId: id }), result: message },
    'messages.info': { params: v.strictObject({ messageId: id }), result: messageInfo },
    ...fileMethods,
    ...historyMethods,
    ...deferredMethods,
    ...groupMethods,
    /** opens http, https, mailto, tel and sip links outside the app */
    'links.open': { params: v.strictObject({ url: v.pipe(v.string(), v.maxLength(4096)) }), result: nothing },
  },
  events: {
    ...accountEvents,
    'registration.changed': registration,
    'settings.changed': settingsSchema,
    'conversation.changed': conversation,
    /** out of the list; it may come back by `conversation.changed` */
    'conversation.removed': v.object({ conversationId: id }),
    /** two were one person's: all of `conversationId` is in `into` now, which is told by `conversation.changed` too */
    'conversation.merged': v.object({ conversationId: id, into: id }),
    /** the person picked a notification of the desktop: `notifications.take` says which */
    'notification.picked': v.object({}),
    /** a new message, or one whose status or transfer changed */
    'message.changed': message,
    /** large messages that are under way, all of them: what can still be cancelled */
    'messages.cancellable': v.object({ messageIds: v.array(id) }),
    'message.removed': v.object({ messageId: id, conversationId: id }),
    /** somebody writes, or has stopped; by the conversation's peer, and in a group who it is */
    'typing.changed': v.object({ peer: v.string(), who: v.nullable(person), typing: v.boolean() }),
    ...fileEvents,
    ...deferredEvents,
    ...groupEvents,
  },
} as const;

export type Contract = typeof contract;
export type MethodName = keyof Contract['methods'];
export type EventName = keyof Contract['events'];
export type Params<M extends MethodName> = v.InferOutput<Contract['methods'][M]['params']>;
export type Result<M extends MethodName> = v.InferOutput<Contract['methods'][M]['result']>;
export type EventPayload<E extends EventName> = v.InferOutput<Contract['events'][E]>;
export type FoundMessage = v.InferOutput<typeof foundMessage>;
export type AppState = v.InferOutput<typeof appState>;

export type Handlers = { readonly [M in MethodName]: (params: Params<M>) => Promise<Result<M>> };
/** what the client of one account answers, and what is asked of the app that holds them all */
export type ClientHandlers = Omit<Handlers, AccountMethod>;
export type AccountHandlers = Pick<Handlers, AccountMethod>;
