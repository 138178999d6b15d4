import { dirname, resolve } from 'node:path';
import * as v from 'valibot';
import { ParleyError } from '../../shared/base/errors.ts';
import type { Account, SipTransport } from '../../shared/model/account.ts';
import { isCountryCode } from '../../shared/model/numbering.ts';
import { readCaFile } from './ca-file.ts';
import { readSmallFile } from './small-file.ts';

const MAX_ACCOUNT_FILE = 64 * 1024;
const TRANSPORTS = ['tcp', 'tls', 'wss'] as const;
const HOST = String.raw`(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])`;
const ADDRESS = new RegExp(String.raw`^sip:[^\s@;?<>"\\\u0000-\u001f]{1,128}@${HOST}$`);
const PROXY = new RegExp(
  String.raw`^(sip:|wss://)?(${HOST})(?::(\d{1,5}))?(/[\w\-.~!$&'()*+,=:@%/?]{0,200})?(?:;transport=([A-Za-z]+))?$`,
  'i',
);

const RELAY = new RegExp(String.raw`^msrps://(${HOST})(?::(\d{1,5}))?/?(?:;tcp)?$`, 'i');

const oneLine = (max: number) =>
  v.pipe(
    v.string('must be a text'),
    v.nonEmpty('must not be empty'),
    v.maxLength(max, `must have at most ${max} characters`),
    v.regex(/^[^\p{Cc}]*$/u, 'must not hold control characters'),
  );

const accountFile = v.strictObject({
  address: v.pipe(oneLine(256), v.regex(ADDRESS, 'must be like sip:alice@example.com')),
  user: oneLine(256),
  password: oneLine(1024),
  outboundProxy: v.pipe(oneLine(512), v.regex(PROXY, 'must be like proxy.example.com:5060')),
  transport: v.optional(v.pipe(oneLine(8), v.toLowerCase(), v.picklist(TRANSPORTS, 'must be "tcp", "tls" or "wss"'))),
  caFile: v.optional(oneLine(4096)),
  msrpRelay: v.optional(v.pipe(oneLine(512), v.regex(RELAY, 'must be like msrps://relay.example.com:2855'))),
  displayName: v.optional(oneLine(128)),
  countryCode: v.optional(
    v.pipe(
      oneLine(4),
      v.transform((text) => text.replace(/^\+/, '')),
      v.check(isCountryCode, 'must be a country code like "49"'),
    ),
  ),
  maxFileSize: v.optional(
    v.pipe(v.number('must be a number of octets'), v.integer('must be whole'), v.minValue(0, 'must not be negative'), v.safeInteger()),
    0,
  ),
});

/**
 * Reads the JSON file an administrator wrote for one account, and the authorities it names.
 * @throws ParleyError `account.malformed`, which names the field
 */
export async function readAccountFile(path: string): Promise<Account> {
  const { account, caFile } = parseAccountFile(await readSmallFile(path, MAX_ACCOUNT_FILE));
  return caFile === null ? account : { ...account, caCertificates: await readCaFile(resolve(dirname(path), caFile)) };
}

export interface AccountFile {
  readonly account: Account;
  /** as it stands in the file: absolute, or relative to the file's folder */
  readonly caFile: string | null;
}

/** @throws ParleyError `account.malformed` */
export function parseAccountFile(text: string): AccountFile {
  let json: unknown;
  try {
    json = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (thrown) {
    throw new ParleyError('account.malformed', 'not JSON', { cause: thrown });
  }
  const parsed = v.safeParse(accountFile, json, { abortEarly: true });
  if (!parsed.success) throw new ParleyError('account.malformed', explain(parsed.issues[0]));
  const { address, user, password, outboundProxy, displayName, maxFileSize, caFile, countryCode, msrpRelay } = parsed.output;
  const next = nextHop(outboundProxy, parsed.output.transport);
  if (caFile !== undefined && next.transport === 'tcp' && msrpRelay === undefined) {
    throw new ParleyError('account.malformed', 'caFile: only with the transport tls or wss or a relay, tcp proves nothing');
  }
  return {
    account: {
      address,
      user,
      password,
      ...next,
      displayName: displayName ?? address.slice('sip:'.length, address.indexOf('@')),
      ...(msrpRelay === undefined ? {} : { msrpRelay: relayUri(msrpRelay) }),
      maxFileSize,
      ...(countryCode === undefined ? {} : { countryCode }),
    },
    caFile: caFile ?? null,
  };
}

/** `transport` may stand in the address of the proxy as well; said twice it must be the same. */
function nextHop(proxy: string, named: SipTransport | undefined): Pick<Account, 'outboundProxy' | 'transport'> {
  const [, scheme, host, port, path, parameter] = PROXY.exec(proxy) ?? [];
  const number = Number(port ?? 1);
  if (host === undefined || number < 1 || number > 65535) {
    throw new ParleyError('account.malformed', 'outboundProxy: the port must be 1 to 65535');
  }
  const inAddress = scheme?.toLowerCase() === 'wss://' ? 'wss' : parameter?.toLowerCase();
  const transport = TRANSPORTS.find((one) => one === (inAddress ?? named ?? 'tcp'));
  if (transport === undefined) throw new ParleyError('account.malformed', 'outboundProxy: the transport must be tcp, tls or wss');
  if (transport !== (named ?? transport)) throw new ParleyError('account.malformed', `outboundProxy: its transport is not ${named}`);
  if (path !== undefined && transport !== 'wss') throw new ParleyError('account.malformed', 'outboundProxy: only wss has a path');
  return { outboundProxy: `${host}${port === undefined ? '' : `:${number}`}${path ?? ''}`, transport };
}

function relayUri(text: string): string {
  const [, host, port = '2855'] = RELAY.exec(text) ?? [];
  const number = Number(port);
  if (host === undefined || number < 1 || number > 65535)
    throw new ParleyError('account.malformed', 'msrpRelay: the port must be 1 to 65535');
  return `msrps://${host}:${number};tcp`;
}

function explain(issue: v.BaseIssue<unknown>): string {
  const field = v.getDotPath(issue);
  if (field === null) return 'the file must hold one JSON object';
  if (issue.expected === 'never') return `${field}: no such field`;
  if (issue.received === 'undefined') return `${field}: is missing`;
  return `${field}: ${issue.message}`;
}
