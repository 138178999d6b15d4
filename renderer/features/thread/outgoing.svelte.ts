import { type CodedError, toCodedError } from '../../../shared/base/errors.ts';
import type { Message } from '../../../shared/model/message.ts';
import type { Bridge } from '../../bridge/bridge.ts';
import type { PendingMessage } from './rows.ts';

/**
 * What was written in one conversation and is not known to be stored. It outlives the thread it was written in: who looks at another
 * conversation meanwhile finds a refused message where it was left.
 */
export class Outgoing {
  pending = $state.raw<readonly PendingMessage[]>([]);
  /** every client id that was used here: the message of that id keeps the row it had while it was pending */
  readonly ids: Set<string> = new Set();

  readonly #bridge: Bridge;
  readonly #conversationId: number;

  constructor(bridge: Bridge, conversationId: number) {
    this.#bridge = bridge;
    this.#conversationId = conversationId;
  }

  add(pending: PendingMessage): void {
    this.ids.add(pending.clientId);
    this.pending = [...this.pending, pending];
  }

  /** Hands it to the core, also once more: by its client id it is never taken twice. @returns null where it was refused */
  async submit(pending: PendingMessage): Promise<Message | null> {
    this.#replace(pending.clientId, null);
    const conversationId = this.#conversationId;
    const { clientId } = pending;
    try {
      const message = await (pending.file === null
        ? this.#bridge.call('messages.sendText', {
            ...{ conversationId, clientId, text: pending.text, quotes: pending.quote?.messageId },
            ...(pending.anonymous ? { anonymous: true } : {}),
          })
        : this.#bridge.call('files.send', { conversationId, clientId, token: pending.file.token }));
      this.confirm(clientId);
      return message;
    } catch (thrown) {
      this.#replace(clientId, toCodedError(thrown));
      return null;
    }
  }

  /** in their order: what the core may never have heard of, because the link to it broke */
  get interrupted(): readonly PendingMessage[] {
    return this.pending.filter((each) => each.error?.code === 'contract.closed');
  }

  /** The core has it. */
  confirm(clientId: string): void {
    if (this.pending.some((each) => each.clientId === clientId)) {
      this.pending = this.pending.filter((each) => each.clientId !== clientId);
    }
  }

  #replace(clientId: string, error: CodedError | null): void {
    this.pending = this.pending.map((each) => (each.clientId === clientId ? { ...each, error } : each));
  }
}
