import { DEFERRED_HANDLING } from '../../../shared/protocol/cpm/names.ts';
import { DEFERRED_INFO_TYPE, encodeDeferredInfo } from '../../../shared/protocol/deferred-info/deferred-info.ts';
import type { DeferredEntry } from '../../../shared/protocol/deferred-info/entry.ts';
import { encodeMessageSummary, MESSAGE_SUMMARY_TYPE } from '../../../shared/protocol/deferred-info/message-summary.ts';
import type { Deferral } from '../deferral/port.ts';
import type { Directory } from '../directory.ts';
import type { Rules } from '../rules/rules.ts';
import type { HomeUser } from '../settings.ts';
import type { Asked, EventPackage, Feed, Listener, Notice } from '../subscriptions/event-package.ts';
import type { Listed } from './retrieval-host.ts';

/** octets of one notification, about; what is more follows in the next one */
const MOST_OCTETS = 400_000;

interface Parts {
  readonly directory: Directory;
  readonly deferral: Deferral;
  readonly rules: Rules;
}

/** The package `deferred-messages` (cpm.md section 11.1): what waits in the network for the one who asks, and for nobody else. */
export class DeferredList implements EventPackage {
  readonly name = 'deferred-messages';
  readonly types = [DEFERRED_INFO_TYPE, MESSAGE_SUMMARY_TYPE];
  readonly defaultExpires = 3_600;
  readonly maxExpires = 86_400;
  readonly pace = 500;
  readonly #parts: Parts;
  /** by owner, the newest last */
  readonly #feeds = new Map<string, OwnList[]>();

  constructor(parts: Parts) {
    this.#parts = parts;
    parts.deferral.changed.on(({ owner, added, removed }) => this.say(owner, added, removed));
  }

  open({ subscriber, uri, type }: Asked, listener: Listener): Feed | number {
    const { deferral, directory } = this.#parts;
    if (uri.user !== DEFERRED_HANDLING || !directory.isOurs(uri)) return 404;
    const own = this.#feeds.get(subscriber.user) ?? [];
    const list = new OwnList(deferral, subscriber, type === MESSAGE_SUMMARY_TYPE ? directory.addressOf(subscriber) : null, listener, () => {
      own.splice(own.indexOf(list), 1);
      if (own.length === 0) this.#feeds.delete(subscriber.user);
      // where only the newest is told, it is another one now
      else own.at(-1)?.tell();
    });
    own.push(list);
    this.#feeds.set(subscriber.user, own);
    return list;
  }

  /** All devices that have subscribed hear of it, or the one that did last (cpm.md section 16.2). */
  say(owner: string, added: readonly Listed[], removed: readonly string[]): void {
    const own = this.#feeds.get(owner);
    const user = this.#parts.directory.byName(owner);
    if (own === undefined || user === null) return;
    const listed = added.flatMap((item) => entryOf(item) ?? []);
    for (const feed of own) feed.note(listed, removed);
    const told = this.#parts.rules.of(user).devices === 'all' ? own : own.slice(-1);
    for (const feed of [...told]) feed.tell();
  }
}

/** One subscriber's view. */
class OwnList implements Feed {
  readonly #deferral: Deferral;
  readonly #owner: HomeUser;
  /** address of the owner where only a count is wanted */
  readonly #account: string | null;
  readonly #listener: Listener;
  readonly #closed: () => void;
  readonly #added = new Map<string, DeferredEntry>();
  readonly #removed = new Set<string>();
  #version = 0;

  constructor(deferral: Deferral, owner: HomeUser, account: string | null, listener: Listener, closed: () => void) {
    this.#deferral = deferral;
    this.#owner = owner;
    this.#account = account;
    this.#listener = listener;
    this.#closed = closed;
  }

  note(added: readonly DeferredEntry[], removed: readonly string[]): void {
    for (const uri of removed) {
      this.#added.delete(uri);
      this.#removed.add(uri);
    }
    for (const entry of added) {
      this.#removed.delete(entry.uri);
      this.#added.set(entry.uri, entry);
    }
  }

  tell(): void {
    if (this.#added.size + this.#removed.size > 0) this.#listener.changed();
  }

  async next(isWhole: boolean): Promise<Notice | null> {
    if (this.#account !== null) return this.#summary(this.#account, isWhole);
    if (isWhole) return this.#whole();
    if (this.#added.size + this.#removed.size === 0) return null;
    const room = { octets: MOST_OCTETS };
    const removed = taken(this.#removed, room, (uri) => 6 * uri.length + 50);
    const items = taken(this.#added.values(), room, weightOf);
    for (const uri of removed) this.#removed.delete(uri);
    for (const { uri } of items) this.#added.delete(uri);
    return this.#notice('partial', items, removed);
  }

  close(): void {
    this.#closed();
  }

  async #whole(): Promise<Notice> {
    this.#added.clear();
    this.#removed.clear();
    const waiting = (await this.#deferral.list(this.#owner.user)).flatMap((item) => entryOf(item) ?? []);
    const items = taken(waiting, { octets: MOST_OCTETS }, weightOf);
    // what became known meanwhile is newer than the list
    for (const entry of waiting.slice(items.length))
      if (!this.#removed.has(entry.uri) && !this.#added.has(entry.uri)) this.#added.set(entry.uri, entry);
    return this.#notice('full', items, []);
  }

  async #summary(account: string, isWhole: boolean): Promise<Notice | null> {
    if (!isWhole && this.#added.size + this.#removed.size === 0) return null;
    this.#added.clear();
    this.#removed.clear();
    const waiting = (await this.#deferral.list(this.#owner.user)).filter((item) => entryOf(item) !== null);
    return { body: encodeMessageSummary(waiting.length, account), hasMore: false };
  }

  #notice(state: 'full' | 'partial', items: readonly DeferredEntry[], removed: readonly string[]): Notice {
    this.#version += 1;
    const body = encodeDeferredInfo({ version: this.#version, state, items, removed });
    return { body, hasMore: this.#added.size + this.#removed.size > 0 };
  }
}

/** The first ones there is room for. */
function taken<T>(all: Iterable<T>, room: { octets: number }, weight: (one: T) => number): T[] {
  const some: T[] = [];
  for (const one of all) {
    room.octets -= weight(one);
    if (room.octets < 0) break;
    some.push(one);
  }
  return some;
}

/** At least the octets that it takes, escapes counted. */
function weightOf({ uri, from, contentType, subject }: DeferredEntry): number {
  return 300 + 6 * (uri.length + from.length + contentType.length + (subject?.length ?? 0));
}

/** Null for what is delivered without anybody's choice. */
function entryOf({ uri, kind, from, sentAt, size, expiresAt, contentType, subject, undone }: Listed): DeferredEntry | null {
  if (kind === 'notification') return null;
  const entry = { uri, kind, from, sent: sentAt, size, expires: expiresAt, contentType, subject };
  return undone === undefined ? entry : { ...entry, undone };
}
