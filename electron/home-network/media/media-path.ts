import { NO_BYTES } from '../../../shared/base/bytes.ts';
import type { SipMessage, SipResponse } from '../../../shared/protocol/sip/message.ts';

/** Who began a session, and who was invited to it. */
export type Side = 'caller' | 'callee';

export function otherSide(side: Side): Side {
  return side === 'caller' ? 'callee' : 'caller';
}

/**
 * Which way the octets of one session take: sees every body with a description that passes between the two sides, and gives the one that
 * goes on in its place.
 */
export interface MediaPath {
  /** of an INVITE or UPDATE. @throws ParleyError for one that cannot be taken */
  request(from: Side, request: SipMessage): Uint8Array;
  /** of an answer to it. @throws ParleyError where the session cannot be as that says */
  response(from: Side, response: SipResponse): Uint8Array;
  /** of the ACK: the answer, where the offer came with the 2xx. @throws ParleyError */
  acknowledge(from: Side, ack: SipMessage): Uint8Array;
  /** resolves, in a few seconds at most, when the other side has what this one had sent to its end; null: at once */
  settled(from: Side): Promise<void> | null;
  close(): void;
}

/** MSRP runs between the two devices, and this network never sees it. */
export const END_TO_END: MediaPath = {
  request: (_, { body }) => body,
  response: (_, { body }) => body,
  acknowledge: (_, { body }) => body,
  settled: () => null,
  close: () => undefined,
};

/** The message with that body; without one it has no field that speaks of one. */
export function withBody<T extends SipMessage>(message: T, body: Uint8Array): T {
  if (body === message.body) return message;
  if (body.length > 0) return { ...message, body };
  return { ...message, body: NO_BYTES, headers: message.headers.filter(({ name }) => !/^Content-/i.test(name)) };
}
