import { isMainThread } from 'node:worker_threads';
import { loopDelay } from './chat-beside.ts';

/** Loaded into a program beforehand: from one SIGUSR2 to the next its event loop is watched, and stderr is told how late it was. */
if (isMainThread) {
  let stop: ReturnType<typeof loopDelay> | null = null;
  process.on('SIGUSR2', () => {
    if (stop === null) stop = loopDelay();
    else {
      process.stderr.write(`loop ${JSON.stringify(stop())}\n`);
      stop = null;
    }
  });
}
