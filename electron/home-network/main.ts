import process from 'node:process';
import { type HomeNetworkArguments, readArguments, USAGE } from './arguments.ts';
import { startHomeNetwork } from './index.ts';
import { createSmtpGateway } from './interworking/smtp-gateway.ts';

/** The home network alone: one JSON line on stdout (where it listens and who may sign in), one line a request on stderr. */
async function main(argv: readonly string[]): Promise<number> {
  let settings: HomeNetworkArguments;
  try {
    settings = readArguments(argv);
  } catch (thrown) {
    process.stderr.write(`${thrown instanceof Error ? thrown.message : String(thrown)}\nusage: ${USAGE}\n`);
    return 2;
  }
  const log = (line: string): void => void process.stderr.write(`${line}\n`);
  try {
    const { data: folder, smtp, ...given } = settings;
    const here = import.meta.url;
    const worker = new URL(here.endsWith('.ts') ? './databases/worker.ts' : './home-network-worker.js', here);
    const network = await startHomeNetwork({
      ...given,
      ...(smtp === null ? {} : { gateway: createSmtpGateway(smtp) }),
      databases: { worker, nativeBinding: null, folder },
      log,
    });
    const { address, domain, accounts, groups } = network;
    process.stdout.write(`${JSON.stringify({ address, domain, accounts, groups })}\n`);
    await new Promise<void>((resolve) => {
      process.once('SIGINT', () => resolve());
      process.once('SIGTERM', () => resolve());
    });
    await network.close();
    return 0;
  } catch (thrown) {
    process.stderr.write(
      `cannot listen on ${settings.host}:${settings.port}: ${thrown instanceof Error ? thrown.message : String(thrown)}\n`,
    );
    return 1;
  }
}

process.exitCode = await main(process.argv.slice(2));
