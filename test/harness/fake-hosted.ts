import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ClientPorts, HostActions, HostedAccount } from '../../electron/app/port.ts';
import { systemClock } from '../../shared/base/clock.ts';
import { FakeAccounts } from './fake-accounts.ts';
import { createFakeClient, type FakeClient } from './fake-client.ts';
import { ManualNetwork } from './manual-network.ts';

const noActions: HostActions = {
  chooseFiles: async () => [],
  openPath: async () => {},
  showInFolder: async () => {},
  chooseFolder: async () => null,
  saveCopy: async () => true,
  openUrl: async () => {},
};

/** A fake client core as a host holds it, with real folders. */
export function fakeHosted(
  folder: string,
  name: string,
  options: { host?: HostActions; maxFileSize?: number } = {},
): HostedAccount & { readonly client: FakeClient } {
  const data = join(folder, name);
  const paths = { data, downloads: join(data, 'Downloads') };
  mkdirSync(paths.downloads, { recursive: true });
  const ports: ClientPorts = {
    account: {
      address: `sip:${name}@parley.example`,
      displayName: name,
      user: name,
      password: 'a password of this test',
      outboundProxy: '127.0.0.1:5060',
      transport: 'tcp',
      maxFileSize: options.maxFileSize ?? 0,
    },
    paths,
    host: options.host ?? noActions,
    network: new ManualNetwork('127.0.0.1'),
    store: { worker: new URL('file:///store-worker.js'), nativeBinding: null },
    version: '0.1.0',
    platform: 'linux',
    neighbours: [{ address: 'sip:carol@parley.example', displayName: 'Carol' }],
    clock: systemClock,
  };
  const client = createFakeClient(ports);
  const { subscribe, offerFile, picture } = client;
  const handlers = { ...client.handlers, ...new FakeAccounts().handlers };
  return { name, account: ports.account, paths, handlers, subscribe, offerFile, picture, client };
}
