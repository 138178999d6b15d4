import type { Clock } from '../../../shared/base/clock.ts';
import type { Conversation } from '../../../shared/model/conversation.ts';
import type { Bridge } from '../../bridge/bridge.ts';
import type { Thumbnails } from '../files/thumbnails.ts';
import { Outgoing } from '../thread/outgoing.svelte.ts';
import { Composer, type ComposerPorts } from './composer.svelte.ts';

export interface WorkbenchPorts {
  readonly bridge: Bridge;
  readonly clock: Clock;
  /** octets, 0 = no limit */
  readonly maxFileSize: () => number;
  readonly thumbnails: Thumbnails;
}

/** Where what was written goes: a composer outlives the thread it was opened with. */
export type Recipient = Pick<ComposerPorts, 'sendText' | 'sendFile'>;

/** What is being written in each conversation, and what was written there and is not known to be stored. */
export class Workbench {
  readonly #ports: WorkbenchPorts;
  readonly #composers = new Map<number, Composer>();
  readonly #outgoing = new Map<number, Outgoing>();

  constructor(ports: WorkbenchPorts) {
    this.#ports = ports;
  }

  composerOf({ id, draft, draftQuoteId, draftFiles }: Conversation, recipient: Recipient): Composer {
    const known = this.#composers.get(id);
    if (known !== undefined) return known;
    const kept = { text: draft, quoteId: draftQuoteId, fileCount: draftFiles };
    const composer = new Composer(id, kept, {
      ...this.#ports,
      ...recipient,
    });
    this.#composers.set(id, composer);
    return composer;
  }

  outgoingOf(conversationId: number): Outgoing {
    const outgoing = this.#outgoing.get(conversationId) ?? new Outgoing(this.#ports.bridge, conversationId);
    this.#outgoing.set(conversationId, outgoing);
    return outgoing;
  }

  /** The composer begins anew from what the core has. */
  clear(conversationId: number): void {
    this.#composers.delete(conversationId);
  }

  forget(conversationId: number): void {
    this.clear(conversationId);
    this.#outgoing.delete(conversationId);
  }

  /** What the link broke off: drafts, and messages of conversations but the open one, which sends its own. */
  sendAgain(openId: number | null): void {
    for (const composer of this.#composers.values()) composer.saveDraft();
    for (const [id, outgoing] of this.#outgoing) {
      if (id !== openId) for (const each of outgoing.interrupted) void outgoing.submit(each);
    }
  }
}
