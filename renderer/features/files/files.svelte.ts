import { ParleyError } from '../../../shared/base/errors.ts';
import { randomToken } from '../../../shared/base/random.ts';
import type { Conversation } from '../../../shared/model/conversation.ts';
import type { Message } from '../../../shared/model/message.ts';
import type { Bridge } from '../../bridge/bridge.ts';
import { ConversationFiles } from './conversation-files.svelte.ts';
import { ImageRoll } from './image-roll.svelte.ts';
import { Progress } from './progress.svelte.ts';
import { callTransfer } from './transfer-calls.ts';
import type { TransferAction } from './transfer-card.ts';
import { Waiting } from './waiting.svelte.ts';

/** files among which one is looked for that somebody asks for by its name */
const REMEMBERED = 200;

export interface FilesPorts {
  readonly bridge: Bridge;
  /** what is refused is said */
  readonly ask: (work: () => Promise<unknown>) => Promise<void>;
  readonly changed: (message: Message) => void;
  readonly retry: (message: Message) => Promise<unknown>;
  readonly remove: (message: Message) => void;
}

/** All that a window knows of files and does with them, beside the conversation they stand in. */
export class Files {
  readonly progress = new Progress();
  readonly waiting: Waiting;
  /** the list of a conversation's files, where it is open */
  pane = $state.raw<ConversationFiles | null>(null);
  viewer = $state.raw<ImageRoll | null>(null);
  /** whose person is about to be asked for a file */
  asking = $state.raw<Conversation | null>(null);
  readonly #ports: FilesPorts;

  constructor(ports: FilesPorts) {
    this.#ports = ports;
    this.waiting = new Waiting(ports.bridge);
    ports.bridge.on('transfer.progress', (progress) => this.progress.apply(progress));
  }

  /** The page was away from its core. */
  async refresh(): Promise<void> {
    await this.waiting.load();
    if (this.pane !== null) this.list(this.pane.conversationId);
  }

  changed(message: Message): void {
    if (message.transfer === null) return;
    this.progress.observe(message.transfer);
    this.pane?.apply(message);
    this.viewer?.apply(message);
  }

  dropped(messageId: number): void {
    this.pane?.drop(messageId);
    if (this.viewer?.current.id === messageId) this.viewer = null;
    else this.viewer?.drop(messageId);
  }

  list(conversationId: number): void {
    const kind = this.pane?.conversationId === conversationId ? this.pane.kind : 'all';
    this.pane = new ConversationFiles(this.#ports.bridge, conversationId);
    void this.pane.choose(kind);
  }

  /** @param trusted what the other person sent may be looked at */
  view(message: Message, trusted: boolean): void {
    this.viewer = new ImageRoll(this.#ports.bridge, message, trusted);
    void this.viewer.look();
  }

  act(action: TransferAction, message: Message): Promise<void> {
    const { transfer } = message;
    if (transfer === null) return Promise.resolve();
    if (action === 'give') return this.#pickAndGive(transfer.id);
    return this.#ports.ask(() => {
      const call = callTransfer(this.#ports.bridge, action, transfer.id);
      if (call !== null) return call;
      if (action === 'retry') return this.#ports.retry(message);
      this.#ports.remove(message);
      return Promise.resolve();
    });
  }

  /** Takes those of an invitation and declines its others: it is answered when each of them is. */
  answer(offers: readonly Message[], chosen: readonly Message[]): Promise<void> {
    return this.#ports.ask(async () => {
      const answers = offers.map(({ id, transfer }) => {
        const method = chosen.some((each) => each.id === id) ? 'transfers.accept' : 'transfers.decline';
        return this.#ports.bridge.call(method, { transferId: transfer?.id ?? 0 });
      });
      for (const answer of await Promise.allSettled(answers)) if (answer.status === 'rejected') throw answer.reason;
    });
  }

  /** A file of this conversation that has the name, and the size where that is told, of the one that is asked for. */
  async suggestion({ conversationId, transfer: wish }: Message): Promise<Message | null> {
    if (wish === null || wish.name === '') return null;
    const page = { conversationId, limit: REMEMBERED };
    const { items } = await this.#ports.bridge.call('files.page', page).catch(() => ({ items: [] as Message[] }));
    const name = wish.name.toLowerCase();
    const fits = ({ transfer }: Message): boolean =>
      transfer?.state === 'done' && transfer.name.toLowerCase() === name && (!wish.sizeKnown || transfer.size === wish.size);
    return items.find(fits) ?? null;
  }

  /** Gives who asked a file that is on this device already. */
  giveKnown(wish: Message, known: Message): Promise<void> {
    return this.#ports.ask(async () => {
      const { token } = await this.#ports.bridge.call('transfers.candidate', { transferId: known.transfer?.id ?? 0 });
      await this.#ports.bridge.call('transfers.give', { transferId: wish.transfer?.id ?? 0, token });
    });
  }

  /** Asks for a file, by its name where one is given. */
  request(conversation: Conversation, name: string): Promise<void> {
    this.asking = null;
    return this.#ports.ask(async () => {
      const wish = { conversationId: conversation.id, clientId: randomToken(24), ...(name === '' ? {} : { name }) };
      this.#ports.changed(await this.#ports.bridge.call('files.request', wish));
    });
  }

  #pickAndGive(transferId: number): Promise<void> {
    return this.#ports.ask(async () => {
      const [picked] = await this.#ports.bridge.chooseFiles();
      if (picked === undefined) return;
      if (picked.candidate === null) throw new ParleyError(picked.error?.code ?? 'file.unreadable', picked.error?.detail ?? '');
      await this.#ports.bridge.call('transfers.give', { transferId, token: picked.candidate.token });
    });
  }
}
