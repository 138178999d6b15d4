import type { WriteHandle } from '../../sqlite/handles.ts';

/** ids that are left out where something is known to come late; there are 2^23 times as many below 2^53 */
const ROOM = 2 ** 30;
/** late ones that follow each other leave so much room for others between them */
const LATE_STEP = 2 ** 16;
/** how far back a place is looked for, in messages, and how many at a time */
const LOOK_BACK = 500;
const AT_A_TIME = 16;
/** other conversations have ids there as well */
const TRIES = 16;

/**
 * Ids of messages are the order of threads. When the network tells that it keeps something, room is left between what is here and what comes
 * next, so that whatever is fetched from there can take the place where it belongs, and nothing else has to move.
 */
export function createPlaces(db: WriteHandle) {
  const leaveRoom = db.change(`UPDATE sqlite_sequence SET seq = seq + ${ROOM} WHERE name = 'messages'`);
  const newest = db.many<{ id: number; at: number }>(
    `SELECT id, min(sent_at, stored_at) AS at FROM messages INDEXED BY messages_by_conversation
     WHERE conversation_id = :conversationId AND removed_at IS NULL AND id < :before ORDER BY id DESC LIMIT :limit`,
  );
  const taken = db.one<{ id: number }>('SELECT id FROM messages WHERE id = :id');

  /** A free one in between, with room on both sides where there is any. */
  function between(low: number, high: number): number | null {
    const step = Math.min(LATE_STEP, Math.floor((high - low) / 2));
    for (const first of [low + step, Math.floor((low + high) / 2), high - step]) {
      for (let id = first; id > low && id < high && id < first + TRIES; id++) if (taken({ id }) === undefined) return id;
    }
    return null;
  }

  return {
    leaveRoom(): void {
      leaveRoom({});
    },

    /**
     * The id for a message that was kept elsewhere: behind what was said before it was sent; where no room was left there, as soon behind it as
     * there is. Null: nothing in its conversation is newer, or there is no room at all, and it comes last like any other.
     */
    at(conversationId: number, sentAt: number): number | null {
      const newer: number[] = [];
      let older: number | null = null;
      while (older === null && newer.length < LOOK_BACK) {
        const rows = newest({ conversationId, before: newer.at(-1) ?? Number.MAX_SAFE_INTEGER, limit: AT_A_TIME });
        for (const { id, at } of rows) {
          if (older !== null) break;
          if (at <= sentAt) older = id;
          else newer.push(id);
        }
        if (rows.length < AT_A_TIME) break;
      }
      let low = older ?? Math.max(0, (newer.at(-1) ?? 0) - ROOM);
      for (const high of newer.reverse()) {
        const id = between(low, high);
        if (id !== null) return id;
        low = high;
      }
      return null;
    },
  };
}
