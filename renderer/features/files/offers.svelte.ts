import type { Message } from '../../../shared/model/message.ts';

/** By invitation, those that offer several files which wait for an answer, in order. */
export function openOffers(messages: readonly Message[]): ReadonlyMap<string, readonly Message[]> {
  const offers = new Map<string, Message[]>();
  for (const message of messages) {
    const { transfer } = message;
    if (transfer === null || transfer.state !== 'offered' || transfer.pull || transfer.invitation === null) continue;
    const known = offers.get(transfer.invitation);
    if (known === undefined) offers.set(transfer.invitation, [message]);
    else known.push(message);
  }
  for (const [invitation, all] of offers) if (all.length < 2) offers.delete(invitation);
  return offers;
}

/** Which of the files that are offered together the person wants: all, until told otherwise. */
export class OfferChoices {
  #leftOut = $state.raw<ReadonlySet<number>>(new Set());

  isChosen(transferId: number): boolean {
    return !this.#leftOut.has(transferId);
  }

  toggle(transferId: number): void {
    const next = new Set(this.#leftOut);
    if (!next.delete(transferId)) next.add(transferId);
    this.#leftOut = next;
  }
}
