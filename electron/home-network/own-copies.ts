import { randomToken, randomUuid } from '../../shared/base/random.ts';
import { MESSAGE_DIRECTION, namesApplication, OWN_COPIES } from '../../shared/protocol/cpm/names.ts';
import type { Imdn } from '../../shared/protocol/imdn/imdn.ts';
import { encodeNameAddr } from '../../shared/protocol/sip/name-addr.ts';
import type { Binding, Bindings } from './bindings.ts';
import { newestOfEachInstance } from './caller-preferences.ts';
import { legRequest } from './fork.ts';
import { isPrivate, type RelayHeaders } from './relay-headers.ts';
import type { ServerTransaction } from './server-transaction.ts';
import type { HomeUser } from './settings.ts';
import type { TransactionLayer } from './transactions.ts';

interface Parts {
  readonly bindings: Bindings;
  readonly relay: RelayHeaders;
  readonly layer: () => TransactionLayer;
}

/**
 * What somebody writes on one device, and what he has read there, for his other devices: the same MESSAGE with `Message-Direction: sent`, once the
 * one it is for has taken it. Only a device that announces that it knows such copies gets any; to any other one it would look like a message to
 * its owner. Nothing depends on them: one that does not arrive is not sent again.
 */
export class OwnCopies {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Before a MESSAGE is answered. @param imdn the notification in it */
  watch(transaction: ServerTransaction, sender: HomeUser, imdn: Imdn | null): void {
    const { request } = transaction;
    if (request.method !== 'MESSAGE' || isPrivate(request) || (imdn !== null && imdn.status !== 'displayed')) return;
    if (this.#others(transaction, sender).length === 0) return;
    transaction.onAnswered = (status) => {
      if (status >= 300) return;
      const { relay, layer } = this.#parts;
      const { essentials, flow } = transaction;
      for (const device of this.#others(transaction, sender)) {
        const ids = { callId: randomUuid(), localTag: randomToken(10), sequence: 1 };
        const copy = legRequest(relay, { essentials, flow, request }, sender, device, ids, [{ name: MESSAGE_DIRECTION, value: 'sent' }]);
        layer().send(device.flow, copy, { onFinal: () => undefined });
      }
    };
  }

  #others({ flow }: ServerTransaction, sender: HomeUser): readonly Binding[] {
    const all = newestOfEachInstance(this.#parts.bindings.of(sender));
    return all.filter((binding) => binding.flow !== flow && knowsCopies(binding));
  }
}

/** It can tell its user's own words from those of others. */
export function knowsCopies({ contact }: Pick<Binding, 'contact'>): boolean {
  return namesApplication([{ name: 'Contact', value: encodeNameAddr(contact) }], OWN_COPIES);
}
