import { ParleyError } from '../../shared/base/errors.ts';
import { randomToken, randomUuid } from '../../shared/base/random.ts';
import type { Params, Result } from '../../shared/ipc/contract.ts';
import { addressTitle, canonicalAddress, numberRoute } from '../../shared/model/address.ts';
import { listKey, listTitle, type Member } from '../../shared/model/audience.ts';
import type { Message, MessageInfo } from '../../shared/model/message.ts';
import type { StoredConversation } from '../store/port.ts';
import { checkRecipients, groupOf, replyAddress } from './audience.ts';
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
    const peer = this.#peer(address);
    const group = groupOf(this.#context.account, peer);
    return this.#made({
      peer,
      title: addressTitle(peer, group?.name ?? this.#context.contacts.names.get(peer)),
      kind: group ? 'group' : 'person',
      route: numberRoute(address, this.#context.account.countryCode),
    });
  }

  /** One of them alone is a conversation as any other. @throws ParleyError `request.invalid`, `request.too-many` */
  async openList({ addresses }: Params<'conversations.openList'>): Promise<StoredConversation> {
    const { account, store, contacts } = this.#context;
    const peers = [...new Set(addresses.map((address) => this.#peer(address)))];
    const [first = '', ...others] = peers;
    if (others.length === 0) return this.open({ address: first });
    checkRecipients(account, peers.length);
    // the server of a list sends to people only
    if (peers.some((peer) => groupOf(account, peer))) throw new ParleyError('request.invalid', 'a group is written to by itself');
    const members = await Promise.all(
      peers.map(async (address) => ({
        address,
        name: (await store.nameOf(address)) ?? addressTitle(address, contacts.names.get(address)),
      })),
    );
    return this.#made({ peer: listKey(peers), title: listTitle(members.map(({ name }) => name)), kind: 'list', members });
  }

  /** R-PM-11: whoever is to get the answer is among them. @throws ParleyError `request.invalid-state` for a message that names nobody else */
  async openReplyAll({ messageId }: Params<'conversations.openReplyAll'>): Promise<StoredConversation> {
    const { store, account } = this.#context;
    const { message, peer } = await store.messageInfo(messageId);
    const [group] = message.alsoTo.filter((address) => groupOf(account, address));
    if (group !== undefined) return this.open({ address: group });
    const author = message.replyTo ?? peer;
    if (message.alsoTo.length === 0 || canonicalAddress(author) === null)
      throw new ParleyError('request.invalid-state', 'nobody else is named');
    return this.openList({ addresses: [author, ...message.alsoTo] });
  }

  async forgetReplyTo({ conversationId }: Params<'conversations.forgetReplyTo'>): Promise<void> {
    this.#context.notices.changed({ conversation: await this.#context.store.forgetReplyTo(conversationId) });
  }

  #peer(address: string): string {
    const { account } = this.#context;
    const peer = canonicalAddress(address, account.countryCode);
    if (!peer) throw new ParleyError('request.invalid', 'not an address');
    if (peer === canonicalAddress(account.address)) throw new ParleyError('request.invalid', 'the own address');
    return peer;
  }

  async #made(
    row: Pick<StoredConversation, 'peer' | 'title' | 'kind'> & { readonly members?: readonly Member[]; readonly route?: string | null },
  ): Promise<StoredConversation> {
    const { store, notices, clock } = this.#context;
    const conversation = await store.openConversation({ ...row, cpmConversationId: randomUuid(), now: clock.now() });
    notices.changed({ conversation });
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

  /** @param reference URL of what the network sends in its place */
  async sendText({ conversationId, clientId, text, quotes, anonymous }: Params<'messages.sendText'>, reference?: string): Promise<Message> {
    const { store, notices, clock, account, settings } = this.#context;
    const { members } = await store.conversation(conversationId);
    checkRecipients(account, members.length);
    const replyTo = replyAddress(settings.current.replyTo, account);
    const rows = await store.composeText({
      ...{ conversationId, text, imdnId: clientId, contributionId: randomUuid(), now: clock.now(), replyTo, quotedId: quotes },
      reference,
      anonymous: anonymous ? { cpmConversationId: randomUuid() } : undefined,
    });
    if (rows.created) notices.changed(rows);
    this.#outboxChanged();
    return rows.message;
  }

  /** A text or a file that failed is tried again. @param recipient for one of several alone */
  async retry({ messageId, recipient }: Params<'messages.retry'>): Promise<Message> {
    const { store, notices, clock } = this.#context;
    const { message: before } = await store.messageInfo(messageId);
    // the same id again finds the card that the other person already has; one that was answered or reported on asks anew
    const state = before.transfer?.state;
    const fileImdnId = state === 'declined' || state === 'done' ? randomToken(24) : before.imdnId;
    const rows = await store.retry({ messageId, fileImdnId, recipient, now: clock.now() });
    notices.changed(rows);
    this.#outboxChanged();
    return rows.message;
  }
}
