import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ElectronApplication } from 'playwright-core';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { header } from '../../shared/protocol/sip/message.ts';
import { TestAuthority } from '../harness/certificates.ts';
import { electronPath, launchElectron } from '../harness/electron-app.ts';
import { type ScriptedConnection, ScriptedSipServer } from '../harness/scripted-sip-server.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';

// the TLS of Electron is BoringSSL, that of the other suites OpenSSL
describe.skipIf(electronPath === '').each(['tls', 'wss'] as const)('an account over %s in Electron', (transport) => {
  const folder = temporaryFolder();
  let authority: TestAuthority;
  let app: ElectronApplication | null = null;
  let server: ScriptedSipServer | null = null;

  beforeAll(() => {
    authority = new TestAuthority();
    writeFileSync(join(folder, 'authority.pem'), authority.certificate);
  });
  afterEach(async () => {
    await app?.close();
    await server?.stop();
  });

  /** @returns the connections the server has seen by now */
  async function launch(
    name: string,
  ): Promise<{ app: ElectronApplication; seen: ScriptedConnection[]; first: Promise<ScriptedConnection> }> {
    server = await ScriptedSipServer.start({ transport, tls: authority.issue(`DNS:${name}`) });
    const account = { address: 'sip:alice@home1.example', user: 'alice', password: 'x', outboundProxy: `127.0.0.1:${server.port}` };
    const file = join(folder, `${name}.json`);
    writeFileSync(file, JSON.stringify({ ...account, transport, caFile: 'authority.pem' }));
    const seen: ScriptedConnection[] = [];
    const first = server.connection();
    void first.then((connection) => seen.push(connection));
    app = await launchElectron(['--user-data', join(folder, name), '--account', file]);
    return { app, seen, first };
  }

  it('signs in at a server with a certificate of its own authority', async () => {
    const { first } = await launch('home1.example');
    const register = await (await first).request('REGISTER');
    expect(header(register, 'Via')).toContain(`SIP/2.0/${transport.toUpperCase()} `);
  });

  it('says so when the server is not the right one, and sends it nothing', async () => {
    const { app, seen } = await launch('other.example');
    const page = await app.firstWindow();
    await page.getByText('The server could not prove that it is the right one').waitFor();
    expect(seen.flatMap(({ untaken }) => untaken)).toEqual([]);
  });
});
