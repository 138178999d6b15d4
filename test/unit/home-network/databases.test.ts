import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { NetworkDatabase } from '../../../electron/home-network/databases/open.ts';
import { startHomeNetwork } from '../../../electron/home-network/index.ts';
import { freePort } from '../../harness/ports.ts';
import { SipPeer } from '../../harness/sip-peer.ts';
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

test('who connects while the network opens them is heard, and keeps it from ending no more than anybody else', async () => {
  const port = await freePort('127.0.0.1');
  const user = { user: 'alice', password: 'alice-secret', displayName: '' };
  const databases = { worker, nativeBinding: null, folder: join(folder, 'c') };
  const starting = startHomeNetwork({ host: '127.0.0.1', port, domain: 'home1.example', users: [user], databases });
  const account = { ...user, address: 'sip:alice@home1.example' };
  // as soon as the port is open, which is long before the databases are
  const connect = (): Promise<SipPeer> => SipPeer.connect({ host: '127.0.0.1', port }, account).catch(() => connect());
  const alice = await connect();
  expect((await alice.register()).status).toBe(200);
  await (await starting).close();
  await alice.closed();
});
