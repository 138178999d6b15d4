import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ParleyError, toCodedError } from '../../shared/base/errors.ts';
import { fileSecrets } from '../app/accounts/secrets.ts';
import { tryAccount } from '../app/accounts/trial.ts';
import { parseArguments } from '../app/arguments.ts';
import { createClient } from '../app/client.ts';
import { compose, LOCK_PATIENCE } from '../app/composition.ts';
import { defaultUserData } from '../app/paths.ts';
import { startLog } from '../app/process-log.ts';
import { startHomeNetwork } from '../home-network/index.ts';
import { headlessActions } from './host-actions.ts';
import { type HeadlessServer, startServer } from './server.ts';

const USAGE = `usage: npm run headless -- [--account FILE]… [--demo | --no-demo] [--fresh] [--demo-port N] [--port N] [--user-data DIR] [--json]`;
/** exit status of a command line or an account that cannot be used */
const UNUSABLE = 2;

const log = startLog();

async function main(): Promise<void> {
  const options = parseArguments(process.argv.slice(2), 'refuse');
  const here = import.meta.url;
  // Two folders up is the project, from the sources as from the build.
  const project = fileURLToPath(new URL('../../', here));
  const { version } = JSON.parse(await readFile(join(project, 'package.json'), 'utf8')) as { version: string };
  let server: HeadlessServer | null = null;
  const composition = await compose({
    arguments: options,
    userData: options.userData === null ? defaultUserData() : resolve(options.userData),
    downloads: join(homedir(), 'Downloads'),
    version,
    networkWorker: new URL(here.endsWith('.ts') ? '../home-network/databases/worker.ts' : './home-network-worker.js', here),
    store: { worker: new URL(here.endsWith('.ts') ? '../store/worker.ts' : './store-worker.js', here), nativeBinding: null },
    firstRun: 'demo',
    secrets: async () => fileSecrets,
    hostFor: () => headlessActions,
    open: async (account) => server?.serve(account).url ?? null,
    lockPatience: LOCK_PATIENCE,
    createClient,
    tryAccount,
    startHomeNetwork,
    log,
  });
  const page = join(project, 'out', 'renderer');
  const serving = await startServer({ port: options.port ?? 0, page, log }).catch(async (thrown: unknown) => {
    await composition.close();
    throw thrown;
  });
  server = serving;
  composition.accounts.left.on(({ name }) => serving.end(name));

  let ending = false;
  const end = async (): Promise<void> => {
    if (ending) return;
    ending = true;
    await serving.close();
    await composition.close();
    process.exit(0);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void end());

  const welcome = serving.serve(composition.welcome);
  const accounts = composition.accounts.all.map((account) => serving.serve(account));
  const say = options.json ? log : (line: string): void => void process.stdout.write(`${line}\n`);
  for (const { address, url } of accounts) say(`${address.replace(/^sip:/, '')}  ${url}`);
  if (accounts.length === 0) say(`no account yet  ${welcome.url}`);
  const { homeNetwork } = composition;
  if (options.json) process.stdout.write(`${JSON.stringify({ accounts, welcome: welcome.url, homeNetwork })}\n`);
}

main().catch((thrown: unknown) => {
  const { code, detail } = toCodedError(thrown);
  log(`${code}: ${detail}`);
  if (thrown instanceof ParleyError && code === 'request.invalid') log(USAGE);
  process.exit(code === 'request.invalid' || code === 'account.malformed' ? UNUSABLE : 1);
});
