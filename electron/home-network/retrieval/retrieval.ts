import { DEFERRED_HANDLING } from '../../../shared/protocol/cpm/names.ts';
import { decodeSipUri } from '../../../shared/protocol/sip/uri.ts';
import type { ServerTransaction } from '../server-transaction.ts';
import type { HomeUser } from '../settings.ts';
import type { RetrievalHost } from './retrieval-host.ts';
import { RetrievalSession } from './retrieval-session.ts';

const METHODS = { name: 'Allow', value: 'INVITE, ACK, CANCEL, BYE, OPTIONS, SUBSCRIBE, UPDATE' };

/** The address at which everybody fetches what waits for himself (cpm.md section 11.2). */
export class Retrieval {
  readonly #host: RetrievalHost;

  constructor(host: RetrievalHost) {
    this.#host = host;
  }

  /** @returns false when the request is for somebody else */
  take(transaction: ServerTransaction, sender: HomeUser): boolean {
    const uri = decodeSipUri(transaction.request.uri);
    if (uri.user !== DEFERRED_HANDLING || !this.#host.directory.isOurs(uri)) return false;
    const { method } = transaction.request;
    if (method === 'OPTIONS') transaction.respond(200, { headers: [METHODS] });
    else if (method !== 'INVITE') transaction.respond(405, { headers: [METHODS] });
    else if (this.#host.dialogs.admits(transaction)) new RetrievalSession(this.#host, transaction, sender);
    return true;
  }
}
