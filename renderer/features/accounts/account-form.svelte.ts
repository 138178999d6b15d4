import { type CodedError, toCodedError } from '../../../shared/base/errors.ts';
import type { AccountDraft } from '../../../shared/ipc/account-contract.ts';
import type { SipTransport } from '../../../shared/model/account.ts';
import { MAX_AUTHORITIES, readAccount } from '../../../shared/model/account-rules.ts';
import type { Bridge } from '../../bridge/bridge.ts';

const MEGABYTE = 1_000_000;
/** stands for a password that is kept, where the rules want one */
const KEPT = 'kept';
/** said of a password that must be typed once more, as it would go elsewhere */
const AGAIN = 'is needed again';

const TEXTS = {
  address: '',
  user: '',
  password: '',
  outboundProxy: '',
  displayName: '',
  /** in MB */
  maxFileSize: '',
  listServer: '',
  msrpRelay: '',
  countryCode: '',
};
export type TextOfForm = keyof typeof TEXTS;
export type FormField = TextOfForm | 'caCertificates';

/** what a look at the server ended with */
export type Outcome = { readonly works: true } | { readonly works: false; readonly error: CodedError };

/** An account while somebody writes it down: by the same rules as a file, with what can be guessed filled in. */
export class AccountForm {
  /** null for another account */
  readonly name: string | null;
  texts = $state.raw<Readonly<typeof TEXTS>>(TEXTS);
  transport = $state<SipTransport>('tls');
  /** whom the trusted certificates are for; null: the public authorities */
  authorities = $state.raw<readonly string[] | null>(null);
  authoritiesError = $state.raw<CodedError | null>(null);
  ready = $state(false);
  busy = $state<'test' | 'keep' | null>(null);
  outcome = $state.raw<Outcome | null>(null);
  refusal = $state.raw<CodedError | null>(null);
  readonly #bridge: Bridge;
  /** undefined: as it is kept */
  #pem = $state.raw<string | null | undefined>(undefined);
  #left = $state.raw<ReadonlySet<FormField>>(new Set());
  #asked = $state(false);
  #before: AccountDraft | null = null;
  /** how often something was changed */
  #changes = 0;

  constructor(bridge: Bridge, name: string | null) {
    this.#bridge = bridge;
    this.name = name;
  }

  /** what the rules are asked about: empty fields are left out, and what follows from the address stands in for two of them */
  readonly draft: AccountDraft = $derived.by(() => {
    const filled = Object.fromEntries(Object.entries(this.texts).map(([field, text]) => [field, text.trim()])) as typeof TEXTS;
    const address = normalAddress(filled.address);
    const { maxFileSize, password: _, ...rest } = filled;
    return {
      ...rest,
      address,
      user: filled.user || this.guesses.user,
      outboundProxy: filled.outboundProxy || this.guesses.outboundProxy,
      transport: this.transport,
      maxFileSize: Math.round(Number(maxFileSize.replace(',', '.')) * MEGABYTE),
      ...(this.texts.password === '' ? {} : { password: this.texts.password }),
      ...(this.#pem === undefined ? {} : { caCertificates: this.#pem }),
    };
  });

  readonly guesses: { readonly user: string; readonly outboundProxy: string } = $derived.by(() => {
    const [, user = '', host = ''] = /^sip:([^@]*)@(.*)$/.exec(normalAddress(this.texts.address.trim())) ?? [];
    return { user, outboundProxy: host };
  });

  /** every field's first problem, as the end of a sentence */
  readonly problems: ReadonlyMap<FormField, string> = $derived.by(() => {
    const { caCertificates, maxFileSize, ...written } = this.draft;
    const given = Object.fromEntries(Object.entries(written).filter(([, value]) => value !== ''));
    const hasPem = caCertificates === undefined ? this.authorities !== null && this.#proves : caCertificates !== null;
    const moved = this.#before !== null && this.#moves(this.#before);
    const read = readAccount({
      ...given,
      ...(this.#before !== null && given['password'] === undefined ? { password: KEPT } : {}),
      ...(Number.isNaN(maxFileSize) ? {} : { maxFileSize }),
      ...(hasPem ? { caCertificates: '' } : {}),
    });
    const found = new Map<FormField, string>(
      'problems' in read ? read.problems.map(({ field, problem }) => [field as FormField, problem]) : [],
    );
    if (Number.isNaN(maxFileSize)) found.set('maxFileSize', 'must be a number of megabytes');
    if (moved && given['password'] === undefined) found.set('password', AGAIN);
    return found;
  });

  get complete(): boolean {
    return this.problems.size === 0;
  }

  /** A field's problem, once somebody has been there and left. */
  problemOf(field: FormField): string | null {
    // what would be guessed from the address is not missed before there is one
    const guessed = (field === 'user' || field === 'outboundProxy') && this.texts[field].trim() === '';
    if (guessed && this.problems.has('address')) return null;
    return this.#asked || this.#left.has(field) ? (this.problems.get(field) ?? null) : null;
  }

  set(field: TextOfForm, text: string): void {
    this.texts = { ...this.texts, [field]: text };
    this.#forget();
  }

  setTransport(transport: SipTransport): void {
    this.transport = transport;
    this.#forget();
  }

  leave(field: FormField): void {
    if (field in this.texts && this.texts[field as TextOfForm] === '') return;
    this.#left = new Set([...this.#left, field]);
  }

  /** Reads what is kept of it. */
  async load(): Promise<void> {
    if (this.name === null) {
      this.ready = true;
      return;
    }
    try {
      const { authorities, maxFileSize, transport, ...texts } = await this.#bridge.call('accounts.setup', { name: this.name });
      this.texts = { ...texts, password: '', maxFileSize: maxFileSize === 0 ? '' : String(maxFileSize / MEGABYTE) };
      this.transport = transport;
      this.authorities = authorities.length === 0 ? null : authorities;
      this.#before = this.draft;
      this.ready = true;
    } catch (thrown) {
      this.refusal = toCodedError(thrown);
    }
  }

  async trust(file: Pick<File, 'size' | 'text'>): Promise<void> {
    this.authoritiesError = null;
    this.#forget();
    try {
      const pem = file.size > MAX_AUTHORITIES ? '' : await file.text();
      const { names } = await this.#bridge.call('accounts.authorities', { pem });
      this.#pem = pem;
      this.authorities = names;
    } catch (thrown) {
      this.authoritiesError = toCodedError(thrown);
    }
  }

  trustPublic(): void {
    this.#pem = null;
    this.authorities = null;
    this.authoritiesError = null;
    this.#forget();
  }

  /** Tries to sign in. @returns whether that worked */
  async test(): Promise<boolean> {
    return this.#ask('test', () => this.#try());
  }

  /** Keeps it when it works, or in any case. @returns its name, null when it was not kept */
  async keep(untried: boolean): Promise<string | null> {
    let name: string | null = null;
    await this.#ask('keep', async () => {
      if (!untried && this.outcome?.works !== true && !(await this.#try())) return false;
      name = await this.#put();
      return true;
    });
    return name;
  }

  async #put(): Promise<string> {
    if (this.name === null) return (await this.#bridge.call('accounts.add', { draft: this.draft })).name;
    await this.#bridge.call('accounts.update', { name: this.name, draft: this.draft });
    return this.name;
  }

  async #try(): Promise<boolean> {
    const name = this.name === null ? {} : { name: this.name };
    const tried = this.#changes;
    const { error } = await this.#bridge.call('accounts.test', { draft: this.draft, ...name });
    // what was changed meanwhile was not tried
    if (tried === this.#changes) this.outcome = error === null ? { works: true } : { works: false, error };
    return error === null;
  }

  async #ask(busy: 'test' | 'keep', work: () => Promise<boolean>): Promise<boolean> {
    this.#asked = true;
    this.refusal = null;
    if (!this.complete || this.busy !== null) return false;
    this.busy = busy;
    try {
      return await work();
    } catch (thrown) {
      this.refusal = toCodedError(thrown);
      return false;
    } finally {
      this.busy = null;
    }
  }

  #forget(): void {
    this.#changes += 1;
    this.outcome = null;
    this.refusal = null;
  }

  get #proves(): boolean {
    return this.transport !== 'tcp' || this.texts.msrpRelay.trim() !== '';
  }

  /** the password would go to somebody else than before */
  #moves(before: AccountDraft): boolean {
    const fields = ['user', 'outboundProxy', 'transport', 'msrpRelay'] as const;
    return this.#pem !== undefined || fields.some((field) => this.draft[field] !== before[field]);
  }
}

/** `alice@example.com` is what people know. */
function normalAddress(text: string): string {
  return text === '' || /^[a-z]+:/i.test(text) ? text.replace(/^sip:/i, 'sip:') : `sip:${text}`;
}
