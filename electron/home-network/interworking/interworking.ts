import { ParleyError } from '../../../shared/base/errors.ts';
import { header, type SipRequest } from '../../../shared/protocol/sip/message.ts';
import type { DeferredItem } from '../deferral/port.ts';
import type { Directory } from '../directory.ts';
import type { Letter, Reach } from '../reach.ts';
import type { Enforcement } from '../rules/enforcement.ts';
import type { Rules } from '../rules/rules.ts';
import type { ServerTransaction } from '../server-transaction.ts';
import type { HomeUser } from '../settings.ts';
import type { Gateway, LetterPart } from './gateway.ts';
import { letterParts } from './letter-parts.ts';
import { gatewayName, leavesAtRecipient, leavesAtSender } from './selection.ts';

/** octets: what mail servers take in general, before base64 */
const LARGEST_LETTER = 10_485_760;

interface Parts {
  /** null: there is no other service */
  readonly gateway: Gateway | null;
  readonly directory: Directory;
  readonly rules: Rules;
  readonly enforcement: Enforcement;
  readonly reach: () => Pick<Reach, 'interworked'>;
  readonly now: () => number;
  readonly log: (line: string) => void;
}

/**
 * The Interworking Selection Function and its gateways (cpm.md section 16.8). A message is answered once the other service has it, so nothing that was
 * accepted here is lost with this process; its author is told that it was delivered, because nobody else will.
 */
export class Interworking {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Whether somebody who is no user here is reached by another service. */
  leadsTo(uri: string): boolean {
    return this.#nameOf(uri) !== null;
  }

  /** A MESSAGE to somebody who is no user of CPM. @returns false where it does not leave, and is not answered */
  originating(transaction: ServerTransaction, sender: HomeUser): boolean {
    const { request } = transaction;
    const name = request.method === 'MESSAGE' ? this.#nameOf(request.uri) : null;
    if (name === null || !leavesAtSender(this.#parts.rules.of(sender), false, true)) return false;
    if (!this.#parts.enforcement.refuses(transaction, sender)) void this.#send(transaction, sender, name);
    return true;
  }

  /** A MESSAGE to a user none of whose devices is there. @returns false where it does not leave, and is not answered */
  terminating(transaction: ServerTransaction, sender: HomeUser, user: HomeUser, answered: (status: number) => void): boolean {
    const { gateway, rules } = this.#parts;
    if (!leavesAtRecipient(rules.of(user), false, gateway?.takes(user.user) ?? false)) return false;
    void this.#send(transaction, sender, user.user).then(answered);
    return true;
  }

  /**
   * A deferred item that its owner wants to have by the other service; a file is an attachment. Rejects where it cannot leave, with `file.too-large` for more
   * than other services take, and it stays.
   * @param read its octets, with their type
   */
  async item(item: DeferredItem, read: () => Promise<LetterPart>): Promise<void> {
    const { gateway, directory } = this.#parts;
    if (gateway === null || !gateway.takes(item.owner)) throw new Error('no gateway leads there');
    if (item.size > LARGEST_LETTER) throw new ParleyError('file.too-large', `${item.size} octets, and the gateway takes ${LARGEST_LETTER}`);
    const { type, octets } = await read();
    const named = item.kind === 'file' && item.subject !== null ? { name: item.subject } : {};
    const parts = letterParts(type, octets).map((part) => ({ ...part, ...named }));
    const author = directory.users.find((user) => directory.addressOf(user) === item.from);
    await gateway.send({
      ...{ to: item.owner, sentAt: item.sentAt, subject: item.kind === 'file' ? null : item.subject, parts },
      from: { name: author?.user ?? '', displayName: author?.displayName ?? '', address: item.from },
    });
  }

  /** A MESSAGE to several, for one of them whom no device reaches, or who is no user. @returns false where it does not leave */
  async oneOf(letter: Letter, recipient: string, user: HomeUser | null): Promise<boolean> {
    const { gateway, rules, reach } = this.#parts;
    const { request, sender } = letter;
    if (gateway === null || request.method !== 'MESSAGE') return false;
    const to = user === null ? this.#nameOf(recipient) : user.user;
    const leaves =
      user === null
        ? leavesAtSender(rules.of(sender), false, to !== null)
        : leavesAtRecipient(rules.of(user), false, gateway.takes(user.user));
    if (to === null || !leaves || (await this.#hand(request, sender, to)) !== 202) return false;
    await reach().interworked(letter, recipient, gateway.service);
    return true;
  }

  /** @returns the status that it was answered by */
  async #send(transaction: ServerTransaction, sender: HomeUser, to: string): Promise<number> {
    const { request } = transaction;
    const status = await this.#hand(request, sender, to);
    transaction.respond(status);
    const letter = { request, parts: [], sender, service: request.uri };
    if (status === 202) await this.#parts.reach().interworked(letter, request.uri, this.#parts.gateway?.service ?? 'other');
    return status;
  }

  /** @returns 202 once the other service has it */
  async #hand(request: SipRequest, sender: HomeUser, to: string): Promise<number> {
    const { gateway, directory, now, log } = this.#parts;
    let parts: LetterPart[];
    try {
      parts = letterParts(header(request, 'Content-Type') ?? 'text/plain', request.body);
    } catch {
      return 400;
    }
    const from = { name: sender.user, displayName: sender.displayName, address: directory.addressOf(sender) };
    try {
      await gateway?.send({ to, sentAt: now(), subject: header(request, 'Subject'), parts, from });
      return 202;
    } catch (thrown) {
      log(`gateway: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
      return 480;
    }
  }

  #nameOf(uri: string): string | null {
    const { gateway, directory } = this.#parts;
    const name = gateway === null ? null : gatewayName(uri, (host) => directory.isOurHost(host));
    const isUser = name !== null && (directory.byName(name) !== null || directory.users.some(({ number }) => number === name));
    return name !== null && !isUser && gateway?.takes(name) ? name : null;
  }
}
