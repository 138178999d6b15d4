import { randomToken } from '../../../shared/base/random.ts';
import { addressTitle, canonicalAddress } from '../../../shared/model/address.ts';
import { kindOfKey } from '../../../shared/model/audience.ts';
import type { GroupEvent } from '../../../shared/model/group.ts';
import type { Message } from '../../../shared/model/message.ts';
import type { WriteHandle } from '../../sqlite/handles.ts';
import type { Calls } from '../calls.ts';
import { FRESH_GROUP } from '../group-reads.ts';
import type { GroupFields, GroupLine, StoredGroup, StoredParticipant } from '../port.ts';
import { found, type Reads } from '../reads.ts';
import { displayReportsOf } from './conversations.ts';
import { errorColumns } from './ledger.ts';
import type { MessageParts } from './messages.ts';
import { createQuoted } from './quoted.ts';

type Method = 'beginGroup' | 'changeGroup' | 'noteEvent' | 'receiveInGroup' | 'noteOwnInGroup';

/** users of one roster that are kept */
const MOST_PARTICIPANTS = 10_000;
/** what becomes of several people within this time is one line, ms */
const ONE_LINE_MS = 300_000;
const MOST_IN_A_LINE = 100;

/** Groups that talk in a session: where this person stands in them, who is in, what is said there. */
export function groupWrites(
  db: WriteHandle,
  { ledger, outbox, correspondence, people, recipients }: MessageParts,
  reads: Reads,
): Calls<Method> {
  const put = db.change(
    `INSERT INTO groups (conversation_id, contribution_id, identity, address, subject, standing, max_users, closed, takes_files, anonymous,
       refuses_next, inviter, inviter_name, extends_id, error_code, error_detail)
     VALUES (:id, :contributionId, :identity, :address, :subject, :standing, :limit, :closed, :takesFiles, :anonymous, :refusesNext, :inviter,
       :inviterName, :extendsId, :code, :detail)
     ON CONFLICT (conversation_id) DO UPDATE SET contribution_id = excluded.contribution_id, identity = excluded.identity,
       address = excluded.address, subject = excluded.subject, standing = excluded.standing, max_users = excluded.max_users,
       closed = excluded.closed, takes_files = excluded.takes_files, anonymous = excluded.anonymous, refuses_next = excluded.refuses_next,
       inviter = excluded.inviter, inviter_name = excluded.inviter_name, extends_id = excluded.extends_id,
       error_code = excluded.error_code, error_detail = excluded.error_detail`,
  );
  const isKnown = db.one<{ id: number }>('SELECT conversation_id AS id FROM groups WHERE conversation_id = :id');
  const setRoute = db.change('UPDATE conversations SET route = :identity WHERE id = :id AND route IS NOT :identity');
  const setCpmId = db.change('UPDATE conversations SET cpm_conversation_id = :cpmConversationId WHERE id = :id');
  const setTitle = db.change('UPDATE conversations SET title = :title WHERE id = :id');
  const setRequest = db.change('UPDATE conversations SET request = 0 WHERE id = :id');
  const show = db.change('UPDATE conversations SET removed_at = NULL, archived = 0, updated_at = max(updated_at, :now) WHERE id = :id');
  const clearPeople = db.change('DELETE FROM participants WHERE conversation_id = :id');
  const addPerson = db.change(
    `INSERT OR REPLACE INTO participants (conversation_id, entity, position, address, is_anonymous, name, presence, is_self, roles)
     VALUES (:id, :entity, :position, :address, :isAnonymous, :name, :presence, :isSelf, :roles)`,
  );
  const lastLine = db.one<{ id: number; event: string | null; storedAt: number }>(
    `SELECT m.id, m.event, m.stored_at AS storedAt FROM messages AS m
     WHERE m.conversation_id = :conversationId AND m.removed_at IS NULL ORDER BY m.id DESC LIMIT 1`,
  );
  const setEvent = db.change('UPDATE messages SET event = :event WHERE id = :id');
  const quoted = createQuoted(db);

  const groupOf = (id: number): StoredGroup => found(reads.group(id) ?? undefined, 'group', id);

  function write(id: number, fields: GroupFields): void {
    const { invitedBy, error, closed, takesFiles, anonymous, refusesNext, ...columns } = fields;
    put({
      id,
      contributionId: columns.contributionId,
      identity: columns.identity,
      address: columns.address,
      subject: columns.subject,
      standing: columns.standing,
      limit: columns.limit,
      extendsId: columns.extendsId,
      closed: Number(closed),
      takesFiles: Number(takesFiles),
      anonymous: Number(anonymous),
      refusesNext: Number(refusesNext),
      inviter: invitedBy?.address ?? null,
      inviterName: invitedBy?.name ?? null,
      ...errorColumns(error),
    });
    // one that has an address of its own is written to there
    if (kindOfKey(reads.conversation(id).peer) === 'group') setRoute({ id, identity: fields.identity });
    if (fields.standing === 'member' || fields.standing === 'starting') setRequest({ id });
  }

  function seat(id: number, participants: readonly StoredParticipant[]): void {
    clearPeople({ id });
    for (const [position, { entity, address, name, presence, isSelf, roles }] of participants.slice(0, MOST_PARTICIPANTS).entries()) {
      addPerson({
        ...{ id, entity, position, name, presence },
        address: address ?? canonicalAddress(entity) ?? entity,
        isAnonymous: address === null ? 1 : 0,
        isSelf: Number(isSelf),
        roles: JSON.stringify(roles),
      });
    }
  }

  /** @returns the line that says it, which may have been there */
  function say(conversationId: number, { notice, ...event }: GroupLine, now: number): Message {
    const last = notice ? undefined : lastLine({ conversationId });
    const before: GroupEvent | null = last?.event == null ? null : JSON.parse(last.event);
    const joined = last !== undefined && now - last.storedAt < ONE_LINE_MS && before !== null ? together(before, event) : null;
    if (last !== undefined && joined !== null) {
      setEvent({ id: last.id, event: JSON.stringify(joined) });
      return reads.message(last.id);
    }
    const id = ledger.add({
      ...{ conversationId, direction: 'in', kind: 'text', text: '', line: event.what, transferState: null },
      ...{
        imdnId: `event ${randomToken(24)}`,
        contributionId: '',
        cpmConversationId: null,
        sentAt: now,
        now,
        notify: null,
        quotedId: null,
      },
      event: { what: event.what, people: event.people, by: event.by },
      isQuiet: notice !== true,
    });
    return reads.message(id);
  }

  return {
    beginGroup({ peer, title, cpmConversationId, asRequest, fields, participants = [], event, now }) {
      const inviter = fields.invitedBy ? people.find(fields.invitedBy.address) : undefined;
      const request = asRequest === true && (inviter === undefined || inviter.request === 1);
      const { conversation } = correspondence({ peer, title, cpmConversationId, now, kind: 'group', asRequest: request }, true);
      const { id } = conversation;
      if (isKnown({ id }) !== undefined) return { group: groupOf(id), conversation: ledger.conversation(id), messages: [] };
      write(id, { ...FRESH_GROUP, ...fields });
      seat(id, participants);
      show({ id, now });
      const messages = event === undefined ? [] : [say(id, event, now)];
      return { group: groupOf(id), conversation: ledger.conversation(id), messages };
    },

    changeGroup({ conversationId, fields = {}, cpmConversationId, title, participants, events = [], now }) {
      const group = groupOf(conversationId);
      const id = group.conversationId;
      write(id, { ...group, ...fields });
      if (cpmConversationId !== undefined) setCpmId({ id, cpmConversationId });
      if (title !== undefined && title !== '') setTitle({ id, title });
      if (participants !== undefined) seat(id, participants);
      const messages = events.map((event) => say(id, event, now));
      return { group: groupOf(id), conversation: ledger.conversation(id), messages };
    },

    noteEvent({ conversationId, event, now }) {
      const { id } = reads.conversation(conversationId);
      return { message: say(id, event, now), conversation: ledger.conversation(id) };
    },

    receiveInGroup({ conversationId, author, answers, error, notify, now, ...row }) {
      const { id } = reads.conversation(conversationId);
      const known = ledger.find(id, 'in', row.imdnId, author.address);
      const isBlocked = people.find(author.address)?.blockedAt != null;
      const added =
        known ??
        ledger.add({
          ...row,
          ...{ conversationId: id, direction: 'in', kind: 'text', line: row.text, transferState: null, cpmConversationId: null, now },
          notify: isBlocked ? null : { ...notify, displayReports: displayReportsOf(reads, id, notify.displayReports) },
          author: { ...author, name: author.name || addressTitle(author.address) },
          isQuiet: isBlocked,
          quotedId: quoted(id, answers),
        });
      if (isBlocked) return { ...ledger.changed(added), duplicate: known !== null };
      if (error !== undefined) {
        ledger.setError(added, error);
        if (notify.negativeDelivery) outbox.queueFailed(ledger.record(added), now);
      } else {
        if (notify.positiveDelivery) outbox.queueDelivered(ledger.record(added), now);
        outbox.queueRefusal(ledger.record(added), now);
      }
      return { ...ledger.changed(added), duplicate: known !== null };
    },

    noteOwnInGroup({ conversationId, answers, now, ...row }) {
      const { id } = reads.conversation(conversationId);
      const known = ledger.find(id, 'out', row.imdnId);
      const own =
        known ??
        ledger.add({
          ...row,
          ...{ conversationId: id, direction: 'out', kind: 'text', line: row.text, transferState: null, cpmConversationId: null, now },
          ...{ notify: null, quotedId: quoted(id, answers) },
        });
      // the group has it, whatever became of the answer
      outbox.removeMessage(own);
      recipients.addRoster(own, id);
      recipients.moveAll(own, 'accepted', now, null);
      if (['queued', 'sending'].includes(ledger.record(own).status)) {
        ledger.move(own, 'accepted', now);
        ledger.taken(own, now);
      }
      return { ...ledger.changed(own), created: known === null };
    },
  };
}

/** Null: they are two lines. */
function together(before: GroupEvent, event: GroupEvent): GroupEvent | null {
  if (before.what !== event.what || before.by?.address !== event.by?.address) return null;
  if (before.people.length === 0 || event.people.length === 0 || before.people.length >= MOST_IN_A_LINE) return null;
  const names = new Set(before.people.map(({ address, name }) => address || name));
  return { ...before, people: [...before.people, ...event.people.filter(({ address, name }) => !names.has(address || name))] };
}
