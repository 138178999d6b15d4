// Runs one benchmark file in this process and hands its results to the parent.
import { pathToFileURL } from 'node:url';

const { run } = await import(pathToFileURL(process.argv[2] ?? '').href);
process.send?.(await run());
process.disconnect();
