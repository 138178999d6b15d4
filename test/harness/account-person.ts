import type { Locator, Page } from 'playwright-core';
import type { HomeNetwork } from '../../electron/home-network/index.ts';

/** What a person does with accounts, in whatever host the page is. */
export class AccountPerson {
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
  }

  dialog(name: string): Locator {
    return this.page.getByRole('dialog', { name });
  }

  async pick(item: string | RegExp, role: 'menuitem' | 'menuitemradio' = 'menuitem'): Promise<void> {
    await this.page.getByRole('button', { name: /^Account and settings/ }).click();
    await this.page.getByRole(role, { name: item }).click();
  }

  /** Fills the form that is open as far as `Add`, which is for the test to press. */
  async fill(network: HomeNetwork, user: string, password: string): Promise<Locator> {
    const account = network.accounts.find((each) => each.user === user);
    const form = this.dialog('Add an account');
    await form.getByLabel('Address').fill(account?.address.replace(/^sip:/, '') ?? '');
    await form.getByLabel('Password').fill(password);
    await form.getByLabel('Server', { exact: true }).fill(account?.outboundProxy ?? '');
    await form.getByLabel('Connection').selectOption('TCP, not encrypted');
    await form.getByLabel('Name', { exact: true }).fill(account?.displayName ?? '');
    return form;
  }

  /** a wrong password, told in words, then the right one */
  async addWithWrongPasswordFirst(network: HomeNetwork, user: string, password: string): Promise<void> {
    const form = await this.fill(network, user, 'not the password');
    const add = form.getByRole('button', { name: 'Add', exact: true });
    await add.click();
    await form.getByText(/The server does not accept the user name or password/).waitFor({ timeout: 30_000 });
    await form.getByLabel('Password').fill(password);
    await add.click();
  }

  async writeTo(address: string, text: string): Promise<void> {
    await this.page.getByRole('button', { name: 'New conversation' }).first().click();
    await this.dialog('New conversation').getByLabel('To', { exact: true }).fill(address);
    await this.page.keyboard.press('Enter');
    const composer = this.page.getByRole('textbox', { name: /^Message to/ });
    await composer.fill(text);
    await composer.press('Enter');
  }

  async isOnline(): Promise<void> {
    await this.page.getByRole('navigation').getByText('Connected', { exact: true }).waitFor({ timeout: 30_000 });
  }
}
