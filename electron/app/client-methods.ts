import { ParleyError } from '../../shared/base/errors.ts';
import type { ClientHandlers } from '../../shared/ipc/contract.ts';
import { DEFAULT_MAX_RECIPIENTS } from '../../shared/model/account.ts';
import type { Announcer } from '../services/announcer.ts';
import type { ConversationView } from '../services/chat/conversation-view.ts';
import type { ContactService } from '../services/contacts.ts';
import type { ConversationService } from '../services/conversations.ts';
import type { DeferredService } from '../services/deferred/deferred-service.ts';
import type { GroupActions } from '../services/groups/port.ts';
import type { LargeMessages } from '../services/large-messages.ts';
import type { RegistrationService } from '../services/registration.ts';
import type { RemovalService } from '../services/removal.ts';
import type { SettingsService } from '../services/settings.ts';
import type { TransferService } from '../services/transfers/transfer-service.ts';
import type { Store } from '../store/port.ts';
import type { FileCandidates } from './file-candidates.ts';
import { fileMethods } from './file-methods.ts';
import { groupMethods } from './group-methods.ts';
import { methodsOf } from './methods.ts';
import { type NetworkParts, networkMethods } from './network-methods.ts';
import type { ClientPorts } from './port.ts';

/** setting: the person has signed out, and stays so over a restart */
export const SIGNED_OUT = 'registration.signed-out';
const OPENABLE = /^(https?|mailto|tel|sip|sips):/i;

/** What a window may ask of an account at work. */
export interface ClientParts {
  readonly store: Store;
  readonly settings: SettingsService;
  readonly registration: RegistrationService;
  readonly transfers: TransferService;
  readonly large: LargeMessages;
  readonly deferred: DeferredService;
  readonly groups: GroupActions;
  readonly view: ConversationView;
  readonly conversations: ConversationService;
  readonly contacts: ContactService;
  readonly kept: NetworkParts;
  readonly announcer: Announcer;
  readonly removal: RemovalService;
}

/** @param core rejects while the account is not at work */
export function clientMethods(ports: ClientPorts, core: () => Promise<ClientParts>, files: FileCandidates): ClientHandlers {
  const { account } = ports;
  const { call, order } = methodsOf(core);
  return {
    'app.state': call(({ registration, large }) => ({
      account: { address: account.address, displayName: account.displayName },
      registration: registration.state,
      maxFileSize: account.maxFileSize,
      maxRecipients: account.maxRecipients ?? DEFAULT_MAX_RECIPIENTS,
      downloadFolder: ports.paths.downloads,
      groups: account.groups ?? [],
      keepsPreferences: account.xcapRoot !== undefined,
      cancellable: large.underWay,
      version: ports.version,
      platform: ports.platform,
      neighbours: [...ports.neighbours],
    })),
    'settings.read': call(({ settings }) => settings.current),
    'settings.change': call(({ settings }, change) => settings.change(change)),
    'settings.chooseDownloadFolder': call(async ({ settings }) => {
      const folder = await ports.host.chooseFolder(settings.current.downloadFolder || ports.paths.downloads);
      return folder === null ? settings.current : settings.change({ downloadFolder: folder });
    }),
    'registration.retryNow': order(({ registration }) => registration.retryNow()),
    'registration.signOut': order(async ({ registration, store }) => {
      await store.setSetting(SIGNED_OUT, 'true');
      await registration.signOut();
    }),
    'registration.signIn': order(async ({ registration, store }) => {
      await store.setSetting(SIGNED_OUT, 'false');
      registration.signIn();
    }),
    'conversations.page': call(({ conversations }, page) => conversations.page(page)),
    'conversations.open': call(({ conversations }, params) => conversations.open(params)),
    'conversations.openList': call(({ conversations }, params) => conversations.openList(params)),
    'conversations.openReplyAll': call(({ conversations }, params) => conversations.openReplyAll(params)),
    'conversations.forgetReplyTo': order(({ conversations }, params) => conversations.forgetReplyTo(params)),
    'conversations.markRead': order(({ conversations }, params) => conversations.markRead(params)),
    'conversations.arrange': order(({ conversations }, params) => conversations.arrange(params)),
    'conversations.details': call(({ contacts }, { conversationId }) => contacts.details(conversationId)),
    'conversations.configure': order(({ contacts }, change) => contacts.configure(change)),
    'conversations.accept': order(({ contacts }, { conversationId }) => contacts.accept(conversationId)),
    'conversations.block': order(({ contacts }, params) => contacts.block(params)),
    'blocked.list': call(({ contacts }) => contacts.blocked()),
    'conversations.remove': order(({ removal }, { conversationId }) => removal.removeConversation(conversationId)),
    'conversations.shown': order(({ announcer, view }, params) => {
      announcer.shown(params.conversationId);
      return view.shown(params);
    }),
    'notifications.take': call(({ announcer }) => ({ picked: announcer.take() })),
    'typing.set': order(({ view }, params) => view.typing(params)),
    'conversations.saveDraft': order(({ conversations }, params) => conversations.saveDraft(params, files.paths(params.files ?? []))),
    'conversations.draftFiles': call(async ({ store }, { conversationId }) => ({
      items: await files.offerAll(await store.draftFiles(conversationId)),
    })),
    'messages.page': call(({ conversations }, page) => conversations.messages(page)),
    'search.messages': call(({ conversations }, page) => conversations.search(page)),
    'messages.sendText': call(async ({ contacts, conversations, registration, view }, params) => {
      registration.hasten();
      await contacts.acceptBeforeWriting(params.conversationId);
      const message = await conversations.sendText(params);
      await view.sent(params);
      return message;
    }),
    'history.forward': order(async ({ contacts, conversations, kept, registration }, { conversationId, items }) => {
      const urls = await kept.history.references(items.map(({ id }) => id));
      registration.hasten();
      await contacts.acceptBeforeWriting(conversationId);
      for (const [at, { clientId, text }] of items.entries()) await conversations.sendText({ conversationId, clientId, text }, urls[at]);
    }),
    'messages.retry': call(({ conversations, registration }, params) => {
      registration.hasten();
      return conversations.retry(params);
    }),
    'messages.cancel': order(({ large }, { messageId }) => {
      if (!large.cancel(messageId)) throw new ParleyError('request.invalid-state', 'it is not under way');
    }),
    'messages.remove': order(({ removal }, { messageId }) => removal.removeMessage(messageId)),
    'messages.read': call(({ conversations }, { messageId }) => conversations.read(messageId)),
    'messages.info': call(({ conversations }, { messageId }) => conversations.info(messageId)),
    ...fileMethods(ports, core, files),
    'deferred.overview': call(({ deferred }) => deferred.overview),
    'deferred.page': call(({ deferred }, page) => deferred.page(page)),
    'deferred.order': order(({ deferred, registration }, orders) => {
      registration.hasten();
      return deferred.order(orders);
    }),
    'deferred.orderAll': order(({ deferred, registration }, orders) => {
      registration.hasten();
      return deferred.orderAll(orders);
    }),
    'deferred.stop': order(({ deferred }) => deferred.stopFetching()),
    ...groupMethods(core),
    ...networkMethods(core),
    'links.open': async ({ url }) => {
      if (!OPENABLE.test(url)) throw new ParleyError('request.invalid', 'this kind of link is not opened');
      await ports.host.openUrl(url);
      return {};
    },
  };
}
