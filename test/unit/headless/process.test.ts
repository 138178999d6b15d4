import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { connectContract } from '../../../shared/ipc/wire.ts';
import { connectSocket } from '../../harness/socket-client.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';

const MAIN = fileURLToPath(new URL('../../../electron/headless/main.ts', import.meta.url));
const folder = temporaryFolder();
const started: ChildProcess[] = [];
afterAll(() => {
  for (const child of started) child.kill('SIGKILL');
});

function start(args: readonly string[]) {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  started.push(child);
  let stderr = '';
  child.stderr.on('data', (data: Buffer) => {
    stderr += data.toString('utf8');
  });
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve));
  const firstLine = new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve);
    void exited.then(() => reject(new Error(stderr)));
  });
  firstLine.catch(() => {});
  return { child, exited, firstLine, stderr: () => stderr };
}

describe('the headless host as a process', () => {
  it('says in one JSON line where it is, goes on when nobody reads its log, and ends cleanly when told to', async () => {
    const host = start(['--json', '--user-data', join(folder, 'one')]);
    const { accounts, homeNetwork } = JSON.parse(await host.firstLine);
    expect(homeNetwork).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(accounts.map(({ address }: { address: string }) => address)).toEqual(['sip:alice@parley.example', 'sip:bob@parley.example']);

    host.child.stdout.destroy();
    host.child.stderr.destroy();
    for (const { contract, address } of accounts) {
      const channel = await connectSocket(contract);
      expect((await connectContract(channel).call('app.state', {})).account.address).toBe(address);
      channel.close();
    }

    const second = start(['--user-data', join(folder, 'one')]);
    expect(await second.exited).toBe(1);
    expect(second.stderr()).toMatch(/^request\.invalid-state: another Parley/m);

    host.child.kill('SIGTERM');
    expect(await host.exited).toBe(0);
  });

  it('prints one readable line an account', async () => {
    const host = start(['--user-data', join(folder, 'two')]);
    expect(await host.firstLine).toMatch(/^alice@parley\.example {2}http:\/\/127\.0\.0\.1:\d+\/alice\/#token=[\w-]{32}$/);
    host.child.kill('SIGINT');
    expect(await host.exited).toBe(0);
  });

  it('ends with status 2 and says why when it cannot use what it was told', async () => {
    const file = join(folder, 'account.json');
    writeFileSync(file, '{"address":"sip:a@b.example"}');
    for (const [args, message] of [
      [['--account', file], /^account\.malformed: user: is missing$/m],
      [['--nothing'], /^request\.invalid: unknown argument "--nothing"\nusage: /m],
    ] as const) {
      const host = start([...args, '--user-data', join(folder, 'three')]);
      expect(await host.exited).toBe(2);
      expect(host.stderr()).toMatch(message);
    }
  });
});
