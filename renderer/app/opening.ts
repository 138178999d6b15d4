import type { Clock } from '../../shared/base/clock.ts';
import { type CodedError, toCodedError } from '../../shared/base/errors.ts';
import type { FoundMessage } from '../../shared/ipc/contract.ts';
import type { Conversation } from '../../shared/model/conversation.ts';
import type { Bridge } from '../bridge/bridge.ts';
import type { Conversations } from '../features/conversations/conversations.svelte.ts';
import type { Hit, Thread } from '../features/thread/thread.svelte.ts';

/** What of the page is needed to bring a conversation before the person. */
export interface Opens {
  readonly bridge: Bridge;
  readonly conversations: Conversations;
  readonly thread: Thread | null;
  dialog: unknown;
  find(text: string): void;
  open(conversation: Conversation, hit?: Hit | null): Promise<void>;
}

/** how long a message that was looked for stands out, ms */
const HIT_SHOWN = 3000;

/** Conversations that are found or made first, and then opened. */
export class Opening {
  readonly #app: Opens;
  readonly #clock: Clock;

  constructor(app: Opens, clock: Clock) {
    this.#app = app;
    this.#clock = clock;
  }

  /** One that is found or made by the core. @returns why it was refused, or null */
  async made(make: () => Promise<Conversation>): Promise<CodedError | null> {
    try {
      await this.shown(await make());
      return null;
    } catch (thrown) {
      return toCodedError(thrown);
    }
  }

  /** In the list as it is, without what it was filtered by. */
  async shown(conversation: Conversation): Promise<void> {
    const app = this.#app;
    app.conversations.apply(conversation);
    app.find('');
    app.dialog = null;
    await app.open(conversation);
  }

  /** @param messageId the message to be shown; null for the newest ones */
  async at(conversationId: number, messageId: number | null): Promise<void> {
    const app = this.#app;
    const { conversation } = await app.bridge.call('conversations.details', { conversationId });
    app.conversations.apply(conversation);
    await app.open(conversation, messageId === null ? null : { id: messageId, ranges: [] });
  }

  /** The conversation of a message that was found, there. */
  async found({ message, ranges }: FoundMessage): Promise<void> {
    const app = this.#app;
    const { conversationId } = message;
    const known = app.conversations.get(conversationId);
    const conversation = known ?? (await app.bridge.call('conversations.details', { conversationId })).conversation;
    const hit: Hit = { id: message.id, ranges };
    await app.open(conversation, hit);
    const { thread } = app;
    this.#clock.after(HIT_SHOWN, () => {
      if (thread?.hit === hit) thread.hit = null;
    });
  }
}
