import type { EventPayload } from '../../../shared/ipc/contract.ts';
import type { Tone } from '../../ui/link-dot.ts';
import { words } from '../words.ts';

/** as the contract tells it */
export type Registration = EventPayload<'registration.changed'>;

export function linkTone({ kind }: Registration): Tone {
  if (kind === 'registered') return 'good';
  return kind === 'connecting' || kind === 'signed-out' ? 'busy' : 'bad';
}

export function linkWord({ kind }: Registration): string {
  switch (kind) {
    case 'registered':
      return words.connection.connected;
    case 'connecting':
      return words.connection.connecting;
    case 'waiting':
      return words.connection.waiting;
    case 'refused':
      return words.connection.refused;
    case 'signed-out':
      return words.connection.signedOut;
    case 'offline':
      return words.connection.offline;
  }
}
