import type { Bridge } from '../bridge/bridge.ts';

/** Keeps the core told which conversation the person has in front of them. */
export class ShownConversation {
  readonly #bridge: Pick<Bridge, 'call'>;
  #told: number | null = null;

  constructor(bridge: Pick<Bridge, 'call'>) {
    this.#bridge = bridge;
  }

  /** @param conversationId null: none is open, or the window cannot be seen */
  set(conversationId: number | null): void {
    if (conversationId === this.#told) return;
    this.#told = conversationId;
    this.again();
  }

  /** The core may be another one now. */
  again(): void {
    const conversationId = this.#told;
    this.#bridge.call('conversations.shown', { conversationId }).catch(() => undefined);
  }
}
