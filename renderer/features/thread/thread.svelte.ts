import { type Clock, systemClock } from '../../../shared/base/clock.ts';
import { type CodedError, toCodedError } from '../../../shared/base/errors.ts';
import { randomToken } from '../../../shared/base/random.ts';
import type { FileCandidate } from '../../../shared/ipc/contract.ts';
import type { Conversation } from '../../../shared/model/conversation.ts';
import type { Message, Quote } from '../../../shared/model/message.ts';
import type { Bridge } from '../../bridge/bridge.ts';
import { OfferChoices, openOffers } from '../files/offers.svelte.ts';
import { newsOfFile } from '../files/transfer-news.ts';
import { startOf } from '../format.ts';
import { type EventPlace, eventLine, newPart } from '../groups/event-words.ts';
import { nameWithin } from '../groups/group-names.ts';
import type { Ranges } from '../search/marks.ts';
import { words } from '../words.ts';
import { MessageWindow } from './message-window.svelte.ts';
import { Outgoing } from './outgoing.svelte.ts';
import { type Removal, Removals, type Withdrawal } from './removals.svelte.ts';
import { buildRows, type PendingMessage, type Row } from './rows.ts';
import { type Attention, seenUpTo } from './seen.ts';
import { Selection } from './selection.svelte.ts';

/** UTF-16 code units of a message that a screen reader is told of by itself */
const LONGEST_ANNOUNCED = 500;

/** A message that was looked for, and what of its text. */
export interface Hit {
  readonly id: number;
  readonly ranges: Ranges;
}

export interface ThreadOptions {
  readonly clock?: Clock;
  /** what was written here before, where this is not the conversation's first thread */
  readonly outgoing?: Outgoing;
  /** for lines about a group */
  readonly place?: () => Omit<EventPlace, 'inGroup'>;
  /** something that was deleted could not be deleted after all */
  readonly refused?: (error: CodedError) => void;
}

/** One open conversation: its window of messages, what was just sent, and what has been seen. */
export class Thread {
  readonly conversationId: number;
  readonly window: MessageWindow;
  readonly removals: Removals;
  readonly selection = new Selection();
  conversation = $state.raw<Conversation>() as Conversation;
  firstUnreadId = $state<number | null>(null);
  /** new messages below what is on screen */
  below = $state(0);
  loadError = $state.raw<CodedError | null>(null);
  ready = $state(false);
  /** the last thing a screen reader was told; each new message once */
  announcement = $state('');
  /** counts up when the newest message is to be brought on screen */
  latestAsked = $state(0);
  /** stands out */
  hit = $state.raw<Hit | null>(null);
  /** counts up when it is to be brought on screen */
  hitAsked = $state(0);
  attention = $state.raw<Attention>({ focused: false, visible: false, atBottom: false });

  readonly #bridge: Bridge;
  readonly #clock: Clock;
  readonly #outgoing: Outgoing;
  readonly #place: () => Omit<EventPlace, 'inGroup'>;
  #marked = 0;
  #marking = false;

  readonly rows = $derived.by(() =>
    buildRows(
      this.window.messages.filter(({ id }) => !this.removals.hidden.has(`id ${id}`)),
      this.window.moreAfter ? [] : this.#outgoing.pending.filter(({ clientId }) => !this.removals.hidden.has(`own ${clientId}`)),
      this.firstUnreadId,
      this.#outgoing.ids,
    ),
  );

  /** files that are to be answered together */
  readonly offers = $derived.by(() => openOffers(this.window.messages));
  readonly choices = new OfferChoices();

  /** what was chosen and is still there */
  readonly selected: readonly Row[] = $derived.by(() => this.rows.filter(({ key }) => this.selection.keys.has(key)));

  constructor(bridge: Bridge, conversation: Conversation, options: ThreadOptions = {}) {
    this.#bridge = bridge;
    this.#clock = options.clock ?? systemClock;
    this.#place = options.place ?? (() => ({ own: '', participants: [] }));
    this.#outgoing = options.outgoing ?? new Outgoing(bridge, conversation.id);
    this.removals = new Removals(this.#clock, options.refused ?? (() => undefined));
    this.conversationId = conversation.id;
    this.conversation = conversation;
    this.window = new MessageWindow(conversation.id, (params) => bridge.call('messages.page', params));
  }

  /** At a message that was looked for, else at the first unread message, or else at the newest. */
  async open(hit: Hit | null = null): Promise<void> {
    const { unread, firstUnreadId } = this.conversation;
    const first = unread > 0 ? firstUnreadId : null;
    await this.#load(() => {
      if (hit !== null) return this.window.openAround(hit.id);
      return first === null ? this.window.openLatest() : this.window.openAt(first);
    });
    this.firstUnreadId = first;
    if (hit !== null) this.#mark(hit);
    this.ready = true;
    this.#reportSeen();
  }

  /** The page was away from its core: what happened meanwhile was not told. Who reads further up stays there. */
  async reload(): Promise<void> {
    const stays = this.window.messages.length > 0 && !this.attention.atBottom;
    await this.#load(() => (stays ? this.window.refresh() : this.window.openLatest()));
    for (const { clientId } of this.#outgoing.pending) if (this.window.has(clientId)) this.#outgoing.confirm(clientId);
    for (const each of this.#outgoing.interrupted) void this.#submit(each);
    if (!stays) this.latestAsked += 1;
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

  /** Brings a message that was looked for on screen, with what stands around it. */
  async showHit(hit: Hit): Promise<void> {
    if (!this.window.messages.some(({ id }) => id === hit.id)) await this.#load(() => this.window.openAround(hit.id));
    this.#mark(hit);
  }

  /** A message of this conversation is new or has changed. */
  apply(message: Message): void {
    const wasAtBottom = this.attention.atBottom;
    if (message.direction === 'out') this.#outgoing.confirm(message.imdnId);
    const before = this.window.messages.find(({ id }) => id === message.id);
    const isNew = this.window.apply(message, wasAtBottom);
    const news = before === undefined ? null : newsOfFile(before, message, this.#writerOf(message));
    if (news !== null) this.#announce(news);
    const event = message.event === null ? null : newPart(before?.event ?? null, message.event);
    if (event !== null && (isNew || before !== undefined)) this.#announce(`${eventLine(event, this.place)}.`);
    else if (isNew && message.direction === 'in') {
      this.#announce(words.thread.announce(this.#writerOf(message), startOf(message.text, LONGEST_ANNOUNCED)));
      if (!wasAtBottom) this.below += 1;
      const lineIsOld = this.firstUnreadId === null || this.firstUnreadId <= this.#marked;
      if (lineIsOld && !(wasAtBottom && this.#watched)) this.firstUnreadId = message.id;
    }
    if (isNew && wasAtBottom) void this.window.trimStart();
    this.#reportSeen();
  }

  /** Shows the text at once and hands it to the core; an answer or a refusal finds its bubble by the client id. */
  async sendText(text: string, quote: Quote | null = null, anonymous = false): Promise<void> {
    await this.#send({ clientId: randomToken(24), kind: 'text', text, quote, anonymous, file: null, at: this.#clock.now(), error: null });
  }

  async sendFile(file: FileCandidate): Promise<void> {
    await this.#send({ clientId: randomToken(24), kind: 'file', text: file.name, quote: null, file, at: this.#clock.now(), error: null });
  }

  /** the same client id again: the core answers with the message it may already have */
  async retryPending(clientId: string): Promise<void> {
    const pending = this.#outgoing.pending.find((each) => each.clientId === clientId);
    if (pending !== undefined) await this.#submit(pending);
  }

  /** Out of sight at once. What has not left must not leave while one could change one's mind: that is withdrawn now, and written anew by an undo. */
  remove(row: Pick<Row, 'message' | 'pending'>): void {
    this.removeAll([row]);
  }

  removeAll(rows: readonly Pick<Row, 'message' | 'pending'>[]): void {
    const withdrawals: Withdrawal[] = [];
    const items: Removal[] = [];
    for (const { message, pending } of rows) {
      if (message === null) {
        if (pending !== null) items.push({ key: `own ${pending.clientId}`, commit: async () => this.#outgoing.confirm(pending.clientId) });
        continue;
      }
      const commit = (): Promise<unknown> => this.#bridge.call('messages.remove', { messageId: message.id });
      if (message.status !== 'queued' || message.kind !== 'text') items.push({ key: `id ${message.id}`, commit });
      else withdrawals.push({ commit, redo: () => void this.sendText(message.text, message.quote, message.anonymous) });
    }
    if (withdrawals.length > 0) void this.removals.now(withdrawals, items);
    else if (items.length > 0) this.removals.later(items);
  }

  /** A message is no longer on this device. */
  dropped(messageId: number): void {
    this.window.remove(messageId);
    if (this.firstUnreadId === messageId) this.firstUnreadId = null;
  }

  setAttention(change: Partial<Attention>): void {
    const before = this.attention;
    this.attention = { ...before, ...change };
    if (this.attention.atBottom) this.below = 0;
    this.#reportSeen();
  }

  /** where lines about a group stand */
  get place(): EventPlace {
    return { ...this.#place(), inGroup: this.conversation.standing !== null };
  }

  /** In a group, within a sentence; null where it is not known. */
  authorOf(messageId: number): string | null {
    const author = this.window.messages.find(({ id }) => id === messageId)?.author ?? null;
    return author === null ? null : nameWithin(author);
  }

  #writerOf({ author }: Pick<Message, 'author'>): string {
    return author === null ? this.conversation.title : nameWithin(author);
  }

  get #watched(): boolean {
    return this.attention.focused && this.attention.visible;
  }

  #mark(hit: Hit): void {
    this.hit = hit;
    this.hitAsked += 1;
    const message = this.window.messages.find(({ id }) => id === hit.id);
    if (message === undefined) return;
    const { direction, text, transfer } = message;
    const author = direction === 'out' ? words.thread.you : this.#writerOf(message);
    this.#announce(words.thread.announce(author, startOf(transfer?.name ?? text, LONGEST_ANNOUNCED)));
  }

  /** A live region tells changes only: the same words again must differ. */
  #announce(text: string): void {
    this.announcement = text === this.announcement ? `${text}\u00a0` : text;
  }

  async #send(pending: PendingMessage): Promise<void> {
    this.#outgoing.add(pending);
    this.firstUnreadId = null;
    void this.jumpToLatest();
    await this.#submit(pending);
  }

  async #submit(pending: PendingMessage): Promise<void> {
    const message = await this.#outgoing.submit(pending);
    // an event that overtook this answer is newer than it
    if (message !== null && !this.window.has(pending.clientId)) this.window.apply(message);
  }

  #reportSeen(): void {
    if (!this.ready || this.window.moreAfter) return;
    const upTo = seenUpTo(this.attention, this.window.messages.at(-1)?.id ?? 0, this.#marked);
    // in a flood the core is told as often as it answers, and then of all that was seen meanwhile
    if (upTo === null || this.#marking) return;
    this.#marked = upTo;
    const unseen =
      this.conversation.unread > 0 ||
      this.conversation.markedUnread ||
      this.window.messages.some((message) => message.status === 'received');
    if (!unseen) return;
    this.#marking = true;
    this.#bridge
      .call('conversations.markRead', { conversationId: this.conversationId, upTo })
      .then(
        () => true,
        () => {
          this.#marked = 0;
          return false;
        },
      )
      .then((isDone) => {
        this.#marking = false;
        if (isDone) this.#reportSeen();
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
