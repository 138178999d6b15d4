import { concatBytes } from '../../../shared/base/bytes.ts';
import { ParleyError, toCodedError } from '../../../shared/base/errors.ts';
import type { StoredItem, StoredPeer } from '../../../shared/ipc/history-contract.ts';
import { addressTitle, canonicalAddress } from '../../../shared/model/address.ts';
import {
  decodeObjectHead,
  decodeStoredObject,
  kindOfObject,
  type StoredObject,
} from '../../../shared/protocol/cpm-objects/stored-object.ts';
import { encodeImapUrl, type ImapUrl } from '../../../shared/protocol/imap/imap-url.ts';
import type { MailClient, MailFolder, MailHead } from '../../imap/port.ts';
import type { ImportedText } from '../../store/port.ts';
import type { ServiceContext } from '../context.ts';
import { fileNameIn, isNotification, noteOf, textOf } from './read-object.ts';

/** octets of an object that is read whole; what is larger is shown by its header */
const LONGEST_READ = 2_097_152;
/** of the description of a file */
const LONGEST_DESCRIPTION = 262_144;
const SHOWN = 200;
const PREVIEW = 300;
/** texts in one transaction of the store */
const AT_ONCE = 100;
const MOST_FOLDERS = 5_000;

interface Stored {
  readonly folder: MailFolder;
  readonly head: MailHead;
  readonly peer: string;
  readonly name: string;
  readonly direction: 'in' | 'out';
  readonly kind: StoredObject['kind'];
  readonly sentAt: number;
}

/** Where the account's message store is, and how it is signed in to. */
export interface Archive extends Pick<ImapUrl, 'user' | 'host' | 'port'> {
  connect(): Promise<MailClient>;
}

/** What the Message Storage Server has of this account's conversations: to be looked through, brought onto this device, and deleted. */
export class HistoryService {
  readonly #context: ServiceContext;
  readonly #archive: Archive | null;

  /** @param archive null: the account has no message store */
  constructor(context: ServiceContext, archive: Archive | null) {
    this.#context = context;
    this.#archive = archive;
  }

  people(): Promise<StoredPeer[]> {
    return this.#with(async (mail) => {
      const people = new Map<string, { name: string; items: number; lastAt: number }>();
      for (const { peer, name, sentAt } of await this.#stored(mail)) {
        const known = people.get(peer) ?? { name: '', items: 0, lastAt: 0 };
        people.set(peer, { name: known.name || name, items: known.items + 1, lastAt: Math.max(known.lastAt, sentAt) });
      }
      return [...people]
        .map(([peer, each]) => ({ peer, ...each, name: each.name || addressTitle(peer) }))
        .sort((one, other) => other.lastAt - one.lastAt);
    });
  }

  items({
    peer,
    text,
  }: {
    readonly peer?: string | undefined;
    readonly text?: string | undefined;
  }): Promise<{ items: StoredItem[]; more: boolean }> {
    return this.#with(async (mail) => {
      const wanted = peer === undefined ? null : this.#peerOf(peer);
      const all = (await this.#stored(mail, text)).filter((each) => wanted === null || each.peer === wanted);
      all.sort((one, other) => other.sentAt - one.sentAt);
      const items: StoredItem[] = [];
      let at = 0;
      for (; at < all.length && items.length < SHOWN; at++) {
        const item = await this.#item(mail, all[at] as Stored);
        if (item !== null) items.push(item);
      }
      return { items, more: at < all.length };
    });
  }

  /** Texts, once each, with what became of them. Nobody is told that they were fetched. */
  fetch(peer: string): Promise<{ conversationId: number | null; fetched: number; known: number; left: number }> {
    return this.#with(async (mail) => {
      const wanted = this.#peerOf(peer);
      const stored = (await this.#stored(mail)).filter((each) => each.peer === wanted);
      const texts: (ImportedText & { readonly conversation: string })[] = [];
      const reached = new Map<string, 'delivered' | 'displayed'>();
      let left = 0;
      for (const each of stored) {
        const object = await this.#read(mail, each);
        const note = object === null ? null : noteOf(object);
        if (note !== null && reached.get(note.messageId) !== 'displayed') reached.set(note.messageId, note.reached);
        if (object !== null && isNotification(object)) continue;
        const text = object === null ? null : textOf(object);
        if (text === null || object === null) left += 1;
        else texts.push({ ...text, direction: each.direction, reached: null, conversation: object.headers.conversationId ?? '' });
      }
      texts.sort((one, other) => one.sentAt - other.sentAt);
      const name = stored.find((each) => each.name !== '')?.name ?? '';
      const { conversationId, fetched } = await this.#import(wanted, name, texts, reached);
      return { conversationId, fetched, known: texts.length - fetched, left };
    });
  }

  /** URLs by which the network finds those items; nothing of them is fetched. @throws ParleyError `request.not-found` for one that is gone */
  references(ids: readonly string[]): Promise<string[]> {
    return this.#with(async (mail, { user, host, port }) => {
      const urls: string[] = [];
      for (const id of ids) {
        const { folder, uid } = placeOf(id);
        const uidValidity = await mail.uidValidity(folder);
        if (!(await mail.uids(folder)).includes(uid)) throw new ParleyError('request.not-found', 'the archive has it no more');
        urls.push(encodeImapUrl({ user, host, port, folder, uidValidity, uid, section: null }));
      }
      return urls;
    });
  }

  remove(peer: string, ids?: readonly string[]): Promise<number> {
    return this.#with(async (mail) => {
      const wanted = this.#peerOf(peer);
      const named = ids === undefined ? null : new Set(ids);
      const gone = (await this.#stored(mail)).filter((each) => each.peer === wanted && (named?.has(idOf(each)) ?? true));
      const byFolder = new Map<string, { folder: MailFolder; uids: number[] }>();
      for (const { folder, head } of gone) {
        const key = JSON.stringify(folder);
        const held = byFolder.get(key) ?? { folder, uids: [] };
        byFolder.set(key, held);
        held.uids.push(head.uid);
      }
      for (const { folder, uids } of byFolder.values()) await mail.remove(folder, uids);
      return gone.length;
    });
  }

  async #import(
    peer: string,
    name: string,
    texts: readonly (ImportedText & { readonly conversation: string })[],
    reached: ReadonlyMap<string, 'delivered' | 'displayed'>,
  ): Promise<{ conversationId: number | null; fetched: number }> {
    const { store, clock, notices } = this.#context;
    let conversationId: number | null = null;
    let fetched = 0;
    for (let at = 0; at < texts.length; at += AT_ONCE) {
      const some = texts.slice(at, at + AT_ONCE).map(({ conversation: _, ...text }) => ({
        ...text,
        reached: text.direction === 'out' ? (reached.get(text.imdnId) ?? null) : null,
      }));
      const title = name || addressTitle(peer);
      const row = { peer, title, cpmConversationId: texts[at]?.conversation ?? '', now: clock.now(), texts: some };
      const { conversation, imported } = await store.importTexts(row);
      conversationId = conversation.id;
      fetched += imported;
      if (imported > 0) notices.changed({ conversation });
    }
    return { conversationId, fetched };
  }

  async #item(mail: MailClient, stored: Stored): Promise<StoredItem | null> {
    const { peer, direction, sentAt, head, kind } = stored;
    const told = { id: idOf(stored), peer, direction, sentAt, octets: head.size };
    if (kind === 'file') return { ...told, kind, text: await this.#fileName(mail, stored) };
    const object = await this.#read(mail, stored);
    if (object !== null && isNotification(object)) return null;
    if (object === null) return { ...told, kind: 'other', text: '' };
    if (object.kind === 'session') return { ...told, kind: object.session.outcome === 'missed' ? 'missed' : 'session', text: '' };
    const text = textOf(object)?.text.slice(0, PREVIEW) ?? null;
    return { ...told, kind: text === null ? 'other' : 'text', text: text ?? '' };
  }

  /** By the description of the file, which is the first part: its octets stay where they are. */
  async #fileName(mail: MailClient, { folder, head }: Stored): Promise<string> {
    const pieces: Uint8Array[] = [];
    let length = 0;
    try {
      for await (const piece of await mail.part(folder, head.uid, '1')) {
        length += piece.length;
        if (length <= LONGEST_DESCRIPTION) pieces.push(piece);
      }
      return fileNameIn(concatBytes(pieces));
    } catch (thrown) {
      const { code, detail } = toCodedError(thrown);
      if (code.startsWith('history.')) throw thrown;
      this.#context.log(`stored file: ${code}: ${detail}`);
      return '';
    }
  }

  /** Null for what is too large to be read whole, or cannot be read. */
  async #read(mail: MailClient, { folder, head }: Stored): Promise<StoredObject | null> {
    if (head.size > LONGEST_READ) return null;
    try {
      return decodeStoredObject(await mail.message(folder, head.uid, LONGEST_READ));
    } catch (thrown) {
      const { code, detail } = toCodedError(thrown);
      if (code.startsWith('history.')) throw thrown;
      this.#context.log(`stored message: ${code}: ${detail}`);
      return null;
    }
  }

  async #stored(mail: MailClient, text?: string): Promise<Stored[]> {
    const stored: Stored[] = [];
    const folders = (await mail.folders()).filter(([first]) => first?.toUpperCase() !== 'INBOX').slice(0, MOST_FOLDERS);
    for (const folder of folders) {
      const uids = text === undefined ? await mail.uids(folder) : await mail.withText(folder, text);
      for (const head of uids.length === 0 ? [] : await mail.heads(folder, uids)) {
        const known = this.#known(folder, head);
        if (known !== null) stored.push(known);
      }
    }
    return stored;
  }

  /** Null for what is no object of a conversation: other mail may lie in the same mailboxes. */
  #known(folder: MailFolder, head: MailHead): Stored | null {
    try {
      const { headers, contentType } = decodeObjectHead(head.header);
      const { direction, from, to, date } = headers;
      const other = direction === 'sent' ? to[0] : from;
      if (direction === null || !other || headers.conversationId === null) return null;
      const sentAt = date ?? head.received;
      const peer = this.#peerOf(other.address);
      return {
        folder,
        head,
        peer,
        name: other.name,
        direction: direction === 'sent' ? 'out' : 'in',
        kind: kindOfObject(contentType),
        sentAt,
      };
    } catch {
      return null;
    }
  }

  #peerOf(address: string): string {
    const { account, contacts } = this.#context;
    return contacts.peerOf(canonicalAddress(address, account.countryCode) ?? address);
  }

  async #with<T>(run: (mail: MailClient, archive: Archive) => Promise<T>): Promise<T> {
    const archive = this.#archive;
    if (archive === null) throw new ParleyError('request.invalid-state', 'the account has no message store');
    const mail = await archive.connect();
    try {
      return await run(mail, archive);
    } finally {
      await mail.close();
    }
  }
}

/** Of {@link idOf}. */
function placeOf(id: string): { readonly folder: MailFolder; readonly uid: number } {
  const at = id.lastIndexOf(UID);
  const uid = at < 1 ? 0 : Number(id.slice(at + UID.length));
  if (!Number.isInteger(uid) || uid < 1) throw new ParleyError('request.invalid', 'not an item of the archive');
  return { folder: id.slice(0, at).split('/'), uid };
}

const UID = ';UID=';

function idOf({ folder, head }: Pick<Stored, 'folder' | 'head'>): string {
  return `${folder.join('/')}${UID}${head.uid}`;
}
