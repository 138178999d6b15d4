import type { Params } from '../../../shared/ipc/contract.ts';
import type { Link, ServiceContext } from '../context.ts';
import type { Capabilities } from './capabilities.ts';
import type { ChatTarget } from './start-chat.ts';
import type { Typing } from './typing.ts';

interface ConversationViewPorts {
  readonly capabilities: Capabilities;
  readonly typing: Typing;
  readonly link: () => Link | null;
}

/** What the window says of the conversation that the person has in front of him. */
export class ConversationView {
  readonly #context: ServiceContext;
  readonly #ports: ConversationViewPorts;
  #shown: ChatTarget | null = null;
  #latest = 0;

  constructor(context: ServiceContext, ports: ConversationViewPorts) {
    this.#context = context;
    this.#ports = ports;
  }

  isShown(peer: string): boolean {
    return this.#shown?.peer === peer;
  }

  async shown({ conversationId }: Params<'conversations.shown'>): Promise<void> {
    const turn = ++this.#latest;
    const target = conversationId === null ? null : await this.#target(conversationId);
    if (turn !== this.#latest) return;
    this.#shown = target;
    this.ask();
  }

  /** There is a link (again): what could not be asked is asked now. */
  ask(): void {
    const link = this.#ports.link();
    if (link && this.#shown && !this.#shown.isGroup) void this.#ports.capabilities.ask(this.#shown, link);
  }

  async typing({ conversationId, typing }: Params<'typing.set'>): Promise<void> {
    const target = await this.#target(conversationId);
    if (target) this.#ports.typing.set(target, typing);
  }

  async sent({ conversationId }: Pick<Params<'messages.sendText'>, 'conversationId'>): Promise<void> {
    const target = await this.#target(conversationId);
    if (target) this.#ports.typing.sent(target.peer);
  }

  /** null for several people but those of a group that this person is in; and for whoever is to learn nothing of this person yet, or any more */
  async #target(conversationId: number): Promise<ChatTarget | null> {
    const { kind, peer, route, cpmConversationId, mode, request, blocked, standing } =
      await this.#context.store.conversation(conversationId);
    const isGroup = standing === 'member';
    return (kind === 'person' || isGroup) && !request && !blocked ? { peer, route, cpmConversationId, mode, isGroup } : null;
  }
}
