import { ParleyError } from '../../shared/base/errors.ts';

/** What a person can ask for on the command line; each option also as `--name=value`. */
export interface Arguments {
  /** files that describe one account each, beside those that were added in the app */
  readonly accounts: readonly string[];
  /** the demo's two people: in any case, in no case, or where there is no account */
  readonly demo: boolean | null;
  /** forget what the demo kept */
  readonly fresh: boolean;
  /** the folder that holds all data, in place of the platform's */
  readonly userData: string | null;
  /** the port the demo's home network listens on */
  readonly demoPort: number | null;
  /** the port the headless host listens on */
  readonly port: number | null;
  /** one JSON line about what was started */
  readonly json: boolean;
}

const VALUED = { '--account': 'accounts', '--user-data': 'userData', '--demo-port': 'demoPort', '--port': 'port' } as const;
const FLAGS = { '--fresh': { fresh: true }, '--json': { json: true }, '--demo': { demo: true }, '--no-demo': { demo: false } } as const;

/**
 * @param unknown what to do with anything else: Chromium's switches stand among Electron's arguments, so it ignores them
 * @throws ParleyError `request.invalid` that names the argument
 */
export function parseArguments(argv: readonly string[], unknown: 'ignore' | 'refuse'): Arguments {
  const accounts: string[] = [];
  const found: { -readonly [K in keyof Arguments]: Arguments[K] } = {
    accounts,
    demo: null,
    fresh: false,
    userData: null,
    demoPort: null,
    port: null,
    json: false,
  };
  const rest = [...argv];
  for (let argument = rest.shift(); argument !== undefined; argument = rest.shift()) {
    const equals = argument.indexOf('=');
    const name = equals === -1 ? argument : argument.slice(0, equals);
    if (Object.hasOwn(FLAGS, name)) {
      if (equals !== -1) throw new ParleyError('request.invalid', `${name} takes no value`);
      Object.assign(found, FLAGS[name as keyof typeof FLAGS]);
    } else if (Object.hasOwn(VALUED, name)) {
      const value = equals === -1 ? rest.shift() : argument.slice(equals + 1);
      if (value === undefined || value === '' || value.startsWith('--')) throw new ParleyError('request.invalid', `${name} needs a value`);
      const field = VALUED[name as keyof typeof VALUED];
      if (field === 'accounts') accounts.push(value);
      else if (field === 'demoPort' || field === 'port') found[field] = port(name, value);
      else found[field] = value;
    } else if (unknown === 'refuse') {
      throw new ParleyError('request.invalid', `unknown argument ${JSON.stringify(argument)}`);
    }
  }
  if ((accounts.length > 0 || found.demo === false) && (found.fresh || found.demoPort !== null)) {
    throw new ParleyError('request.invalid', '--fresh and --demo-port are for the demo, not for --account and --no-demo');
  }
  return found;
}

function port(name: string, value: string): number {
  const number = Number(value);
  if (!/^\d{1,5}$/.test(value) || number > 65535) throw new ParleyError('request.invalid', `${name} is a number from 0 to 65535`);
  return number;
}
