import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { NetworkDatabase } from '../../../electron/home-network/databases/open.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';

const worker = new URL('../../../electron/home-network/databases/worker.ts', import.meta.url);
const folder = temporaryFolder();

test('a database that does not exist fails each call, and takes the network along with nothing', async () => {
  const database = new NetworkDatabase<{ anything(): void }>({ worker, nativeBinding: null, folder: join(folder, 'a') }, 'nothing', [
    'anything',
  ]);
  await expect(database.calls.anything()).rejects.toMatchObject({ code: 'internal' });
  await expect(database.calls.anything()).rejects.toMatchObject({ code: 'internal' });
  await database.close();
  await expect(database.calls.anything()).rejects.toMatchObject({ code: 'store.closed' });
});

test('one that is never asked starts no thread and makes no file', async () => {
  const databases = { worker, nativeBinding: null, folder: join(folder, 'b') };
  const database = new NetworkDatabase<{ anything(): void }>(databases, 'nothing', ['anything']);
  await database.close();
  await expect(database.calls.anything()).rejects.toMatchObject({ code: 'store.closed' });
  expect(readdirSync(folder)).not.toContain('b');
});
