import { addressTitle } from '../../../shared/model/address.ts';
import type { WriteHandle } from '../../sqlite/handles.ts';
import type { Ledger } from './ledger.ts';

/** A conversation as far as it is a person. */
export interface Person {
  readonly id: number;
  readonly peer: string;
  /** as the network calls the person */
  readonly title: string;
  readonly cpmConversationId: string;
  readonly lastMessageId: number | null;
  readonly request: number;
  readonly blockedAt: number | null;
}

/** The addresses by which one person was heard of at once. */
export interface Identities {
  readonly peer: string;
  /** further ones that the network asserts to be the same person's (RFC 3325 section 9.1) */
  readonly aliases?: readonly string[] | undefined;
  /** where requests to a number go */
  readonly route?: string | null | undefined;
}

export type People = ReturnType<typeof createPeople>;

/**
 * Who is who. An address is learned to be somebody's only when that cannot fold two people: a person has one sip address, and whoever
 * shares a number with another sip address is somebody else.
 */
export function createPeople(db: WriteHandle, ledger: Ledger) {
  const find = db.one<Person>(
    `SELECT c.id, c.peer, c.title, c.cpm_conversation_id AS cpmConversationId, c.last_message_id AS lastMessageId, c.request,
       c.blocked_at AS blockedAt
     FROM conversations AS c WHERE c.id = ifnull(
       (SELECT p.id FROM conversations AS p WHERE p.peer = :address),
       (SELECT a.conversation_id FROM aliases AS a WHERE a.address = :address))`,
  );
  const shared = db.one<{ address: string }>('SELECT address FROM aliases WHERE address = :address AND conversation_id IS NULL');
  const setAlias = db.change(
    'INSERT INTO aliases (address, conversation_id) VALUES (:address, :id) ON CONFLICT (address) DO UPDATE SET conversation_id = :id',
  );
  const dropAlias = db.change('DELETE FROM aliases WHERE address = :address');
  const setPeer = db.change(
    // a person with a sip address needs no way around
    "UPDATE conversations SET peer = :peer, title = :title, route = iif(:peer LIKE 'tel:%', route, NULL) WHERE id = :id",
  );
  const setRoute = db.change('UPDATE conversations SET route = :route WHERE id = :id AND route IS NOT :route');
  const merging = createMerging(db, ledger);

  const isNumber = (address: string): boolean => address.startsWith('tel:');
  const alias = (address: string, id: number): void => {
    setAlias({ address, id });
  };

  /** Two conversations turn out to be one person's: the older one stays. */
  function unite(one: Person, other: Person, peer: string): { id: number; merged: number } {
    const [kept, gone] = one.id < other.id ? [one, other] : [other, one];
    merging.run(kept, gone);
    setPeer({ id: kept.id, peer, title: nameOf([kept, gone], peer) });
    for (const address of [kept.peer, gone.peer]) if (address !== peer) alias(address, kept.id);
    dropAlias({ address: peer });
    return { id: kept.id, merged: gone.id };
  }

  /** @returns the conversation that went into another one, if one did */
  function learnOne(peer: string, address: string): number | null {
    if (!peer.startsWith('sip:') || !isNumber(address) || shared({ address })) return null;
    const [person, other] = [find({ address: peer }), find({ address })];
    if (other === undefined || other.id === person?.id) {
      if (person !== undefined && other === undefined) alias(address, person.id);
      return null;
    }
    if (!isNumber(other.peer)) {
      // the number leads to somebody with another sip address: it is not one person's
      setAlias({ address, id: null });
      return null;
    }
    if (person !== undefined) return unite(person, other, peer).merged;
    setPeer({ id: other.id, peer, title: nameOf([other], peer) });
    alias(other.peer, other.id);
    return null;
  }

  return {
    find: (address: string): Person | undefined => find({ address }),

    /** What can be learned before there is a conversation, and after. @returns the conversations that went into another one */
    learn({ peer, aliases = [], route = null }: Identities): number[] {
      const merged = aliases.map((address) => learnOne(peer, address)).filter((id) => id !== null);
      if (route === null) return merged;
      const person = find({ address: peer });
      if (person === undefined || !isNumber(person.peer)) return merged;
      setRoute({ id: person.id, route });
      if (find({ address: route }) === undefined) alias(route, person.id);
      return merged;
    },

    /** The rules of folding have changed: this is what the address is now. @returns the conversation that went into another one, or null */
    refold(id: number, before: string, { peer, route = null }: Identities): number | null {
      const [person, other] = [find({ address: before }), find({ address: peer })];
      if (person?.id !== id || person.peer !== before || before === peer) return null;
      let merged: number | null = null;
      if (other !== undefined && other.id !== id) merged = unite(person, other, isNumber(other.peer) ? peer : other.peer).merged;
      else {
        setPeer({ id, peer, title: nameOf([person], peer) });
        dropAlias({ address: peer });
        alias(before, id);
      }
      const now = find({ address: peer });
      if (now !== undefined && route !== null) setRoute({ id: now.id, route });
      return merged;
    },
  };
}

/** Moves all of one conversation into another one. What both have counts once, and nothing of either is lost. */
function createMerging(db: WriteHandle, ledger: Ledger) {
  // what is removed is few, and has an index of its own
  const [shown, removed] = ['IS NULL', 'IS NOT NULL'].map((state) => `m.conversation_id = :gone AND m.removed_at ${state}`);
  const both = [shown, removed].map((which) =>
    db.many<{ id: number; kind: 'text' | 'file' }>(
      `SELECT m.id, m.kind FROM messages AS m CROSS JOIN messages AS k INDEXED BY messages_by_imdn
         ON k.imdn_id = m.imdn_id AND k.conversation_id = :kept AND k.direction = m.direction
       WHERE ${which}`,
    ),
  );
  const dropMessage = db.change('DELETE FROM messages WHERE id = :id');
  const rename = db.change("UPDATE messages SET imdn_id = imdn_id || ' ' || id WHERE id = :id");
  const steps = [
    ...[shown, removed].map(
      (which) => `UPDATE messages AS m SET conversation_id = :kept, cpm_conversation_id = ifnull(m.cpm_conversation_id,
         (SELECT c.cpm_conversation_id FROM conversations AS c WHERE c.id = :gone)) WHERE ${which}`,
    ),
    "UPDATE outbox SET conversation_id = :kept WHERE kind IN ('text', 'file', 'notification') AND conversation_id = :gone",
    'UPDATE aliases SET conversation_id = :kept WHERE conversation_id = :gone',
    'UPDATE conversations SET merged_into = :kept WHERE merged_into = :gone',
    // a name is better than none, what was decided holds, and a conversation that is listed stays listed
    `UPDATE conversations AS c SET
       draft_quoted_id = ifnull(c.draft_quoted_id, g.draft_quoted_id), given_name = ifnull(c.given_name, g.given_name), route = ifnull(c.route, g.route),
       draft_files = (SELECT json_group_array(waiting.value) FROM
         (SELECT value FROM json_each(c.draft_files) UNION SELECT value FROM json_each(g.draft_files)) AS waiting),
       draft = iif(trim(c.draft) = '', g.draft, iif(trim(g.draft) = '', c.draft, c.draft || char(10) || g.draft)),
       muted_until = max(ifnull(c.muted_until, g.muted_until), ifnull(g.muted_until, c.muted_until)),
       notifications = ifnull(c.notifications, g.notifications), display_reports = ifnull(c.display_reports, g.display_reports),
       mode = ifnull(c.mode, g.mode), request = min(c.request, g.request),
       blocked_at = max(ifnull(c.blocked_at, g.blocked_at), ifnull(g.blocked_at, c.blocked_at)),
       pinned = max(c.pinned, g.pinned), marked_unread = max(c.marked_unread, g.marked_unread),
       archived = iif(c.removed_at IS NOT NULL, g.archived, iif(g.removed_at IS NOT NULL, c.archived, min(c.archived, g.archived))),
       removed_at = iif(c.removed_at IS NULL OR g.removed_at IS NULL, NULL, max(c.removed_at, g.removed_at)),
       updated_at = max(c.updated_at, g.updated_at)
     FROM conversations AS g WHERE c.id = :kept AND g.id = :gone`,
  ].map((sql) => db.change(sql));
  const empty = db.change(
    `UPDATE conversations SET merged_into = :kept, peer = 'merged:' || id, removed_at = updated_at, unread = 0, marked_unread = 0, pinned = 0,
       archived = 0, request = 0, blocked_at = NULL, draft = '', draft_quoted_id = NULL, draft_files = '[]', last_message_id = NULL, last_direction = NULL,
       last_kind = NULL, last_text = NULL, last_status = NULL, last_transfer_state = NULL
     WHERE id = :gone`,
  );

  return {
    run(kept: Person, gone: Person): void {
      const ids = { kept: kept.id, gone: gone.id };
      for (const { id, kind } of both.flatMap((find) => find(ids))) {
        if (kind === 'text') dropMessage({ id });
        // a file that was offered to both is two files on this device
        else rename({ id });
      }
      for (const step of steps) step(ids);
      empty(ids);
      ledger.recount(kept.id);
    },
  };
}

/** The first name that is more than an address; else what the address is called. */
function nameOf(people: readonly Person[], peer: string): string {
  return people.find((person) => !isNameless(person))?.title ?? addressTitle(peer);
}

/** It is called by nothing but its address. */
export function isNameless({ title, peer }: Pick<Person, 'title' | 'peer'>): boolean {
  return title === '' || title === peer || peer.endsWith(`:${title}`) || title === addressTitle(peer);
}
