import * as v from 'valibot';
import { ParleyError } from '../base/errors.ts';
import { type Account, MAX_GROUPS, MAX_RECIPIENTS, MSRP_TRANSPORTS, SIP_TRANSPORTS, type SipTransport } from './account.ts';
import { isCountryCode } from './numbering.ts';

/**
 * The rules for an account as somebody writes it down: an administrator in a file, a person in a form. Each rule is said as the end of a
 * sentence that begins with the name of the field.
 */
const HOST = String.raw`(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])`;
const ADDRESS = new RegExp(String.raw`^sip:[^\s@;?<>"\\\u0000-\u001f]{1,128}@${HOST}$`);
const LIST_SERVER = new RegExp(String.raw`^sips?:(?:[^\s@;?<>"\\\u0000-\u001f]{1,128}@)?${HOST}(?::\d{1,5})?$`);
const PROXY = new RegExp(
  String.raw`^(sip:|wss://)?(${HOST})(?::(\d{1,5}))?(/[\w\-.~!$&'()*+,=:@%/?]{0,200})?(?:;transport=([A-Za-z]+))?$`,
  'i',
);

const RELAY = new RegExp(String.raw`^msrps://(${HOST})(?::(\d{1,5}))?/?(?:;tcp)?$`, 'i');

const XCAP_ROOT = new RegExp(String.raw`^https?://${HOST}(?::\d{1,5})?(?:/[\w\-.~!$&'()*+,=:@%/]{0,200})?$`, 'i');

const MISSING = 'is missing';
const PORT = 'must have a port from 1 to 65535';

/** characters of the certificates in PEM that are trusted for one account */
export const MAX_AUTHORITIES = 512 * 1024;

const oneLine = (max: number) =>
  v.pipe(
    v.string((issue) => (issue.received === 'undefined' ? MISSING : 'must be a text')),
    v.nonEmpty('must not be empty'),
    v.maxLength(max, `must have at most ${max} characters`),
    v.regex(/^[^\p{Cc}]*$/u, 'must not hold control characters'),
  );

/** What a file and a form have in common. */
export const accountFields = {
  address: v.pipe(oneLine(256), v.regex(ADDRESS, 'must be like sip:alice@example.com')),
  user: oneLine(256),
  password: oneLine(1024),
  outboundProxy: v.pipe(oneLine(512), v.regex(PROXY, 'must be like proxy.example.com:5060')),
  transport: v.optional(v.pipe(oneLine(8), v.toLowerCase(), v.picklist(SIP_TRANSPORTS, 'must be "tcp", "tls" or "wss"'))),
  msrpRelay: v.optional(v.pipe(oneLine(512), v.regex(RELAY, 'must be like msrps://relay.example.com:2855'))),
  msrpTransport: v.optional(v.picklist(MSRP_TRANSPORTS, 'must be "tcp" or "tls"')),
  displayName: v.optional(oneLine(128)),
  countryCode: v.optional(
    v.pipe(
      oneLine(4),
      v.transform((text) => text.replace(/^\+/, '')),
      v.check(isCountryCode, 'must be a country code like "49"'),
    ),
  ),
  maxFileSize: v.optional(
    v.pipe(
      v.number('must be a number of octets'),
      v.integer('must be whole'),
      v.minValue(0, 'must not be negative'),
      v.safeInteger('is too large'),
    ),
    0,
  ),
  listServer: v.optional(v.pipe(oneLine(512), v.regex(LIST_SERVER, 'must be like sip:lists@example.com'))),
  conferenceFactory: v.optional(v.pipe(oneLine(512), v.regex(LIST_SERVER, 'must be like sip:conferences@example.com'))),
  xcapRoot: v.optional(v.pipe(oneLine(512), v.regex(XCAP_ROOT, 'must be like https://xcap.example.com/root'))),
  messageStore: v.optional(
    v.nullable(
      v.strictObject({
        host: v.pipe(oneLine(256), v.regex(new RegExp(`^${HOST}$|^[0-9A-Fa-f:.]{2,45}$`), 'must be a host')),
        port: v.pipe(v.number(PORT), v.integer(PORT), v.minValue(1, PORT), v.maxValue(65_535, PORT)),
      }),
    ),
  ),
  maxRecipients: v.optional(
    v.pipe(
      v.number('must be a number'),
      v.integer('must be whole'),
      v.minValue(2, 'must be 2 at least'),
      v.maxValue(MAX_RECIPIENTS, `must be ${MAX_RECIPIENTS} at most`),
    ),
  ),
  groups: v.optional(
    v.pipe(
      v.array(
        v.strictObject({ address: v.pipe(oneLine(512), v.regex(LIST_SERVER, 'must be like sip:club@example.com')), name: oneLine(128) }),
      ),
      v.maxLength(MAX_GROUPS, `must be ${MAX_GROUPS} at most`),
    ),
  ),
};

const written = v.strictObject({ ...accountFields, caCertificates: v.optional(v.string()) });

/** What is wrong, as the end of a sentence that begins with the field's name. */
export interface AccountProblem {
  /** null: what was given is no account at all */
  readonly field: string | null;
  readonly problem: string;
}

/** @returns the account, or everything that is wrong with it, one line a field */
export function readAccount(from: unknown): Account | { readonly problems: readonly AccountProblem[] } {
  const parsed = v.safeParse(written, from);
  if (!parsed.success) return { problems: problemsOf(parsed.issues) };
  const { transport, outboundProxy, ...given } = parsed.output;
  const next = nextHop(outboundProxy, transport);
  if ('problem' in next) return { problems: [{ field: 'outboundProxy', problem: next.problem }] };
  const relay = given.msrpRelay === undefined ? undefined : relayUri(given.msrpRelay);
  if (relay === null) return { problems: [{ field: 'msrpRelay', problem: PORT }] };
  if (given.caCertificates !== undefined && next.transport === 'tcp' && relay === undefined) return { problems: [AUTHORITIES_OVER_TCP] };
  const { address, user, password, maxFileSize } = given;
  return {
    address,
    user,
    password,
    ...next,
    displayName: given.displayName ?? address.slice('sip:'.length, address.indexOf('@')),
    maxFileSize,
    ...(relay === undefined ? {} : { msrpRelay: relay }),
    ...(given.msrpTransport === undefined ? {} : { msrpTransport: given.msrpTransport }),
    ...(given.countryCode === undefined ? {} : { countryCode: given.countryCode }),
    ...(given.listServer === undefined ? {} : { listServer: given.listServer }),
    ...(given.conferenceFactory === undefined ? {} : { conferenceFactory: given.conferenceFactory }),
    ...(given.xcapRoot === undefined ? {} : { xcapRoot: given.xcapRoot }),
    ...(given.messageStore === undefined ? {} : { messageStore: given.messageStore }),
    ...(given.maxRecipients === undefined ? {} : { maxRecipients: given.maxRecipients }),
    ...(given.groups === undefined ? {} : { groups: given.groups }),
    ...(given.caCertificates === undefined ? {} : { caCertificates: given.caCertificates }),
  };
}

/** @throws ParleyError `account.malformed` that names the first field; `as` gives the fields other names */
export function checkedAccount(given: unknown, as: Readonly<Record<string, string>> = {}): Account {
  const read = readAccount(given);
  if (!('problems' in read)) return read;
  const [first] = read.problems;
  const field = first?.field ?? null;
  throw new ParleyError(
    'account.malformed',
    field === null ? 'the file must hold one JSON object' : `${as[field] ?? field}: ${first?.problem}`,
  );
}

const AUTHORITIES_OVER_TCP: AccountProblem = {
  field: 'caCertificates',
  problem: 'must be left out with the transport tcp and no relay, as nothing is proven then',
};

/** `transport` may stand in the address of the proxy as well; said twice it must be the same. */
function nextHop(proxy: string, named: SipTransport | undefined): Pick<Account, 'outboundProxy' | 'transport'> | { problem: string } {
  const [, scheme, host, port, path, parameter] = PROXY.exec(proxy) ?? [];
  const number = Number(port ?? 1);
  if (host === undefined || number < 1 || number > 65535) return { problem: PORT };
  const inAddress = scheme?.toLowerCase() === 'wss://' ? 'wss' : parameter?.toLowerCase();
  const transport = SIP_TRANSPORTS.find((one) => one === (inAddress ?? named ?? 'tcp'));
  if (transport === undefined) return { problem: 'must name tcp, tls or wss as its transport' };
  if (transport !== (named ?? transport)) return { problem: `must not name another transport than ${named}` };
  if (path !== undefined && transport !== 'wss') return { problem: 'must not have a path, which only wss has' };
  return { outboundProxy: `${host}${port === undefined ? '' : `:${number}`}${path ?? ''}`, transport };
}

/** @returns null for a port that is none */
function relayUri(text: string): string | null {
  const [, host, port = '2855'] = RELAY.exec(text) ?? [];
  const number = Number(port);
  return host === undefined || number < 1 || number > 65535 ? null : `msrps://${host}:${number};tcp`;
}

function problemsOf(issues: readonly v.BaseIssue<unknown>[]): AccountProblem[] {
  const problems = new Map<string | null, string>();
  for (const issue of issues) {
    const field = v.getDotPath(issue);
    if (problems.has(field)) continue;
    problems.set(field, issue.expected === 'never' ? 'is not known' : issue.received === 'undefined' ? MISSING : issue.message);
  }
  return [...problems].map(([field, problem]) => ({ field, problem }));
}
