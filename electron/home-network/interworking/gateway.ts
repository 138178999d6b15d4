import type { LeftBy } from '../../../shared/protocol/imdn/imdn.ts';

/** A way to a service that is not CPM (cpm.md section 16.8). */
export interface Gateway {
  /** what the author is told of */
  readonly service: LeftBy;
  /** @param name user part of a CPM address, or a number with its `+`, for which the operator knows an address of the other service */
  takes(name: string): boolean;
  /** Resolves when the other service has it, and rejects when it is not certain that it has. */
  send(letter: GatewayLetter): Promise<void>;
}

export interface GatewayLetter {
  readonly to: string;
  readonly from: { readonly name: string; readonly displayName: string; readonly address: string };
  /** ms since the epoch */
  readonly sentAt: number;
  readonly subject: string | null;
  readonly parts: readonly LetterPart[];
}

export interface LetterPart {
  /** media type with its parameters */
  readonly type: string;
  readonly octets: Uint8Array;
  /** of a file, as its author called it */
  readonly name?: string | undefined;
}
