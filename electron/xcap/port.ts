import type { XcapTarget } from '../../shared/protocol/xcap/selector.ts';

/** The documents that an account keeps at its network (RFC 4825). */
export interface XcapClient {
  /**
   * Reads one. @returns null where there is none
   * @throws ParleyError `link.unreachable`, `link.timeout`, `link.credentials`, `link.refused`, `link.server`
   */
  get(target: XcapTarget): Promise<XcapResource | null>;
  /**
   * Writes one, if it is as `etag` says: null for one that must not be there yet.
   * @returns its entity tag afterwards; null when it was not as expected
   * @throws ParleyError as {@link get}; `request.invalid` for a document that the network does not take
   */
  put(target: XcapTarget, contentType: string, body: string, etag: string | null): Promise<string | null>;
}

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
