import { dirname, resolve } from 'node:path';
import { ParleyError } from '../../../shared/base/errors.ts';
import type { Account } from '../../../shared/model/account.ts';
import { checkedAccount, MAX_AUTHORITIES } from '../../../shared/model/account-rules.ts';
import { readSmallFile } from '../small-file.ts';
import { authoritiesIn } from './authorities.ts';

const MAX_ACCOUNT_FILE = 64 * 1024;
/** in the file a path stands for what it holds */
const NAMES = { caCertificates: 'caFile' };

/**
 * Reads the JSON file an administrator wrote for one account, and the authorities it names.
 * @throws ParleyError `account.malformed`, which names the field
 */
export async function readAccountFile(path: string): Promise<Account> {
  const { account, caFile } = parseAccountFile(await readSmallFile(path, MAX_ACCOUNT_FILE));
  if (caFile === null) return account;
  const pem = await readSmallFile(resolve(dirname(path), caFile), MAX_AUTHORITIES, 'caFile: ');
  return { ...account, caCertificates: authoritiesIn(pem).pem };
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
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new ParleyError('account.malformed', 'the file must hold one JSON object');
  }
  const { caFile, ...written } = json as Record<string, unknown>;
  if ('caCertificates' in written) throw new ParleyError('account.malformed', 'caCertificates: is not known');
  if (caFile === undefined) return { account: checkedAccount(written), caFile: null };
  if (typeof caFile !== 'string' || caFile.length > 4096) throw new ParleyError('account.malformed', 'caFile: must be a text');
  if (caFile === '') throw new ParleyError('account.malformed', 'caFile: must not be empty');
  const { caCertificates: _, ...account } = checkedAccount({ ...written, caCertificates: '' }, NAMES);
  return { account, caFile };
}
