import type { Binding } from '../bindings.ts';
import type { FocusHost } from '../focus/focus-host.ts';
import type { ServerTransaction } from '../server-transaction.ts';
import type { HomeUser } from '../settings.ts';
import { type DeferralFiles, octetsIn } from './files.ts';
import type { DeferredItem, DeferredRecord } from './port.ts';
import { isAskedFor, type PullEnd, PullSession, pullIn } from './pull-session.ts';
import { nameOf } from './push.ts';

export interface PullsHost {
  readonly focus: () => FocusHost;
  readonly files: DeferralFiles;
  /** by item: who has it under way */
  readonly claims: Map<number, string>;
  list(owner: string): Promise<readonly DeferredItem[]>;
  record(id: number): Promise<DeferredRecord>;
  content(id: number): Promise<{ readonly octets: Uint8Array | null; readonly file: string | null } | null>;
  taken(item: DeferredRecord, device: Binding): Promise<void>;
  progress(item: DeferredRecord, device: string, octets: number): Promise<void>;
  release(id: number): void;
  failed(thrown: unknown): void;
}

/**
 * Files that wait here, and that a device of their owner asks for, of whom they are from (R-PF-16, flow F16): this network has the octets, and their author may
 * be long gone.
 */
export class Pulls {
  readonly #host: PullsHost;

  constructor(host: PullsHost) {
    this.#host = host;
  }

  /** @param author whom he asks. @returns false where it does not wait here, or is on its way already: then its author is asked */
  async serve(transaction: ServerTransaction, asker: HomeUser, author: string, device: Binding): Promise<boolean> {
    const { claims, list, record, failed } = this.#host;
    const pull = pullIn(transaction.request);
    if (pull === null) return false;
    try {
      const size = pull.media.fileSelector?.size ?? null;
      const files = (await list(asker.user)).filter((item) => item.kind === 'file' && (size === null || item.size === size));
      for (const { id } of files) {
        const item = await record(id);
        if (item.author !== author || claims.has(id) || !isAskedFor(pull, item)) continue;
        claims.set(id, 'pull');
        if (await this.#give(transaction, asker, pull, item, device)) return true;
      }
    } catch (thrown) {
      failed(thrown);
    }
    return false;
  }

  async #give(
    transaction: ServerTransaction,
    asker: HomeUser,
    pull: NonNullable<ReturnType<typeof pullIn>>,
    item: DeferredRecord,
    device: Binding,
  ): Promise<boolean> {
    const { focus, files, content, release } = this.#host;
    try {
      const found = await content(item.id);
      if (found === null) return false;
      const octets = found.file === null ? octetsIn(found.octets ?? new Uint8Array(0)) : await files.open(found.file);
      // whoever asked has given up, or gone
      if (transaction.isAnswered || !transaction.flow.isOpen) {
        octets.release();
        release(item.id);
        return true;
      }
      const given = { octets, contentType: item.mediaType ?? 'application/octet-stream' };
      new PullSession(focus(), transaction, asker, pull, given, (end) => {
        octets.release();
        void this.#over(item, device, end);
      });
      return true;
    } catch (thrown) {
      release(item.id);
      throw thrown;
    }
  }

  async #over(item: DeferredRecord, device: Binding, { isSent, acknowledged }: PullEnd): Promise<void> {
    const { taken, progress, release, failed } = this.#host;
    try {
      if (isSent && acknowledged >= item.size) await taken(item, device);
      else await progress(item, nameOf(device), acknowledged);
    } catch (thrown) {
      failed(thrown);
    } finally {
      release(item.id);
    }
  }
}
