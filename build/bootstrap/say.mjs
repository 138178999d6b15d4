/** A failure whose message already says what to do; shown without a stack. */
export class StepError extends Error {}

/** One line to the person at the terminal, on stderr. */
export function say(line) {
  process.stderr.write(`parley: ${line}\n`);
}

/** Runs a slow step, saying first what it is and afterwards how long it took. */
export async function slowly(what, work) {
  say(`${what} ...`);
  const started = Date.now();
  const result = await work();
  say(`${what}: done in ${((Date.now() - started) / 1000).toFixed(1)} s`);
  return result;
}

/** Reports an error and gives the exit code. */
export function fail(error) {
  say(error instanceof StepError ? error.message : `unexpected error, please report it: ${error?.stack ?? error}`);
  return 1;
}
