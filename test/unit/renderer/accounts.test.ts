import { beforeEach, describe, expect, it } from 'vitest';
import { accountOf } from '../../../renderer/app/shortcuts.ts';
import { AccountForm } from '../../../renderer/features/accounts/account-form.svelte.ts';
import { Accounts } from '../../../renderer/features/accounts/accounts.svelte.ts';
import { accountItems, accountOfItem } from '../../../renderer/features/accounts/menu-items.ts';
import { ParleyError } from '../../../shared/base/errors.ts';
import { FakeCore } from '../../harness/fake-core.ts';
import { answers, coreBridge } from './core-bridge.ts';

let core: FakeCore;
beforeEach(() => {
  core = new FakeCore();
});

async function formFor(name: string | null): Promise<AccountForm> {
  const form = new AccountForm(coreBridge(core), name);
  await form.load();
  return form;
}

describe('the form of an account', () => {
  it('guesses what follows from the address, and the rules judge what comes of it', async () => {
    const form = await formFor(null);
    expect([...form.problems.keys()].sort()).toEqual(['address', 'outboundProxy', 'password', 'user']);
    form.set('address', ' Carol@Example.com ');
    form.set('password', ' with spaces ');
    expect(form.complete).toBe(true);
    expect(form.draft).toMatchObject({
      address: 'sip:Carol@Example.com',
      user: 'Carol',
      outboundProxy: 'Example.com',
      password: ' with spaces ',
      transport: 'tls',
      maxFileSize: 0,
    });
    form.set('address', 'tel:+49301234567');
    expect(form.problems.get('address')).toBe('must be like sip:alice@example.com');
  });

  it.each([
    ['maxFileSize', 'ten', 'must be a number of megabytes'],
    ['maxFileSize', '-1', 'must not be negative'],
    ['countryCode', '21', 'must be a country code like "49"'],
    ['msrpRelay', 'msrp://relay', 'must be like msrps://relay.example.com:2855'],
    ['listServer', 'lists', 'must be like sip:lists@example.com'],
    ['outboundProxy', 'wss://sip.example.com/ws', 'must not name another transport than tls'],
    ['user', 'a\u0007', 'must not hold control characters'],
  ] as const)('says of %s %j that it %s', async (field, text, problem) => {
    const form = await formFor(null);
    form.set('address', 'carol@example.com');
    form.set('password', 'x');
    form.set(field, text);
    expect([...form.problems]).toEqual([[field, problem]]);
    expect(form.problemOf(field)).toBeNull();
    form.leave(field);
    expect(form.problemOf(field)).toBe(problem);
  });

  it('of a kept one wants the password only where it would go elsewhere, and sends only what was typed', async () => {
    const form = await formFor('alice');
    expect(form.complete).toBe(true);
    expect(form.draft).not.toHaveProperty('password');
    expect(form.draft).not.toHaveProperty('caCertificates');
    for (const change of [() => form.set('outboundProxy', 'other.example.com'), () => form.set('user', 'eve'), () => form.trustPublic()]) {
      change();
      expect(form.problems.get('password')).toBe('is needed again');
    }
    form.set('password', 'typed');
    expect(form.complete).toBe(true);
  });

  it('keeps nothing that does not work, nor what was changed while it was tried', async () => {
    const form = await formFor(null);
    form.set('address', 'carol@example.com');
    form.set('password', 'x');
    core.accounts.outcome = { code: 'link.timeout', detail: '' };
    expect(await form.keep(false)).toBeNull();
    expect(form.outcome).toEqual({ works: false, error: core.accounts.outcome });
    core.accounts.outcome = null;
    const trying = form.test();
    form.set('password', 'y');
    await trying;
    expect(form.outcome).toBeNull();
    expect(await form.keep(false)).toBe('carol-example-com');
    expect(core.callsOf('accounts.test')).toHaveLength(3);
    core.before = () => {
      throw new ParleyError('file.unwritable', 'accounts.json');
    };
    expect(await form.keep(true)).toBeNull();
    expect(form.refusal?.code).toBe('file.unwritable');
  });
});

describe('the accounts of the app', () => {
  it('are gone to where the host says so, and otherwise in their own window', async () => {
    const gone: string[] = [];
    const accounts = new Accounts(coreBridge(core), (url) => gone.push(url));
    await accounts.load();
    core.accounts.add('work', 'Work', { unread: 2 });
    await answers();
    expect([accounts.own?.name, accounts.unreadElsewhere, accounts.isNobody]).toEqual(['alice', 2, false]);
    await accounts.openAt(0);
    await accounts.openAt(1);
    await accounts.openAt(5);
    expect([core.callsOf('accounts.open'), gone]).toEqual([[{ name: 'work' }], []]);
    await accounts.remove('work', false);
    expect([accounts.rows.length, accounts.refusal]).toEqual([1, null]);
  });

  it('tell when the client of this page was started anew, and only then', async () => {
    const accounts = new Accounts(coreBridge(core), () => {});
    await accounts.load();
    let restarts = 0;
    accounts.restarted.on(() => restarts++);
    core.accounts.add('work', 'Work');
    core.accounts.add('work', 'Work', { run: 5 });
    expect(restarts).toBe(0);
    core.accounts.change({ items: core.accounts.list.items.map((row) => ({ ...row, run: row.run + 1 })) });
    expect(restarts).toBe(1);
  });

  it('stand in the menu where there is a choice, those of one name with their addresses', () => {
    expect(accountItems(core.accounts.list.items, 'alice')).toEqual([]);
    core.accounts.add('work', 'Alice Archer', { unread: 1 });
    expect(accountItems(core.accounts.list.items, 'alice')).toMatchObject([
      { text: 'Alice Archer (alice@example.com)', checked: true, tone: 'good', note: 'Connected' },
      { text: 'Alice Archer (work@example.com)', checked: false, tone: 'good', note: 'Connected · 1 unread' },
    ]);
    expect([accountOfItem('account work'), accountOfItem('settings')]).toEqual(['work', null]);
  });
});

it('Control, Shift and a digit ask for an account, whatever sign the digit makes', () => {
  const press = { key: '!', code: 'Digit1', ctrlKey: true, metaKey: false, altKey: false, shiftKey: true, isComposing: false };
  expect(accountOf(press, false)).toBe(0);
  expect(accountOf({ ...press, code: 'Digit9' }, false)).toBe(8);
  for (const other of [
    { code: 'Digit0' },
    { code: 'KeyA' },
    { shiftKey: false },
    { altKey: true },
    { metaKey: true },
    { isComposing: true },
  ]) {
    expect(accountOf({ ...press, ...other }, false)).toBeNull();
  }
  expect(accountOf({ ...press, ctrlKey: false, metaKey: true }, true)).toBe(0);
});
