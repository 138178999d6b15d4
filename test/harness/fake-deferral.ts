import type { Binding } from '../../electron/home-network/bindings.ts';
import type { Deferral, DeferredItem, DeferredRecord } from '../../electron/home-network/deferral/port.ts';
import { utf8 } from '../../shared/base/bytes.ts';
import { Emitter } from '../../shared/base/emitter.ts';

/** What waits, in memory: the pull interface's other side. */
export class FakeDeferral implements Deferral {
  readonly changed: Deferral['changed'] = new Emitter();
  readonly items = new Map<number, DeferredItem & { readonly text: string }>();
  readonly claims = new Map<number, string>();
  /** `7 delivered`, in their order */
  readonly settled: string[] = [];
  readonly files: { readonly id: number; readonly device: Binding }[] = [];
  #next = 1;

  /** Something comes in for that user. */
  add(owner: string, fields: Partial<DeferredItem> & { readonly text?: string } = {}): DeferredItem {
    const id = this.#next++;
    const text = fields.text ?? `text ${id}`;
    const item = {
      id,
      uri: `sip:dm-${id.toString(16).padStart(8, '0')}@home1.example`,
      owner,
      kind: 'pager' as const,
      from: 'sip:carol@home1.example',
      sentAt: Date.UTC(2026, 2, 1, 18, 2, id),
      size: text.length,
      expiresAt: Date.UTC(2026, 2, 8, 18, 2, id),
      contentType: 'text/plain',
      subject: null,
      conversationId: null,
      contributionId: null,
      imdnId: `imdn-${id}`,
      text,
      ...fields,
    };
    this.items.set(id, item);
    this.changed.emit({ owner, added: [item], removed: [] });
    return item;
  }

  async list(owner: string): Promise<readonly DeferredItem[]> {
    return [...this.items.values()].filter((item) => item.owner === owner && !this.claims.has(item.id));
  }

  async claim(owner: string, ids: readonly number[] | 'all', by: string): Promise<readonly DeferredItem[]> {
    const free = (await this.list(owner)).filter(({ id }) => ids === 'all' || ids.includes(id));
    for (const { id } of free) this.claims.set(id, by);
    return free;
  }

  async content(id: number): Promise<Uint8Array> {
    const item = this.items.get(id);
    if (item === undefined) throw new Error(`no item ${id}`);
    return utf8(cpimOf(item));
  }

  async record(id: number): Promise<DeferredRecord> {
    const item = this.items.get(id);
    if (item === undefined) throw new Error(`no item ${id}`);
    return {
      ...{ author: item.from, instance: null, origin: null, fields: [], body: new Uint8Array(0), mediaType: null, file: null },
      ...{ isDelivered: false, isReported: false, taken: {}, holders: [], ...item },
    };
  }

  async settle(id: number, how: string): Promise<boolean> {
    const item = this.items.get(id);
    if (item === undefined) return false;
    this.items.delete(id);
    this.claims.delete(id);
    this.settled.push(`${id} ${how}`);
    this.changed.emit({ owner: item.owner, added: [], removed: [item.uri] });
    return true;
  }

  async release(ids: readonly number[]): Promise<void> {
    for (const id of ids) this.claims.delete(id);
  }

  deliverFile(item: DeferredItem, device: Binding): void {
    this.files.push({ id: item.id, device });
  }
}

/** The message of an item, as it was sent. */
export function cpimOf(item: Pick<DeferredItem, 'from' | 'owner' | 'sentAt' | 'imdnId'> & { readonly text: string }): string {
  return [
    `From: <${item.from}>`,
    `To: <sip:${item.owner}@home1.example>`,
    `DateTime: ${new Date(item.sentAt).toISOString()}`,
    'NS: imdn <urn:ietf:params:imdn>',
    `imdn.Message-ID: ${item.imdnId}`,
    'imdn.Disposition-Notification: positive-delivery, display',
    '',
    'Content-Type: text/plain;charset=UTF-8',
    `Content-Length: ${item.text.length}`,
    '',
    item.text,
  ].join('\r\n');
}
