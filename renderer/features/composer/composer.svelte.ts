import { type Clock, systemClock } from '../../../shared/base/clock.ts';
import { type CodedError, ParleyError, toCodedError } from '../../../shared/base/errors.ts';
import { type FileCandidate, MAX_TEXT, type OfferedFile } from '../../../shared/ipc/contract.ts';
import type { Conversation } from '../../../shared/model/conversation.ts';
import { maySpeak } from '../../../shared/model/group.ts';
import { type Message, type Quote, quoteOf } from '../../../shared/model/message.ts';
import type { Bridge } from '../../bridge/bridge.ts';
import type { Thumbnails } from '../files/thumbnails.ts';
import { OwnTyping } from '../typing/own-typing.ts';
import type { GivenFiles } from './given-files.ts';

/** A file that waits to be sent with the next message. */
export interface Attachment {
  readonly key: number;
  readonly name: string;
  readonly candidate: FileCandidate | null;
  /** its thumbnail as a data URL, once it is made */
  readonly preview: string | null;
  readonly error: CodedError | null;
  readonly tooLarge: boolean;
}

/** What is kept of what was written and not sent. */
export interface Draft {
  readonly text: string;
  readonly quoteId: number | null;
  /** tokens of its files */
  readonly files: readonly string[];
}

/** As the core kept it: the files are known by their number until they are asked for. */
export interface KeptDraft {
  readonly text: string;
  readonly quoteId: number | null;
  readonly fileCount: number;
}

export interface ComposerPorts {
  readonly bridge: Bridge;
  /** octets, 0 = no limit */
  readonly maxFileSize: () => number;
  readonly sendText: (text: string, quote: Quote | null, anonymous: boolean) => void;
  readonly sendFile: (file: FileCandidate) => void;
  readonly clock?: Clock;
  readonly thumbnails?: Thumbnails;
}

/** how long the person pauses before a draft is saved, ms */
export const DRAFT_PAUSE = 300;
/** most files that wait at once */
export const MOST_FILES = 50;

/** Files go to people, one or several, but never without a name; and to a group where one may write. */
export function takesFiles(conversation: Pick<Conversation, 'kind' | 'blocked' | 'standing' | 'peer'>): boolean {
  return conversation.kind !== 'anonymous' && !conversation.blocked && maySpeak(conversation);
}

/** What a person is about to send in one conversation: a text, kept as its draft, and files. */
export class Composer {
  attachments = $state.raw<readonly Attachment[]>([]);
  reading = $state(0);
  /** files were left out because too many wait already */
  tooMany = $state(false);
  /** folders that were dropped, and how many of their files wait */
  folders = $state.raw<GivenFiles['folders']>([]);
  error = $state.raw<CodedError | null>(null);
  /** the message that is answered */
  quote = $state.raw<Quote | null>(null);
  /** the next text goes without the person's name */
  anonymous = $state(false);
  readonly typing: OwnTyping;

  readonly #conversationId: number;
  readonly #ports: ComposerPorts;
  readonly #clock: Clock;
  #text = $state('');
  #saved: Draft;
  #cancelSave: (() => void) | null = null;
  #keys = 0;
  /** the quote of a draft that is on its way back */
  #bringing: number | null = null;
  #bringingFiles = false;

  constructor(conversationId: number, draft: KeptDraft, ports: ComposerPorts) {
    this.#conversationId = conversationId;
    this.#ports = ports;
    this.#clock = ports.clock ?? systemClock;
    this.typing = new OwnTyping(ports.bridge, this.#clock, conversationId);
    this.#text = draft.text;
    this.#saved = { text: draft.text, quoteId: draft.quoteId, files: [] };
    if (draft.fileCount > 0) void this.#bringFiles();
    if (draft.quoteId !== null) void this.#bringQuote(draft.quoteId);
  }

  get text(): string {
    return this.#text;
  }

  set text(text: string) {
    this.#text = text;
    this.typing.stroke(text);
    this.#cancelSave?.();
    this.#cancelSave = this.#clock.after(DRAFT_PAUSE, () => this.saveDraft());
  }

  get tooLong(): boolean {
    return this.#text.length > MAX_TEXT;
  }

  get canSend(): boolean {
    return this.reading === 0 && !this.tooLong && (this.#ready.length > 0 || this.#text.trim() !== '');
  }

  /** At once: when the person leaves the conversation or the window. */
  saveDraft(): void {
    this.#cancelSave?.();
    this.#cancelSave = null;
    const before = this.#saved;
    // what is on its way back is not taken for what is gone
    if (this.#bringingFiles) return;
    const files = this.attachments.flatMap(({ candidate }) => candidate?.token ?? []);
    const draft: Draft = { text: this.#text, quoteId: this.#bringing ?? this.quote?.messageId ?? null, files };
    if (isSame(draft, before) || draft.text.length > MAX_TEXT) return;
    this.#saved = draft;
    const params = { conversationId: this.#conversationId, text: draft.text, quotes: draft.quoteId ?? undefined, files };
    this.#ports.bridge.call('conversations.saveDraft', params).catch(() => {
      if (this.#saved === draft) this.#saved = before;
    });
  }

  /** What is written next answers that message, or none. */
  answer(message: Message | null): void {
    this.#bringing = null;
    this.quote = message === null ? null : quoteOf(message);
    this.saveDraft();
  }

  send(): void {
    if (!this.canSend) return;
    const text = this.#text.trim() === '' ? '' : this.#text.replace(/\s+$/, '');
    const ready = this.#ready;
    const { quote } = this;
    this.#text = '';
    this.typing.sent();
    if (text !== '') this.answer(null);
    this.error = null;
    this.tooMany = false;
    this.folders = [];
    // What cannot be sent stays, with its reason, until the person takes it away.
    this.attachments = this.attachments.filter((each) => !ready.includes(each));
    for (const { candidate } of ready) if (candidate !== null) this.#ports.sendFile(candidate);
    if (text !== '') {
      this.#ports.sendText(text, quote, this.anonymous);
      // asked for once, and once only
      this.anonymous = false;
    }
    this.saveDraft();
  }

  /** files that can be sent */
  get readyCount(): number {
    return this.#ready.length;
  }

  /** their octets */
  get total(): number {
    return this.#ready.reduce((sum, { candidate }) => sum + (candidate?.size ?? 0), 0);
  }

  get #ready(): readonly Attachment[] {
    return this.attachments.filter((each) => each.candidate !== null && !each.tooLarge);
  }

  /** Dropped: with what is in folders. */
  async addGiven(given: Promise<GivenFiles>): Promise<void> {
    await this.#reading(async () => {
      const { files, folders } = await given.catch((thrown: unknown) => {
        throw new ParleyError('file.unreadable', String(thrown), { cause: thrown });
      });
      await this.addFiles(files);
      this.folders = folders;
    });
  }

  /** Pasted. */
  async addFiles(files: readonly File[]): Promise<void> {
    this.folders = [];
    const some = this.#asManyAsFit(files);
    await this.#reading(async () => {
      const offered = await this.#ports.bridge.offerFiles(some);
      this.#add(offered);
    });
  }

  /** By a file dialog. */
  async choose(): Promise<void> {
    await this.#reading(async () => {
      const chosen = await this.#ports.bridge.chooseFiles();
      this.#add(this.#asManyAsFit(chosen));
    });
  }

  remove(key: number): void {
    this.tooMany = false;
    this.folders = [];
    this.attachments = this.attachments.filter((each) => each.key !== key);
    this.saveDraft();
  }

  /** Of a draft that comes back; it may have been deleted meanwhile. */
  async #bringQuote(messageId: number): Promise<void> {
    this.#bringing = messageId;
    try {
      const message = await this.#ports.bridge.call('messages.read', { messageId });
      if (this.#bringing === messageId) this.quote = quoteOf(message);
    } catch {
      // an answer without a quote is better than none
    } finally {
      if (this.#bringing === messageId) this.#bringing = null;
    }
  }

  /** Those that are gone say so, and are gone from the draft with the next change. */
  async #bringFiles(): Promise<void> {
    this.#bringingFiles = true;
    await this.#reading(async () => {
      const { items } = await this.#ports.bridge.call('conversations.draftFiles', { conversationId: this.#conversationId });
      this.#saved = { ...this.#saved, files: items.flatMap(({ candidate }) => candidate?.token ?? []) };
      this.#add(items);
    });
    this.#bringingFiles = false;
    this.saveDraft();
  }

  #asManyAsFit<File>(files: readonly File[]): readonly File[] {
    const room = Math.max(0, MOST_FILES - this.attachments.length);
    this.tooMany = files.length > room;
    return files.slice(0, room);
  }

  #add(files: readonly OfferedFile[]): void {
    const limit = this.#ports.maxFileSize();
    const added = files.map(({ name, candidate, error }): Attachment => {
      this.#keys += 1;
      // by the host, or here where that has another limit
      const refused = error?.code === 'file.too-large' && error.detail.endsWith(` ${limit}`);
      const tooLarge = limit > 0 && (refused || (candidate?.size ?? 0) > limit);
      if (candidate !== null && !tooLarge) void this.#draw(this.#keys, candidate);
      return { key: this.#keys, name, candidate, error, preview: null, tooLarge };
    });
    this.attachments = [...this.attachments, ...added];
    this.saveDraft();
  }

  /** It may be sent or taken away meanwhile. */
  async #draw(key: number, candidate: FileCandidate): Promise<void> {
    const preview = (await this.#ports.thumbnails?.of(candidate)) ?? null;
    if (preview !== null) this.attachments = this.attachments.map((each) => (each.key === key ? { ...each, preview } : each));
  }

  async #reading(work: () => Promise<void>): Promise<void> {
    this.reading += 1;
    this.error = null;
    try {
      await work();
    } catch (thrown) {
      this.error = toCodedError(thrown);
    } finally {
      this.reading -= 1;
    }
  }
}

function isSame(a: Draft, b: Draft): boolean {
  return a.text === b.text && a.quoteId === b.quoteId && a.files.join() === b.files.join();
}
