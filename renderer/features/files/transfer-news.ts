import type { Message } from '../../../shared/model/message.ts';
import type { TransferState } from '../../../shared/model/states/transfer-state.ts';
import { words } from '../words.ts';
import { shownName, transferCard } from './transfer-card.ts';

/** States that somebody who does not see the card is told of: never a per cent, and nothing that lasts a moment only. */
const TOLD: ReadonlySet<TransferState> = new Set([
  'transferring',
  'paused',
  'interrupted',
  'done',
  'declined',
  'expired',
  'cancelled',
  'failed',
  'quarantined',
]);

/** What a screen reader says of a file whose state has changed; null for nothing. @param who the other person's name */
export function newsOfFile(before: Message, { transfer }: Message, who: string): string | null {
  if (transfer === null || before.transfer === null || before.transfer.state === transfer.state || !TOLD.has(transfer.state)) return null;
  if (transfer.state === 'transferring') return words.file.announce(shownName(transfer), words.file.started);
  const progress = { transferred: transfer.transferred, rate: 0, secondsLeft: null };
  return words.file.announce(shownName(transfer), transferCard(transfer, progress, who).line);
}
