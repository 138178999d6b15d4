import type { Message } from '../../../shared/model/message.ts';
import type { Bridge } from '../../bridge/bridge.ts';
import { ConversationFiles, isImage } from './conversation-files.svelte.ts';

/** The images of a conversation that are on this device, one of them in front of the person. */
export class ImageRoll {
  current = $state.raw<Message>() as Message;
  readonly #files: ConversationFiles;
  readonly #trusted: boolean;

  /** @param trusted what the other person sent may be looked at */
  constructor(bridge: Bridge, message: Message, trusted: boolean) {
    this.#files = new ConversationFiles(bridge, message.conversationId);
    this.#trusted = trusted;
    this.current = message;
  }

  /** oldest first, as they stand in the conversation */
  readonly images: readonly Message[] = $derived.by(() => {
    const all = this.#files.items.filter((each) => this.#isHere(each)).toReversed();
    return all.some(({ id }) => id === this.current.id) ? all : [this.current];
  });
  readonly #at = $derived(this.images.findIndex(({ id }) => id === this.current.id));

  /** of the one in front, from 1 */
  get position(): number {
    return this.#at + 1;
  }

  get older(): Message | null {
    return this.images[this.#at - 1] ?? null;
  }

  get newer(): Message | null {
    return this.images[this.#at + 1] ?? null;
  }

  /** What stands beside it, as far as it is not known yet. */
  look(): Promise<void> {
    return this.#files.loadPast(this.current.id, (each) => this.#isHere(each));
  }

  show(message: Message | null): void {
    if (message === null) return;
    this.current = message;
    void this.look();
  }

  apply(message: Message): void {
    if (message.id === this.current.id) this.current = message;
    this.#files.apply(message);
  }

  drop(messageId: number): void {
    this.#files.drop(messageId);
  }

  #isHere(message: Message): boolean {
    const { transfer } = message;
    if (transfer === null || !isImage(message)) return false;
    return transfer.direction === 'out' ? transfer.previewable : this.#trusted && transfer.savedAs !== null;
  }
}
