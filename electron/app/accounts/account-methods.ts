import type { Clock } from '../../../shared/base/clock.ts';
import { type CodedError, ParleyError } from '../../../shared/base/errors.ts';
import type { AccountDraft, AccountList, AccountSetup } from '../../../shared/ipc/account-contract.ts';
import type { AccountHandlers } from '../../../shared/ipc/contract.ts';
import type { Account } from '../../../shared/model/account.ts';
import { checkedAccount } from '../../../shared/model/account-rules.ts';
import { accountName, accountPaths } from '../paths.ts';
import { authoritiesIn } from './authorities.ts';
import { isUsable, type KeptAccount, type KeptAccounts, sameAddress } from './kept-accounts.ts';
import type { LiveAccount, Person } from './live-account.ts';
import type { Roster } from './roster.ts';

export interface AccountPorts {
  readonly roster: Roster;
  readonly kept: KeptAccounts;
  /** absolute folders */
  readonly userData: string;
  readonly downloads: string;
  readonly clock: Clock;
  /** registers for a moment; null when that worked */
  readonly tryAccount: (account: Account, clock: Clock) => Promise<CodedError | null>;
  /** shows a page with that account; the address to go to, where the page has to go there by itself */
  readonly open: (account: LiveAccount) => Promise<string | null>;
  /** where somebody without an account is taken to */
  readonly welcome: LiveAccount;
  readonly demo: { readonly running: boolean; start(): Promise<readonly LiveAccount[]> };
}

/** @param own the account of the page that asks */
export function accountList({ roster, kept, demo }: AccountPorts, own: string): AccountList {
  const current = roster.find(own) === undefined ? null : own;
  return { current, items: roster.rows, secrets: kept.secrets, demo: !demo.running, problem: kept.problem };
}

/** Somebody whose account this device keeps. */
export function keptPerson(
  { userData, downloads }: Pick<AccountPorts, 'userData' | 'downloads'>,
  { name, address, displayName, account }: KeptAccount,
): Person {
  return { name, address, displayName, account, origin: 'kept', paths: accountPaths(userData, address, downloads), neighbours: [] };
}

/** What a page asks about accounts: the kept ones change, and who is at work with them follows. */
export function accountHandlers(ports: AccountPorts, own: string): AccountHandlers {
  const { roster, clock, open } = ports;
  return {
    'accounts.list': async () => accountList(ports, own),
    'accounts.setup': async ({ name }) => setupOf(keptOne(ports.kept, name)),
    async 'accounts.add'({ draft }) {
      const account = accountOf(draft, null);
      const known = roster.withAddress(account.address) ?? ports.kept.all.find(({ address }) => sameAddress(address, account.address));
      if (known !== undefined) throw new ParleyError('account.exists', account.address);
      await ports.kept.put(account);
      const { address, displayName } = account;
      const { name } = await roster.enter(keptPerson(ports, { name: accountName(address), address, displayName, account }));
      return { name };
    },
    async 'accounts.update'({ name, draft }) {
      const before = keptOne(ports.kept, name);
      if (draft.address !== before.address) throw new ParleyError('request.invalid', 'the address of an account stays');
      const account = accountOf(draft, before);
      await ports.kept.put(account);
      await roster.find(name)?.start(keptPerson(ports, { ...before, displayName: account.displayName, account }));
      return {};
    },
    async 'accounts.remove'({ name, keepHistory }) {
      keptOne(ports.kept, name);
      await roster.find(name)?.stop();
      await ports.kept.remove(name, keepHistory).catch(async (thrown) => {
        // it could not be forgotten, so it goes on
        if (ports.kept.find(name) !== undefined) await roster.find(name)?.start();
        throw thrown;
      });
      const next = roster.all.find((other) => other.name !== name) ?? ports.welcome;
      const url = name === own ? await open(next) : null;
      await roster.leave(name);
      return { url };
    },
    async 'accounts.test'({ draft, name }) {
      return { error: await ports.tryAccount(accountOf(draft, name === undefined ? null : keptOne(ports.kept, name)), clock) };
    },
    'accounts.authorities': async ({ pem }) => ({ names: [...authoritiesIn(pem).names] }),
    'accounts.open': async ({ name }) => ({ url: await open(at(roster, name)) }),
    async 'accounts.restart'({ name }) {
      const account = at(roster, name);
      if (account.row.error === null) throw new ParleyError('request.invalid-state', 'this account is at work');
      await account.start();
      return {};
    },
    async 'accounts.tryDemo'() {
      const urls: (string | null)[] = [];
      for (const person of await ports.demo.start()) urls.push(await open(person));
      return { url: urls[0] ?? null };
    },
  };
}

function at(roster: Roster, name: string): LiveAccount {
  const found = roster.find(name);
  if (found === undefined) throw new ParleyError('request.not-found', `no account ${name}`);
  return found;
}

/** @throws ParleyError `request.invalid-state` */
function keptOne(kept: KeptAccounts, name: string): KeptAccount {
  const found = kept.find(name);
  if (found === undefined) throw new ParleyError('request.invalid-state', 'only an account that was added here can be changed here');
  return found;
}

function setupOf({ address, displayName, account }: KeptAccount): AccountSetup {
  const known = isUsable(account) ? account : null;
  return {
    address,
    displayName,
    user: known?.user ?? '',
    outboundProxy: known?.outboundProxy ?? '',
    transport: known?.transport ?? 'tls',
    maxFileSize: known?.maxFileSize ?? 0,
    listServer: known?.listServer ?? '',
    msrpRelay: known?.msrpRelay ?? '',
    countryCode: known?.countryCode ?? '',
    authorities: known?.caCertificates === undefined ? [] : [...authoritiesIn(known.caCertificates).names],
  };
}

const REQUIRED: ReadonlySet<string> = new Set(['address', 'user', 'outboundProxy', 'transport']);

/**
 * The account as the form has it now. What it leaves out stays as it was, the password only while it goes to nobody else than before.
 * @throws ParleyError `account.malformed`
 */
function accountOf(draft: AccountDraft, kept: KeptAccount | null): Account {
  const before = kept !== null && isUsable(kept.account) ? kept.account : null;
  const { password, caCertificates, ...rest } = draft;
  const proves = draft.transport !== 'tcp' || (draft.msrpRelay ?? '') !== '';
  const pem = caCertificates === undefined ? (proves ? before?.caCertificates : undefined) : caCertificates;
  const account = checkedAccount({
    // what a form leaves empty is left out
    ...Object.fromEntries(Object.entries(rest).filter(([field, value]) => value !== '' || REQUIRED.has(field))),
    password: password ?? before?.password,
    ...(pem === undefined || pem === null ? {} : { caCertificates: authoritiesIn(pem).pem }),
  });
  const moved = (['user', 'outboundProxy', 'transport', 'msrpRelay', 'caCertificates'] as const).some(
    (field) => account[field] !== before?.[field],
  );
  if (password === undefined && moved)
    throw new ParleyError('account.malformed', 'password: is needed again where the server or the user changes');
  return account;
}
