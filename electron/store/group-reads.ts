import type { ErrorCode } from '../../shared/base/errors.ts';
import { addressTitle } from '../../shared/model/address.ts';
import { kindOfKey } from '../../shared/model/audience.ts';
import type { Participant, Presence, Standing } from '../../shared/model/group.ts';
import type { ReadHandle } from '../sqlite/handles.ts';
import type { Calls } from './calls.ts';
import type { GroupFields, GroupFile } from './group-port.ts';
import type { StoredConversation, StoredGroup } from './port.ts';

interface GroupRow {
  readonly conversationId: number;
  readonly contributionId: string;
  readonly identity: string | null;
  readonly address: string | null;
  readonly subject: string;
  readonly standing: Standing;
  readonly limit: number | null;
  readonly closed: number;
  readonly takesFiles: number;
  readonly anonymous: number;
  readonly refusesNext: number;
  readonly inviter: string | null;
  readonly inviterName: string | null;
  readonly extendsId: number | null;
  readonly errorCode: ErrorCode | null;
  readonly errorDetail: string | null;
}

interface ParticipantRow {
  readonly entity: string;
  readonly address: string;
  readonly isAnonymous: number;
  readonly name: string;
  readonly presence: Presence;
  readonly isSelf: number;
  readonly roles: string;
  readonly blocked: number;
}

const COLUMNS = `g.conversation_id AS conversationId, g.contribution_id AS contributionId, g.identity, g.address, g.subject, g.standing,
  g.max_users AS "limit", g.closed, g.takes_files AS takesFiles, g.anonymous, g.refuses_next AS refusesNext, g.inviter,
  g.inviter_name AS inviterName, g.extends_id AS extendsId, g.error_code AS errorCode, g.error_detail AS errorDetail`;

export function groupReads(db: ReadHandle, conversation: (id: number) => StoredConversation): Calls<'group' | 'groupBy' | 'openGroups'> {
  const byId = db.one<GroupRow>(`SELECT ${COLUMNS} FROM groups AS g WHERE g.conversation_id = :id`);
  const byContribution = db.one<{ id: number }>(
    'SELECT g.conversation_id AS id FROM groups AS g WHERE g.contribution_id = :contributionId ORDER BY g.conversation_id DESC LIMIT 1',
  );
  const byPeer = db.one<{ id: number }>("SELECT c.id FROM conversations AS c WHERE c.peer = :peer AND c.kind = 'group'");
  const isSenders = `g.standing IN ('member', 'invited')
    AND EXISTS (SELECT 1 FROM participants AS p WHERE p.conversation_id = g.conversation_id AND p.address = :author AND p.is_self = 0
      AND p.presence NOT IN ('left', 'removed', 'declined'))`;
  const byFocus = db.one<{ id: number }>(
    `SELECT g.conversation_id AS id FROM groups AS g WHERE g.identity = :identity AND ${isSenders} LIMIT 1`,
  );
  const byConversation = db.one<{ id: number }>(
    `SELECT g.conversation_id AS id FROM conversations AS c INDEXED BY conversations_by_cpm_id CROSS JOIN groups AS g ON g.conversation_id = c.id
     WHERE c.cpm_conversation_id = :cpmConversationId AND ${isSenders}
       AND NOT EXISTS (SELECT 1 FROM conversations AS k WHERE k.peer = :author AND k.cpm_conversation_id = :cpmConversationId) LIMIT 1`,
  );
  const byFile = ({ author, identity, cpmConversationId }: GroupFile) =>
    identity === null ? byConversation({ author, cpmConversationId }) : byFocus({ author, identity });
  const open = db.many<{ id: number }>(
    "SELECT g.conversation_id AS id FROM groups AS g WHERE g.standing IN ('starting', 'member') ORDER BY g.conversation_id",
  );
  const people = db.many<ParticipantRow>(
    `SELECT p.entity, p.address, p.is_anonymous AS isAnonymous, p.name, p.presence, p.is_self AS isSelf, p.roles,
       EXISTS (SELECT 1 FROM conversations AS k WHERE k.id = ifnull(
         (SELECT c.id FROM conversations AS c WHERE c.peer = p.address),
         (SELECT a.conversation_id FROM aliases AS a WHERE a.address = p.address)) AND k.blocked_at IS NOT NULL) AS blocked
     FROM participants AS p WHERE p.conversation_id = :id ORDER BY p.position`,
  );

  function group(asked: number): StoredGroup | null {
    const { id, kind, peer, cpmConversationId } = conversation(asked);
    if (kind !== 'group') return null;
    const row = byId({ id });
    if (row === undefined) return kindOfKey(peer) === null ? outside({ id, peer, cpmConversationId }) : null;
    const { inviter, inviterName, errorCode, errorDetail, ...fields } = row;
    return {
      ...fields,
      peer,
      cpmConversationId,
      closed: row.closed === 1,
      takesFiles: row.takesFiles === 1,
      anonymous: row.anonymous === 1,
      refusesNext: row.refusesNext === 1,
      invitedBy: inviter === null ? null : { address: inviter, name: addressTitle(inviter, inviterName ?? '') },
      error: errorCode === null ? null : { code: errorCode, detail: errorDetail ?? '' },
      participants: people({ id }).map(toParticipant),
    };
  }

  return {
    group,
    groupBy(which) {
      const found = 'author' in which ? byFile(which) : 'peer' in which ? byPeer(which) : byContribution(which);
      return found === undefined ? null : group(found.id);
    },
    openGroups: () => open({}).flatMap(({ id }) => group(id) ?? []),
  };
}

/** What is known of a group of which nothing was heard yet. */
export const FRESH_GROUP: Omit<GroupFields, 'contributionId' | 'standing'> = {
  identity: null,
  address: null,
  subject: '',
  limit: null,
  closed: false,
  takesFiles: true,
  anonymous: false,
  refusesNext: false,
  invitedBy: null,
  extendsId: null,
  error: null,
};

/** The network has it, and this person never was in its session. */
function outside({ id, peer, cpmConversationId }: { id: number; peer: string; cpmConversationId: string }): StoredGroup {
  const known = { conversationId: id, peer, cpmConversationId, address: peer };
  return { ...FRESH_GROUP, ...known, contributionId: '', standing: 'outside', participants: [] };
}

function toParticipant({ isAnonymous, address, isSelf, roles, blocked, ...row }: ParticipantRow): Participant {
  return {
    ...row,
    address: isAnonymous === 1 ? null : address,
    isSelf: isSelf === 1,
    roles: JSON.parse(roles),
    blocked: blocked === 1 && isAnonymous === 0,
  };
}
