import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector';
import { join } from 'node:path';

const INTERVAL_US = 200;

/** Where the time goes from now on, into the folder that PARLEY_BENCH_PROFILE names; a later one of the same name takes its place. @returns ends it */
export function startProfile(name: string): () => void {
  const folder = process.env['PARLEY_BENCH_PROFILE'];
  if (folder === undefined) return () => {};
  const session = new Session();
  session.connect();
  session.post('Profiler.enable');
  session.post('Profiler.setSamplingInterval', { interval: INTERVAL_US });
  session.post('Profiler.start');
  return () =>
    session.post('Profiler.stop', (_error, { profile }) => writeFileSync(join(folder, `${name}.cpuprofile`), JSON.stringify(profile)));
}
