import { type CodedError, ParleyError } from '../../shared/base/errors.ts';
import type { AccountDraft, AccountList, AccountRow, AccountSetup } from '../../shared/ipc/account-contract.ts';
import type { AccountHandlers } from '../../shared/ipc/contract.ts';

const ALICE: AccountRow = {
  name: 'alice',
  address: 'sip:alice@example.com',
  displayName: 'Alice Archer',
  origin: 'kept',
  registration: { kind: 'registered', since: 0, expiresAt: 3_600_000 },
  unread: 0,
  error: null,
  run: 1,
};

/** The accounts of an app in memory; a test says how they are. */
export class FakeAccounts {
  list: AccountList = { current: 'alice', items: [ALICE], secrets: 'keyring', demo: true, problem: null };
  /** what the next registrations on trial end with */
  outcome: CodedError | null = null;
  readonly drafts = new Map<string, AccountDraft>();
  readonly handlers: AccountHandlers;
  readonly #changed: (list: AccountList) => void;

  constructor(changed: (list: AccountList) => void = () => {}) {
    this.#changed = changed;
    this.handlers = {
      'accounts.list': async () => this.list,
      'accounts.setup': async ({ name }) => this.#setup(name),
      'accounts.add': async ({ draft }) => {
        if (this.list.items.some(({ address }) => address === draft.address)) throw new ParleyError('account.exists', draft.address);
        const name = draft.address.replace(/^sip:/, '').replace(/\W+/g, '-');
        this.drafts.set(name, draft);
        this.#put(rowOf(name, draft));
        return { name };
      },
      'accounts.update': async ({ name, draft }) => {
        this.drafts.set(name, draft);
        this.#put(rowOf(name, draft));
        return {};
      },
      'accounts.remove': async ({ name }) => {
        this.change({ items: this.list.items.filter((row) => row.name !== name) });
        return { url: null };
      },
      'accounts.test': async () => ({ error: this.outcome }),
      'accounts.authorities': async () => ({ names: ['Example authority'] }),
      'accounts.open': async () => ({ url: null }),
      'accounts.restart': async () => ({}),
      'accounts.tryDemo': async () => ({ url: null }),
    };
  }

  change(change: Partial<AccountList>): void {
    this.list = { ...this.list, ...change };
    this.#changed(this.list);
  }

  /** Another one, at work like the first. */
  add(name: string, displayName: string, more: Partial<AccountRow> = {}): void {
    this.#put({ ...ALICE, name, address: `sip:${name}@example.com`, displayName, ...more });
  }

  #put(row: AccountRow): void {
    const at = this.list.items.findIndex(({ name }) => name === row.name);
    this.change({ items: at < 0 ? [...this.list.items, row] : this.list.items.with(at, row) });
  }

  #setup(name: string): AccountSetup {
    const row = this.list.items.find((each) => each.name === name);
    const draft = this.drafts.get(name);
    return {
      address: row?.address ?? '',
      displayName: row?.displayName ?? '',
      user: draft?.user ?? 'alice',
      outboundProxy: draft?.outboundProxy ?? 'sip.example.com',
      transport: draft?.transport ?? 'tls',
      maxFileSize: draft?.maxFileSize ?? 0,
      listServer: draft?.listServer ?? '',
      msrpRelay: draft?.msrpRelay ?? '',
      countryCode: draft?.countryCode ?? '',
      authorities: [],
    };
  }
}

function rowOf(name: string, { address, displayName = address }: AccountDraft): AccountRow {
  return { ...ALICE, name, address, displayName };
}
