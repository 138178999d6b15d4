import { AsyncLocalStorage } from 'node:async_hooks';
import { ParleyError } from '../../shared/base/errors.ts';
import type { HostActions, HostedAccount } from '../app/port.ts';

const opened = new AsyncLocalStorage<{ path: string | null }>();

/** A host without a desktop: the page's browser has to pick and to save files. */
export const headlessActions: HostActions = {
  chooseFiles: () => Promise.reject(new ParleyError('request.invalid', 'this host has no file dialog')),
  chooseFolder: () => Promise.reject(new ParleyError('request.invalid', 'this host has no file dialog')),
  openPath: (path) => {
    const asked = opened.getStore();
    if (asked === undefined) return Promise.reject(new ParleyError('request.invalid', 'this host has no programs to open a file with'));
    asked.path = path;
    return Promise.resolve();
  },
  showInFolder: () => Promise.reject(new ParleyError('request.invalid', 'this host has no folders to show')),
  saveCopy: () => Promise.reject(new ParleyError('request.invalid', 'this host has no file dialog')),
  openUrl: () => Promise.reject(new ParleyError('request.invalid', 'this host has no programs to open a link with')),
};

/**
 * The file `transfers.open` would have opened on a desktop, by the same checks: so a download obeys the same rules as an opening.
 * @throws ParleyError what `transfers.open` throws
 */
export async function pathToOpen(account: Pick<HostedAccount, 'handlers'>, transferId: number): Promise<string> {
  const asked: { path: string | null } = { path: null };
  await opened.run(asked, () => account.handlers['transfers.open']({ transferId }));
  if (asked.path === null) throw new ParleyError('request.not-found', 'there is no file to open');
  return asked.path;
}
