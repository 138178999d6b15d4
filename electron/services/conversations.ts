import { ParleyError } from '../../shared/base/errors.ts';
import { randomToken, randomUuid } from '../../shared/base/random.ts';
import type { Params, Result } from '../../shared/ipc/contract.ts';
import { addressTitle, canonicalAddress, numberRoute } from '../../shared/model/address.ts';
import type { Message, MessageInfo } from '../../shared/model/message.ts';
import type { StoredConversation } from '../store/port.ts';
import type { ServiceContext } from './context.ts';

/** What a person does with conversations and texts. Everything is committed when the answer leaves; the outbox does the rest. */
export class ConversationService {
  readonly #context: ServiceContext;
  readonly #outboxChanged: () => void;

  constructor(context: ServiceContext, outboxChanged: () => void) {
    this.#context = context;
    this.#outboxChanged = outboxChanged;
  }

  page(page: Params<'conversations.page'>): Promise<Result<'conversations.page'>> {
    return this.#context.store.conversations(page);
  }

  async open({ address }: Params<'conversations.open'>): Promise<StoredConversation> {
    const { countryCode } = this.#context.account;
    const peer = canonicalAddress(address, countryCode);
    if (!peer) throw new ParleyError('request.invalid', 'not an address');
    if (peer === canonicalAddress(this.#context.account.address)) throw new ParleyError('request.invalid', 'the own address');
    const conversation = await this.#context.store.openConversation({
      peer,
      title: addressTitle(peer, this.#context.contacts.names.get(peer)),
      route: numberRoute(address, countryCode),
      cpmConversationId: randomUuid(),
      now: this.#context.clock.now(),
    });
    this.#context.notices.changed({ conversation });
    return conversation;
  }

  async markRead({ conversationId, upTo }: Params<'conversations.markRead'>): Promise<void> {
    const { store, notices, clock, settings } = this.#context;
    const { markedUnread } = await store.conversation(conversationId);
    const { conversation, messages } = await store.markRead({
      conversationId,
      upTo,
      now: clock.now(),
      displayReports: settings.current.displayReports,
    });
    for (const message of messages) notices.changed({ message });
    if (messages.length > 0 || markedUnread) notices.changed({ conversation });
    this.#outboxChanged();
  }

  async arrange(params: Params<'conversations.arrange'>): Promise<void> {
    this.#context.notices.changed({ conversation: await this.#context.store.arrangeConversation(params) });
  }

  /** @param paths of the files that wait with it */
  async saveDraft({ conversationId, text, quotes }: Params<'conversations.saveDraft'>, paths: readonly string[]): Promise<void> {
    const conversation = await this.#context.store.saveDraft({ conversationId, text, quotedId: quotes, files: paths });
    this.#context.notices.changed({ conversation });
  }

  messages(page: Params<'messages.page'>): Promise<Result<'messages.page'>> {
    return this.#context.store.messages(page);
  }

  search(page: Params<'search.messages'>): Promise<Result<'search.messages'>> {
    return this.#context.store.searchMessages(page);
  }

  /** `request.not-found` for one that was removed */
  async read(messageId: number): Promise<Message> {
    return (await this.#context.store.messageInfo(messageId)).message;
  }

  info(messageId: number): Promise<MessageInfo> {
    return this.#context.store.messageInfo(messageId);
  }

  async sendText({ conversationId, clientId, text, quotes }: Params<'messages.sendText'>): Promise<Message> {
    const { store, notices, clock } = this.#context;
    const rows = await store.composeText({
      conversationId,
      text,
      imdnId: clientId,
      contributionId: randomUuid(),
      quotedId: quotes,
      now: clock.now(),
    });
    if (rows.created) notices.changed(rows);
    this.#outboxChanged();
    return rows.message;
  }

  /** A text or a file that failed is tried again. */
  async retry(messageId: number): Promise<Message> {
    const { store, notices, clock } = this.#context;
    const { message: before } = await store.messageInfo(messageId);
    // the same id again finds the card that the other person already has; one that was answered or reported on asks anew
    const state = before.transfer?.state;
    const fileImdnId = state === 'declined' || state === 'done' ? randomToken(24) : before.imdnId;
    const rows = await store.retry({ messageId, fileImdnId, now: clock.now() });
    notices.changed(rows);
    this.#outboxChanged();
    return rows.message;
  }
}
