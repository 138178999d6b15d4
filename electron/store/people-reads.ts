import { canonicalAddress } from '../../shared/model/address.ts';
import type { ConversationDetails } from '../../shared/model/conversation.ts';
import type { ReadHandle } from '../sqlite/handles.ts';
import type { Calls } from './calls.ts';
import type { StoredConversation } from './port.ts';
import { CONVERSATION_COLUMNS, type ConversationRow, toConversation } from './rows.ts';

type DetailsRow = Pick<ConversationDetails, 'networkName' | 'givenName' | 'notifications' | 'displayReports'>;

/** Conversations as people: their addresses, and who is kept out. */
export function peopleReads(
  db: ReadHandle,
  conversation: (id: number) => StoredConversation,
): Calls<'conversationDetails' | 'blockedConversations' | 'addresses' | 'aliases' | 'nameOf' | 'unreadSum'> {
  const details = db.one<DetailsRow>(
    `SELECT title AS networkName, given_name AS givenName, notifications, display_reports AS displayReports
     FROM conversations WHERE id = :id`,
  );
  const further = db.many<{ address: string }>('SELECT address FROM aliases WHERE conversation_id = :id ORDER BY address');
  const blocked = db.many<ConversationRow>(
    `SELECT ${CONVERSATION_COLUMNS} FROM conversations AS c INDEXED BY conversations_blocked
     WHERE c.blocked_at IS NOT NULL ORDER BY c.blocked_at DESC, c.id DESC`,
  );
  const all = db.many<{ conversationId: number; peer: string }>(
    'SELECT id AS conversationId, peer FROM conversations WHERE merged_into IS NULL ORDER BY id',
  );
  const aliases = db.many<{ address: string; peer: string; known: number }>(
    `SELECT a.address, c.peer, c.request = 0 AND c.blocked_at IS NULL AND c.removed_at IS NULL AS known
     FROM aliases AS a JOIN conversations AS c ON c.id = a.conversation_id`,
  );
  const name = db.one<{ name: string }>(
    `SELECT ifnull(given_name, title) AS name FROM conversations
     WHERE merged_into IS NULL AND (peer = :address OR id = (SELECT conversation_id FROM aliases WHERE address = :address))`,
  );
  const unread = db.one<{ sum: number }>(
    `SELECT ifnull(sum(unread), 0) AS sum FROM conversations INDEXED BY conversations_unread
     WHERE unread > 0 AND removed_at IS NULL AND request = 0 AND blocked_at IS NULL AND ifnull(muted_until, 0) <= :now`,
  );

  const addressesOf = ({ id, peer }: { id: number; peer: string }): string[] => [
    peer,
    // a route is another spelling of what stands there already
    ...further({ id }).flatMap(({ address }) => (canonicalAddress(address) === address ? [address] : [])),
  ];

  return {
    conversationDetails(id) {
      const { cpmConversationId: _, route: __, mode, ...row } = conversation(id);
      const more = details({ id: row.id }) as DetailsRow;
      const addresses = addressesOf(row);
      return { conversation: row, addresses, mode, ...more };
    },
    blockedConversations: () => blocked({}).map((row) => ({ conversation: toConversation(row), addresses: addressesOf(row) })),
    addresses: () => all({}),
    aliases: () => aliases({}).map((row) => ({ ...row, known: row.known === 1 })),
    nameOf: (address) => name({ address })?.name ?? null,
    unreadSum: (now) => unread({ now })?.sum ?? 0,
  };
}
