import { ParleyError } from '../../shared/base/errors.ts';
import { isAtRest, isFinalTransferState, type TransferState } from '../../shared/model/states/transfer-state.ts';
import type { ServiceContext } from './context.ts';

/** how long a transfer may take to end when it is cancelled: its other side is told, and its file is closed */
const END_WITHIN_MS = 10_000;
/** a transfer may be interrupted by the cancel that was to end it, and is cancelled once more then */
const MOST_CANCELS = 3;

export interface RemovalPorts {
  readonly cancelTransfer: (transferId: number) => Promise<void>;
  /** what was withdrawn may have held back what is behind it */
  readonly outboxChanged: () => void;
}

/** Takes messages out of this device. What the other person has stays there. */
export class RemovalService {
  readonly #context: ServiceContext;
  readonly #ports: RemovalPorts;

  constructor(context: ServiceContext, ports: RemovalPorts) {
    this.#context = context;
    this.#ports = ports;
  }

  /** A file that is under way is cancelled first. @throws ParleyError `request.invalid-state` for a text that is on its way at this moment */
  async removeMessage(messageId: number): Promise<void> {
    const { store, notices, clock } = this.#context;
    const { message } = await store.messageInfo(messageId);
    if (message.transfer) await this.#end(message.transfer.id, message.transfer.state);
    const conversation = await store.removeMessage({ messageId, now: clock.now() });
    notices.tell('message.removed', { messageId, conversationId: conversation.id });
    notices.changed({ conversation });
    this.#ports.outboxChanged();
  }

  /** All of a conversation; files that are under way are cancelled first. */
  async removeConversation(conversationId: number): Promise<void> {
    const { store, notices, clock } = this.#context;
    const open = (await store.openTransfers()).filter((transfer) => transfer.conversationId === conversationId);
    const ids = new Set(open.map(({ id, whole }) => whole ?? id));
    for (const id of ids) await this.#end(id, (await store.transfer(id)).state);
    await store.removeConversation(conversationId, clock.now());
    notices.tell('conversation.removed', { conversationId });
    this.#ports.outboxChanged();
  }

  async #end(transferId: number, before: TransferState): Promise<void> {
    let state = before;
    for (let round = 0; !isFinalTransferState(state); round++) {
      if (round === MOST_CANCELS) throw new ParleyError('request.invalid-state', 'the transfer does not end');
      const rest = this.#atRest(transferId);
      try {
        await this.#ports.cancelTransfer(transferId);
        state = (await this.#context.store.transfer(transferId)).state;
        if (!isAtRest(state)) state = await rest.reached;
      } finally {
        rest.stop();
      }
    }
  }

  /** The next state of a transfer in which nothing moves any more. */
  #atRest(transferId: number): { reached: Promise<TransferState>; stop: () => void } {
    const { notices, clock } = this.#context;
    const stops: (() => void)[] = [];
    const reached = new Promise<TransferState>((resolve, reject) => {
      const late = new ParleyError('request.invalid-state', 'the transfer takes long to end');
      stops.push(
        clock.after(END_WITHIN_MS, () => reject(late)),
        notices.on(({ event, payload }) => {
          const transfer = event === 'message.changed' ? payload.transfer : null;
          if (transfer?.id === transferId && isAtRest(transfer.state)) {
            resolve(transfer.state);
          }
        }),
      );
    });
    // nobody waits where it was over at once
    reached.catch(() => undefined);
    return { reached, stop: () => stops.forEach((stop) => void stop()) };
  }
}
