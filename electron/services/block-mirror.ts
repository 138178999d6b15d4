import { fromUtf8 } from '../../shared/base/bytes.ts';
import { toCodedError } from '../../shared/base/errors.ts';
import { canonicalAddress } from '../../shared/model/address.ts';
import { RESOURCE_LISTS_TYPE } from '../../shared/protocol/lists/resource-lists.ts';
import { type XcapTarget, xcapElement } from '../../shared/protocol/xcap/selector.ts';
import { decodeXcapDocument, selectNode } from '../../shared/protocol/xcap/xcap-document.ts';
import { attributeValue, escapeXml } from '../../shared/protocol/xml/xml.ts';
import type { XcapClient } from '../xcap/port.ts';
import type { ServiceContext } from './context.ts';

/** cpm.md sections 1 and 16.6 */
const LIST = 'oma_blockedcontacts';
const NAMESPACE = 'urn:ietf:params:xml:ns:resource-lists';
const ELEMENT_TYPE = 'application/xcap-el+xml';
/** setting: the addresses that were written there, as JSON; what is on it and not blocked here any more is taken off the network's list */
const MIRRORED = 'xcap.blocked';
/** tries against another device that writes at the same time */
const MOST_TRIES = 5;
const RETRY_MS = [30_000, 120_000, 600_000];

/**
 * Keeps the network's block list as it is here, so that what blocked people send does not even come. The rows of the store are what is
 * wanted, and what was written is kept with them; whatever differs is done at the next sign-in or a while later. Entries that are others'
 * stay, in the list and beside it.
 */
export class BlockMirror {
  readonly #context: Pick<ServiceContext, 'account' | 'store' | 'clock' | 'log'>;
  readonly #documents: XcapClient | null;
  readonly #index: XcapTarget;
  #working: Promise<void> | null = null;
  #isAskedAgain = false;
  #failures = 0;
  #cancelRetry: (() => void) | null = null;
  #isStopped = false;

  constructor(context: Pick<ServiceContext, 'account' | 'store' | 'clock' | 'log'>, documents: XcapClient | null) {
    this.#context = context;
    this.#documents = documents;
    this.#index = { auid: 'resource-lists', user: context.account.address, document: 'index', node: null };
  }

  /** Somebody was blocked or is no more, or the device has signed in. One run at a time; resolves when there is nothing left to do for now. */
  update(): Promise<void> {
    const documents = this.#documents;
    if (documents === null || this.#isStopped) return Promise.resolve();
    this.#cancelRetry?.();
    this.#isAskedAgain = true;
    this.#working ??= this.#work(documents).finally(() => {
      this.#working = null;
    });
    return this.#working;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancelRetry?.();
    await this.#working;
  }

  async #work(documents: XcapClient): Promise<void> {
    const { clock, log } = this.#context;
    try {
      while (this.#isAskedAgain && !this.#isStopped) {
        this.#isAskedAgain = false;
        await this.#mirror(documents);
      }
      this.#failures = 0;
    } catch (thrown) {
      log(`block list: ${toCodedError(thrown).code} ${toCodedError(thrown).detail}`);
      if (this.#isStopped) return;
      const after = RETRY_MS[Math.min(this.#failures, RETRY_MS.length - 1)] ?? 0;
      this.#failures += 1;
      this.#cancelRetry = clock.after(after, () => void this.update());
    }
  }

  async #mirror(documents: XcapClient): Promise<void> {
    const { store } = this.#context;
    const wanted = new Set((await store.blockedConversations()).flatMap(({ addresses }) => addresses));
    const written = addressesIn(await store.setting(MIRRORED));
    if (wanted.size === 0 && written.size === 0) return;
    await this.#write(documents, wanted, written);
    const now = JSON.stringify([...wanted].sort());
    if (now !== JSON.stringify([...written].sort())) await store.setSetting(MIRRORED, now);
  }

  async #write(documents: XcapClient, wanted: ReadonlySet<string>, written: ReadonlySet<string>): Promise<void> {
    for (let round = 0; round < MOST_TRIES; round++) {
      const index = await documents.get(this.#index);
      const there = index === null ? null : entriesIn(fromUtf8(index.body));
      if (index === null || there === null) {
        const list = listOf([...wanted]);
        const isDone =
          wanted.size === 0 ||
          (await (index === null
            ? documents.put(this.#index, RESOURCE_LISTS_TYPE, documentOf(list), 'absent')
            : documents.put(this.#at(), ELEMENT_TYPE, list, index)));
        if (isDone) return;
        // another device has made it meanwhile
        continue;
      }
      const known = new Set([...there].map(folded));
      // what was written before and is gone was taken off by another device of the person, and is not written again
      const added = [...wanted].filter((address) => !known.has(address) && !written.has(address));
      const gone = [...there].filter((uri) => written.has(folded(uri)) && !wanted.has(folded(uri)));
      for (const address of added) await documents.put(this.#at(address), ELEMENT_TYPE, entryOf(address, true), 'any');
      for (const uri of gone) await documents.remove(this.#at(uri));
      return;
    }
    throw new Error(`written by others ${MOST_TRIES} times`);
  }

  #at(uri?: string): XcapTarget {
    const list = ['list', 'name', LIST] as const;
    const node = uri === undefined ? xcapElement('resource-lists', list) : xcapElement('resource-lists', list, ['entry', 'uri', uri]);
    return { ...this.#index, node };
  }
}

/** @returns null where the document has no such list @throws ParleyError `xml.*` */
function entriesIn(text: string): Set<string> | null {
  const list = selectNode(decodeXcapDocument(text), xcapElement('resource-lists', ['list', 'name', LIST]), NAMESPACE)?.element;
  if (list === undefined) return null;
  const entries = list.children.filter(({ namespace, name }) => namespace === NAMESPACE && name === 'entry');
  return new Set(entries.flatMap((entry) => attributeValue(entry, 'uri') ?? []));
}

function folded(uri: string): string {
  return canonicalAddress(uri) ?? uri;
}

function listOf(addresses: readonly string[]): string {
  return `<list xmlns="${NAMESPACE}" name="${LIST}">${addresses.map((address) => entryOf(address, false)).join('')}</list>`;
}

function documentOf(list: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<resource-lists xmlns="${NAMESPACE}">${list}</resource-lists>\n`;
}

function entryOf(uri: string, isAlone: boolean): string {
  return `<entry${isAlone ? ` xmlns="${NAMESPACE}"` : ''} uri="${escapeXml(uri)}"/>`;
}

function addressesIn(stored: string | null): ReadonlySet<string> {
  try {
    const parsed: unknown = stored === null ? [] : JSON.parse(stored);
    return new Set(Array.isArray(parsed) ? parsed.filter((each) => typeof each === 'string') : []);
  } catch {
    return new Set();
  }
}
