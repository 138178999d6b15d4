import { ParleyError } from '../../../../shared/base/errors.ts';
import { DELIMITER } from '../../../../shared/protocol/imap/mailbox-name.ts';
import type { WriteHandle } from '../../../sqlite/handles.ts';
import type { MailboxStatus, MailCalls } from './calls.ts';

/** of one owner */
const MOST_MAILBOXES = 50_000;
const MOST_LEVELS = 10;

type MailboxCalls = Pick<MailCalls, 'mailboxes' | 'status' | 'create' | 'remove' | 'rename' | 'subscribe' | 'usage'>;

export function mailboxCalls(
  handle: WriteHandle,
  now: () => number,
): MailboxCalls & { readonly need: (owner: string, name: string) => MailboxStatus } {
  const all = handle.many<{ name: string; isSubscribed: number }>(
    'SELECT name, is_subscribed AS isSubscribed FROM mailboxes WHERE owner = :owner ORDER BY name',
  );
  const one = handle.one<MailboxStatus>(`
SELECT id, uid_validity AS uidValidity, uid_next AS uidNext, modseq,
  (SELECT count(*) FROM messages WHERE mailbox_id = id) AS messages,
  (SELECT count(*) FROM messages WHERE mailbox_id = id AND ' ' || flags || ' ' NOT LIKE '% \\Seen %') AS unseen
FROM mailboxes WHERE owner = :owner AND name = :name`);
  const count = handle.one<{ count: number; newest: number }>(
    'SELECT count(*) AS count, (SELECT ifnull(max(uid_validity), 0) FROM mailboxes) AS newest FROM mailboxes WHERE owner = :owner',
  );
  const insert = handle.change('INSERT INTO mailboxes (owner, name, uid_validity) VALUES (:owner, :name, :validity)');
  const erase = handle.change('DELETE FROM mailboxes WHERE owner = :owner AND name = :name');
  const empty = handle.change('DELETE FROM messages WHERE mailbox_id = :id');
  const move = handle.change('UPDATE mailboxes SET name = :to, uid_validity = :validity WHERE owner = :owner AND name = :from');
  const mark = handle.change('UPDATE mailboxes SET is_subscribed = :isSubscribed WHERE owner = :owner AND name = :name');
  const used = handle.one<{ octets: number }>('SELECT octets FROM owners WHERE owner = :owner');

  const need = (owner: string, name: string): MailboxStatus => {
    const status = one({ owner, name });
    if (status === undefined) throw new ParleyError('request.not-found', 'no such mailbox');
    return status;
  };
  const add = (owner: string, name: string): void => {
    const { count: mailboxes, newest } = count({ owner }) ?? { count: 0, newest: 0 };
    if (mailboxes >= MOST_MAILBOXES) throw new ParleyError('history.full', `${MOST_MAILBOXES} mailboxes`);
    // never one that a mailbox of the same name had before (RFC 3501 section 2.3.1.1)
    insert({ owner, name, validity: Math.max(Math.floor(now() / 1000), newest + 1) });
  };

  return {
    need,
    mailboxes: (owner) => all({ owner }).map(({ name, isSubscribed }) => ({ name, isSubscribed: isSubscribed === 1 })),
    status: (owner, name) => one({ owner, name }) ?? null,
    create(owner, name) {
      const levels = name.split(DELIMITER);
      if (levels.length > MOST_LEVELS) throw new ParleyError('request.invalid', 'too many levels');
      if (one({ owner, name }) !== undefined) throw new ParleyError('request.invalid-state', 'the mailbox is there');
      // with those above it (RFC 3501 section 6.3.3)
      for (let level = 1; level <= levels.length; level++) {
        const above = levels.slice(0, level).join(DELIMITER);
        if (one({ owner, name: above }) === undefined) add(owner, above);
      }
    },
    remove(owner, name) {
      if (name === 'INBOX') throw new ParleyError('request.invalid', 'INBOX stays');
      empty({ id: need(owner, name).id });
      erase({ owner, name });
    },
    rename(owner, from, to) {
      if (from === 'INBOX' || to.startsWith(`${from}${DELIMITER}`)) throw new ParleyError('request.invalid', 'not by renaming');
      need(owner, from);
      if (one({ owner, name: to }) !== undefined) throw new ParleyError('request.invalid-state', 'the mailbox is there');
      const { newest } = count({ owner }) ?? { newest: 0 };
      const moved = all({ owner }).filter(({ name }) => name === from || name.startsWith(`${from}${DELIMITER}`));
      for (const [at, { name }] of moved.entries()) {
        move({ owner, from: name, to: `${to}${name.slice(from.length)}`, validity: Math.max(Math.floor(now() / 1000), newest + 1 + at) });
      }
    },
    subscribe(owner, name, isSubscribed) {
      need(owner, name);
      mark({ owner, name, isSubscribed: isSubscribed ? 1 : 0 });
    },
    usage: (owner) => used({ owner })?.octets ?? 0,
  };
}
