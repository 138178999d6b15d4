import { ParleyError } from '../../../shared/base/errors.ts';
import { randomToken } from '../../../shared/base/random.ts';
import type { Conversation } from '../../../shared/model/conversation.ts';
import type { Message } from '../../../shared/model/message.ts';
import type { Bridge } from '../../bridge/bridge.ts';
import type { Thread } from '../thread/thread.svelte.ts';
import { ConversationFiles } from './conversation-files.svelte.ts';
import { ImageRoll } from './image-roll.svelte.ts';
import { Progress } from './progress.svelte.ts';
import { type Thumbnails, thumbnailMaker } from './thumbnails.ts';
import { callTransfer } from './transfer-calls.ts';
import type { TransferAction } from './transfer-card.ts';
import { Waiting } from './waiting.svelte.ts';

/** files among which one is looked for that somebody asks for by its name */
const REMEMBERED = 200;

/** What of the page it touches. */
export interface FilesPage {
  readonly bridge: Bridge;
  readonly thread: Thread | null;
  readonly actions: {
    /** what is refused is said */
    ask(work: () => Promise<unknown>): Promise<void>;
    retry(message: Message): Promise<void>;
  };
  changed(message: Message): void;
}

/** Whether the whole file is on this device. */
export function isHere({ transfer }: Pick<Message, 'transfer'>): boolean {
  return transfer?.state === 'done' && (transfer.direction === 'out' || transfer.savedAs !== null);
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
  readonly thumbnails: Thumbnails;
  readonly #page: FilesPage;

  constructor(page: FilesPage) {
    this.#page = page;
    this.waiting = new Waiting(page.bridge);
    this.thumbnails = thumbnailMaker(page.bridge);
    page.bridge.on('transfer.progress', (progress) => this.progress.apply(progress));
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

  /** Another conversation is opened, or none. */
  leave(): void {
    this.pane = null;
    this.viewer = null;
  }

  list(conversationId: number): void {
    const kind = this.pane?.conversationId === conversationId ? this.pane.kind : 'all';
    this.pane = new ConversationFiles(this.#page.bridge, conversationId);
    void this.pane.choose(kind);
  }

  view(message: Message): void {
    const { request = true, blocked = true } = this.#page.thread?.conversation ?? {};
    const trusted = !request && !blocked;
    this.viewer = new ImageRoll(this.#page.bridge, message, trusted);
    void this.viewer.look();
  }

  act(action: TransferAction, message: Message): Promise<void> {
    const { transfer } = message;
    if (transfer === null) return Promise.resolve();
    const { savedUrl } = this.#page.bridge;
    if (action === 'give') return this.#pickAndGive(transfer.id);
    if (action === 'saveAs' && savedUrl !== null) return download(savedUrl(transfer.id), transfer.name);
    return this.#page.actions.ask(() => {
      const call = callTransfer(this.#page.bridge, action, transfer.id);
      if (call !== null) return call;
      if (action === 'retry') return this.#page.actions.retry(message);
      this.#page.thread?.remove({ message, pending: null });
      return Promise.resolve();
    });
  }

  /** Shows it where it stands in its conversation. */
  async jump({ id }: Message): Promise<void> {
    this.viewer = null;
    await this.#page.thread?.showHit({ id, ranges: [] });
  }

  /** Takes those of an invitation and declines its others: it is answered when each of them is. */
  answer(offers: readonly Message[], chosen: readonly Message[]): Promise<void> {
    return this.#page.actions.ask(async () => {
      const answers = offers.map(({ id, transfer }) => {
        const method = chosen.some((each) => each.id === id) ? 'transfers.accept' : 'transfers.decline';
        return this.#page.bridge.call(method, { transferId: transfer?.id ?? 0 });
      });
      for (const answer of await Promise.allSettled(answers)) if (answer.status === 'rejected') throw answer.reason;
    });
  }

  /** A file of this conversation that has the name, and the size where that is told, of the one that is asked for. */
  async suggestion({ conversationId, transfer: wish }: Message): Promise<Message | null> {
    if (wish === null || wish.name === '') return null;
    const page = { conversationId, limit: REMEMBERED };
    const { items } = await this.#page.bridge.call('files.page', page).catch(() => ({ items: [] as Message[] }));
    const name = wish.name.toLowerCase();
    const fits = ({ transfer }: Message): boolean =>
      transfer?.state === 'done' && transfer.name.toLowerCase() === name && (!wish.sizeKnown || transfer.size === wish.size);
    return items.find(fits) ?? null;
  }

  /** Gives who asked a file that is on this device already. */
  giveKnown(wish: Message, known: Message): Promise<void> {
    return this.#page.actions.ask(async () => {
      const { token } = await this.#page.bridge.call('transfers.candidate', { transferId: known.transfer?.id ?? 0 });
      await this.#page.bridge.call('transfers.give', { transferId: wish.transfer?.id ?? 0, token });
    });
  }

  /** Asks for a file, by its name where one is given. */
  request(conversation: Conversation, name: string): Promise<void> {
    this.asking = null;
    return this.#page.actions.ask(async () => {
      const wish = { conversationId: conversation.id, clientId: randomToken(24), ...(name === '' ? {} : { name }) };
      this.#page.changed(await this.#page.bridge.call('files.request', wish));
      await this.#page.thread?.jumpToLatest();
    });
  }

  #pickAndGive(transferId: number): Promise<void> {
    return this.#page.actions.ask(async () => {
      const [picked] = await this.#page.bridge.chooseFiles();
      if (picked === undefined) return;
      if (picked.candidate === null) throw new ParleyError(picked.error?.code ?? 'file.unreadable', picked.error?.detail ?? '');
      await this.#page.bridge.call('transfers.give', { transferId, token: picked.candidate.token });
    });
  }
}

/** By the browser. */
async function download(url: string, name: string): Promise<void> {
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.target = '_blank';
  link.rel = 'noreferrer';
  link.click();
}
