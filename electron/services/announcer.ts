import { toCodedError } from '../../shared/base/errors.ts';
import { addressTitle } from '../../shared/model/address.ts';
import { isMuted } from '../../shared/model/conversation.ts';
import type { Message } from '../../shared/model/message.ts';
import type { Transfer } from '../../shared/model/transfer.ts';
import type { ServiceContext } from './context.ts';

/** what comes within this time is one notification, ms */
const GATHER_MS = 400;
/** the sum of unread messages is told once for what changes within this time, ms */
const COUNT_MS = 200;
/** how often it is looked whether a mute has ended, ms */
const MUTE_CHECK_MS = 60_000;
const LONGEST_TEXT = 200;

/** One notification of the desktop. */
export interface Announcement {
  /** a later one of the same conversation takes its place */
  readonly conversationId: number;
  readonly title: string;
  readonly body: string;
}

/** The message that a picked notification told of last. */
export interface Picked {
  readonly conversationId: number;
  readonly messageId: number;
}

export interface AnnouncerPorts {
  /** the window has the keyboard */
  readonly isFocused: () => boolean;
  /** @param onPick the person picked it */
  readonly show: (announcement: Announcement, onPick: () => void) => void;
  /** it has been read meanwhile */
  readonly withdraw: (conversationId: number) => void;
  /** how many messages are unread, for the app's badge */
  readonly count: (unread: number) => void;
}

/**
 * Tells the desktop of what comes in while nobody looks at it: one notification a conversation, none of a muted one or a blocked person, and of a
 * stranger no more than that there is one.
 */
export class Announcer {
  readonly #context: ServiceContext;
  readonly #ports: AnnouncerPorts;
  readonly #startedAt: number;
  readonly #stops: (() => void)[] = [];
  /** messages that came in and are not announced yet, by conversation */
  readonly #gathered = new Map<number, { last: Message; count: number }>();
  readonly #shown = new Set<number>();
  #newest = 0;
  #picked: Picked | null = null;
  #open: number | null = null;
  #count: number | null = null;
  #cancelCount: (() => void) | null = null;
  #cancelMuteCheck: () => void = () => undefined;

  constructor(context: ServiceContext, ports: AnnouncerPorts) {
    this.#context = context;
    this.#ports = ports;
    this.#startedAt = context.clock.now();
  }

  start(): void {
    this.#stops.push(
      this.#context.notices.on(({ event, payload }) => {
        if (event === 'message.changed') this.#noticed(payload);
        else if (event === 'conversation.changed') {
          if (payload.unread === 0) this.#withdraw(payload.id);
          this.#countSoon();
        } else if (event === 'conversation.removed' || event === 'conversation.merged') {
          this.#withdraw(payload.conversationId);
          this.#countSoon();
        }
      }),
    );
    this.#checkMutes();
  }

  stop(): void {
    for (const stop of this.#stops.splice(0)) stop();
    this.#cancelCount?.();
    this.#cancelMuteCheck();
    for (const conversationId of this.#shown) this.#withdraw(conversationId);
    this.#gathered.clear();
  }

  /** What the person picked, once: the page that shows it may have to be opened first. */
  take(): Picked | null {
    const picked = this.#picked;
    this.#picked = null;
    return picked;
  }

  /** The window has this conversation in front of the person, or none. */
  shown(conversationId: number | null): void {
    this.#open = conversationId;
  }

  /** Ids grow in the order of arrival: what changed but is not newer than all before did not come in just now. */
  #noticed(message: Message): void {
    if (message.direction === 'out' || message.id <= this.#newest || message.storedAt < this.#startedAt) return;
    this.#newest = message.id;
    if (message.status !== 'received') return;
    const { conversationId } = message;
    const gathered = this.#gathered.get(conversationId);
    this.#gathered.set(conversationId, { last: message, count: (gathered?.count ?? 0) + 1 });
    if (gathered !== undefined) return;
    const cancel = this.#context.clock.after(GATHER_MS, () => {
      this.#announce(conversationId).catch((thrown) => this.#context.log(`notification: ${toCodedError(thrown).detail}`));
    });
    this.#stops.push(cancel);
  }

  async #announce(conversationId: number): Promise<void> {
    const { store, settings, clock, notices } = this.#context;
    const gathered = this.#gathered.get(conversationId);
    this.#gathered.delete(conversationId);
    if (gathered === undefined || (this.#open === conversationId && this.#ports.isFocused())) return;
    const { conversation, notifications } = await store.conversationDetails(conversationId);
    const level = notifications ?? settings.current.notifications;
    if (level === 'nothing' || conversation.unread === 0 || conversation.blocked || isMuted(conversation, clock.now())) return;
    const { last, count } = gathered;
    const news = count === 1 ? 'New message' : `${count} new messages`;
    const body = conversation.request ? 'New request' : level === 'sender' ? (ofGroup(last, false) ?? news) : saidIn(last);
    this.#shown.add(conversation.id);
    this.#ports.show({ conversationId: conversation.id, title: conversation.title, body }, () => {
      this.#shown.delete(conversation.id);
      this.#picked = { conversationId: conversation.id, messageId: last.id };
      notices.tell('notification.picked', {});
    });
  }

  #withdraw(conversationId: number): void {
    if (this.#shown.delete(conversationId)) this.#ports.withdraw(conversationId);
  }

  #countSoon(): void {
    this.#cancelCount ??= this.#context.clock.after(COUNT_MS, () => {
      this.#cancelCount = null;
      const { store, clock, log } = this.#context;
      store
        .unreadSum(clock.now())
        .then((unread) => {
          if (unread === this.#count) return;
          this.#count = unread;
          this.#ports.count(unread);
        })
        .catch((thrown) => log(`unread: ${toCodedError(thrown).detail}`));
    });
  }

  #checkMutes(): void {
    this.#countSoon();
    this.#cancelMuteCheck = this.#context.clock.after(MUTE_CHECK_MS, () => this.#checkMutes());
  }
}

/** In a group it begins with who said it. */
function saidIn(last: Message): string {
  const said = ofGroup(last, true) ?? (last.transfer === null ? last.text : ofFile(last.transfer));
  return (last.author === null ? said : `${addressTitle(last.author.address, last.author.name)}: ${said}`).slice(0, LONGEST_TEXT);
}

/** A line about a group: that one is asked into it; null for what somebody said. */
function ofGroup({ event }: Message, names: boolean): string | null {
  if (event === null) return null;
  if (event.what !== 'invited') return 'News of the group';
  return event.by === null || !names
    ? 'Invitation to this group'
    : `${addressTitle(event.by.address, event.by.name)} asks you into this group`;
}

/** What is to be decided about it, or that it came. */
function ofFile({ name, pull, state }: Transfer): string {
  if (pull) return name === '' ? 'Asks for a file' : `Asks for a file: ${name}`;
  return `${state === 'offered' ? 'Offers a file' : 'File'}: ${name}`;
}
