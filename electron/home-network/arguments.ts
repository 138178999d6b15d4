import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import type { HomeUser } from './settings.ts';

export interface HomeNetworkArguments {
  readonly host: string;
  readonly port: number;
  readonly domain: string;
  readonly users: readonly HomeUser[];
}

export const USAGE = 'home-network --port N --users alice,bob [--host 127.0.0.1] [--domain parley.example] [--password X]';

/**
 * Reads the command line. Users without a given password get a random one each.
 * @throws Error with one line that says what to correct
 */
export function readArguments(argv: readonly string[]): HomeNetworkArguments {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      port: { type: 'string', default: '0' },
      users: { type: 'string', default: 'alice,bob' },
      host: { type: 'string', default: '127.0.0.1' },
      domain: { type: 'string', default: 'parley.example' },
      password: { type: 'string' },
    },
  });
  const port = Number(values.port);
  if (!/^[0-9]+$/.test(values.port) || port > 65_535) throw new Error('--port takes a number from 0 to 65535');
  if (!/^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?$/.test(values.domain)) throw new Error('--domain takes a host name');
  const names = [...new Set(values.users.split(',').map((name) => name.trim()))];
  if (names.some((name) => !/^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$/.test(name))) {
    throw new Error('--users takes names of letters, digits and . _ + -, separated by commas');
  }
  const users = names.map((user) => ({
    user,
    password: values.password ?? randomBytes(12).toString('base64url'),
    displayName: user.charAt(0).toUpperCase() + user.slice(1),
  }));
  return { host: values.host, port, domain: values.domain, users };
}
