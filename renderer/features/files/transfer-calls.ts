import type { Bridge } from '../../bridge/bridge.ts';
import type { TransferAction } from './transfer-card.ts';

const METHODS = {
  accept: 'transfers.accept',
  decline: 'transfers.decline',
  pause: 'transfers.pause',
  resume: 'transfers.resume',
  cancel: 'transfers.cancel',
  open: 'transfers.open',
  show: 'transfers.showInFolder',
  saveAs: 'transfers.saveAs',
} as const;

/** @returns null for what is no matter of the transfer, but of its message */
export function callTransfer(bridge: Bridge, action: TransferAction, transferId: number): Promise<unknown> | null {
  return action in METHODS ? bridge.call(METHODS[action as keyof typeof METHODS], { transferId }) : null;
}
