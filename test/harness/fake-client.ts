import { FileCandidates } from '../../electron/app/file-candidates.ts';
import type { Client, ClientPorts, ContractListener } from '../../electron/app/port.ts';
import { pickedPreviewOf, previewOf } from '../../electron/app/preview.ts';
import { ParleyError } from '../../shared/base/errors.ts';
import type { ClientHandlers, EventName, EventPayload, Result } from '../../shared/ipc/contract.ts';
import { DEFAULT_NETWORK_PREFERENCES } from '../../shared/model/network-preferences.ts';
import { changeSettings, DEFAULT_SETTINGS } from '../../shared/model/settings.ts';
import { contactHandlers } from './fake-contacts.ts';
import { FakeDeferred } from './fake-deferred.ts';
import { FakeGroups } from './fake-groups.ts';

type Message = Result<'messages.sendText'>;
type Conversation = Result<'conversations.open'>;

/** A client core in memory: no network, no store. Whatever is sent counts as displayed at once. */
export interface FakeClient extends Client {
  readonly state: { started: boolean; stopped: boolean };
  tell<E extends EventName>(event: E, payload: EventPayload<E>): void;
  /** makes `transfers.open`, `preview` and downloads of `transferId` lead to a file */
  readonly finished: Map<number, string>;
}

export function createFakeClient(ports: ClientPorts): FakeClient {
  const files = new FileCandidates(ports.account.maxFileSize);
  const listeners = new Set<ContractListener>();
  const conversations: Conversation[] = [];
  const messages: Message[] = [];
  const finished = new Map<number, string>();
  let settings = DEFAULT_SETTINGS;
  const state = { started: false, stopped: false };
  const registeredAt = Date.now();

  const tell: FakeClient['tell'] = (event, payload) => {
    for (const listener of [...listeners]) listener(event, payload);
  };
  const conversationOf = (id: number): Conversation => {
    const found = conversations.find((one) => one.id === id);
    if (found === undefined) throw new ParleyError('request.not-found', `no conversation ${id}`);
    return found;
  };
  const add = (conversationId: number, clientId: string, text: string, transfer: Message['transfer']): Message => {
    const known = messages.find(({ imdnId }) => imdnId === clientId);
    if (known !== undefined) return known;
    const now = Date.now();
    const kind = transfer === null ? 'text' : 'file';
    const message: Message = {
      id: messages.length + 1,
      conversationId,
      direction: 'out',
      kind,
      text,
      status: 'displayed',
      sentAt: now,
      storedAt: now,
      deliveredAt: now,
      displayedAt: now,
      imdnId: clientId,
      error: null,
      anonymous: false,
      replyTo: null,
      alsoTo: [],
      deferred: false,
      author: null,
      event: null,
      reach: null,
      failedTo: [],
      transfer,
      quote: null,
    };
    messages.push(message);
    const conversation = conversationOf(conversationId);
    const last = {
      direction: 'out' as const,
      kind,
      author: '',
      text,
      status: message.status,
      transferState: transfer?.state ?? null,
      asks: false,
    };
    Object.assign(conversation, { updatedAt: now, draft: '', last });
    tell('message.changed', message);
    tell('conversation.changed', conversation);
    return message;
  };
  const pathOf = (transferId: number): string => {
    const path = finished.get(transferId);
    if (path === undefined) throw new ParleyError('request.not-found', `no transfer ${transferId}`);
    return path;
  };

  const refuse = (): never => {
    throw new ParleyError('request.invalid-state', 'there is one person only');
  };
  const handlers: ClientHandlers = {
    ...new FakeDeferred(tell).handlers,
    ...new FakeGroups(tell).handlers,
    'app.state': async () => ({
      account: { address: ports.account.address, displayName: ports.account.displayName },
      registration: { kind: 'registered', since: registeredAt, expiresAt: registeredAt + 3_600_000 },
      maxFileSize: ports.account.maxFileSize,
      maxRecipients: 10,
      downloadFolder: ports.paths.downloads,
      groups: [],
      keepsPreferences: false,
      cancellable: [],
      version: ports.version,
      platform: ports.platform,
      neighbours: [...ports.neighbours],
    }),
    'registration.retryNow': async () => ({}),
    'registration.signOut': async () => ({}),
    'registration.signIn': async () => ({}),
    'history.people': async () => ({ items: [] }),
    'history.items': async () => ({ items: [], more: false }),
    'history.fetch': async () => ({ conversationId: null, fetched: 0, known: 0, left: 0 }),
    'history.forward': async () => ({}),
    'history.remove': async () => ({ removed: 0 }),
    'network.preferences': async () => DEFAULT_NETWORK_PREFERENCES,
    'network.change': async () => DEFAULT_NETWORK_PREFERENCES,
    'settings.read': async () => settings,
    'settings.chooseDownloadFolder': async () => settings,
    'settings.change': async (change) => {
      settings = changeSettings(settings, change);
      tell('settings.changed', settings);
      return settings;
    },
    'conversations.page': async ({ limit }) => ({ items: conversations.slice(0, limit), more: conversations.length > limit }),
    'conversations.open': async ({ address }) => {
      if (!address.startsWith('sip:')) throw new ParleyError('request.invalid', 'not an address');
      const known = conversations.find(({ peer }) => peer === address);
      if (known !== undefined) return known;
      const id = conversations.length + 1;
      const made: Conversation = {
        id,
        kind: 'person',
        peer: address,
        title: address,
        unread: 0,
        firstUnreadId: null,
        updatedAt: Date.now(),
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
      };
      conversations.push(made);
      return made;
    },
    'conversations.openList': async () => refuse(),
    'conversations.openReplyAll': async () => refuse(),
    'conversations.forgetReplyTo': async () => ({}),
    'messages.cancel': async () => refuse(),
    'conversations.markRead': async () => ({}),
    'conversations.shown': async () => ({}),
    'notifications.take': async () => ({ picked: null }),
    'typing.set': async () => ({}),
    ...contactHandlers({ conversations: new Map(), tell }),
    'conversations.arrange': async ({ conversationId, ...given }) => {
      tell('conversation.changed', Object.assign(conversationOf(conversationId), given));
      return {};
    },
    'conversations.remove': async ({ conversationId }) => {
      conversations.splice(conversations.indexOf(conversationOf(conversationId)), 1);
      tell('conversation.removed', { conversationId });
      return {};
    },
    'conversations.draftFiles': async () => ({ items: [] }),
    'conversations.saveDraft': async ({ conversationId, text }) => {
      conversationOf(conversationId).draft = text;
      return {};
    },
    'messages.page': async ({ conversationId, limit }) => {
      const all = messages.filter((message) => message.conversationId === conversationId);
      return { items: all.slice(-limit), moreBefore: all.length > limit, moreAfter: false };
    },
    'search.messages': async () => ({ items: [], more: false, count: null }),
    'messages.sendText': async ({ conversationId, clientId, text }) => add(conversationId, clientId, text, null),
    'messages.retry': async ({ messageId }) => {
      const found = messages.find(({ id }) => id === messageId);
      if (found === undefined) throw new ParleyError('request.not-found', `no message ${messageId}`);
      return found;
    },
    'messages.remove': async ({ messageId }) => {
      const at = messages.findIndex(({ id }) => id === messageId);
      const [removed] = at < 0 ? [] : messages.splice(at, 1);
      if (removed !== undefined) tell('message.removed', { messageId, conversationId: removed.conversationId });
      return {};
    },
    'messages.read': async ({ messageId }) => {
      const message = messages.find(({ id }) => id === messageId);
      if (message === undefined) throw new ParleyError('request.not-found', `no message ${messageId}`);
      return message;
    },
    'messages.info': async ({ messageId }) => {
      const message = messages.find(({ id }) => id === messageId);
      if (message === undefined) throw new ParleyError('request.not-found', `no message ${messageId}`);
      const { peer } = conversationOf(message.conversationId);
      return {
        message,
        peer,
        cpmConversationId: 'conversation',
        contributionId: 'contribution',
        deliveryReport: null,
        displayReport: null,
        leftAt: null,
        takenAt: null,
        kept: false,
        leftBy: null,
        recipients: [],
        waiting: null,
      };
    },
    'files.choose': async () => ({ items: await files.offerAll(await ports.host.chooseFiles()) }),
    'files.send': async ({ conversationId, clientId, token }) => {
      const picked = files.take(token);
      const id = finished.size + 1;
      finished.set(id, picked.path);
      return add(conversationId, clientId, picked.name, {
        id,
        direction: 'out',
        state: 'done',
        name: picked.name,
        type: picked.type,
        size: picked.size,
        transferred: picked.size,
        pull: false,
        sizeKnown: true,
        invitation: null,
        thumbnail: false,
        verifiedBy: null,
        legs: null,
        error: null,
        previewable: (await previewOf(picked.path)) !== null,
        savedAs: null,
      });
    },
    'files.request': async () => {
      throw new ParleyError('request.invalid-state', 'nobody to ask');
    },
    'files.page': async () => ({ items: [], more: false }),
    'transfers.queue': async () => ({ items: [] }),
    'transfers.give': async () => ({}),
    'transfers.pause': async () => ({}),
    'transfers.resume': async () => ({}),
    'transfers.saveAs': async ({ transferId }) => ({ saved: await ports.host.saveCopy(pathOf(transferId)) }),
    'files.thumbnail': async () => ({}),
    'transfers.candidate': async ({ transferId }) => files.offer(pathOf(transferId)),
    'transfers.accept': async () => ({}),
    'transfers.decline': async () => ({}),
    'transfers.cancel': async () => ({}),
    'transfers.open': async ({ transferId }) => {
      await ports.host.openPath(pathOf(transferId));
      return {};
    },
    'transfers.showInFolder': async ({ transferId }) => {
      await ports.host.showInFolder(pathOf(transferId));
      return {};
    },
    'links.open': async ({ url }) => {
      await ports.host.openUrl(url);
      return {};
    },
  };

  return {
    handlers,
    state,
    finished,
    tell,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    offerFile: (path) => files.offer(path),
    picture: async (of) => {
      if (of.what === 'picked') return pickedPreviewOf(files.take(of.token).path);
      const path = of.what === 'transfer' ? finished.get(of.id) : undefined;
      return path === undefined ? null : previewOf(path);
    },
    async start() {
      state.started = true;
    },
    async stop() {
      state.stopped = true;
    },
  };
}
