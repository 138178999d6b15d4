/**
 * Every coded error of Parley. A code is stable: it appears in logs, in the contract between main and
 * renderer and in support bundles. The renderer owns the words a person reads for it.
 */
export const ERROR_CODES = [
  // wire formats: what came in cannot be understood
  'sip.malformed',
  'sip.too-large',
  'msrp.malformed',
  'msrp.too-large',
  'cpim.malformed',
  'cpim.too-large',
  'xml.malformed',
  'xml.too-large',
  'imdn.malformed',
  'sdp.malformed',
  'sdp.too-large',
  'multipart.malformed',
  'multipart.too-large',
  'imap.malformed',
  'imap.too-large',
  'contract.malformed',
  'contract.closed',
  // the link to the SIP core
  'link.unreachable',
  'link.lost',
  'link.timeout',
  'link.certificate',
  'link.credentials',
  'link.unknown-account',
  'link.refused',
  'link.server',
  'link.offline',
  // what the other side answered to a message or an invitation
  'peer.unknown',
  'peer.unavailable',
  'peer.declined',
  'peer.unsupported',
  'peer.too-large',
  'peer.not-allowed',
  'peer.timeout',
  'peer.malformed',
  'peer.blocked',
  'peer.undelivered',
  'peer.anonymity',
  'peer.no-lists',
  'peer.no-files',
  // groups
  'group.closed',
  'group.not-allowed',
  'group.not-member',
  'group.over',
  'group.refused',
  // what the network itself does not let through
  'network.not-subscribed',
  'network.not-offered',
  'network.screened',
  // what waits in the network
  'deferred.gone',
  'deferred.refused',
  'deferred.undelivered',
  'deferred.not-done',
  'deferred.too-large',
  'deferred.too-large-to-forward',
  // the MSRP relay of the account
  'relay.unreachable',
  'relay.refused',
  // the message store of the network
  'history.unreachable',
  'history.refused',
  'history.failed',
  'history.full',
  'history.not-sent',
  // MSRP sessions
  'msrp.unreachable',
  'msrp.lost',
  'msrp.timeout',
  'msrp.refused',
  'msrp.stopped',
  'msrp.untrusted',
  // files
  'file.missing',
  'file.changed',
  'file.unreadable',
  'file.is-folder',
  'file.too-large',
  'file.disk-full',
  'file.unwritable',
  'file.hash-mismatch',
  'file.size-mismatch',
  'file.cancelled',
  'file.paused',
  'file.not-asked-for',
  // the store
  'store.corrupt',
  'store.full',
  'store.closed',
  'store.newer-version',
  // the app
  'account.malformed',
  'account.exists',
  'account.secret',
  'account.list-damaged',
  'account.list-unusable',
  'request.not-found',
  'request.invalid-state',
  'request.invalid',
  'request.too-many',
  'message.cancelled',
  'internal',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/** What crosses a boundary (store row, contract, log) in place of an exception. `detail` is for "Details", never the first line. */
export interface CodedError {
  readonly code: ErrorCode;
  readonly detail: string;
}

export class ParleyError extends Error implements CodedError {
  readonly code: ErrorCode;
  readonly detail: string;

  constructor(code: ErrorCode, detail: string, options?: { cause?: unknown }) {
    super(`${code}: ${detail}`, options);
    this.name = 'ParleyError';
    this.code = code;
    this.detail = detail;
  }
}

/** Any thrown value as a coded error; what carries no code becomes `internal`. */
export function toCodedError(thrown: unknown, fallback: ErrorCode = 'internal'): CodedError {
  if (thrown instanceof ParleyError) return { code: thrown.code, detail: thrown.detail };
  return { code: fallback, detail: thrown instanceof Error ? thrown.message : String(thrown) };
}
