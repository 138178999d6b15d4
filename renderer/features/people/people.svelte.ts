import type { Clock } from '../../../shared/base/clock.ts';
import { type CodedError, toCodedError } from '../../../shared/base/errors.ts';
import type { Params } from '../../../shared/ipc/contract.ts';
import type { Conversation, ConversationDetails } from '../../../shared/model/conversation.ts';
import type { Bridge } from '../../bridge/bridge.ts';
import { type ConversationAction, isMuteTime } from '../conversations/conversation-actions.ts';
import { type MuteFor, muteUntil } from './mute.ts';

export interface PeoplePorts {
  readonly bridge: Bridge;
  readonly clock: Clock;
  /** it could not be done */
  readonly refused: (error: CodedError) => void;
}

/** What the person decides about others, and the pane that shows one of them. */
export class People {
  /** the one that is looked into */
  details = $state.raw<ConversationDetails | null>(null);
  /** the one that gets another name */
  renaming = $state.raw<Conversation | null>(null);
  readonly #ports: PeoplePorts;
  #asked = 0;

  constructor(ports: PeoplePorts) {
    this.#ports = ports;
  }

  /** Whoever is looked into is read afresh. */
  changed({ id }: Pick<Conversation, 'id'>): void {
    if (this.details?.conversation.id === id) void this.look(id);
  }

  /** What the menu of a conversation offers about whom it is with. */
  act(action: ConversationAction, conversation: Conversation): Promise<void> {
    const { id } = conversation;
    switch (action) {
      case 'details':
        return this.look(id);
      case 'rename':
        this.renaming = conversation;
        return Promise.resolve();
      case 'accept':
        return this.accept(id);
      case 'block':
        return this.block(id, true);
      case 'unblock':
        return this.block(id, false);
      case 'unmute':
        return this.mute(id, null);
      default:
        return isMuteTime(action) ? this.mute(id, action) : Promise.resolve();
    }
  }

  async look(conversationId: number): Promise<void> {
    this.#asked += 1;
    const asked = this.#asked;
    await this.#ask(async () => {
      const details = await this.#ports.bridge.call('conversations.details', { conversationId });
      if (asked === this.#asked) this.details = details;
    });
  }

  close(): void {
    this.#asked += 1;
    this.details = null;
  }

  configure(conversationId: number, change: Omit<Params<'conversations.configure'>, 'conversationId'>): Promise<void> {
    return this.#ask(() => this.#ports.bridge.call('conversations.configure', { conversationId, ...change }));
  }

  /** @param time null: not any more */
  mute(conversationId: number, time: MuteFor | null): Promise<void> {
    return this.configure(conversationId, { mutedUntil: time === null ? null : muteUntil(time, this.#ports.clock.now()) });
  }

  /** An empty name takes the given one away. */
  rename(givenName: string): Promise<void> {
    const conversationId = this.renaming?.id;
    this.renaming = null;
    return conversationId === undefined ? Promise.resolve() : this.configure(conversationId, { givenName });
  }

  accept(conversationId: number): Promise<void> {
    return this.#ask(() => this.#ports.bridge.call('conversations.accept', { conversationId }));
  }

  block(conversationId: number, blocked: boolean): Promise<void> {
    return this.#ask(() => this.#ports.bridge.call('conversations.block', { conversationId, blocked }));
  }

  async #ask(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (thrown) {
      this.#ports.refused(toCodedError(thrown));
    }
  }
}
