/**
 * The log of a host: lines on stderr. From here on the process goes on after an exception nobody caught, with a line about it, and
 * after its reader has gone: a closed pipe is an error event of the stream, whose report would fail in the same way, for ever.
 */
export function startLog(): (line: string) => void {
  const log = (line: string): void => void process.stderr.write(`${line}\n`);
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  const report = (thrown: unknown): void => log(`internal: ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}`);
  process.on('uncaughtException', report);
  process.on('unhandledRejection', report);
  return log;
}
