// Every static check: format, lint, import direction, unused code, types of each layer. `--only lint|types` for one kind.
import { checkLine, runChecks } from './lib/checks.ts';

const only = process.argv.indexOf('--only');
const kind = only === -1 ? undefined : process.argv[only + 1];
if (kind !== undefined && kind !== 'lint' && kind !== 'types') {
  console.error('Usage: npm run lint -- [--only lint|types]');
  process.exit(64);
}
const results = await runChecks(kind, (result) => {
  if (!result.ok) console.log(result.output);
  console.log(checkLine(result));
});
process.exitCode = results.every((result) => result.ok) ? 0 : 1;
