import type { ErrorCode } from '../../shared/base/errors.ts';
import type { DeferredItem } from '../../shared/model/deferred.ts';
import type { ReadHandle } from '../sqlite/handles.ts';
import type { Calls } from './calls.ts';
import type { DeferredSums, OrderedItem } from './deferred-port.ts';
import { pageSize } from './rows.ts';

/** after every row that there can be */
const END = Number.MAX_SAFE_INTEGER;

export interface DeferredRow extends Omit<DeferredItem, 'error'> {
  readonly errorCode: ErrorCode | null;
  readonly errorDetail: string | null;
}

/** With what the conversation of its sender is called. */
export const DEFERRED_COLUMNS = `
  d.id, d.kind, d.peer, ifnull((SELECT ifnull(c.given_name, c.title) FROM conversations AS c WHERE c.peer = d.peer AND c.merged_into IS NULL), '') AS title,
  d.sent_at AS sentAt, d.size, d.expires_at AS expiresAt, d.content_type AS contentType, d.subject, d.state, d.ordered AS "order",
  d.error_code AS errorCode, d.error_detail AS errorDetail`;

export function toDeferredItem({ errorCode, errorDetail, ...row }: DeferredRow): DeferredItem {
  return { ...row, error: errorCode === null ? null : { code: errorCode, detail: errorDetail ?? '' } };
}

export function deferredReads(db: ReadHandle): Calls<'deferredPage' | 'deferredSums' | 'deferredOrdered'> {
  const page = db.many<DeferredRow>(
    `SELECT ${DEFERRED_COLUMNS} FROM deferred_items AS d
     WHERE d.state <> 'done' AND (d.sent_at, d.id) < (:sentAt, :id) ORDER BY d.sent_at DESC, d.id DESC LIMIT :limit`,
  );
  const sums = db.one<DeferredSums>(
    `SELECT count(*) AS count, ifnull(sum(size), 0) AS size, count(*) FILTER (WHERE state IN ('chosen', 'asked')) AS ordered
     FROM deferred_items INDEXED BY deferred_shown WHERE state <> 'done' AND state NOT IN ('gone', 'expired')`,
  );
  const ordered = db.many<OrderedItem>(
    `SELECT id, uri, kind, peer, sent_at AS sentAt, ordered AS "order" FROM deferred_items INDEXED BY deferred_ordered
     WHERE state IN ('chosen', 'asked') AND ordered IS NOT NULL ORDER BY id LIMIT :limit`,
  );
  return {
    deferredPage({ before, limit }) {
      const size = pageSize(limit);
      const rows = page({ sentAt: before?.sentAt ?? END, id: before?.id ?? END, limit: size + 1 });
      return { items: rows.slice(0, size).map(toDeferredItem), more: rows.length > size };
    },
    deferredSums: () => sums({}) ?? { count: 0, size: 0, ordered: 0 },
    deferredOrdered: (limit) => ordered({ limit: pageSize(limit) }),
  };
}
