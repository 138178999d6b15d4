import { type CodedError, toCodedError } from '../../../shared/base/errors.ts';
import { randomToken } from '../../../shared/base/random.ts';
import type { FileCandidate } from '../../../shared/ipc/contract.ts';
import type { Conversation } from '../../../shared/model/conversation.ts';
import type { Message } from '../../../shared/model/message.ts';
import type { Bridge } from '../../bridge/bridge.ts';
import { words } from '../words.ts';
import { MessageWindow } from './message-window.svelte.ts';
import { buildRows, type PendingMessage } from './rows.ts';
import { type Attention, seenUpTo } from './seen.ts';

/** One open conversation: its window of messages, what was just sent, and what has been seen. */
export class Thread {
  readonly conversationId: number;
  readonly window: MessageWindow;
  conversation = $state.raw<Conversation>() as Conversation;
  pending = $state.raw<readonly PendingMessage[]>([]);
  firstUnreadId = $state<number | null>(null);
  /** new messages below what is on screen */
  below = $state(0);
  loadError = $state.raw<CodedError | null>(null);
  ready = $state(false);
  /** the last thing a screen reader was told; each new message once */
  announcement = $state('');
  /** counts up when the newest message is to be brought on screen */
  latestAsked = $state(0);
  attention = $state.raw<Attention>({ focused: false, visible: false, atBottom: false });

  readonly #bridge: Bridge;
  readonly #now: () => number;
  readonly #ownKeys = new Set<string>();
  #marked = 0;

  readonly rows = $derived.by(() =>
    buildRows(this.window.messages, this.window.moreAfter ? [] : this.pending, this.firstUnreadId, this.#ownKeys),
  );

  constructor(bridge: Bridge, conversation: Conversation, now: () => number = Date.now) {
    this.#bridge = bridge;
    this.#now = now;
    this.conversationId = conversation.id;
    this.conversation = conversation;
    this.window = new MessageWindow(conversation.id, (params) => bridge.call('messages.page', params));
  }

  async open(): Promise<void> {
    await this.#load(() => this.window.openLatest(this.conversation.unread));
    const { unread } = this.conversation;
    const unreadOnes = this.window.messages.filter((message) => message.status === 'received');
    this.firstUnreadId = unread > 0 && unreadOnes.length > 0 ? (unreadOnes[Math.max(0, unreadOnes.length - unread)]?.id ?? null) : null;
    this.ready = true;
    this.#reportSeen();
  }

  /** The page was away from its core: what happened meanwhile was not told. */
  async reload(): Promise<void> {
    await this.#load(() => this.window.openLatest());
    this.#settlePending();
    this.latestAsked += 1;
    this.#reportSeen();
  }

  async loadBefore(): Promise<void> {
    await this.#load(() => this.window.loadBefore());
  }

  async loadAfter(): Promise<void> {
    await this.#load(() => this.window.loadAfter());
    if (!this.window.moreAfter) this.below = 0;
  }

  async jumpToLatest(): Promise<void> {
    if (this.window.moreAfter) await this.#load(() => this.window.openLatest());
    this.below = 0;
    this.latestAsked += 1;
  }

  /** A message of this conversation is new or has changed. */
  apply(message: Message): void {
    const wasAtBottom = this.attention.atBottom;
    if (message.direction === 'out') this.#confirm(message.imdnId);
    const isNew = this.window.apply(message, wasAtBottom);
    if (isNew && message.direction === 'in') {
      this.announcement = words.thread.announce(this.conversation.title, message.text);
      if (!wasAtBottom) this.below += 1;
      const lineIsOld = this.firstUnreadId === null || this.firstUnreadId <= this.#marked;
      if (lineIsOld && !(wasAtBottom && this.#watched)) this.firstUnreadId = message.id;
    }
    if (isNew && wasAtBottom) void this.window.trimStart();
    this.#reportSeen();
  }

  /** Shows the text at once and hands it to the core; an answer or a refusal finds its bubble by the client id. */
  async sendText(text: string): Promise<void> {
    await this.#send({ clientId: randomToken(24), kind: 'text', text, file: null, at: this.#now(), error: null });
  }

  async sendFile(file: FileCandidate): Promise<void> {
    await this.#send({ clientId: randomToken(24), kind: 'file', text: file.name, file, at: this.#now(), error: null });
  }

  /** the same client id again: the core answers with the message it may already have */
  async retryPending(clientId: string): Promise<void> {
    const pending = this.pending.find((each) => each.clientId === clientId);
    if (pending !== undefined) await this.#submit(pending);
  }

  setAttention(change: Partial<Attention>): void {
    const before = this.attention;
    this.attention = { ...before, ...change };
    if (this.attention.atBottom) this.below = 0;
    this.#reportSeen();
  }

  get #watched(): boolean {
    return this.attention.focused && this.attention.visible;
  }

  async #send(pending: PendingMessage): Promise<void> {
    this.#ownKeys.add(pending.clientId);
    this.firstUnreadId = null;
    this.pending = [...this.pending, pending];
    void this.jumpToLatest();
    await this.#submit(pending);
  }

  async #submit(pending: PendingMessage): Promise<void> {
    this.#replacePending(pending.clientId, null);
    const { conversationId } = this;
    const { clientId } = pending;
    try {
      const message =
        pending.file === null
          ? await this.#bridge.call('messages.sendText', { conversationId, clientId, text: pending.text })
          : await this.#bridge.call('files.send', { conversationId, clientId, token: pending.file.token });
      this.#confirm(clientId);
      // an event that overtook this answer is newer than it
      if (!this.window.has(clientId)) this.window.apply(message);
    } catch (thrown) {
      this.#replacePending(clientId, toCodedError(thrown));
    }
  }

  #replacePending(clientId: string, error: CodedError | null): void {
    this.pending = this.pending.map((each) => (each.clientId === clientId ? { ...each, error } : each));
  }

  #confirm(imdnId: string): void {
    if (this.pending.some((each) => each.clientId === imdnId)) {
      this.pending = this.pending.filter((each) => each.clientId !== imdnId);
    }
  }

  #settlePending(): void {
    for (const each of this.pending) if (this.window.has(each.clientId)) this.#confirm(each.clientId);
  }

  #reportSeen(): void {
    if (!this.ready || this.window.moreAfter) return;
    const upTo = seenUpTo(this.attention, this.window.messages.at(-1)?.id ?? 0, this.#marked);
    if (upTo === null) return;
    this.#marked = upTo;
    const unseen = this.conversation.unread > 0 || this.window.messages.some((message) => message.status === 'received');
    if (!unseen) return;
    this.#bridge.call('conversations.markRead', { conversationId: this.conversationId, upTo }).catch(() => {
      this.#marked = 0;
    });
  }

  async #load(work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.loadError = null;
    } catch (thrown) {
      this.loadError = toCodedError(thrown);
    }
  }
}
