import { readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { type CodedError, ParleyError, toCodedError } from '../../../shared/base/errors.ts';
import type { Account } from '../../../shared/model/account.ts';
import { checkedAccount } from '../../../shared/model/account-rules.ts';
import { canonicalAddress } from '../../../shared/model/address.ts';
import { accountFolder, accountName } from '../paths.ts';
import { replaceFile } from '../replace-file.ts';
import type { Secrets } from './secrets.ts';

const VERSION = 1;
/** most that are kept: each has a client of its own */
export const MAX_KEPT = 32;

const sealed = v.object({ by: v.picklist(['keyring', 'file']), text: v.pipe(v.string(), v.maxLength(16_384)) });
/** of one entry what names it; the rest is judged by the rules for accounts, and an entry that breaks them stands in nobody's way */
const entry = v.looseObject({ address: v.pipe(v.string(), v.minLength(1), v.maxLength(256)) });
const whole = v.object({
  version: v.pipe(v.number(), v.integer()),
  accounts: v.pipe(v.array(entry), v.maxLength(1000)),
  /** names of accounts whose folder was still to be removed */
  leaving: v.optional(v.array(v.pipe(v.string(), v.regex(/^[a-z0-9-]{1,60}$/))), []),
});

type Entry = v.InferOutput<typeof entry>;
type Whole = v.InferOutput<typeof whole>;

export interface KeptAccount {
  readonly name: string;
  readonly address: string;
  readonly displayName: string;
  /** or why it cannot be used as it stands there */
  readonly account: Account | CodedError;
}

export function isUsable(account: Account | CodedError): account is Account {
  return !('code' in account);
}

/**
 * The accounts that people added in the app: `accounts.json` in the user data.
 *
 *     { version, accounts: [{ address, user, …, password: { by, text } }], leaving: [name] }
 *
 * It is replaced as a whole. What cannot be read is set aside, never written over; a file of a newer version is left alone.
 */
export class KeptAccounts {
  /** what happened to the file when it was read */
  readonly problem: CodedError | null;
  readonly #userData: string;
  readonly #secrets: Secrets;
  #whole: Whole;
  #writing: Promise<unknown> = Promise.resolve();

  private constructor(userData: string, secrets: Secrets, { state, problem }: { state: Whole; problem: CodedError | null }) {
    this.#userData = userData;
    this.#secrets = secrets;
    this.#whole = state;
    this.problem = problem;
  }

  static async open(userData: string, secrets: Secrets, now: number): Promise<KeptAccounts> {
    const kept = new KeptAccounts(userData, secrets, await readWhole(keptFile(userData), now));
    await kept.#removeFolders();
    await kept.#sealBetter();
    return kept;
  }

  get all(): readonly KeptAccount[] {
    return this.#whole.accounts.map((each) => this.#toKept(each));
  }

  get secrets(): Secrets['kind'] {
    return this.#secrets.kind;
  }

  find(name: string): KeptAccount | undefined {
    return this.all.find((each) => each.name === name);
  }

  /**
   * Adds it, or puts it in the place of the one with this address.
   * @throws ParleyError `request.invalid-state` for one too many or where the file belongs to a newer version; what the file system throws as `file.unwritable`
   */
  put(account: Account): Promise<void> {
    return this.#change((before) => {
      const { password, ...rest } = account;
      const made: Entry = { ...rest, password: this.#secrets.seal(password) };
      const at = before.accounts.findIndex(({ address }) => sameAddress(address, account.address));
      if (at < 0 && before.accounts.length >= MAX_KEPT) throw new ParleyError('request.invalid-state', `no more than ${MAX_KEPT} accounts`);
      const accounts = at < 0 ? [...before.accounts, made] : before.accounts.with(at, made);
      const name = accountName(account.address);
      return { ...before, accounts, leaving: before.leaving.filter((each) => each !== name) };
    });
  }

  /** Its folder goes too unless the history stays; a removal that was cut short is finished by the next start. */
  async remove(name: string, keepHistory: boolean): Promise<void> {
    await this.#change((before) => ({
      ...before,
      accounts: before.accounts.filter(({ address }) => accountName(address) !== name),
      leaving: keepHistory ? before.leaving : [...before.leaving, name],
    }));
    await this.#removeFolders();
  }

  #toKept(given: Entry): KeptAccount {
    const { address } = given;
    const displayName = typeof given['displayName'] === 'string' ? given['displayName'] : address;
    try {
      const account = checkedAccount({ ...given, password: this.#secrets.open(v.parse(sealed, given['password'])) });
      return { name: accountName(address), address, displayName: account.displayName, account };
    } catch (thrown) {
      const error = v.isValiError(thrown) ? { code: 'account.secret' as const, detail: 'the password is missing' } : toCodedError(thrown);
      return { name: accountName(address), address, displayName, account: error };
    }
  }

  async #removeFolders(): Promise<void> {
    const { leaving } = this.#whole;
    if (leaving.length === 0) return;
    for (const name of leaving) await rm(accountFolder(this.#userData, name), { recursive: true, force: true, maxRetries: 3 });
    await this.#change((before) => ({ ...before, leaving: before.leaving.filter((name) => !leaving.includes(name)) }));
  }

  /** A keyring that is there now takes over what only the file protected before. */
  async #sealBetter(): Promise<void> {
    const lying = (given: Entry): boolean => v.is(sealed, given['password']) && given['password'].by !== this.#secrets.kind;
    if (this.#secrets.kind !== 'keyring' || !this.#whole.accounts.some(lying)) return;
    await this.#change((before) => ({
      ...before,
      accounts: before.accounts.map((given) =>
        lying(given) ? { ...given, password: this.#secrets.seal(v.parse(sealed, given['password']).text) } : given,
      ),
    }));
  }

  /** One after the other; what could not be written did not happen. */
  #change(next: (before: Whole) => Whole): Promise<void> {
    const change = this.#writing.then(async () => {
      if (this.problem?.code === 'account.list-unusable') throw new ParleyError('request.invalid-state', this.problem.detail);
      const state = next(this.#whole);
      try {
        await replaceFile(keptFile(this.#userData), `${JSON.stringify(state, null, 2)}\n`);
      } catch (thrown) {
        throw new ParleyError('file.unwritable', `accounts.json: ${toCodedError(thrown).detail}`, { cause: thrown });
      }
      this.#whole = state;
    });
    this.#writing = change.catch(() => {});
    return change;
  }
}

/** Whether two are one account: they would share their folder on some systems, and a registration on every server. */
export function sameAddress(one: string, other: string): boolean {
  return (canonicalAddress(one) ?? one) === (canonicalAddress(other) ?? other);
}

export function keptFile(userData: string): string {
  return join(userData, 'accounts.json');
}

async function readWhole(path: string, now: number): Promise<{ state: Whole; problem: CodedError | null }> {
  const none: Whole = { version: VERSION, accounts: [], leaving: [] };
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return { state: none, problem: null };
    return {
      state: none,
      problem: { code: 'account.list-unusable', detail: `accounts.json cannot be read: ${toCodedError(thrown).detail}` },
    };
  }
  const parsed = v.safeParse(whole, parsedJson(text));
  if (parsed.success && parsed.output.version === VERSION) return { state: parsed.output, problem: null };
  const version = v.safeParse(v.looseObject({ version: v.pipe(v.number(), v.integer(), v.minValue(VERSION + 1)) }), parsedJson(text));
  if (version.success) {
    return { state: none, problem: { code: 'account.list-unusable', detail: `accounts.json has version ${version.output.version}` } };
  }
  const aside = `${path}.corrupt-${now}`;
  await rename(path, aside);
  return {
    state: none,
    problem: { code: 'account.list-damaged', detail: `accounts.json cannot be understood; it was set aside as ${aside}` },
  };
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
