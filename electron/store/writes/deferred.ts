import type { DeferredItem, DeferredOrder } from '../../../shared/model/deferred.ts';
import { type DeferredEvent, type DeferredState, nextDeferredState } from '../../../shared/model/states/deferred-state.ts';
import type { WriteHandle } from '../../sqlite/handles.ts';
import type { Calls } from '../calls.ts';
import type { ListedItem } from '../deferred-port.ts';
import { DEFERRED_COLUMNS, type DeferredRow, toDeferredItem } from '../deferred-reads.ts';
import { errorColumns, type Ledger } from './ledger.ts';

type Method = 'deferredList' | 'deferredOrder' | 'deferredOrderAll' | 'deferredMove' | 'deferredRecover';

/** changes that are told one by one; whoever shows more reads the list again */
const MOST_TOLD = 200;

interface Known {
  readonly id: number;
  readonly state: DeferredState;
  readonly expiresAt: number | null;
  readonly order: DeferredOrder | null;
}

/** What waits in the network, as its lists and the person's orders have it. */
export function deferredWrites(db: WriteHandle, ledger: Pick<Ledger, 'leaveRoom'>): Calls<Method> {
  const columns = 'id, state, expires_at AS expiresAt, ordered AS "order"';
  const byUri = db.one<Known>(`SELECT ${columns} FROM deferred_items WHERE uri = :uri`);
  const byId = db.one<Known>(`SELECT ${columns} FROM deferred_items WHERE id = :id`);
  const full = db.one<DeferredRow>(`SELECT ${DEFERRED_COLUMNS} FROM deferred_items AS d WHERE d.id = :id`);
  const insert = db.change(
    `INSERT INTO deferred_items (uri, kind, peer, sent_at, size, expires_at, content_type, subject, state, ordered, listed)
     VALUES (:uri, :kind, :peer, :sentAt, :size, :expiresAt, :contentType, :subject, :state, :order, :listed)`,
  );
  const update = db.change(
    `UPDATE deferred_items SET kind = :kind, peer = :peer, sent_at = ifnull(:sentAt, sent_at), size = :size, expires_at = :expiresAt,
       content_type = :contentType, subject = :subject, listed = :listed WHERE id = :id`,
  );
  const setState = db.change('UPDATE deferred_items SET state = :state, error_code = :code, error_detail = :detail WHERE id = :id');
  const setOrder = db.change('UPDATE deferred_items SET ordered = :order WHERE id = :id');
  const remove = db.change('DELETE FROM deferred_items WHERE id = :id');
  const latest = db.one<{ listed: number | null }>('SELECT max(listed) AS listed FROM deferred_items');
  const unlisted = db.many<{ id: number }>('SELECT id FROM deferred_items WHERE listed < :listed');
  const orderable = db.many<{ id: number }>(
    "SELECT id FROM deferred_items INDEXED BY deferred_shown WHERE state <> 'done' AND state IN ('waiting', 'chosen', 'failed', 'gone', 'expired')",
  );
  const askedFor = db.many<{ id: number }>("SELECT id FROM deferred_items INDEXED BY deferred_ordered WHERE state IN ('chosen', 'asked')");

  /** @returns whether anything of it changed */
  function step(known: Known, event: DeferredEvent, now: number, error: Parameters<typeof errorColumns>[0] = null): boolean {
    const isOver = known.expiresAt !== null && known.expiresAt <= now;
    const state = nextDeferredState(known.state, event, isOver);
    if (state === known.state && event !== 'refuse') return false;
    if (state === null) remove({ id: known.id });
    else setState({ id: known.id, state, ...errorColumns(state === 'failed' ? error : null) });
    return true;
  }

  /** what is shown of those that changed */
  function told(ids: Iterable<number>): { changed: DeferredItem[]; removed: number[] } {
    const changed: DeferredItem[] = [];
    const removed: number[] = [];
    for (const id of ids) {
      const row = full({ id });
      if (row === undefined || row.state === 'done') removed.push(id);
      else changed.push(toDeferredItem(row));
    }
    return { changed, removed };
  }

  /** @param how in a first list, in a later one, or by itself: then it is there although it was settled. @returns the id of one that is new, or changed */
  function listOne(item: ListedItem, listed: number, how: 'anew' | 'again' | 'news', toFetch: number, now: number): number | null {
    const known = byUri({ uri: item.uri });
    if (known !== undefined) {
      const isOther = update({ ...item, id: known.id, listed }).changes === 1;
      const undone = known.order !== null && known.order !== 'deliver';
      const event = how === 'again' ? 'list' : how === 'news' && undone ? 'list-undone' : 'list-anew';
      return step(known, event, now, {
        code:
          item.undone !== 'too-large'
            ? 'deferred.not-done'
            : known.order === 'interwork'
              ? 'deferred.too-large-to-forward'
              : 'deferred.too-large',
        detail: known.order ?? '',
      }) || isOther
        ? known.id
        : null;
    }
    const fetches = item.size !== null && item.size <= toFetch;
    return insert({
      ...item,
      sentAt: item.sentAt ?? now,
      listed,
      state: fetches ? 'chosen' : 'waiting',
      order: fetches ? 'deliver' : null,
    }).id;
  }

  function order(id: number, wanted: DeferredOrder | null): boolean {
    const known = byId({ id });
    if (known === undefined || known.state === 'asked' || known.state === 'done') return false;
    if (wanted === null) return step(known, 'withdraw', 0);
    if (known.state === 'gone' || known.state === 'expired') {
      // there is nothing left to be done about it but to take it out of the list
      if (wanted !== 'delete') return false;
      remove({ id });
      return true;
    }
    setOrder({ id, order: wanted });
    step(known, 'choose', 0);
    return true;
  }

  return {
    deferredList({ full: isAll, anew, items, removed, toFetch, now }) {
      const listed = (latest({})?.listed ?? 0) + (isAll ? 1 : 0);
      const touched = new Set<number>();
      if (items.some(({ uri }) => byUri({ uri }) === undefined)) ledger.leaveRoom();
      for (const item of items) {
        const id = listOne(item, listed, isAll ? (anew ? 'anew' : 'again') : 'news', toFetch, now);
        if (id !== null) touched.add(id);
      }
      const gone = isAll ? unlisted({ listed }).map(({ id }) => byId({ id })) : removed.map((uri) => byUri({ uri }));
      for (const known of gone) if (known !== undefined && step(known, 'unlist', now)) touched.add(known.id);
      const many = touched.size > MOST_TOLD;
      return { ...(many ? { changed: [], removed: [] } : told(touched)), many };
    },
    deferredOrder({ orders }) {
      return told(orders.filter(({ id, order: wanted }) => order(id, wanted)).map(({ id }) => id));
    },
    deferredOrderAll({ order: wanted, except }) {
      const others = new Set(except);
      for (const { id } of orderable({})) if (!others.has(id)) order(id, wanted);
    },
    deferredMove({ ids, event, error, now }) {
      const moved = ids.filter((id) => {
        const known = byId({ id });
        return known !== undefined && step(known, event, now, error ?? null);
      });
      return told(moved);
    },
    deferredRecover() {
      for (const { id } of askedFor({})) {
        const known = byId({ id });
        if (known !== undefined) step(known, 'break', 0);
      }
    },
  };
}
