import { ParleyError } from '../../../shared/base/errors.ts';
import type { MessageStatus } from '../../../shared/model/states/message-status.ts';
import type { TransferState } from '../../../shared/model/states/transfer-state.ts';
import type { Calls } from '../calls.ts';
import { REMEMBERED_MS } from '../port.ts';
import type { Reads } from '../reads.ts';
import type { Ledger } from './ledger.ts';
import type { OutboxRows } from './outbox-rows.ts';
import type { Recipients } from './recipients.ts';
import type { TransferLedger } from './transfers.ts';

type Method = 'outboxTake' | 'outboxUpdate' | 'recipientUpdate' | 'outboxRecover';

/** somebody has taken it */
const REACHED: ReadonlySet<MessageStatus> = new Set(['sent', 'delivered', 'displayed']);

/** what a process that dies leaves as it is */
const AT_REST: ReadonlySet<TransferState> = new Set(['preparing', 'queued', 'interrupted', 'paused']);

/** What became of the rows that left, and of those that were on their way when the process died. */
export function outboxWrites(
  { ledger, outbox, transfers, recipients }: { ledger: Ledger; outbox: OutboxRows; transfers: TransferLedger; recipients: Recipients },
  reads: Reads,
): Calls<Method> {
  return {
    outboxTake({ now, limit, notifications }) {
      const items = reads.outboxReady(now, limit, notifications);
      const changed = items.flatMap((item) => {
        if (item.kind === 'file') return [];
        outbox.take(item.id);
        if (item.kind === 'notification' || !ledger.move(item.message.id, 'attempt', now)) return [];
        if (item.audience === 'group') recipients.addRoster(item.message.id, item.message.conversationId);
        ledger.left(item.message.id, now);
        return [ledger.changed(item.message.id)];
      });
      return { items, changed, nextAt: reads.outboxNextAt(now) };
    },

    outboxUpdate({ outboxId, event, now, notBefore = now, error, kept }) {
      const row = outbox.get(outboxId);
      if (!row) return null;
      const { messageId } = row;
      if (row.kind === 'file') throw new ParleyError('request.invalid-state', 'the row of a file is moved by its transfer');
      const isRemoved = row.kind === 'text' && ledger.record(messageId).removedAt !== null;
      if (event === 'postponed' && isRemoved) outbox.remove(outboxId);
      else if (event === 'postponed') outbox.putBack(outboxId, notBefore, now);
      else outbox.remove(outboxId);
      if (row.kind === 'notification') {
        if (event === 'accepted') outbox.notified(row);
        return null;
      }
      const reached = event === 'failed' && recipients.of(messageId).some(({ status }) => REACHED.has(status));
      if (event === 'accepted' || event === 'failed') recipients.moveAll(messageId, event, now, error ?? null);
      // sent one by one, and given up for those who are left: the others have it
      if (reached) recipients.sum(messageId, now);
      else ledger.move(messageId, event, now, error ?? null);
      if (event === 'accepted') ledger.taken(messageId, now, kept);
      if (isRemoved) return null;
      return ledger.changed(messageId);
    },

    recipientUpdate({ messageId, address, event, now, error }) {
      // one that was removed has no recipients any more
      if (!recipients.move(messageId, [address], false, event, now, error ?? null)) return null;
      return ledger.changed(messageId);
    },

    outboxRecover(now) {
      ledger.forgetRemoved(now - REMEMBERED_MS);
      for (const { id, kind, messageId } of outbox.inWork()) {
        if (kind === 'file') continue;
        outbox.putBack(id, now, now);
        if (kind === 'text') ledger.move(messageId, 'postponed', now);
      }
      for (const { id, state } of reads.openTransfers()) {
        if (AT_REST.has(state)) continue;
        transfers.apply({ transferId: id, event: 'lost', now });
      }
    },
  };
}
