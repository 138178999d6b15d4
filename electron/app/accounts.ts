import { open } from 'node:fs/promises';
import * as v from 'valibot';
import { ParleyError } from '../../shared/base/errors.ts';
import type { Account } from '../../shared/model/account.ts';

const MAX_ACCOUNT_FILE = 64 * 1024;
const SIP_PORT = 5060;
const HOST = String.raw`(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])`;
const ADDRESS = new RegExp(String.raw`^sip:[^\s@;?<>"\\\u0000-\u001f]{1,128}@${HOST}$`);
const PROXY = new RegExp(String.raw`^(?:sip:)?(${HOST})(?::(\d{1,5}))?(?:;transport=([A-Za-z]+))?$`, 'i');

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
  transport: v.optional(v.pipe(oneLine(8), v.toLowerCase(), v.literal('tcp', 'must be "tcp": the only transport so far')), 'tcp'),
  displayName: v.optional(oneLine(128)),
  maxFileSize: v.optional(
    v.pipe(v.number('must be a number of octets'), v.integer('must be whole'), v.minValue(0, 'must not be negative'), v.safeInteger()),
    0,
  ),
});

/**
 * Reads the JSON file an administrator wrote for one account.
 * @throws ParleyError `account.malformed`, which names the field
 */
export async function readAccountFile(path: string): Promise<Account> {
  return parseAccount(await readSmallFile(path));
}

/** @throws ParleyError `account.malformed` */
export function parseAccount(text: string): Account {
  let json: unknown;
  try {
    json = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (thrown) {
    throw new ParleyError('account.malformed', 'not JSON', { cause: thrown });
  }
  const parsed = v.safeParse(accountFile, json, { abortEarly: true });
  if (!parsed.success) throw new ParleyError('account.malformed', explain(parsed.issues[0]));
  const { address, user, password, outboundProxy, displayName, maxFileSize } = parsed.output;
  return {
    address,
    user,
    password,
    outboundProxy: hostAndPort(outboundProxy),
    transport: 'tcp',
    displayName: displayName ?? address.slice('sip:'.length, address.indexOf('@')),
    maxFileSize,
  };
}

function hostAndPort(proxy: string): string {
  const [, host, port, transport] = PROXY.exec(proxy) ?? [];
  const number = Number(port ?? SIP_PORT);
  if (host === undefined || number < 1 || number > 65535) {
    throw new ParleyError('account.malformed', 'outboundProxy: the port must be 1 to 65535');
  }
  if (transport !== undefined && transport.toLowerCase() !== 'tcp') {
    throw new ParleyError('account.malformed', 'outboundProxy: the transport must be tcp, the only one so far');
  }
  return `${host}:${number}`;
}

function explain(issue: v.BaseIssue<unknown>): string {
  const field = v.getDotPath(issue);
  if (field === null) return 'the file must hold one JSON object';
  if (issue.expected === 'never') return `${field}: no such field`;
  if (issue.received === 'undefined') return `${field}: is missing`;
  return `${field}: ${issue.message}`;
}

async function readSmallFile(path: string): Promise<string> {
  try {
    const file = await open(path, 'r');
    try {
      const buffer = Buffer.alloc(MAX_ACCOUNT_FILE + 1);
      const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
      if (bytesRead > MAX_ACCOUNT_FILE) throw new ParleyError('account.malformed', 'the file is too large for an account');
      return buffer.toString('utf8', 0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (thrown) {
    if (thrown instanceof ParleyError) throw thrown;
    const code = (thrown as NodeJS.ErrnoException).code ?? 'unknown';
    throw new ParleyError('account.malformed', `the file cannot be read (${code})`, { cause: thrown });
  }
}
