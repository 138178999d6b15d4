import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ParleyError } from '../../../shared/base/errors.ts';
import type { Octets } from '../focus/spool.ts';

/** Files of what waits in a database: one each, by the name that its row says. */
export class DeferralFiles {
  readonly folder: string;
  readonly #isTemporary: boolean;

  /** @param data the network's folder; null: what is here goes with the network. @param name of the folder in it */
  constructor(data: string | null, name = 'deferred-files') {
    this.#isTemporary = data === null;
    this.folder = data === null ? mkdtempSync(join(tmpdir(), 'parley-deferral-')) : join(data, name);
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
  }

  /** @param known names of those that belong to an item; what else is here is of a process that has ended */
  clean(known: ReadonlySet<string>): void {
    for (const name of readdirSync(this.folder)) if (!known.has(name)) rmSync(join(this.folder, name), { force: true });
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  async remove(name: string): Promise<void> {
    await rm(this.path(name), { force: true });
  }

  read(name: string): Promise<Uint8Array> {
    return readFile(this.path(name));
  }

  /** @throws ParleyError `file.unreadable` */
  async open(name: string): Promise<Octets> {
    try {
      const handle = await open(this.path(name), 'r');
      const { size } = await handle.stat();
      let holders = 1;
      return {
        size,
        source: { fd: handle.fd, start: 0, end: size },
        async head(most) {
          const octets = new Uint8Array(Math.min(most, size));
          const { bytesRead } = await handle.read(octets, 0, octets.length, 0);
          return octets.subarray(0, bytesRead);
        },
        hold() {
          holders += 1;
        },
        release() {
          holders -= 1;
          if (holders === 0) void handle.close().catch(() => undefined);
        },
      };
    } catch (thrown) {
      throw new ParleyError('file.unreadable', String(thrown), { cause: thrown });
    }
  }

  close(): void {
    if (this.#isTemporary) rmSync(this.folder, { recursive: true, force: true });
  }
}

export function octetsIn(content: Uint8Array): Octets {
  const none = (): void => undefined;
  return { size: content.length, source: content, head: async (most) => content.subarray(0, most), hold: none, release: none };
}
