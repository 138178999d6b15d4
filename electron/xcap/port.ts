import type { XcapTarget } from '../../shared/protocol/xcap/selector.ts';

/** The documents that an account keeps at its network (RFC 4825). */
export interface XcapClient {
  /**
   * Reads one. @returns null where there is none
   * @throws ParleyError `link.unreachable`, `link.timeout`, `link.credentials`, `link.refused`, `link.server`
   */
  get(target: XcapTarget): Promise<XcapResource | null>;
  /**
   * Writes one, where it is as expected.
   * @param body a document; of an element its text, of an attribute its value in quotes
   * @returns false when it is not as expected
   * @throws ParleyError as {@link get}; `request.invalid` for what the network does not take
   */
  put(target: XcapTarget, contentType: string, body: string, expected: XcapExpected): Promise<boolean>;
  /** One that is not there is passed over. @throws ParleyError as {@link put} */
  remove(target: XcapTarget): Promise<void>;
}

/** That it is not there yet; that the document is still the one with that entity tag; or whatever it is. */
export type XcapExpected = 'absent' | { readonly etag: string } | 'any';

export interface XcapResource {
  readonly body: Uint8Array;
  /** empty where the server gave none */
  readonly etag: string;
}

export interface XcapAccount {
  /** `http://xcap.example.com/root`, without a slash at its end */
  readonly root: string;
  readonly user: string;
  readonly password: string;
  /** certificates in PEM that are trusted in place of the public authorities */
  readonly caCertificates?: string | undefined;
}
