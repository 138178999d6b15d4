import type { Clock } from '../../shared/base/clock.ts';
import { Emitter } from '../../shared/base/emitter.ts';
import type { EventName, EventPayload } from '../../shared/ipc/contract.ts';
import type { Account } from '../../shared/model/account.ts';
import type { Conversation } from '../../shared/model/conversation.ts';
import type { Message } from '../../shared/model/message.ts';
import type { Settings } from '../../shared/model/settings.ts';
import type { Binding, UserAgent } from '../sip/port.ts';
import type { MergedConversation, Store } from '../store/port.ts';

/** What every use-case of one account shares. */
export interface ServiceContext {
  readonly account: Account;
  readonly store: Store;
  readonly settings: SettingsView;
  readonly contacts: ContactView;
  readonly clock: Clock;
  readonly notices: Notices;
  /** one line for whoever reads the log; no message content, no credentials */
  readonly log: (line: string) => void;
}

/** What the person decided, as it stands now. */
export interface SettingsView {
  readonly current: Settings;
  readonly changed: Emitter<{ readonly before: Settings; readonly after: Settings }>;
}

/** Who is known, and who is kept out. Addresses are canonical. */
export interface ContactView {
  /** people of the embedded home network and their names: no strangers */
  readonly names: ReadonlyMap<string, string>;
  /** @param addresses all of one person's that are known */
  isBlocked(addresses: readonly string[]): boolean;
  /** the address that the conversation with whoever has this one is under; itself for whoever has no other */
  peerOf(address: string): string;
  /** {@link peerOf} may answer otherwise now */
  readonly regrouped: Emitter<void>;
  /** After the store has heard of somebody by several addresses at once. @throws ParleyError `store.*` */
  heard(person: { readonly peer: string; readonly aliases?: readonly string[] | undefined }): Promise<void>;
}

/** A registered agent; it is replaced by another one after the flow was lost. */
export interface Link {
  readonly agent: UserAgent;
  readonly binding: Binding;
}

type Notice = { [E in EventName]: { readonly event: E; readonly payload: EventPayload<E> } }[EventName];

/** What the renderer is told, in the order in which it was committed. A window that cannot be told must not stop what a message needs next. */
export class Notices {
  readonly #emitter = new Emitter<Notice>();
  readonly #problem: (thrown: unknown) => void;

  constructor(problem: (thrown: unknown) => void = () => undefined) {
    this.#problem = problem;
  }

  on(listener: (notice: Notice) => void): () => void {
    return this.#emitter.on(listener);
  }

  tell<E extends EventName>(event: E, payload: EventPayload<E>): void {
    try {
      this.#emitter.emit({ event, payload } as Notice);
    } catch (thrown) {
      this.#problem(thrown);
    }
  }

  /** what most writes of the store return */
  changed(
    rows: { readonly message?: Message; readonly conversation?: Conversation; readonly merged?: readonly MergedConversation[] } | null,
  ): void {
    for (const { id, into } of rows?.merged ?? []) this.tell('conversation.merged', { conversationId: id, into });
    if (rows?.message) this.tell('message.changed', rows.message);
    if (rows?.conversation) this.tell('conversation.changed', rows.conversation);
  }
}
