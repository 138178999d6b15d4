import { type CodedError, toCodedError } from '../../../shared/base/errors.ts';
import { randomToken } from '../../../shared/base/random.ts';
import type { Conversation } from '../../../shared/model/conversation.ts';
import type { Message } from '../../../shared/model/message.ts';
import type { Bridge } from '../../bridge/bridge.ts';
import type { Thumbnails } from '../files/thumbnails.ts';
import type { Thread } from '../thread/thread.svelte.ts';

export interface ForwardingPorts {
  readonly bridge: Bridge;
  readonly thumbnails: Thumbnails;
  /** shows the conversation; null where that was refused */
  readonly open: (conversation: Conversation) => Promise<Thread | null>;
  readonly found: (conversation: Conversation) => void;
  readonly refused: (error: CodedError) => void;
}

/** What the network's archive has, and what the conversation shows of it. */
export interface StoredForward {
  readonly id: string;
  readonly text: string;
}

/** Messages on their way from one conversation to another, while the person picks which. */
export class Forwarding {
  /** in the order in which they are to arrive */
  messages = $state.raw<readonly Message[]>([]);
  /** in place of messages that are here; the network has it and sends it */
  stored = $state.raw<StoredForward | null>(null);
  readonly #ports: ForwardingPorts;

  constructor(ports: ForwardingPorts) {
    this.#ports = ports;
  }

  /** Each leaves as a message of its own; a file that is gone is said, and the others leave. */
  async to(conversation: Conversation): Promise<void> {
    const { messages, stored } = this;
    this.messages = [];
    this.stored = null;
    const thread = await this.#ports.open(conversation);
    if (thread === null) return;
    let refusal: CodedError | null = null;
    for (const { text, transfer } of messages) {
      try {
        if (transfer === null) void thread.sendText(text);
        else {
          const candidate = await this.#ports.bridge.call('transfers.candidate', { transferId: transfer.id });
          void this.#ports.thumbnails.of(candidate);
          void thread.sendFile(candidate);
        }
      } catch (thrown) {
        refusal = toCodedError(thrown);
      }
    }
    if (stored !== null) {
      const items = [{ ...stored, clientId: randomToken(24) }];
      try {
        await this.#ports.bridge.call('history.forward', { conversationId: conversation.id, items });
      } catch (thrown) {
        refusal = toCodedError(thrown);
      }
    }
    if (refusal !== null) this.#ports.refused(refusal);
  }

  async toAddress(address: string): Promise<void> {
    try {
      const conversation = await this.#ports.bridge.call('conversations.open', { address });
      this.#ports.found(conversation);
      await this.to(conversation);
    } catch (thrown) {
      this.#ports.refused(toCodedError(thrown));
    }
  }
}
