import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { databaseError } from '../../../electron/sqlite/database.ts';
import { openStore } from '../../../electron/store/open-store.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';
import { BOB, compose, openInThread, openWith } from './fixture.ts';

const folder = temporaryFolder();
const mounted = mountSmallDisk(join(folder, 'disk'));
afterAll(() => {
  if (mounted) execFileSync('umount', [mounted]);
});

const text = 'a long line '.repeat(400);
const row = (n: number) => ({ conversationId: 1, text, imdnId: `i${n}`, contributionId: 'c', now: n });

test('without room a write is refused whole, and later ones work when there is room again', () => {
  const { database, store } = openInThread(join(folder, 'limited.db'));
  openWith(store);
  const pages = database.pragma('page_count', { simple: true }) as number;
  database.pragma(`max_page_count = ${pages + 40}`);
  let stored = 0;
  let refusal: unknown;
  while (!refusal && stored < 500) {
    try {
      store.composeText(row(stored));
      stored += 1;
    } catch (thrown) {
      refusal = thrown;
    }
  }
  expect(databaseError(refusal).code).toBe('store.full');
  expect(database.pragma('integrity_check', { simple: true })).toBe('ok');
  expect(store.messages({ conversationId: 1, limit: 500 }).items).toHaveLength(stored);
  database.pragma(`max_page_count = ${pages + 4000}`);
  expect(store.composeText(row(stored)).created).toBe(true);
  expect(compose(store, 1, 'after').message.id).toBe(stored + 2);
  database.close();
});

describe.skipIf(!mounted)('on a disk that is really full', () => {
  test('what was answered is there, what was refused is not, and work goes on when there is room', async () => {
    const options = {
      path: join(mounted as string, 'store.db'),
      worker: new URL('../../../electron/store/worker.ts', import.meta.url),
      nativeBinding: null,
    };
    const ballast = join(mounted as string, 'ballast');
    writeFileSync(ballast, Buffer.alloc(512 * 1024));
    let store = await openStore(options);
    await store.openConversation({ peer: BOB, title: 'Bob', cpmConversationId: 'c', now: 1 });
    const stored: string[] = [];
    const refused: string[] = [];
    // twenty at a time, so that a commit of many runs into the end of the disk
    for (let n = 0; n < 2000 && refused.length < 5; n += 20) {
      const outcomes = Array.from({ length: 20 }, (_, k) =>
        store.composeText(row(n + k)).then(
          () => stored.push(`i${n + k}`),
          (error: { code: string }) => {
            expect(error.code).toBe('store.full');
            refused.push(`i${n + k}`);
          },
        ),
      );
      await Promise.all(outcomes);
    }
    expect(refused.length).toBeGreaterThanOrEqual(5);
    const ids = async () => (await store.messages({ conversationId: 1, limit: 1000 })).items.map((item) => item.imdnId);
    expect(await ids()).toEqual(stored);
    rmSync(ballast);
    expect((await store.composeText({ ...row(5000), imdnId: 'after' })).created).toBe(true);
    await store.close();
    store = await openStore(options);
    expect(await ids()).toEqual([...stored, 'after']);
    expect(await store.messageInfo(1)).toMatchObject({ message: { imdnId: 'i0' }, waiting: { attempts: 0 } });
    await store.close();
  });
});

/** Only Linux lets its root do so; the test above needs nobody's leave. */
function mountSmallDisk(path: string): string | null {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return null;
  try {
    mkdirSync(path);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', path], { stdio: 'ignore' });
    return path;
  } catch {
    return null;
  }
}
