import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ImapFlow } from 'imapflow';
import { Directory } from '../../electron/home-network/directory.ts';
import type { MailBounds } from '../../electron/home-network/message-store/imap/host.ts';
import { type MessageStoreServer, startMessageStore } from '../../electron/home-network/message-store/server.ts';

export const networkWorker = new URL('../../electron/home-network/databases/worker.ts', import.meta.url);
export const MAIL_PEOPLE = [
  { user: 'alice', password: 'Pa55-0rd "\\', displayName: 'Alice' },
  { user: 'bob', password: 'Gr4nite!', displayName: 'Bob' },
] as const;

/** A message store of Alice and Bob alone. */
export function mailStore(folder: string | null = null, bounds: Partial<MailBounds> = {}): Promise<MessageStoreServer> {
  return startMessageStore({
    host: '127.0.0.1',
    port: 0,
    directory: new Directory('parley.example', [], MAIL_PEOPLE),
    databases: { worker: networkWorker, nativeBinding: null, folder },
    bounds,
    now: Date.now,
  });
}

/** Signed in by a library that we did not write. */
export async function imapClient(
  port: number,
  { user, password }: { readonly user: string; readonly password: string },
): Promise<ImapFlow> {
  const client = new ImapFlow({ host: '127.0.0.1', port, secure: false, doSTARTTLS: false, auth: { user, pass: password }, logger: false });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

const PYTHON = ['/usr/bin/python3', '/usr/local/bin/python3', '/opt/homebrew/bin/python3'].find((path) => existsSync(path));

/** Why nothing of Python's can judge here; null when it can. */
export const pythonMissing: string | null = PYTHON === undefined ? 'python3 is not installed' : null;

/** Why Python's mail server cannot be had here: `smtpd` left its library with 3.12, so this is `aiosmtpd`; null when it can. */
export function smtpServerMissing(): string | null {
  if (PYTHON === undefined) return pythonMissing;
  return spawnSync(PYTHON, ['-c', 'import aiosmtpd']).status === 0 ? null : 'python3-aiosmtpd is not installed';
}

/** A script of `test/interop/mail` that goes on; its lines are JSON. */
export function runInPython(script: string): ChildProcess {
  return spawn(PYTHON as string, [scriptPath(script)], { stdio: ['ignore', 'pipe', 'inherit'] });
}

function scriptPath(script: string): string {
  return fileURLToPath(new URL(`../interop/mail/${script}`, import.meta.url));
}

/** What a script of `test/interop/mail` prints as JSON. @throws Error with what it said when it fails */
export async function judgedByPython<T>(script: string, args: readonly string[], input = ''): Promise<T> {
  const child = spawn(PYTHON as string, [scriptPath(script), ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  let out = '';
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  child.stdin.end(input);
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`${script} ended with ${String(code)}: ${said}`);
  return JSON.parse(out) as T;
}
