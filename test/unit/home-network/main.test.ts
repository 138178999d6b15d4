import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readArguments } from '../../../electron/home-network/arguments.ts';
import type { HomeAccount } from '../../../electron/home-network/index.ts';
import { SipPeer } from '../../harness/sip-peer.ts';

describe('the home network alone', () => {
  it('reads its command line and makes passwords of its own', () => {
    const read = readArguments(['--port', '5070', '--users', 'alice, bob,alice']);
    expect(read).toMatchObject({ port: 5070, host: '127.0.0.1', domain: 'parley.example' });
    expect(read.users.map(({ user, displayName }) => [user, displayName])).toEqual([
      ['alice', 'Alice'],
      ['bob', 'Bob'],
    ]);
    expect(read.users[0]?.password).not.toBe(read.users[1]?.password);
    expect(readArguments(['--password', 'x']).users[1]?.password).toBe('x');
    expect(readArguments([]).media).toEqual({ msrp: 'end-to-end', maxFileSize: 0 });
    expect(readArguments(['--msrp', 'anchor', '--max-file-size', '5000']).media).toEqual({ msrp: 'anchor', maxFileSize: 5000 });
    const groups = ['--group', 'club=alice,bob', '--open-group', 'lobby', '--max-group', '20'];
    expect(readArguments(groups)).toMatchObject({
      groups: [
        { name: 'club', members: ['alice', 'bob'] },
        { name: 'lobby', members: [], joinIn: true },
      ],
      conferences: { maxUsers: 20 },
    });
    const wrongGroups = [
      ['--open-group', 'alice'],
      ['--group', 'lobby=alice', '--open-group', 'lobby'],
      ['--max-group', '1'],
    ];
    const octets = [
      ['--msrp', 'sideways'],
      ['--max-file-size', '1k'],
    ];
    for (const wrong of [
      ['--port', '70000'],
      ['--port', 'x'],
      ['--users', 'a b'],
      ['--users', ''],
      ['--domain', '-'],
      ['--what'],
      ...octets,
      ...wrongGroups,
    ]) {
      expect(() => readArguments(wrong)).toThrow();
    }
  });

  it('prints one JSON line, logs on stderr, and ends cleanly on SIGTERM', async () => {
    const file = fileURLToPath(new URL('../../../electron/home-network/main.ts', import.meta.url));
    const child = spawn(process.execPath, [file, '--port', '0', '--users', 'alice'], { stdio: ['ignore', 'pipe', 'pipe'] });
    const lines: string[] = [];
    const logged = once(createInterface(child.stderr), 'line');
    const output = createInterface(child.stdout).on('line', (line) => lines.push(line));
    await once(output, 'line');
    const { address, domain, accounts } = JSON.parse(lines[0] as string) as {
      address: { host: string; port: number };
      domain: string;
      accounts: HomeAccount[];
    };
    expect([domain, accounts.length, accounts[0]?.address]).toEqual(['parley.example', 1, 'sip:alice@parley.example']);
    const alice = await SipPeer.connect(address, accounts[0] as HomeAccount);
    expect((await alice.register()).status).toBe(200);
    expect((await logged)[0]).toMatch(/REGISTER alice 401/);
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
    await alice.closed();
    expect(lines).toHaveLength(1);
  });
});
