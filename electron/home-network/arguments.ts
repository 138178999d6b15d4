import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import type { ConferencePolicy } from './conference/policy.ts';
import { type HistoryServer, readHistoryServer } from './history/open.ts';
import type { SmtpOptions } from './interworking/smtp-gateway.ts';
import type { MediaPolicy } from './media/policy.ts';
import { readPolicyFile } from './rules/policy-file.ts';
import type { ProviderPolicy } from './rules/rules.ts';
import type { HomeGroup, HomeUser } from './settings.ts';

export interface HomeNetworkArguments {
  readonly host: string;
  readonly port: number;
  readonly domain: string;
  readonly users: readonly HomeUser[];
  readonly groups: readonly HomeGroup[];
  readonly conferences: Pick<ConferencePolicy, 'maxUsers'>;
  readonly media: Partial<MediaPolicy>;
  /** folder of what is kept between starts; null: nothing is */
  readonly data: string | null;
  readonly policy: Partial<ProviderPolicy>;
  readonly xcapPort: number;
  readonly messageStorePort: number;
  readonly historyServer?: HistoryServer;
  /** null: nothing leaves as e-mail */
  readonly smtp: SmtpOptions | null;
}

export const USAGE =
  'home-network --port N --users alice,bob [--host 127.0.0.1] [--domain parley.example] [--password X] [--group climbing-club=alice,bob,carol]… [--open-group lobby]… [--max-group 500] [--msrp anchor] [--max-file-size OCTETS] [--data FOLDER (else nothing outlives the network)] [--policy FILE] [--xcap-port N] [--message-store-port N] [--history imaps://{user}:{password}@HOST:PORT] [--smtp HOST:PORT --mail alice=alice@example.org…]';

const NAME = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$/;

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
      group: { type: 'string', multiple: true, default: [] },
      'open-group': { type: 'string', multiple: true, default: [] },
      'max-group': { type: 'string', default: '500' },
      msrp: { type: 'string', default: 'end-to-end' },
      'max-file-size': { type: 'string', default: '0' },
      data: { type: 'string' },
      policy: { type: 'string' },
      'xcap-port': { type: 'string', default: '0' },
      smtp: { type: 'string' },
      mail: { type: 'string', multiple: true, default: [] },
      'message-store-port': { type: 'string', default: '0' },
      history: { type: 'string' },
    },
  });
  const port = portOf(values.port, '--port');
  if (!/^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?$/.test(values.domain)) throw new Error('--domain takes a host name');
  const names = [...new Set(values.users.split(',').map((name) => name.trim()))];
  if (names.some((name) => !NAME.test(name))) {
    throw new Error('--users takes names of letters, digits and . _ + -, separated by commas');
  }
  const users = names.map((user) => ({
    user,
    password: values.password ?? randomBytes(12).toString('base64url'),
    displayName: user.charAt(0).toUpperCase() + user.slice(1),
  }));
  const listed = values.group.map((text) => readGroup(text, names));
  const open = values['open-group'].map((name) => readOpenGroup(name, names));
  const groups = [...listed, ...open];
  if (new Set(groups.map(({ name }) => name)).size < groups.length) throw new Error('--group and --open-group take each name once');
  const maxUsers = Number(values['max-group']);
  if (!/^[0-9]{1,5}$/.test(values['max-group']) || maxUsers < 2 || maxUsers > 5_000)
    throw new Error('--max-group takes a number from 2 to 5000');
  const { msrp, 'max-file-size': octets } = values;
  if (msrp !== 'end-to-end' && msrp !== 'anchor') throw new Error('--msrp takes end-to-end or anchor');
  if (!/^[0-9]{1,15}$/.test(octets)) throw new Error('--max-file-size takes a number of octets, 0 for no limit');
  return {
    host: values.host,
    port,
    domain: values.domain,
    users,
    groups,
    conferences: { maxUsers },
    media: { msrp, maxFileSize: Number(octets) },
    data: values.data ?? null,
    policy: values.policy === undefined ? {} : readPolicyFile(values.policy),
    smtp: values.smtp === undefined ? null : readSmtp(values.smtp, values.mail, values.domain),
    xcapPort: portOf(values['xcap-port'], '--xcap-port'),
    messageStorePort: portOf(values['message-store-port'], '--message-store-port'),
    ...(values.history === undefined ? {} : { historyServer: readHistoryServer(values.history) }),
  };
}

/** `127.0.0.1:25`, and `alice=alice@example.org` for a user, another name or a number */
function readSmtp(text: string, addresses: readonly string[], domain: string): SmtpOptions {
  const [, host = '', port = ''] = /^(\[[0-9A-Fa-f:.]+\]|[^:\s]+):(\d+)$/.exec(text) ?? [];
  if (host === '') throw new Error('--smtp takes a host and a port, like 127.0.0.1:25');
  const mail = addresses.map((address): [string, string] => {
    const [, name = '', email = ''] = /^([^=\s]{1,128})=([^\s<>"(),:;@]{1,64}@[A-Za-z0-9.-]{1,253})$/.exec(address) ?? [];
    if (name === '') throw new Error('--mail takes a name or number, = and an e-mail address');
    return [name, email];
  });
  return { host: host.replace(/^\[|\]$/g, ''), port: portOf(port, '--smtp'), mail: new Map(mail), domain };
}

function portOf(text: string, option: string): number {
  const port = Number(text);
  if (!/^[0-9]+$/.test(text) || port > 65_535) throw new Error(`${option} takes a number from 0 to 65535`);
  return port;
}

/** `climbing-club=alice,bob` */
function readGroup(text: string, users: readonly string[]): HomeGroup {
  const [name = '', list = ''] = text.split('=');
  const members = [...new Set(list.split(',').map((member) => member.trim()))];
  if (!NAME.test(name) || users.includes(name)) throw new Error('--group takes a name that no user has, = and its members');
  const stranger = members.find((member) => !users.includes(member));
  if (stranger !== undefined) throw new Error(`--group ${name}: no user ${JSON.stringify(stranger)}`);
  return { name, members };
}

/** One that anybody may join. */
function readOpenGroup(name: string, users: readonly string[]): HomeGroup {
  if (!NAME.test(name) || users.includes(name)) throw new Error('--open-group takes a name that no user has');
  return { name, members: [], joinIn: true };
}
