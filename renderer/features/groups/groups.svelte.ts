import { type CodedError, toCodedError } from '../../../shared/base/errors.ts';
import type { Conversation } from '../../../shared/model/conversation.ts';
import type { Group, Participant } from '../../../shared/model/group.ts';
import type { Bridge } from '../../bridge/bridge.ts';
import type { ConversationAction } from '../conversations/conversation-actions.ts';
import type { Recipient } from '../recipients/known-people.ts';

/** What the dialog that picks people is for. */
export type Gathering =
  | { readonly kind: 'create'; readonly people: readonly Recipient[]; readonly subject: string }
  /** a conversation of two becomes a group beside it */
  | { readonly kind: 'extend'; readonly conversation: Conversation }
  | { readonly kind: 'add'; readonly conversation: Conversation };

/** What is asked once more before it is done. */
export type Confirming =
  | { readonly kind: 'leave'; readonly conversation: Conversation }
  | { readonly kind: 'remove'; readonly conversation: Conversation; readonly people: readonly Participant[] };

export interface GroupsPorts {
  readonly bridge: Bridge;
  /** shows the conversation of a group that was made or found */
  readonly open: (conversationId: number) => Promise<void>;
  /** it could not be done */
  readonly refused: (error: CodedError) => void;
}

/** The groups that were looked at, and what the person does in them. */
export class Groups {
  gathering = $state.raw<Gathering | null>(null);
  /** the dialog that asks for an address is open */
  joining = $state(false);
  confirming = $state.raw<Confirming | null>(null);
  /** conversations whose group is being answered or entered at this moment */
  busy = $state.raw<ReadonlySet<number>>(new Set());

  readonly #ports: GroupsPorts;
  #byId = $state.raw<ReadonlyMap<number, Group>>(new Map());

  constructor(ports: GroupsPorts) {
    this.#ports = ports;
    ports.bridge.on('group.changed', (group) => this.#put(group));
  }

  /** something of it is open that has the keyboard for itself */
  get isAsking(): boolean {
    return this.gathering !== null || this.joining || this.confirming !== null;
  }

  /** null: none, or it is not known yet */
  of(conversationId: number): Group | null {
    return this.#byId.get(conversationId) ?? null;
  }

  /** Who is in the group of a conversation is wanted, from now on. */
  async want({ id, standing }: Pick<Conversation, 'id' | 'standing'>): Promise<void> {
    if (standing === null || this.#byId.has(id)) return;
    await this.#read(id);
  }

  /** The core may be another one now. */
  async again(): Promise<void> {
    await Promise.all([...this.#byId.keys()].map((id) => this.#read(id)));
  }

  drop(conversationId: number): void {
    const next = new Map(this.#byId);
    next.delete(conversationId);
    this.#byId = next;
  }

  /** @returns why it was refused, or null */
  create(subject: string, addresses: readonly string[], of: number | null): Promise<CodedError | null> {
    return this.#made(() =>
      this.#ports.bridge.call('groups.create', {
        subject: subject.trim(),
        addresses: [...addresses],
        ...(of === null ? {} : { extends: of }),
      }),
    );
  }

  joinAddress(address: string, anonymous: boolean): Promise<CodedError | null> {
    return this.#made(() => this.#ports.bridge.call('groups.joinAddress', { address, ...(anonymous ? { anonymous } : {}) }));
  }

  /** One of the account's groups: nothing of it is asked, so what is refused is said in the notice. */
  async joinKnown(address: string): Promise<void> {
    const error = await this.joinAddress(address, false);
    if (error !== null) this.#ports.refused(error);
  }

  async add(conversationId: number, addresses: readonly string[]): Promise<CodedError | null> {
    try {
      await this.#ports.bridge.call('groups.add', { conversationId, addresses: [...addresses] });
      this.gathering = null;
      return null;
    } catch (thrown) {
      return toCodedError(thrown);
    }
  }

  join(conversationId: number, anonymous = false): Promise<void> {
    return this.#ask(conversationId, () => this.#ports.bridge.call('groups.join', { conversationId, ...(anonymous ? { anonymous } : {}) }));
  }

  decline(conversationId: number): Promise<void> {
    return this.#ask(conversationId, () => this.#ports.bridge.call('groups.decline', { conversationId }));
  }

  /** The person has confirmed it. */
  async confirm(): Promise<void> {
    const wanted = this.confirming;
    this.confirming = null;
    if (wanted === null) return;
    const conversationId = wanted.conversation.id;
    await this.#ask(conversationId, () =>
      wanted.kind === 'leave'
        ? this.#ports.bridge.call('groups.leave', { conversationId })
        : this.#ports.bridge.call('groups.remove', { conversationId, entities: wanted.people.map(({ entity }) => entity) }),
    );
  }

  /** What the menu of a conversation offers about groups. @returns whether this is such a thing */
  act(action: ConversationAction, conversation: Conversation): boolean {
    switch (action) {
      case 'addPeople':
        void this.want(conversation).then(() => (this.gathering = { kind: 'add', conversation }));
        return true;
      case 'extend':
        this.gathering = { kind: 'extend', conversation };
        return true;
      case 'join':
        void this.join(conversation.id);
        return true;
      case 'decline':
        void this.decline(conversation.id);
        return true;
      case 'leave':
        this.confirming = { kind: 'leave', conversation };
        return true;
      default:
        return false;
    }
  }

  async #made(make: () => Promise<{ conversationId: number }>): Promise<CodedError | null> {
    try {
      const { conversationId } = await make();
      this.gathering = null;
      this.joining = false;
      await this.#ports.open(conversationId);
      return null;
    } catch (thrown) {
      return toCodedError(thrown);
    }
  }

  async #ask(conversationId: number, work: () => Promise<unknown>): Promise<void> {
    if (this.busy.has(conversationId)) return;
    this.busy = new Set([...this.busy, conversationId]);
    try {
      await work();
    } catch (thrown) {
      this.#ports.refused(toCodedError(thrown));
    } finally {
      this.busy = new Set([...this.busy].filter((id) => id !== conversationId));
    }
  }

  async #read(conversationId: number): Promise<void> {
    try {
      this.#put(await this.#ports.bridge.call('groups.read', { conversationId }));
    } catch {
      // what is known stays; the next change tells all of it
    }
  }

  #put(group: Group): void {
    this.#byId = new Map(this.#byId).set(group.conversationId, group);
  }
}
