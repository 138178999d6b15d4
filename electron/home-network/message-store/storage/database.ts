import type { NetworkDatabaseKind } from '../../databases/kind.ts';
import type { MailCalls } from './calls.ts';
import { mailboxCalls } from './mailboxes.ts';
import { messageCalls } from './messages.ts';
import { APPLICATION_ID, MIGRATIONS } from './schema.ts';
import { searchCall } from './search.ts';

/** The file `message-store.db`: everybody's stored conversations. */
export const MESSAGE_STORE: NetworkDatabaseKind = {
  applicationId: APPLICATION_ID,
  migrations: MIGRATIONS,
  calls(handle) {
    handle.change('DELETE FROM bodies WHERE is_whole = 0')({});
    const { need, ...mailboxes } = mailboxCalls(handle, Date.now);
    const calls: MailCalls = { ...mailboxes, ...messageCalls(handle, need), ...searchCall(handle) };
    return { ...calls };
  },
};
