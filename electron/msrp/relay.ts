import { NO_BYTES } from '../../shared/base/bytes.ts';
import { ParleyError, toCodedError } from '../../shared/base/errors.ts';
import { type AuthAnswer, decodeAuthAnswer } from '../../shared/protocol/msrp/auth.ts';
import { encodeHead } from '../../shared/protocol/msrp/codec.ts';
import { decodeMsrpUri } from '../../shared/protocol/msrp/uri.ts';
import type { DigestChallenge } from '../../shared/protocol/sip/digest.ts';
import { credentials, freshNonce, type Nonce } from '../digest/digest.ts';
import type { ConnectedSession, Connection, ConnectionOwner } from './connection.ts';
import type { Answer } from './frame-consumer.ts';
import { transactionId } from './ids.ts';

/** A relay that acts for us (RFC 4976), and who we are to it. */
export interface RelayAccount {
  /** `msrps://relay.example.com:2855;tcp` */
  readonly uri: string;
  readonly user: string;
  readonly password: string;
}

/** What the relay gave one session. */
export interface RelayLease {
  /** the only connection on which the path is good (RFC 4976 section 6.3) */
  readonly connection: Connection;
  /** the relays from us outwards */
  readonly usePath: readonly string[];
  /** when it ends, milliseconds of the clock; null: with the connection */
  readonly expiresAt: number | null;
}

export interface RelayOwner extends Pick<ConnectionOwner, 'clock' | 'limits'> {
  /** a new connection over TLS, its server proven to be that host */
  openSecure(at: { readonly host: string; readonly port: number }): Promise<Connection>;
}

const DEFAULT_PORT = 2855;
/** what is asked for: longer than any session should live; the relay says what it grants */
const ASKED_EXPIRES_S = 86_400;
/** AUTH requests for one lease: the first, one for a challenge, one for a stale nonce, one for another interval */
const MAX_ROUNDS = 4;

/**
 * Our end of a relay: one connection, one AUTH at a time (RFC 4976 section 9.1 has them not pipelined), one path a session. The connection
 * stays for a while when no session uses it.
 */
export class Relay {
  readonly #owner: RelayOwner;
  readonly #account: RelayAccount;
  readonly #at: { readonly host: string; readonly port: number };
  #connection: Connection | null = null;
  #nonce: Nonce | null = null;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #cancelIdle: (() => void) | null = null;
  /** what keeps the connection while no session is on it, and hears of its loss */
  readonly #keeper: ConnectedSession;
  #lost: ((error: ParleyError) => void) | null = null;

  /** @throws ParleyError `msrp.malformed` for a URI that names no relay over TLS */
  constructor(owner: RelayOwner, account: RelayAccount) {
    const { scheme, host, port } = decodeMsrpUri(account.uri);
    if (scheme !== 'msrps') throw new ParleyError('msrp.malformed', 'a relay is spoken to over TLS alone');
    this.#owner = owner;
    this.#account = account;
    this.#at = { host, port: port ?? DEFAULT_PORT };
    this.#keeper = {
      localUri: '',
      bind: () => false,
      chunk: () => ({ body() {}, end() {} }),
      report: () => {},
      lost: (error) => {
        this.#connection = null;
        this.#lost?.(new ParleyError('relay.unreachable', error.detail));
      },
    };
  }

  /**
   * A path for the session with that URI, or, for one that has a path, a longer life of it.
   * @throws ParleyError `relay.unreachable` (no connection, no proof of its name, no answer), `relay.refused` (it does not want us, or answers nonsense)
   */
  lease(localUri: string): Promise<RelayLease> {
    this.#waiting += 1;
    const work = this.#last
      .then(() => this.#lease(localUri))
      .finally(() => {
        this.#waiting -= 1;
        this.#watchIdle();
      });
    this.#last = work.catch(() => undefined);
    return work;
  }

  async #lease(localUri: string): Promise<RelayLease> {
    const connection = await this.#connect();
    let answered: DigestChallenge | null = null;
    let expires = ASKED_EXPIRES_S;
    for (let round = 1; round <= MAX_ROUNDS; round++) {
      const answer = this.#read(await this.#auth(connection, localUri, expires));
      switch (answer.kind) {
        case 'granted': {
          if (answer.nextNonce !== null && this.#nonce !== null) {
            this.#nonce = freshNonce({ ...this.#nonce.challenge, nonce: answer.nextNonce });
          }
          const granted = answer.expires;
          return { connection, usePath: answer.usePath, expiresAt: granted === null ? null : this.#owner.clock.now() + granted * 1000 };
        }
        case 'challenged':
          // the first is for an old nonce or for none; after that only a nonce that aged is worth another try
          if (answered !== null && !(answer.challenge.stale && answer.challenge.realm === answered.realm)) {
            this.#nonce = null;
            throw this.#refused(connection, '401, the user name or password is not accepted');
          }
          answered = answer.challenge;
          // always with qop, cnonce and nc (RFC 4976 section 9.1)
          this.#nonce = freshNonce({ ...answer.challenge, qop: ['auth'] });
          break;
        case 'interval':
          expires = answer.expires;
          break;
        case 'refused':
          throw this.#refused(connection, `${answer.status} ${answer.comment}`.trim());
      }
    }
    throw this.#refused(connection, `no answer of use after ${MAX_ROUNDS} requests`);
  }

  async #connect(): Promise<Connection> {
    if (this.#connection !== null && !this.#connection.closed) return this.#connection;
    // nonces are bound to the connection at some relays
    this.#nonce = null;
    try {
      const connection = await this.#owner.openSecure(this.#at);
      connection.attach(this.#keeper);
      this.#connection = connection;
      return connection;
    } catch (thrown) {
      throw new ParleyError('relay.unreachable', toCodedError(thrown).detail, { cause: thrown });
    }
  }

  #auth(connection: Connection, localUri: string, expires: number): Promise<Answer> {
    const { clock, limits } = this.#owner;
    const id = transactionId();
    // the digest is over the rightmost URI of To-Path (RFC 4976 section 9.1)
    const asked = { method: 'AUTH', uri: this.#account.uri, body: NO_BYTES };
    const text = encodeHead({
      kind: 'request',
      transactionId: id,
      method: 'AUTH',
      toPath: [this.#account.uri],
      fromPath: [localUri],
      headers: [
        ...(this.#nonce === null ? [] : [{ name: 'Authorization', value: credentials(this.#nonce, this.#account, asked) }]),
        { name: 'Expires', value: String(expires) },
      ],
    });
    return new Promise<Answer>((resolve, reject) => {
      const cancel = clock.after(limits.answerMs, () => {
        connection.forgetAnswer(id);
        this.#leave(connection);
        reject(new ParleyError('relay.unreachable', `no answer within ${limits.answerMs / 1000} s`));
      });
      this.#lost = (error) => {
        cancel();
        reject(error);
      };
      connection.expectAnswer(id, {
        answered: (_status, _comment, head) => {
          cancel();
          resolve(head);
        },
      });
      connection.write(`${text}-------${id}$\r\n`);
    }).finally(() => {
      this.#lost = null;
    });
  }

  #read(head: Answer): AuthAnswer {
    try {
      return decodeAuthAnswer(head);
    } catch (thrown) {
      throw new ParleyError('relay.refused', toCodedError(thrown).detail, { cause: thrown });
    }
  }

  #refused(connection: Connection, detail: string): ParleyError {
    this.#leave(connection);
    return new ParleyError('relay.refused', detail);
  }

  /** Unless sessions are on it: a relay that says no may count our tries (RFC 4976 section 6.3), one that says nothing may hear a new connection. */
  #leave(connection: Connection): void {
    if (connection.sessions.size === 1) connection.detach(this.#keeper);
  }

  close(): void {
    this.#cancelIdle?.();
  }

  /** RFC 4976 section 5.4 leaves how long to us. */
  #watchIdle(): void {
    this.#cancelIdle?.();
    this.#cancelIdle = this.#owner.clock.after(this.#owner.limits.relayIdleMs, () => {
      const connection = this.#connection;
      if (connection === null || connection.closed) return;
      if (connection.sessions.size > 1 || this.#waiting > 0) this.#watchIdle();
      else connection.detach(this.#keeper);
    });
  }
}
