import { randomToken, randomUuid } from '../../shared/base/random.ts';
import type { Part } from '../../shared/protocol/multipart/multipart.ts';
import { header, headers, type SipHeader, type SipRequest } from '../../shared/protocol/sip/message.ts';
import { addressOfRecord, decodeSipUri, type SipUri, trySipUri } from '../../shared/protocol/sip/uri.ts';
import type { Binding, Bindings } from './bindings.ts';
import { matchingBindings, newestOfEachInstance } from './caller-preferences.ts';
import type { Directory } from './directory.ts';
import { failureNotice } from './failure-notice.ts';
import { legRequest } from './fork.ts';
import { bodyForRecipients, readRecipientList } from './recipient-list.ts';
import { isPrivate, type RelayHeaders } from './relay-headers.ts';
import type { ServerTransaction } from './server-transaction.ts';
import type { HomeGroup, HomeUser } from './settings.ts';
import type { TransactionLayer } from './transactions.ts';

/** user part of the list service's address (cpm.md section 1) */
export const LIST_SERVICE = 'pager-exploder';
/** more than any client sends to at once; each costs a request a device */
const MOST_RECIPIENTS = 100;
/** option tags that this function itself fulfils, by method */
const FULFILLED: Readonly<Record<string, string>> = { MESSAGE: 'recipient-list-message' };

interface Parts {
  readonly directory: Directory;
  readonly bindings: Bindings;
  readonly relay: RelayHeaders;
  readonly layer: () => TransactionLayer;
}

interface Letter {
  readonly request: SipRequest;
  readonly parts: readonly Part[];
  readonly transaction: Pick<ServerTransaction, 'essentials' | 'flow'>;
  readonly sender: HomeUser;
}

/**
 * The Controlling Function for standalone messages: lists of recipients (RFC 5365) and pre-defined groups. It answers 202 and sends the
 * message to each of them; who cannot be reached is reported to the sender, since there is nothing here that would keep it for later.
 */
export class Distribution {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** @returns false when the request is for somebody else */
  take(transaction: ServerTransaction, sender: HomeUser): boolean {
    const uri = decodeSipUri(transaction.request.uri);
    const { directory } = this.#parts;
    if (directory.isOurs(uri) && uri.user === LIST_SERVICE) {
      this.#list(transaction, sender);
      return true;
    }
    const group = directory.groupByUri(uri);
    if (group !== null) this.#group(transaction, sender, group);
    return group !== null;
  }

  #list(transaction: ServerTransaction, sender: HomeUser): void {
    const { request } = transaction;
    if (!this.#admits(transaction)) return;
    const addressed = readRecipientList(header(request, 'Content-Type') ?? '', request.body);
    const recipients = addressed === null ? [] : distinct(addressed.entries.map(({ uri }) => uri));
    if (addressed === null || recipients.length === 0) {
      transaction.respond(400, { reason: 'No list of recipients' });
      return;
    }
    if (recipients.length > MOST_RECIPIENTS) {
      transaction.respond(403, { reason: 'Too Many Recipients', headers: [warning(`at most ${MOST_RECIPIENTS} recipients`)] });
      return;
    }
    const { contentType, body } = bodyForRecipients(addressed);
    const fields = request.headers.filter(({ name }) => name !== 'Content-Type' && name !== 'Require');
    const others = headers(request, 'Require').filter((tag) => tag.toLowerCase() !== FULFILLED['MESSAGE']);
    const more = [...others.map((tag) => ({ name: 'Require', value: tag })), { name: 'Content-Type', value: contentType }];
    transaction.respond(202);
    for (const uri of recipients) {
      // RFC 5365 section 7.2: To is the recipient
      const to = [...fields.map((field) => (field.name === 'To' ? { name: 'To', value: `<${addressOf(uri)}>` } : field)), ...more];
      this.#send({ request: { ...request, headers: to, body }, parts: addressed.rest, transaction, sender }, addressOf(uri));
    }
  }

  #group(transaction: ServerTransaction, sender: HomeUser, group: HomeGroup): void {
    const { request } = transaction;
    if (!group.members.includes(sender.user)) {
      transaction.respond(403, { reason: 'Not A Member' });
      return;
    }
    if (group.refusesAnonymous && isPrivate(request)) {
      transaction.respond(433);
      return;
    }
    if (!this.#admits(transaction)) return;
    transaction.respond(202);
    const { directory } = this.#parts;
    for (const name of group.members) {
      const member = name === sender.user ? null : directory.byName(name);
      if (member !== null) this.#send({ request, parts: [], transaction, sender }, directory.addressOf(member));
    }
  }

  /** Octets of MSRP are not taken here: a client sends a large message to each of a list by itself then (cpm.md section 15.2). */
  #admits(transaction: ServerTransaction): boolean {
    const { request } = transaction;
    const fulfilled = FULFILLED[request.method];
    const unknown = headers(request, 'Require').filter((tag) => tag.toLowerCase() !== fulfilled);
    if (unknown.length > 0) transaction.respond(420, { headers: [{ name: 'Unsupported', value: unknown.join(', ') }] });
    else if (request.method !== 'MESSAGE') transaction.respond(405, { headers: [{ name: 'Allow', value: 'MESSAGE' }] });
    return unknown.length === 0 && request.method === 'MESSAGE';
  }

  #send(letter: Letter, recipient: string): void {
    const { layer, relay } = this.#parts;
    const { request, transaction, sender } = letter;
    const devices = this.#devices(request, trySipUri(recipient));
    let left = devices.length;
    let isDelivered = false;
    const undelivered = (): void => {
      if (!isDelivered) this.#tell(letter, recipient);
    };
    if (left === 0) undelivered();
    for (const device of devices) {
      const ids = { callId: randomUuid(), localTag: randomToken(10), sequence: 1 };
      const leg = legRequest(relay, { ...transaction, request: { ...request, uri: recipient } }, sender, device, ids, []);
      layer().send(device.flow, leg, {
        onFinal: ({ status }) => {
          left -= 1;
          isDelivered ||= status < 300;
          if (left === 0) undelivered();
        },
      });
    }
  }

  /** A message without its sender's name has nobody to be told. */
  #tell({ request, parts, sender }: Letter, recipient: string): void {
    if (isPrivate(request)) return;
    const { bindings, directory, layer } = this.#parts;
    const from = `sip:${LIST_SERVICE}@${directory.domain}`;
    const notice = failureNotice(request, parts, from, directory.addressOf(sender), recipient, Date.now());
    if (notice === null) return;
    for (const device of newestOfEachInstance(bindings.of(sender))) {
      const path: SipHeader[] = device.path.map((value) => ({ name: 'Route', value }));
      layer().send(
        device.flow,
        { ...notice, uri: device.contact.uri, headers: [...path, ...notice.headers] },
        { onFinal: () => undefined },
      );
    }
  }

  #devices(request: SipRequest, uri: SipUri | null): readonly Binding[] {
    const { bindings } = this.#parts;
    const target = uri === null ? null : bindings.resolve(uri);
    if (target === null) return [];
    const own = bindings.of(target.user).filter(({ instance }) => target.instance === null || instance === target.instance);
    return newestOfEachInstance(matchingBindings(request, own));
  }
}

/** RFC 5363 section 4.1: one request for each, however often it is named. */
function distinct(uris: readonly string[]): string[] {
  const seen = new Map<string, string>();
  for (const uri of uris) {
    const key = addressOf(uri);
    if (!seen.has(key)) seen.set(key, uri);
  }
  return [...seen.values()];
}

/** Of what an entry may say, the address counts: neither another method nor other headers (RFC 5365 section 7.2). */
function addressOf(text: string): string {
  const uri = trySipUri(text);
  return uri === null ? text : addressOfRecord(uri);
}

function warning(text: string): SipHeader {
  return { name: 'Warning', value: `399 parley "${text}"` };
}
