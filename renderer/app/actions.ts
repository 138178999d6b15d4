import { type CodedError, toCodedError } from '../../shared/base/errors.ts';
import type { Conversation } from '../../shared/model/conversation.ts';
import type { Message } from '../../shared/model/message.ts';
import type { Bridge } from '../bridge/bridge.ts';
import type { Composer } from '../features/composer/composer.svelte.ts';
import { arrangement, type ConversationAction } from '../features/conversations/conversation-actions.ts';
import type { Files } from '../features/files/files.svelte.ts';
import type { Forwarding, StoredForward } from '../features/forward/forwarding.svelte.ts';
import type { Groups } from '../features/groups/groups.svelte.ts';
import type { People } from '../features/people/people.svelte.ts';
import type { MessageAction } from '../features/thread/message-actions.ts';
import type { Row } from '../features/thread/rows.ts';
import type { Thread } from '../features/thread/thread.svelte.ts';

/** What of the page the actions touch. */
export interface Acting {
  readonly bridge: Bridge;
  readonly forwarding: Forwarding;
  readonly files: Pick<Files, 'asking' | 'list'>;
  readonly people: People;
  readonly groups: Groups;
  readonly thread: Thread | null;
  readonly composer: Composer | null;
  composerAsked: number;
  dialog: 'forward' | 'delete' | string | null;
  deleting: Conversation | null;
  notice: CodedError | null;
  /** shows what is known of a message; null takes it away. @param key of its row */
  lookInto(message: Message | null, key: string | null): void;
  show(conversation: Conversation): Promise<void>;
  closeThread(): void;
  changed(message: Message): void;
}

/** What menus and buttons ask for. What is refused is said in the notice. */
export class Actions {
  readonly #app: Acting;

  constructor(app: Acting) {
    this.#app = app;
  }

  async ask(work: () => Promise<unknown>): Promise<void> {
    this.#app.notice = null;
    try {
      await work();
    } catch (thrown) {
      this.#app.notice = toCodedError(thrown);
    }
  }

  onMessage(action: MessageAction, row: Row, text: string): Promise<void> {
    const app = this.#app;
    const { message, pending } = row;
    switch (action) {
      case 'copy':
        return this.copyText(text);
      case 'reply':
        app.composer?.answer(message);
        app.composerAsked += 1;
        return Promise.resolve();
      case 'replyAll':
        return message === null ? Promise.resolve() : this.#replyAll(message);
      case 'forward':
        if (message !== null) this.askWhereTo([message]);
        return Promise.resolve();
      case 'select':
        app.thread?.selection.toggle(row.key);
        return Promise.resolve();
      case 'info':
        if (message !== null) app.lookInto(message, row.key);
        return Promise.resolve();
      case 'retry':
        if (message !== null) return this.ask(() => this.retry(message));
        return app.thread?.retryPending(pending?.clientId ?? '') ?? Promise.resolve();
      case 'remove':
        app.notice = null;
        app.thread?.remove(row);
        return Promise.resolve();
    }
  }

  async onConversation(action: ConversationAction, conversation: Conversation): Promise<void> {
    const app = this.#app;
    const conversationId = conversation.id;
    const change = arrangement(action);
    app.notice = null;
    if (action === 'remove') {
      app.deleting = conversation;
      app.dialog = 'delete';
      return;
    }
    if (action === 'details' || action === 'files') app.lookInto(null, null);
    if (action === 'files' || action === 'askFile') {
      await app.show(conversation);
      if (action === 'askFile') app.files.asking = conversation;
      else app.people.close();
      if (action === 'files') app.files.list(conversationId);
      return;
    }
    if (app.groups.act(action, conversation)) return;
    if (change === null) return app.people.act(action, conversation);
    // what one comes back to later is not looked at now: it would count as read
    if (action === 'markUnread' && app.thread?.conversationId === conversationId) app.closeThread();
    await this.ask(() => app.bridge.call('conversations.arrange', { conversationId, ...change }));
  }

  /** The person has confirmed it. */
  async deleteConversation(): Promise<void> {
    const app = this.#app;
    const conversationId = app.deleting?.id;
    app.dialog = null;
    app.deleting = null;
    if (conversationId === undefined) return;
    await this.ask(() => app.bridge.call('conversations.remove', { conversationId }));
  }

  /** The newest message that somebody else wrote is answered by what is written next. */
  answerNewest(): void {
    const newest = this.#app.thread?.window.messages.findLast(({ direction }) => direction === 'in');
    if (newest !== undefined) this.#app.composer?.answer(newest);
  }

  cancelMessage(messageId: number): Promise<void> {
    return this.ask(() => this.#app.bridge.call('messages.cancel', { messageId }));
  }

  forgetReplyTo(conversationId: number): Promise<void> {
    return this.ask(() => this.#app.bridge.call('conversations.forgetReplyTo', { conversationId }));
  }

  copyText(text: string): Promise<void> {
    return this.ask(() => navigator.clipboard.writeText(text));
  }

  openLink(url: string): Promise<void> {
    return this.ask(() => this.#app.bridge.openLink(url));
  }

  /** @param messages in the order in which they are to arrive */
  askWhereTo(messages: readonly Message[]): void {
    this.#app.forwarding.messages = messages;
    this.#app.forwarding.stored = null;
    this.#app.dialog = 'forward';
  }

  /** Of something that the network's archive has. */
  askWhereToStored(stored: StoredForward): void {
    this.#app.forwarding.messages = [];
    this.#app.forwarding.stored = stored;
    this.#app.dialog = 'forward';
  }

  #replyAll(message: Message): Promise<void> {
    return this.ask(async () => this.#app.show(await this.#app.bridge.call('conversations.openReplyAll', { messageId: message.id })));
  }

  /** @param recipient for one of several alone */
  async retry({ id: messageId }: Message, recipient?: string): Promise<void> {
    this.#app.changed(await this.#app.bridge.call('messages.retry', { messageId, ...(recipient === undefined ? {} : { recipient }) }));
  }
}
