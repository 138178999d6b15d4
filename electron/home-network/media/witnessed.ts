import type { SipRequest } from '../../../shared/protocol/sip/message.ts';
import type { HomeUser } from '../settings.ts';
import type { Side } from './media-path.ts';

/** Gets the octets of one message as they pass. */
export interface Hearing {
  write(offset: number, octets: Uint8Array): void;
  /** its receiver has all of it */
  complete(size: number): void;
  abort(): void;
}

/** Who sees what is said in sessions that pass by this network. */
export interface Witnessed {
  /** @returns null for what nobody wants to know */
  hear(request: SipRequest, sender: HomeUser, recipient: HomeUser, from: Side, contentType: string): Hearing | null;
}
