import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { isUsable, KeptAccounts, keptFile, MAX_KEPT, sameAddress } from '../../../electron/app/accounts/kept-accounts.ts';
import { fileSecrets, type Secrets } from '../../../electron/app/accounts/secrets.ts';
import { accountFolder, accountName } from '../../../electron/app/paths.ts';
import { ParleyError } from '../../../shared/base/errors.ts';
import type { Account } from '../../../shared/model/account.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';

const root = temporaryFolder();
let userData = '';
let number = 0;

beforeEach(() => {
  userData = join(root, `user-${++number}`);
});

const ALICE: Account = {
  address: 'sip:alice@example.com',
  displayName: 'Alice',
  user: 'alice',
  password: 'Pa55-0rd',
  outboundProxy: 'sip.example.com:5061',
  transport: 'tls',
  maxFileSize: 1000,
  listServer: 'sip:lists@example.com',
  caCertificates: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
};
const BOB: Account = {
  address: 'sip:bob@example.com',
  displayName: 'Bob',
  user: 'bob',
  password: 'x',
  outboundProxy: 'a.example',
  transport: 'tcp',
  maxFileSize: 0,
};

/** A keyring that anybody can look through: what is tested is who asks it for what. */
const keyring: Secrets = {
  kind: 'keyring',
  seal: (secret) => ({ by: 'keyring', text: `sealed ${Buffer.from(secret).toString('base64')}` }),
  open({ by, text }) {
    if (by === 'file') return text;
    if (!text.startsWith('sealed ')) throw new ParleyError('account.secret', 'another keyring');
    return Buffer.from(text.slice(7), 'base64').toString();
  },
};

const open = (secrets: Secrets = fileSecrets) => KeptAccounts.open(userData, secrets, 77);
const onDisk = (): string => readFileSync(keptFile(userData), 'utf8');
const usable = (kept: KeptAccounts) => kept.all.map(({ account }) => account);

describe('the accounts that the app keeps', () => {
  it('are there again after the next start, whole, in a file of the person alone', async () => {
    const kept = await open();
    await Promise.all([kept.put(ALICE), kept.put(BOB)]);
    expect(usable(kept)).toEqual([ALICE, BOB]);
    expect(usable(await open())).toEqual([ALICE, BOB]);
    expect(statSync(keptFile(userData)).mode & 0o777).toBe(0o600);
    expect(readdirSync(userData)).toEqual(['accounts.json']);
  });

  it('lie there without their passwords where there is a keyring', async () => {
    await (await open(keyring)).put(ALICE);
    expect(onDisk()).not.toContain(ALICE.password);
    expect(usable(await open(keyring))).toEqual([ALICE]);
  });

  it('are sealed by a keyring that was not there before', async () => {
    await (await open()).put(ALICE);
    expect(onDisk()).toContain(ALICE.password);
    expect(usable(await open(keyring))).toEqual([ALICE]);
    expect(onDisk()).not.toContain(ALICE.password);
  });

  it('say so one by one when their password cannot be had, and are usable again with a new one', async () => {
    await (await open(keyring)).put(ALICE);
    await (await open(keyring)).put(BOB);
    writeFileSync(keptFile(userData), onDisk().replace(/sealed (?=[^"]*"\s*\}\s*\}\s*,)/, 'other '));
    const kept = await open(keyring);
    expect(kept.all.map(({ account }) => (isUsable(account) ? 'usable' : account.code))).toEqual(['account.secret', 'usable']);
    await kept.put(ALICE);
    expect(usable(await open(keyring))).toEqual([ALICE, BOB]);
    expect((await open()).all.map(({ account }) => (isUsable(account) ? 'usable' : account.code))).toEqual([
      'account.secret',
      'account.secret',
    ]);
  });

  it('are replaced by address, however that is written, and are not without number', async () => {
    const kept = await open();
    await kept.put(ALICE);
    await kept.put({ ...ALICE, address: 'sip:alice@EXAMPLE.com', displayName: 'A' });
    expect(kept.all.map(({ displayName }) => displayName)).toEqual(['A']);
    expect(sameAddress('sip:alice@example.com', 'sip:Alice@example.com')).toBe(false);
    for (let count = 1; count < MAX_KEPT; count++) await kept.put({ ...BOB, address: `sip:b${count}@example.com` });
    await expect(kept.put({ ...BOB, address: 'sip:onemore@example.com' })).rejects.toMatchObject({ code: 'request.invalid-state' });
  });
});

describe('removing one', () => {
  const name = accountName(ALICE.address);
  const folder = () => accountFolder(userData, name);

  beforeEach(async () => {
    await (await open()).put(ALICE);
    mkdirSync(folder(), { recursive: true });
    writeFileSync(join(folder(), 'parley.db'), 'messages');
  });

  it('takes its folder with it, or leaves it', async () => {
    await (await open()).remove(name, true);
    expect(existsSync(folder())).toBe(true);
    await (await open()).put(ALICE);
    const kept = await open();
    await kept.remove(name, false);
    expect([existsSync(folder()), kept.all]).toEqual([false, []]);
    expect(JSON.parse(onDisk())).toEqual({ version: 1, accounts: [], leaving: [] });
  });

  it('is finished by the next start where it was cut short', async () => {
    writeFileSync(keptFile(userData), JSON.stringify({ version: 1, accounts: [], leaving: [name] }));
    await open();
    expect(existsSync(folder())).toBe(false);
    expect(JSON.parse(onDisk()).leaving).toEqual([]);
  });

  it('and adding it again before that keeps what is new', async () => {
    const kept = await open();
    writeFileSync(keptFile(userData), JSON.stringify({ version: 1, accounts: [], leaving: ['../../elsewhere'] }));
    expect((await open()).problem?.code).toBe('account.list-damaged');
    await kept.put(ALICE);
    expect(JSON.parse(onDisk()).leaving).toEqual([]);
  });
});

describe('the file they are kept in', () => {
  it.each([
    '{',
    '[]',
    'null',
    '{"version":1}',
    '{"version":1,"accounts":[7]}',
    '{"version":0,"accounts":[]}',
    '{"version":"2","accounts":[]}',
  ])('is set aside where it holds %s, and begins anew', async (text) => {
    mkdirSync(userData, { recursive: true });
    writeFileSync(keptFile(userData), text);
    const kept = await open();
    expect([kept.problem?.code, kept.all]).toEqual(['account.list-damaged', []]);
    expect(readFileSync(`${keptFile(userData)}.corrupt-77`, 'utf8')).toBe(text);
    await kept.put(ALICE);
    expect((await open()).problem).toBeNull();
  });

  it('is left alone where a newer version wrote it', async () => {
    mkdirSync(userData, { recursive: true });
    const text = '{"version":2,"accounts":"elsewhere"}';
    writeFileSync(keptFile(userData), text);
    const kept = await open();
    expect([kept.problem?.code, kept.all]).toEqual(['account.list-unusable', []]);
    await expect(kept.put(ALICE)).rejects.toMatchObject({ code: 'request.invalid-state' });
    expect(onDisk()).toBe(text);
  });

  it('has entries that stand in nobody’s way when they are wrong', async () => {
    await (await open()).put(ALICE);
    const { accounts } = JSON.parse(onDisk());
    const wrong = [
      { address: 'nonsense' },
      { ...accounts[0], address: 'sip:c@example.com', transport: 'udp' },
      { ...accounts[0], extra: 1 },
    ];
    writeFileSync(keptFile(userData), JSON.stringify({ version: 1, accounts: [...wrong, accounts[0]] }));
    const kept = await open();
    expect(kept.all.map(({ account }) => (isUsable(account) ? 'usable' : account.code))).toEqual([
      'account.secret',
      'account.malformed',
      'account.malformed',
      'usable',
    ]);
    expect(JSON.stringify(kept.all.slice(0, 3))).not.toContain(ALICE.password);
    await kept.put(BOB);
    expect(JSON.parse(onDisk()).accounts).toHaveLength(5);
  });

  it('is the one before when the machine stops between writing and renaming', async () => {
    await (await open()).put(ALICE);
    const before = onDisk();
    // a process of its own that is gone at the moment of the rename
    const module = new URL('../../../electron/app/accounts/kept-accounts.ts', import.meta.url).href;
    const secrets = new URL('../../../electron/app/accounts/secrets.ts', import.meta.url).href;
    const script = `
      import fs from 'node:fs/promises';
      import { syncBuiltinESMExports } from 'node:module';
      fs.rename = async () => process.kill(process.pid, 'SIGKILL');
      syncBuiltinESMExports();
      const { KeptAccounts } = await import(${JSON.stringify(module)});
      const { fileSecrets } = await import(${JSON.stringify(secrets)});
      const kept = await KeptAccounts.open(${JSON.stringify(userData)}, fileSecrets, 1);
      await kept.put(${JSON.stringify(BOB)});
      console.log('not killed');`;
    const run = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
    expect([run.signal, run.stdout]).toEqual(['SIGKILL', '']);
    expect(readdirSync(userData).sort()).toEqual(['accounts.json', 'accounts.json.new']);
    expect(onDisk()).toBe(before);
    const kept = await open();
    expect(usable(kept)).toEqual([ALICE]);
    await kept.put(BOB);
    expect(usable(await open())).toEqual([ALICE, BOB]);
  });

  it('that cannot be written changes nothing, and says so', async () => {
    const kept = await open();
    await kept.put(ALICE);
    rmSync(keptFile(userData));
    mkdirSync(join(keptFile(userData), 'in the way'), { recursive: true });
    await expect(kept.put(BOB)).rejects.toMatchObject({ code: 'file.unwritable' });
    expect(usable(kept)).toEqual([ALICE]);
    rmSync(keptFile(userData), { recursive: true });
    await kept.put(BOB);
    expect(usable(await open())).toEqual([ALICE, BOB]);
  });
});
