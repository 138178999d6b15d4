import type { Store } from './port.ts';

/** every call of the store that does work in the worker, but the last */
export type StoreMethod = Exclude<keyof Store, 'close'>;

/** The same calls, answered at once: what the worker has behind its port. */
export type Calls<M extends StoreMethod> = {
  readonly [N in M]: (...args: Parameters<Store[N]>) => Awaited<ReturnType<Store[N]>>;
};

/** the names, for a proxy; the compiler sees to it that none is missing */
export const STORE_METHODS = Object.keys({
  conversations: true,
  conversation: true,
  conversationDetails: true,
  blockedConversations: true,
  addresses: true,
  aliases: true,
  nameOf: true,
  unreadSum: true,
  messages: true,
  message: true,
  searchMessages: true,
  messageInfo: true,
  transfer: true,
  openTransfers: true,
  transfersByHash: true,
  filesPage: true,
  thumbnail: true,
  draftFiles: true,
  filesInUse: true,
  setting: true,
  setSetting: true,
  openConversation: true,
  forgetReplyTo: true,
  arrangeConversation: true,
  configureConversation: true,
  acceptConversation: true,
  blockConversation: true,
  learnAliases: true,
  refoldConversation: true,
  removeConversation: true,
  saveDraft: true,
  composeText: true,
  composeFile: true,
  composePull: true,
  markRead: true,
  retry: true,
  removeMessage: true,
  receiveText: true,
  receiveOffer: true,
  applyReceipt: true,
  noteReport: true,
  withdrawDisplayed: true,
  outboxTake: true,
  outboxRecover: true,
  outboxUpdate: true,
  recipientUpdate: true,
  applyTransfer: true,
  checkpointTransfer: true,
  fileOpened: true,
  setThumbnail: true,
} satisfies Record<StoreMethod, true>) as readonly StoreMethod[];
