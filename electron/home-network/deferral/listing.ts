import { Emitter } from '../../../shared/base/emitter.ts';
import type { NewItem, StoredItem } from './database.ts';
import type { DeferredChange, DeferredItem, DeferredRecord } from './port.ts';

/** What is told of the items that wait: their names, how many there are, and what changes. Notifications are never listed. */
export class Listing {
  readonly changed = new Emitter<DeferredChange>();
  readonly #domain: string;
  readonly #counts = new Map<string, number>();

  constructor(domain: string) {
    this.#domain = domain;
  }

  begin(counts: readonly { readonly owner: string; readonly items: number }[]): void {
    for (const { owner, items } of counts) this.#counts.set(owner, items);
  }

  count(owner: string): number {
    return this.#counts.get(owner) ?? 0;
  }

  added(item: Omit<NewItem, 'content'> & { readonly id: number }): void {
    if (item.kind === 'notification') return;
    this.#counts.set(item.owner, this.count(item.owner) + 1);
    this.changed.emit({ owner: item.owner, added: [this.item(item)], removed: [] });
  }

  removed(owner: string, uri: string): void {
    this.#counts.set(owner, this.count(owner) - 1);
    this.changed.emit({ owner, added: [], removed: [uri] });
  }

  uri(token: string): string {
    return `sip:dm-${token}@${this.#domain}`;
  }

  record({ token, ...item }: StoredItem): DeferredRecord {
    return { ...item, uri: this.uri(token) };
  }

  item(item: Omit<NewItem, 'content'> & { readonly id: number }): DeferredItem {
    const { id, token, owner, kind, from, sentAt, size, expiresAt, contentType, subject, conversationId, contributionId, imdnId } = item;
    const ids = { conversationId, contributionId, imdnId };
    return { id, uri: this.uri(token), owner, kind, from, sentAt, size, expiresAt, contentType, subject, ...ids };
  }
}
