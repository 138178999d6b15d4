import { type CodedError, toCodedError } from '../../../shared/base/errors.ts';
import type { Message } from '../../../shared/model/message.ts';
import type { Bridge } from '../../bridge/bridge.ts';

export const FILE_KINDS = ['all', 'images', 'others'] as const;
export type FileKind = (typeof FILE_KINDS)[number];

/** files that are asked for at once */
const PAGE = 50;

export function isImage({ transfer }: Pick<Message, 'transfer'>): boolean {
  return transfer?.type.startsWith('image/') === true;
}

/** The files of one conversation, newest first, as far as they were asked for. */
export class ConversationFiles {
  readonly conversationId: number;
  items = $state.raw<readonly Message[]>([]);
  more = $state(true);
  loading = $state(false);
  error = $state.raw<CodedError | null>(null);
  kind = $state<FileKind>('all');
  readonly shown = $derived(this.items.filter((each) => this.kind === 'all' || isImage(each) === (this.kind === 'images')));

  readonly #bridge: Bridge;

  constructor(bridge: Bridge, conversationId: number) {
    this.#bridge = bridge;
    this.conversationId = conversationId;
  }

  /** The next page; while none of it is of the kind that is shown, the one after it. */
  async load(): Promise<void> {
    const before = this.shown.length;
    await this.#until(() => this.shown.length > before);
  }

  async choose(kind: FileKind): Promise<void> {
    this.kind = kind;
    if (this.shown.length === 0) await this.load();
  }

  /** Loads until this holds, or there is nothing more. */
  async #until(enough: () => boolean): Promise<void> {
    if (this.loading) return;
    this.loading = true;
    this.error = null;
    try {
      do {
        const before = this.items.at(-1)?.id;
        const { items, more } = await this.#bridge.call('files.page', {
          conversationId: this.conversationId,
          ...(before === undefined ? {} : { before }),
          limit: PAGE,
        });
        const known = new Set(this.items.map(({ id }) => id));
        this.items = [...this.items, ...items.filter(({ id }) => !known.has(id))];
        this.more = more;
      } while (this.more && !enough());
    } catch (thrown) {
      this.error = toCodedError(thrown);
    } finally {
      this.loading = false;
    }
  }

  /** Down to a message and to the next one below it that holds this. */
  async loadPast(id: number, wanted: (message: Message) => boolean): Promise<void> {
    const enough = (): boolean => this.items.some((each) => each.id < id && wanted(each));
    if (this.more && !enough()) await this.#until(enough);
  }

  /** One is new or has changed. */
  apply(message: Message): void {
    if (message.conversationId !== this.conversationId || message.transfer === null) return;
    if (this.items.some(({ id }) => id === message.id)) {
      this.items = this.items.map((each) => (each.id === message.id ? message : each));
    } else if (message.id > (this.items[0]?.id ?? 0)) this.items = [message, ...this.items];
  }

  drop(messageId: number): void {
    this.items = this.items.filter(({ id }) => id !== messageId);
  }
}
