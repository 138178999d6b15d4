import { type Clock, systemClock } from '../../shared/base/clock.ts';
import { type CodedError, toCodedError } from '../../shared/base/errors.ts';
import type { AppState, FoundMessage } from '../../shared/ipc/contract.ts';
import type { Conversation } from '../../shared/model/conversation.ts';
import type { Message } from '../../shared/model/message.ts';
import type { Bridge } from '../bridge/bridge.ts';
import { Accounts } from '../features/accounts/accounts.svelte.ts';
import type { Composer } from '../features/composer/composer.svelte.ts';
import { Workbench } from '../features/composer/workbench.ts';
import { Connection } from '../features/connection/connection.svelte.ts';
import { Conversations } from '../features/conversations/conversations.svelte.ts';
import { MessageDetails } from '../features/details/message-details.svelte.ts';
import { Files } from '../features/files/files.svelte.ts';
import { dayOf } from '../features/format.ts';
import { Forwarding } from '../features/forward/forwarding.svelte.ts';
import { Groups } from '../features/groups/groups.svelte.ts';
import { People } from '../features/people/people.svelte.ts';
import { MessageSearch } from '../features/search/message-search.svelte.ts';
import { ThreadFind } from '../features/search/thread-find.svelte.ts';
import { AccountSettings } from '../features/settings/settings.svelte.ts';
import { type Hit, Thread } from '../features/thread/thread.svelte.ts';
import { TypingPeers } from '../features/typing/typing-peers.svelte.ts';
import { Waiting } from '../features/waiting/waiting.svelte.ts';
import type { Place } from '../ui/menu.ts';
import { Actions } from './actions.ts';
import { LastConversation, type Remembered } from './last-conversation.ts';
import { Opening } from './opening.ts';
import { ShownConversation } from './shown-conversation.ts';

/** ms */
const DAY_CHECK = 30_000;

export type OpenDialog = 'create' | 'keys' | 'delete' | 'settings' | 'forward' | null;

/** The page as a whole: one account, its list, and the one conversation that is open. */
export class App {
  readonly bridge: Bridge;
  readonly connection: Connection;
  readonly conversations: Conversations;
  readonly settings: AccountSettings;
  readonly accounts: Accounts;
  readonly forwarding: Forwarding;
  readonly typing: TypingPeers;
  readonly people: People;
  readonly groups: Groups;
  readonly files: Files;
  readonly actions = new Actions(this);
  readonly waiting = new Waiting(this);
  /** messages that hold what the list is filtered by */
  readonly search: MessageSearch;
  state = $state.raw<AppState | null>(null);
  startError = $state.raw<CodedError | null>(null);
  thread = $state.raw<Thread | null>(null);
  composer = $state.raw<Composer | null>(null);
  /** the message that is looked into */
  details = $state.raw<MessageDetails | null>(null);
  /** its row in the thread, which gets the keyboard back */
  detailsKey: string | null = null;
  dialog = $state<OpenDialog>(null);
  /** the conversation whose menu is open, or that the dialog is about, and where it was asked for */
  conversationMenu = $state.raw<{ readonly conversation: Conversation; readonly at: Place } | null>(null);
  deleting = $state.raw<Conversation | null>(null);
  /** the menu beside the own name is open, there */
  accountMenu = $state.raw<Place | null>(null);
  /** something the person asked for that was refused */
  notice = $state.raw<CodedError | null>(null);
  /** large messages that are under way */
  cancellable = $state.raw<ReadonlySet<number>>(new Set());
  /** the midnight before now, by which days are named */
  today = $state(0);
  /** counts up when the composer is to have the keyboard */
  composerAsked = $state(0);
  /** the search within the open conversation */
  threadFind = $state.raw<ThreadFind | null>(null);
  /** counts up when its field is to have the keyboard */
  findAsked = $state(0);
  /** the hit that the open thread was opened at: the way back to the results */
  openedHit = $state<number | null>(null);

  readonly #clock: Clock;
  readonly #storage: Remembered;
  readonly #shown: ShownConversation;
  readonly #opening: Opening;
  #last: LastConversation | null = null;
  readonly #workbench: Workbench;
  #started = false;
  #focused = false;
  #visible = false;

  constructor(bridge: Bridge, storage: Remembered, clock: Clock = systemClock) {
    this.bridge = bridge;
    this.#storage = storage;
    this.#clock = clock;
    this.files = new Files(this);
    const { thumbnails } = this.files;
    this.#workbench = new Workbench({ bridge, clock, maxFileSize: () => this.state?.maxFileSize ?? 0, thumbnails });
    this.connection = new Connection(bridge, clock);
    this.conversations = new Conversations(bridge);
    this.#watchDay();
    this.search = new MessageSearch(bridge);
    this.settings = new AccountSettings(bridge);
    this.typing = new TypingPeers(bridge);
    this.#shown = new ShownConversation(bridge);
    this.accounts = new Accounts(bridge);
    this.accounts.restarted.on(() => void this.#refresh());
    this.#opening = new Opening(this, clock);
    this.groups = new Groups({
      bridge,
      open: async (id) => this.#opening.shown((await bridge.call('conversations.details', { conversationId: id })).conversation),
      refused: (error) => (this.notice = error),
    });
    this.people = new People({ bridge, clock, refused: (error) => (this.notice = error) });
    this.forwarding = new Forwarding({
      thumbnails,
      bridge,
      open: async (conversation) => {
        this.dialog = null;
        this.thread?.selection.end();
        await this.open(conversation);
        return this.thread;
      },
      found: (conversation) => this.conversations.apply(conversation),
      refused: (error) => {
        this.dialog = null;
        this.notice = error;
      },
    });
    bridge.on('registration.changed', (registration) => this.connection.apply(registration));
    bridge.on('conversation.changed', (conversation) => this.#applyConversation(conversation));
    bridge.on('conversation.removed', ({ conversationId }) => this.#dropConversation(conversationId));
    bridge.on('conversation.merged', ({ conversationId, into }) => void this.#followMerged(conversationId, into));
    bridge.on('notification.picked', () => void this.actions.ask(() => this.#openPicked()));
    bridge.on('message.changed', (message) => this.changed(message));
    bridge.on('messages.cancellable', ({ messageIds }) => (this.cancellable = new Set(messageIds)));
    bridge.on('message.removed', ({ messageId }) => this.#dropMessage(messageId));
    bridge.onLink((up) => {
      // a host that takes connections but does not answer is not up
      if (!up) this.connection.setHostUp(false);
      else if (this.#started) void this.#refresh();
    });
  }

  async start(): Promise<void> {
    await Promise.all([this.accounts.load(), this.#refresh()]);
    if (!this.#started && this.startError === null && !(await this.#openPicked())) await this.#openFirst();
    this.#started = true;
  }

  /** @param hit a message in it to be shown instead of the newest ones */
  async open(conversation: Conversation, hit: Hit | null = null): Promise<void> {
    this.notice = null;
    this.openedHit = hit?.id ?? null;
    this.threadFind = null;
    if (this.people.details !== null && this.people.details.conversation.id !== conversation.id) this.people.close();
    if (this.thread?.conversationId === conversation.id) {
      this.composerAsked += 1;
      if (hit !== null) await this.thread.showHit(hit);
      return;
    }
    this.#leaveThread();
    const thread = new Thread(this.bridge, conversation, {
      clock: this.#clock,
      outgoing: this.#workbench.outgoingOf(conversation.id),
      place: () => ({ own: this.state?.account.address ?? '', participants: this.groups.of(conversation.id)?.participants ?? [] }),
      refused: (error) => (this.notice = error),
    });
    thread.setAttention({ focused: this.#focused, visible: this.#visible });
    this.conversations.selectedId = conversation.id;
    this.thread = thread;
    this.composer = this.#composerOf(conversation, thread);
    this.composerAsked += 1;
    this.#last?.remember(conversation.peer);
    this.#tellShown();
    void this.groups.want(conversation);
    await thread.open(hit);
  }

  /** Finds or makes the conversation with an address and opens it. @returns why it was refused, or null */
  openAddress(address: string): Promise<CodedError | null> {
    return this.#opening.made(() => this.bridge.call('conversations.open', { address }));
  }

  /** The same for several people at once. */
  openList(addresses: readonly string[]): Promise<CodedError | null> {
    return this.#opening.made(() => this.bridge.call('conversations.openList', { addresses: [...addresses] }));
  }

  /** Narrows the list to what holds this text, conversations by name and messages by their words. */
  find(text: string): void {
    this.conversations.filter = text;
    this.search.text = text;
    if (text === '') this.openedHit = null;
  }

  /** Opens the conversation of a message that was found, there. */
  openHit(found: FoundMessage): Promise<void> {
    return this.actions.ask(() => this.#opening.found(found));
  }

  findInThread(): void {
    if (this.thread === null) return;
    this.threadFind ??= new ThreadFind(this.bridge, this.thread);
    this.findAsked += 1;
  }

  closeThreadFind(): void {
    this.threadFind = null;
    if (this.thread !== null) this.thread.hit = null;
    this.composerAsked += 1;
  }

  openNeighbour(step: 1 | -1): void {
    const next = this.conversations.neighbour(step);
    if (next !== null) void this.open(next);
  }

  closeThread(): void {
    this.#leaveThread();
    this.thread = null;
    this.composer = null;
    this.threadFind = null;
    this.openedHit = null;
    this.conversations.selectedId = null;
    this.#last?.remember(null);
    this.#tellShown();
  }

  /** The page goes away: what would wait for a moment happens now. */
  leavePage(): void {
    this.composer?.saveDraft();
    this.thread?.removals.flush();
  }

  setAttention(focused: boolean, visible: boolean): void {
    this.#focused = focused;
    this.#visible = visible;
    if (!focused) this.composer?.saveDraft();
    // a machine that slept through midnight
    this.today = dayOf(this.#clock.now());
    this.thread?.setAttention({ focused, visible });
    this.#tellShown();
  }

  lookInto(message: Message | null, key: string | null): void {
    this.details = message === null ? null : new MessageDetails(this.bridge, message.id);
    if (this.details === null) return;
    this.people.close();
    this.detailsKey = key;
    void this.details.load();
  }

  async show(conversation: Conversation): Promise<void> {
    this.conversations.apply(conversation);
    await this.open(conversation);
  }

  #tellShown(): void {
    this.#shown.set(this.#visible ? (this.thread?.conversationId ?? null) : null);
  }

  #leaveThread(): void {
    this.composer?.typing.stop();
    this.composer?.saveDraft();
    this.thread?.removals.flush();
    this.details = null;
    this.files.leave();
  }

  async #refresh(): Promise<void> {
    try {
      const state = await this.bridge.call('app.state', {});
      this.state = state;
      this.cancellable = new Set(state.cancellable);
      this.connection.setHostUp(true);
      this.connection.address = state.account.address;
      this.#last ??= new LastConversation(this.#storage, state.account.address);
      this.connection.apply(state.registration);
      this.startError = null;
      this.#workbench.sendAgain(this.thread?.conversationId ?? null);
      this.#shown.again();
      await Promise.all([
        this.conversations.load(),
        this.settings.load(),
        this.thread?.reload(),
        this.details?.load(),
        this.files.refresh(),
        this.waiting.load(),
        this.groups.again(),
      ]);
      const shown = this.thread === null ? undefined : this.conversations.get(this.thread.conversationId);
      if (shown !== undefined && this.thread !== null) this.thread.conversation = shown;
    } catch (thrown) {
      this.startError = toCodedError(thrown);
    }
  }

  #watchDay(): void {
    this.today = dayOf(this.#clock.now());
    this.conversations.now = this.#clock.now();
    this.#clock.after(DAY_CHECK, () => this.#watchDay());
  }

  /** Ready to type: the conversation that was open last; on a first start the only person there is to write to. */
  async #openFirst(): Promise<void> {
    const neighbours = this.state?.neighbours ?? [];
    const alone = this.conversations.all.length === 0 && neighbours.length === 1 ? neighbours[0]?.address : undefined;
    const peer = this.#last?.peer ?? alone;
    if (this.thread !== null || peer === undefined) return;
    // a list has no address to be opened by
    const known = this.conversations.all.find((each) => each.peer === peer);
    await (known !== undefined ? this.open(known) : this.openAddress(peer));
  }

  #composerOf(conversation: Conversation, thread: Thread): Composer {
    return this.#workbench.composerOf(conversation, {
      sendText: (...what) => void this.#threadFor(thread).sendText(...what),
      sendFile: (file) => void this.#threadFor(thread).sendFile(file),
    });
  }

  /** A composer outlives the thread it was opened with. */
  #threadFor(first: Thread): Thread {
    return this.thread?.conversationId === first.conversationId ? this.thread : first;
  }

  #applyConversation(conversation: Conversation): void {
    this.conversations.apply(conversation);
    this.people.changed(conversation);
    if (this.thread?.conversationId !== conversation.id) return;
    this.thread.conversation = conversation;
    void this.groups.want(conversation);
  }

  changed(message: Message): void {
    this.files.changed(message);
    this.thread?.apply(message);
    if (this.details?.messageId === message.id) void this.details.load();
  }

  #dropConversation(conversationId: number): void {
    this.#workbench.forget(conversationId);
    if (this.thread?.conversationId === conversationId) {
      // its draft went with it
      this.composer = null;
      this.closeThread();
    }
    if (this.people.details?.conversation.id === conversationId) this.people.close();
    this.groups.drop(conversationId);
    this.conversations.drop(conversationId);
  }

  /** Two were one person's: what was open of either is open in the one that is left, with what was being written. */
  async #followMerged(gone: number, into: number): Promise<void> {
    const open = this.thread?.conversationId;
    const written = open === gone || open === into ? (this.composer?.text ?? '') : '';
    const wasLookedInto = this.people.details?.conversation.id === gone;
    this.composer?.typing.stop();
    for (const id of [gone, into]) this.#workbench.clear(id);
    this.conversations.drop(gone);
    if (open === gone || open === into) {
      this.composer = null;
      this.#leaveThread();
      this.thread = null;
      await this.actions.ask(() => this.#opening.at(into, null));
      const composer = this.composer as Composer | null;
      if (composer !== null && !composer.text.includes(written)) composer.text = `${composer.text}\n${written}`.trim();
    }
    if (wasLookedInto) await this.people.look(into);
  }

  /** The message of a notification that was picked, perhaps before there was this page. @returns whether there is one */
  async #openPicked(): Promise<boolean> {
    const { picked } = await this.bridge.call('notifications.take', {});
    if (picked !== null) await this.actions.ask(() => this.#opening.at(picked.conversationId, picked.messageId));
    return picked !== null;
  }

  #dropMessage(messageId: number): void {
    this.files.dropped(messageId);
    this.thread?.dropped(messageId);
    if (this.details?.messageId === messageId) this.details = null;
  }
}
