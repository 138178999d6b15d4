import { type CodedError, toCodedError } from '../../../shared/base/errors.ts';
import type { MessageInfo } from '../../../shared/model/message.ts';
import type { Bridge } from '../../bridge/bridge.ts';

/** What the details pane knows of one message. */
export class MessageDetails {
  readonly messageId: number;
  info = $state.raw<MessageInfo | null>(null);
  error = $state.raw<CodedError | null>(null);

  readonly #bridge: Bridge;
  #asked = 0;

  constructor(bridge: Bridge, messageId: number) {
    this.#bridge = bridge;
    this.messageId = messageId;
  }

  /** Also again, whenever the message changed: the answer to the last question counts. */
  async load(): Promise<void> {
    this.#asked += 1;
    const asked = this.#asked;
    try {
      const info = await this.#bridge.call('messages.info', { messageId: this.messageId });
      if (asked !== this.#asked) return;
      this.info = info;
      this.error = null;
    } catch (thrown) {
      if (asked === this.#asked) this.error = toCodedError(thrown);
    }
  }
}
