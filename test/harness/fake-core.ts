import { Emitter } from '../../shared/base/emitter.ts';
import { ParleyError } from '../../shared/base/errors.ts';
import type { AppState, EventName, EventPayload, FileCandidate, FoundMessage, Handlers } from '../../shared/ipc/contract.ts';
import type { StoredItem, StoredPeer } from '../../shared/ipc/history-contract.ts';
import type { Subscribe } from '../../shared/ipc/wire.ts';
import { listKey, listTitle } from '../../shared/model/audience.ts';
import type { Conversation } from '../../shared/model/conversation.ts';
import { type Message, type MessageInfo, quoteOf, type RecipientState } from '../../shared/model/message.ts';
import { DEFAULT_NETWORK_PREFERENCES, type NetworkPreferences } from '../../shared/model/network-preferences.ts';
import { changeSettings, DEFAULT_SETTINGS } from '../../shared/model/settings.ts';
import type { MessageStatus } from '../../shared/model/states/message-status.ts';
import type { TransferState } from '../../shared/model/states/transfer-state.ts';
import type { Transfer } from '../../shared/model/transfer.ts';
import { FakeAccounts } from './fake-accounts.ts';
import { contactHandlers } from './fake-contacts.ts';
import { FakeDeferred } from './fake-deferred.ts';
import { FakeGroups } from './fake-groups.ts';

function lineOf({ author, direction, kind, text, status, transfer }: Message): NonNullable<Conversation['last']> {
  return {
    direction,
    kind,
    author: author?.name ?? '',
    text: text.slice(0, 200),
    status,
    transferState: transfer?.state ?? null,
    asks: transfer?.state === 'offered' && transfer.pull,
  };
}

type Told = { [E in EventName]: { event: E; payload: EventPayload<E> } }[EventName];

export interface FakeCoreOptions {
  readonly neighbours?: AppState['neighbours'];
  readonly registration?: AppState['registration'];
  readonly maxFileSize?: number;
  readonly maxRecipients?: number;
  readonly groups?: AppState['groups'];
  /** own messages rise to `sent` by themselves */
  readonly answersSends?: boolean;
  readonly now?: () => number;
}

/**
 * The contract's other side in memory: it keeps what it is given and does what a test tells it. For the page alone; what the real core
 * does is tested with the real core.
 */
export class FakeCore {
  /** every call that came in, in order */
  readonly calls: { readonly method: string; readonly params: unknown }[] = [];
  /** called before a method answers; may throw a ParleyError or wait */
  before: (method: string, params: unknown) => void | Promise<void> = () => {};
  settings = DEFAULT_SETTINGS;
  /** with whom the network has stored something */
  archive: readonly StoredPeer[] = [];
  archived: readonly StoredItem[] = [];
  /** what the network is to do; null for an account whose network keeps nothing */
  preferences: NetworkPreferences | null = null;
  /** the message of a notification that was picked */
  picked: { conversationId: number; messageId: number } | null = null;
  readonly deferred = new FakeDeferred((event, payload) => this.tell(event, payload));
  readonly groups = new FakeGroups((event, payload) => this.tell(event, payload));
  readonly accounts = new FakeAccounts((list) => this.tell('accounts.changed', list));
  readonly conversations = new Map<number, Conversation>();
  readonly messages = new Map<number, Message[]>();
  readonly files = new Map<string, FileCandidate>();
  /** base64 by token, as the page made them */
  readonly thumbnails = new Map<string, string>();
  /** tokens by conversation */
  readonly draftFiles = new Map<number, readonly string[]>();
  /** of messages to several, by their id */
  readonly recipients = new Map<number, RecipientState[]>();
  /** what came in place of notifications, by message */
  readonly reports = new Map<number, Partial<Pick<MessageInfo, 'deliveryReport' | 'displayReport' | 'leftAt' | 'takenAt' | 'kept'>>>();
  /** transfers that wait for their turn */
  queue: readonly number[] = [];
  /** what the file dialog answers next */
  chosen: FileCandidate[] = [];
  /** what the folder dialog answers; null: closed */
  chosenFolder: string | null = null;
  readonly handlers: Handlers;

  readonly #events = new Emitter<Told>();
  readonly #options: FakeCoreOptions;
  readonly #now: () => number;
  #registration: AppState['registration'];
  #lastId = 0;

  constructor(options: FakeCoreOptions = {}) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#registration = options.registration ?? { kind: 'registered', since: this.#now(), expiresAt: this.#now() + 3_600_000 };
    const handlers = this.#makeHandlers();
    this.handlers = Object.fromEntries(
      Object.entries(handlers).map(([method, handler]) => [
        method,
        async (params: unknown): Promise<unknown> => {
          this.calls.push({ method, params });
          await this.before(method, params);
          return (handler as (given: unknown) => Promise<unknown>)(params);
        },
      ]),
    ) as unknown as Handlers;
  }

  readonly subscribe: Subscribe = (listener) =>
    this.#events.on(({ event, payload }) => (listener as (event: EventName, payload: unknown) => void)(event, payload));

  tell<E extends EventName>(event: E, payload: EventPayload<E>): void {
    this.#events.emit({ event, payload } as Told);
  }

  /** Calls of this method come in and wait for their answer. @returns gives it */
  holdBack(method: string): () => void {
    const { before } = this;
    let giveAnswer = (): void => {};
    const held = new Promise<void>((resolve) => {
      giveAnswer = resolve;
    });
    this.before = async (called, params) => {
      if (called === method) await held;
      return before(called, params);
    };
    return () => {
      this.before = before;
      giveAnswer();
    };
  }

  callsOf(method: string): unknown[] {
    return this.calls.filter((call) => call.method === method).map((call) => call.params);
  }

  addConversation(peer: string, title: string, more: Partial<Conversation> = {}): Conversation {
    const conversation: Conversation = {
      id: this.conversations.size + 1,
      kind: 'person',
      peer,
      title,
      unread: 0,
      firstUnreadId: null,
      updatedAt: this.#now(),
      draft: '',
      draftQuoteId: null,
      draftFiles: 0,
      pinned: false,
      archived: false,
      markedUnread: false,
      mutedUntil: null,
      request: false,
      blocked: false,
      members: [],
      replyTo: null,
      standing: null,
      last: null,
      ...more,
    };
    this.conversations.set(conversation.id, conversation);
    this.messages.set(conversation.id, []);
    return conversation;
  }

  /** Puts a message into the store without telling anybody. */
  addMessage(conversationId: number, more: Partial<Message> = {}): Message {
    this.#lastId += 1;
    const direction = more.direction ?? 'in';
    const at = more.sentAt ?? this.#now();
    const message: Message = {
      id: this.#lastId,
      conversationId,
      direction,
      kind: more.transfer === undefined || more.transfer === null ? 'text' : 'file',
      text: more.transfer?.name ?? '',
      status: direction === 'in' ? 'read' : 'delivered',
      sentAt: at,
      storedAt: at,
      deliveredAt: null,
      displayedAt: null,
      imdnId: `imdn-${this.#lastId}`,
      error: null,
      anonymous: false,
      replyTo: null,
      alsoTo: [],
      deferred: false,
      author: null,
      event: null,
      reach: null,
      failedTo: [],
      transfer: null,
      quote: null,
      ...more,
    };
    this.messages.get(conversationId)?.push(message);
    const conversation = this.#conversation(conversationId);
    this.conversations.set(conversationId, {
      ...conversation,
      updatedAt: at,
      unread: conversation.unread + (message.status === 'received' ? 1 : 0),
      firstUnreadId: conversation.firstUnreadId ?? (message.status === 'received' ? message.id : null),
      last: lineOf(message),
    });
    return message;
  }

  addFile(conversationId: number, state: TransferState, transfer: Partial<Transfer> = {}, message: Partial<Message> = {}): Message {
    const direction = transfer.direction ?? message.direction ?? 'in';
    // octets of a pull flow against the message that asks for them
    const asks = direction === 'in' ? 'out' : 'in';
    return this.addMessage(conversationId, {
      ...message,
      direction: transfer.pull === true ? asks : direction,
      transfer: {
        id: this.#lastId + 1,
        direction,
        state,
        name: 'report.pdf',
        type: 'application/pdf',
        size: 67_108_864,
        transferred: 0,
        pull: false,
        sizeKnown: true,
        invitation: null,
        thumbnail: false,
        verifiedBy: state === 'done' && direction === 'in' ? 'sha-1' : null,
        legs: null,
        error: null,
        previewable: false,
        savedAs: state === 'done' && direction === 'in' ? 'report.pdf' : null,
        ...transfer,
      },
    });
  }

  /** A message arrives while the page is open. */
  receive(conversationId: number, text: string): Message {
    const message = this.addMessage(conversationId, { direction: 'in', text, status: 'received' });
    this.#tellMessage(message);
    return message;
  }

  change(message: Message, change: Partial<Message>): Message {
    const all = this.messages.get(message.conversationId) ?? [];
    const at = all.findIndex((each) => each.id === message.id);
    const next = { ...(all[at] ?? message), ...change };
    all[at] = next;
    this.#tellMessage(next);
    return next;
  }

  /** Takes a message out of the store without telling anybody. */
  remove(messageId: number): void {
    const { conversationId } = this.#message(messageId);
    const left = (this.messages.get(conversationId) ?? []).filter(({ id }) => id !== messageId);
    this.messages.set(conversationId, left);
    const last = left.at(-1);
    this.conversations.set(conversationId, { ...this.#conversation(conversationId), last: last === undefined ? null : lineOf(last) });
  }

  changeTransfer(message: Message, change: Partial<Transfer>): Message {
    const current = this.#message(message.id);
    return current.transfer === null ? current : this.change(current, { transfer: { ...current.transfer, ...change } });
  }

  setStatus(message: Message, status: MessageStatus): Message {
    return this.change(message, { status });
  }

  setRegistration(registration: AppState['registration']): void {
    this.#registration = registration;
    this.tell('registration.changed', registration);
  }

  #tellMessage(message: Message): void {
    this.tell('message.changed', message);
    this.tell('conversation.changed', this.#conversation(message.conversationId));
  }

  #conversation(id: number): Conversation {
    const found = this.conversations.get(id);
    if (found === undefined) throw new ParleyError('request.not-found', `conversation ${id}`);
    return found;
  }

  #message(id: number): Message {
    for (const all of this.messages.values()) {
      const found = all.find((message) => message.id === id);
      if (found !== undefined) return found;
    }
    throw new ParleyError('request.not-found', `message ${id}`);
  }

  #hit(message: Message, words: readonly string[]): FoundMessage {
    const { peer, title } = this.#conversation(message.conversationId);
    const text = message.text.toLowerCase();
    const ranges = words
      .map((word): [number, number] => [text.indexOf(word), text.indexOf(word) + word.length])
      .sort((a, b) => a[0] - b[0])
      .filter(([from], index, all) => index === 0 || from >= (all[index - 1]?.[1] ?? 0));
    const from = Math.max(0, (ranges[0]?.[0] ?? 0) - 40);
    return { message, peer, title, ranges, excerpt: [from, Math.min(text.length, from + 160)] };
  }

  #byTransfer(transferId: number): Message {
    for (const all of this.messages.values()) {
      const found = all.find((message) => message.transfer?.id === transferId);
      if (found !== undefined) return found;
    }
    throw new ParleyError('request.not-found', `transfer ${transferId}`);
  }

  #take(conversationId: number, clientId: string, more: Partial<Message>): Message {
    const known = this.messages.get(conversationId)?.find((message) => message.imdnId === clientId);
    if (known !== undefined) return known;
    const message = this.addMessage(conversationId, { direction: 'out', status: 'queued', imdnId: clientId, ...more });
    this.#tellMessage(message);
    if (this.#options.answersSends !== false) queueMicrotask(() => this.setStatus(message, 'sent'));
    return message;
  }

  #makeHandlers(): Handlers {
    const nothing = {};
    const setTransfer = async (transferId: number, state: TransferState): Promise<typeof nothing> => {
      this.changeTransfer(this.#byTransfer(transferId), { state });
      return nothing;
    };
    return {
      ...this.accounts.handlers,
      ...this.deferred.handlers,
      ...this.groups.handlers,
      'app.state': async () => ({
        account: { address: 'sip:alice@example.com', displayName: 'Alice Archer' },
        registration: this.#registration,
        maxFileSize: this.#options.maxFileSize ?? 0,
        maxRecipients: this.#options.maxRecipients ?? 10,
        downloadFolder: '/home/alice/Downloads',
        groups: this.#options.groups ?? [],
        keepsPreferences: this.preferences !== null,
        cancellable: [],
        version: '0.1.0',
        platform: 'linux',
        neighbours: [...(this.#options.neighbours ?? [])],
      }),
      'registration.retryNow': async () => nothing,
      'registration.signOut': async () => {
        this.setRegistration({ kind: 'signed-out', since: this.#now() });
        return nothing;
      },
      'registration.signIn': async () => {
        this.setRegistration({ kind: 'registered', since: this.#now(), expiresAt: this.#now() + 3_600_000 });
        return nothing;
      },
      'settings.read': async () => this.settings,
      'history.people': async () => ({ items: [...this.archive] }),
      'history.items': async ({ peer }) => ({ items: this.archived.filter((each) => each.peer === peer), more: false }),
      'history.fetch': async () => ({ conversationId: null, fetched: 12, known: 3, left: 2 }),
      'history.forward': async ({ conversationId, items }) => {
        for (const { clientId, text } of items) await this.handlers['messages.sendText']({ conversationId, clientId, text });
        return {};
      },
      'history.remove': async ({ peer }) => {
        this.archive = this.archive.filter((each) => each.peer !== peer);
        return { removed: 1 };
      },
      'network.preferences': async () => this.preferences ?? DEFAULT_NETWORK_PREFERENCES,
      'network.change': async (change) => {
        const given = Object.entries(change).filter(([, value]) => value !== undefined);
        this.preferences = { ...(this.preferences ?? DEFAULT_NETWORK_PREFERENCES), ...Object.fromEntries(given) };
        return this.preferences;
      },
      'settings.change': async (change) => {
        this.settings = changeSettings(this.settings, change);
        this.tell('settings.changed', this.settings);
        return this.settings;
      },
      'settings.chooseDownloadFolder': async () => {
        this.settings = changeSettings(this.settings, { downloadFolder: this.chosenFolder ?? this.settings.downloadFolder });
        this.tell('settings.changed', this.settings);
        return this.settings;
      },
      'conversations.page': async ({ archived = false, requests = false, before, limit }) => {
        const sorted = [...this.conversations.values()]
          .filter((each) => each.archived === archived && each.request === requests && !(each.request && each.blocked))
          .sort((a, b) => Number(b.pinned) - Number(a.pinned) || b.updatedAt - a.updatedAt || b.id - a.id);
        const from = before === undefined ? 0 : sorted.findIndex((each) => each.id === before.id) + 1;
        return { items: sorted.slice(from, from + limit), more: from + limit < sorted.length };
      },
      'conversations.open': async ({ address }) => {
        if (!/^(sips?:[^@\s]+@\S+|tel:\+?\d+)$/.test(address)) throw new ParleyError('request.invalid', `not an address: ${address}`);
        const known = [...this.conversations.values()].find((each) => each.peer === address);
        const neighbour = this.#options.neighbours?.find((each) => each.address === address);
        return known ?? this.addConversation(address, neighbour?.displayName ?? address.replace(/^\w+:/, ''));
      },
      'conversations.openList': async ({ addresses }) => {
        if (addresses.length > (this.#options.maxRecipients ?? 10)) throw new ParleyError('request.too-many', `${addresses.length}`);
        const peer = listKey(addresses);
        const known = [...this.conversations.values()].find((each) => each.peer === peer);
        const members = addresses.map((address) => ({ address, name: address.replace(/^\w+:|@.*$/g, '') }));
        return known ?? this.addConversation(peer, listTitle(members.map(({ name }) => name)), { kind: 'list', members });
      },
      'conversations.openReplyAll': async ({ messageId }) => {
        const { alsoTo, conversationId } = this.#message(messageId);
        return this.handlers['conversations.openList']({ addresses: [this.#conversation(conversationId).peer, ...alsoTo] });
      },
      'conversations.forgetReplyTo': async ({ conversationId }) => {
        this.conversations.set(conversationId, { ...this.#conversation(conversationId), replyTo: null });
        this.tell('conversation.changed', this.#conversation(conversationId));
        return nothing;
      },
      'messages.cancel': async ({ messageId }) => {
        this.tell('messages.cancellable', { messageIds: [] });
        this.change(this.#message(messageId), { status: 'failed', error: { code: 'message.cancelled', detail: '' } });
        return nothing;
      },
      'conversations.markRead': async ({ conversationId, upTo }) => {
        const all = this.messages.get(conversationId) ?? [];
        for (const message of all) if (message.id <= upTo && message.status === 'received') this.setStatus(message, 'read');
        this.conversations.set(conversationId, {
          ...this.#conversation(conversationId),
          unread: 0,
          firstUnreadId: null,
          markedUnread: false,
        });
        this.tell('conversation.changed', this.#conversation(conversationId));
        return nothing;
      },
      'conversations.shown': async () => nothing,
      'notifications.take': async () => {
        const { picked } = this;
        this.picked = null;
        return { picked };
      },
      'typing.set': async () => nothing,
      ...contactHandlers({ conversations: this.conversations, tell: (event, payload) => this.tell(event, payload) }),
      'conversations.remove': async ({ conversationId }) => {
        this.conversations.delete(conversationId);
        this.messages.delete(conversationId);
        this.tell('conversation.removed', { conversationId });
        return nothing;
      },
      'conversations.draftFiles': async ({ conversationId }) => ({
        items: (this.draftFiles.get(conversationId) ?? []).map((token) => {
          const candidate = this.files.get(token) ?? null;
          return { name: candidate?.name ?? token, candidate, error: candidate === null ? { code: 'file.missing', detail: token } : null };
        }),
      }),
      'conversations.saveDraft': async ({ conversationId, text, quotes = null, files = [] }) => {
        this.draftFiles.set(conversationId, files);
        const draft = { draft: text, draftQuoteId: quotes, draftFiles: files.length };
        this.conversations.set(conversationId, { ...this.#conversation(conversationId), ...draft });
        this.tell('conversation.changed', this.#conversation(conversationId));
        return nothing;
      },
      'messages.page': async ({ conversationId, before, after, around, limit }) => {
        const all = this.messages.get(conversationId) ?? [];
        if (around !== undefined) {
          const at = all.findIndex((message) => message.id > around);
          const end = Math.min(all.length, (at < 0 ? all.length : at) + (limit >> 1));
          const start = Math.max(0, end - limit);
          return { items: all.slice(start, end), moreBefore: start > 0, moreAfter: end < all.length };
        }
        if (after !== undefined) {
          const from = all.findIndex((message) => message.id > after);
          const items = from < 0 ? [] : all.slice(from, from + limit);
          return { items, moreBefore: from > 0, moreAfter: from >= 0 && from + limit < all.length };
        }
        const found = before === undefined ? all.length : all.findIndex((message) => message.id >= before);
        const end = found < 0 ? all.length : found;
        const start = Math.max(0, end - limit);
        return { items: all.slice(start, end), moreBefore: start > 0, moreAfter: end < all.length };
      },
      'search.messages': async ({ text, conversationId, before, limit }) => {
        const words = text
          .toLowerCase()
          .split(/\s+/)
          .filter((word) => word !== '');
        const among = conversationId === undefined ? [...this.messages.values()].flat() : (this.messages.get(conversationId) ?? []);
        const found = among
          .filter((message) => words.length > 0 && words.every((word) => message.text.toLowerCase().includes(word)))
          .sort((a, b) => b.id - a.id);
        const rest = found.filter((message) => before === undefined || message.id < before);
        return {
          items: rest.slice(0, limit).map((message) => this.#hit(message, words)),
          more: rest.length > limit,
          count: conversationId === undefined || before !== undefined ? null : found.length,
        };
      },
      'messages.sendText': async ({ conversationId, clientId, text, quotes, anonymous = false }) =>
        this.#take(conversationId, clientId, { text, anonymous, quote: quotes === undefined ? null : quoteOf(this.#message(quotes)) }),
      'messages.read': async ({ messageId }) => this.#message(messageId),
      'messages.retry': async ({ messageId }) => this.change(this.#message(messageId), { status: 'queued', error: null }),
      'messages.remove': async ({ messageId }) => {
        const { conversationId } = this.#message(messageId);
        this.remove(messageId);
        this.tell('message.removed', { messageId, conversationId });
        this.tell('conversation.changed', this.#conversation(conversationId));
        return nothing;
      },
      'messages.info': async ({ messageId }) => {
        const message = this.#message(messageId);
        return {
          message,
          peer: this.#conversation(message.conversationId).peer,
          cpmConversationId: `conversation-${message.conversationId}`,
          contributionId: `contribution-${messageId}`,
          deliveryReport: null,
          displayReport: null,
          leftAt: null,
          takenAt: null,
          kept: false,
          leftBy: null,
          ...this.reports.get(messageId),
          recipients: this.recipients.get(messageId) ?? [],
          waiting: message.status === 'queued' ? { attempts: 1, nextTryAt: this.#now() + 60_000 } : null,
        };
      },
      'files.choose': async () => ({ items: this.chosen.map((candidate) => ({ name: candidate.name, candidate, error: null })) }),
      'files.send': async ({ conversationId, clientId, token }) => {
        const file = this.files.get(token) ?? this.chosen.find((each) => each.token === token);
        if (file === undefined) throw new ParleyError('file.missing', token);
        const { name, type, size } = file;
        const transfer: Transfer = {
          id: this.#lastId + 1,
          direction: 'out',
          state: 'offering',
          name,
          type,
          size,
          transferred: 0,
          pull: false,
          sizeKnown: true,
          invitation: null,
          thumbnail: false,
          verifiedBy: null,
          legs: null,
          error: null,
          previewable: false,
          savedAs: null,
        };
        return this.#take(conversationId, clientId, { kind: 'file', text: name, transfer });
      },
      'files.request': async ({ conversationId, clientId, name = '', type = 'application/octet-stream', size }) => {
        const transfer: Transfer = {
          id: this.#lastId + 1,
          direction: 'in',
          pull: true,
          state: 'offering',
          name,
          type,
          size: size ?? 0,
          sizeKnown: size !== undefined,
          transferred: 0,
          invitation: null,
          error: null,
          previewable: false,
          thumbnail: false,
          savedAs: null,
          verifiedBy: null,
          legs: null,
        };
        return this.#take(conversationId, clientId, { kind: 'file', text: name, transfer });
      },
      'files.page': async ({ conversationId, before = Number.MAX_SAFE_INTEGER, limit }) => {
        const files = (this.messages.get(conversationId) ?? [])
          .filter((each) => each.kind === 'file' && each.id < before)
          .sort((a, b) => b.id - a.id);
        return { items: files.slice(0, limit), more: files.length > limit };
      },
      'transfers.queue': async () => ({ items: this.queue }),
      'transfers.give': async ({ transferId }) => setTransfer(transferId, 'accepting'),
      'transfers.pause': async ({ transferId }) => setTransfer(transferId, 'paused'),
      'transfers.resume': async ({ transferId }) => setTransfer(transferId, 'queued'),
      'transfers.saveAs': async () => ({ saved: true }),
      'files.thumbnail': async ({ token, octets }) => {
        this.thumbnails.set(token, octets);
        return nothing;
      },
      'transfers.candidate': async ({ transferId }) => {
        const { name, size, type } = this.#byTransfer(transferId).transfer as Transfer;
        const candidate = { token: `of transfer ${transferId}`, name, size, type };
        this.files.set(candidate.token, candidate);
        return candidate;
      },
      'transfers.accept': async ({ transferId }) => setTransfer(transferId, 'accepting'),
      'transfers.decline': async ({ transferId }) => setTransfer(transferId, 'declined'),
      'transfers.cancel': async ({ transferId }) => setTransfer(transferId, 'cancelled'),
      'transfers.open': async () => nothing,
      'transfers.showInFolder': async () => nothing,
      'links.open': async () => nothing,
    };
  }
}
