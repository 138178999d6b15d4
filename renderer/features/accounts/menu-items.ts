import type { AccountRow } from '../../../shared/ipc/account-contract.ts';
import type { MenuItem } from '../../ui/menu.ts';
import { linkTone, linkWord } from '../connection/link-state.ts';
import { plainAddress } from '../conversations/address.ts';
import { words } from '../words.ts';

const PREFIX = 'account ';

/** The accounts to go to, with how each of them does; nothing where there is no choice. @param own the name of the one that is shown */
export function accountItems(rows: readonly AccountRow[], own: string): MenuItem[] {
  if (rows.length < 2) return [];
  return rows.map((row) => {
    const { name, displayName, address, registration, error, unread } = row;
    const shared = rows.some((other) => other !== row && other.displayName === displayName);
    const state = error === null ? linkWord(registration) : words.connection.offline;
    return {
      id: `${PREFIX}${name}`,
      text: shared && address !== '' ? `${displayName} (${plainAddress(address)})` : displayName,
      checked: name === own,
      tone: error === null ? linkTone(registration) : 'bad',
      note: unread === 0 ? state : `${state} · ${words.accounts.unread(unread)}`,
    };
  });
}

/** @returns the name of the account that an item leads to, null for any other item */
export function accountOfItem(id: string): string | null {
  return id.startsWith(PREFIX) ? id.slice(PREFIX.length) : null;
}
