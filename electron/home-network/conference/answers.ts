import { ParleyError } from '../../../shared/base/errors.ts';
import { encodeWarning } from '../../../shared/protocol/cpm/warning.ts';
import type { SipHeader } from '../../../shared/protocol/sip/message.ts';
import type { ServerTransaction } from '../server-transaction.ts';
import type { ConferenceHost } from './host.ts';

/** The text of a Warning where a group may not be made or entered (cpm.md section 15.1). */
export const NOT_AUTHORISED = '127 Service not authorised';
export const CLOSED = 'The group is closed';

export interface Refused {
  readonly status: 400 | 403 | 404 | 420;
  readonly reason?: string;
  readonly headers?: readonly SipHeader[];
}

/** How requests to groups are refused. */
export class Answers {
  readonly #host: Pick<ConferenceHost, 'directory' | 'log' | 'mediaRefusal' | 'policy'>;

  constructor(host: Pick<ConferenceHost, 'directory' | 'log' | 'mediaRefusal' | 'policy'>) {
    this.#host = host;
  }

  refuse(transaction: ServerTransaction, { status, reason, headers = [] }: Refused): void {
    transaction.respond(status, { headers, ...(reason === undefined ? {} : { reason }) });
  }

  /** 403 with that text in a Warning. */
  denial(text: string): Refused {
    return { status: 403, headers: [{ name: 'Warning', value: encodeWarning({ code: 399, agent: this.#host.directory.domain, text }) }] };
  }

  deny(transaction: ServerTransaction, text: string): void {
    this.refuse(transaction, this.denial(text));
  }

  get tooMany(): string {
    return `at most ${this.#host.policy.maxUsers} participants`;
  }

  /** What was thrown while it was carried out. */
  failed(transaction: ServerTransaction, thrown: unknown): void {
    if (!(thrown instanceof ParleyError)) {
      this.#host.log(`groups: ${thrown instanceof Error ? thrown.stack : String(thrown)}`);
      transaction.respond(500);
    } else if (/^(sip|xml)\./.test(thrown.code)) transaction.respond(400, { reason: `Bad Request (${thrown.detail})` });
    else {
      const { status, headers } = this.#host.mediaRefusal(thrown);
      transaction.respond(status, { headers });
    }
  }
}
