import { randomToken, randomUuid } from '../../shared/base/random.ts';
import { FILE_TRANSFER, LARGE_MESSAGE, serviceOf } from '../../shared/protocol/cpm/names.ts';
import { encodeWarning } from '../../shared/protocol/cpm/warning.ts';
import { header, headers, type SipHeader, type SipRequest, type SipResponse } from '../../shared/protocol/sip/message.ts';
import { addressOfRecord, decodeSipUri, trySipUri } from '../../shared/protocol/sip/uri.ts';
import { bestResponse, forOriginator } from './best-response.ts';
import type { Binding } from './bindings.ts';
import type { Conference } from './conference/conference.ts';
import { CONFERENCE_FACTORY, type Conferences } from './conference/conferences.ts';
import { belonging } from './conference/state.ts';
import type { Held } from './deferral/holds.ts';
import type { Directory } from './directory.ts';
import type { Focus } from './focus/focus.ts';
import { legRequest } from './fork.ts';
import type { Letter, Reach } from './reach.ts';
import { type Addressed, bodyForRecipients, readRecipientList } from './recipient-list.ts';
import { isPrivate, type RelayHeaders } from './relay-headers.ts';
import type { ServerTransaction } from './server-transaction.ts';
import type { HomeGroup, HomeUser } from './settings.ts';
import type { TransactionLayer } from './transactions.ts';

/** user part of the address that takes lists of messages (cpm.md section 1); sessions, also those of files (flow F18-04), have their factory */
const LIST_SERVICE = 'pager-exploder';
/** more than any client sends to at once; each costs a request a device */
const MOST_RECIPIENTS = 100;
/** option tags that this function itself fulfils, by method */
const FULFILLED: Readonly<Record<string, string>> = { MESSAGE: 'recipient-list-message', INVITE: 'recipient-list-invite' };

interface Parts {
  readonly directory: Directory;
  readonly relay: RelayHeaders;
  readonly layer: () => TransactionLayer;
  readonly reach: Reach;
  readonly focus: Focus;
  readonly conferences: Conferences;
}

/**
 * The Controlling Function for what goes to several: lists of recipients (RFC 5365, RFC 5366) and pre-defined groups. A MESSAGE is answered 202 and
 * sent to each of them; files and large messages are taken by the {@link Focus} first. For who cannot be reached it waits; who does not get
 * it at all is reported to the sender.
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
    if (directory.isOurs(uri) && (uri.user === LIST_SERVICE || uri.user === CONFERENCE_FACTORY)) {
      this.#list(transaction, sender);
      return true;
    }
    const group = directory.groupByUri(uri);
    if (group !== null) this.#group(transaction, sender, group);
    const conference = this.#parts.conferences.groups.find(uri);
    if (conference !== null) this.#conference(transaction, sender, conference);
    return group !== null || conference !== null;
  }

  #list(transaction: ServerTransaction, sender: HomeUser): void {
    const { request } = transaction;
    if (!this.#admits(transaction)) return;
    const addressed = readRecipientList(header(request, 'Content-Type') ?? '', request.body);
    const recipients = addressed === null ? [] : [...new Set(addressed.entries.map(({ uri }) => addressOf(uri)))];
    // RFC 5363 section 4.1: one request for each, however often it is named
    if (addressed === null || recipients.length === 0) {
      transaction.respond(400, { reason: 'No list of recipients' });
      return;
    }
    if (recipients.length > MOST_RECIPIENTS) {
      transaction.respond(403, { reason: 'Too Many Recipients', headers: [this.#warning(`at most ${MOST_RECIPIENTS} recipients`)] });
      return;
    }
    // who else has it is told beside a message, and never in an INVITE of ours (seed 001 9.3.1(2))
    const isMessage = request.method === 'MESSAGE';
    const inner = withoutList(request, isMessage ? addressed : { ...addressed, entries: [] });
    // RFC 5365 section 7.2: To is the recipient
    const requestTo = (recipient: string): SipRequest => ({
      ...inner,
      headers: inner.headers.map((field) => (field.name === 'To' ? { name: 'To', value: `<${recipient}>` } : field)),
    });
    const service = `sip:${LIST_SERVICE}@${this.#parts.directory.domain}`;
    this.#spread(transaction, { sender, parts: addressed.rest, service }, recipients, requestTo);
  }

  #group(transaction: ServerTransaction, sender: HomeUser, group: HomeGroup): void {
    const { request } = transaction;
    if (!group.members.includes(sender.user)) {
      transaction.respond(403, { reason: 'Not A Member' });
      return;
    }
    if (this.#refuses(transaction, group) || !this.#admits(transaction)) return;
    const { directory } = this.#parts;
    const others = group.members.flatMap((name) => (name === sender.user ? [] : (directory.byName(name) ?? [])));
    const members = others.map((member) => directory.addressOf(member));
    this.#spread(transaction, { sender, parts: [], service: directory.addressOf({ user: group.name }) }, members, () => request);
  }

  /** To a group of which its sender is known to be one (cpm.md section 10.8). */
  #conference(transaction: ServerTransaction, sender: HomeUser, conference: Conference): void {
    const { request } = transaction;
    const { conferences, directory } = this.#parts;
    const { about, state } = conference;
    const group = conferences.groups.groupOf(conference);
    if (this.#refuses(transaction, group)) return;
    const own = directory.addressOf(sender);
    // the others know him without his name, and would see it here
    if (state.people.get(own)?.entity !== own && !isPrivate(request)) {
      transaction.respond(403, { reason: 'By Name' });
      return;
    }
    if (!this.#admits(transaction)) return;
    const others = belonging(state).flatMap(({ address }) => (address === own ? [] : [address]));
    const nameOf = (address: string): string => state.people.get(address)?.entity ?? address;
    const fields = request.headers.filter(({ name }) => name !== 'Conversation-ID');
    const copy = { ...request, headers: [...fields, { name: 'Conversation-ID', value: about.conversationId }] };
    this.#spread(transaction, { sender, parts: [], service: about.uri, nameOf }, others, () => copy, about.uri);
  }

  /** What that pre-defined group does not let in; answers it then. */
  #refuses(transaction: ServerTransaction, group: HomeGroup | null): boolean {
    const { request } = transaction;
    if (group?.refusesAnonymous && isPrivate(request)) transaction.respond(433);
    else if (group?.refusesFiles && serviceOf(request.headers) === FILE_TRANSFER) {
      transaction.respond(403, { headers: [this.#warning('122 Function not allowed')] });
    }
    return transaction.isAnswered;
  }

  /** A group of one request each: chats of several are not held here. */
  #admits(transaction: ServerTransaction): boolean {
    const { request } = transaction;
    const unknown = headers(request, 'Require').filter((tag) => tag.toLowerCase() !== FULFILLED[request.method]);
    const service = serviceOf(request.headers);
    const isTaken =
      request.method === 'MESSAGE' || (request.method === 'INVITE' && (service === FILE_TRANSFER || service === LARGE_MESSAGE));
    if (unknown.length > 0) transaction.respond(420, { headers: [{ name: 'Unsupported', value: unknown.join(', ') }] });
    else if (!isTaken) transaction.respond(405, { headers: [{ name: 'Allow', value: 'MESSAGE' }] });
    return unknown.length === 0 && isTaken;
  }

  /**
   * @param requestTo the request as one of them gets it, but for its Request-URI
   * @param identity of the group session that it goes to; null: there is none
   */
  #spread(
    transaction: ServerTransaction,
    about: Omit<Letter, 'request'>,
    recipients: readonly string[],
    requestTo: (recipient: string) => SipRequest,
    identity: string | null = null,
  ): void {
    if (transaction.request.method === 'INVITE') {
      this.#parts.focus.invite(transaction, about, recipients, requestTo, identity);
      return;
    }
    const letters = recipients.map((recipient) => ({ recipient, letter: { ...about, request: requestTo(recipient) } }));
    const { reach } = this.#parts;
    const reached = letters.map((each) => ({ ...each, devices: reach.devices(each.letter.request, each.recipient, about.sender) }));
    // it is kept for each of them before the sender hears that it was taken
    const kept = reached.map(async ({ letter, recipient, devices }) => {
      if (devices.length > 0) return reach.hold(letter, recipient);
      await reach.missed(letter, recipient, null);
      return null;
    });
    void Promise.all(kept).then((all) => {
      transaction.respond(202);
      for (const [at, { letter, recipient, devices }] of reached.entries()) {
        const held = all[at] ?? null;
        if (held !== 'known') this.#send(letter, transaction, recipient, devices, held);
      }
    });
  }

  #send(letter: Letter, transaction: ServerTransaction, recipient: string, devices: readonly Binding[], held: Held | null): void {
    const { layer, reach, relay } = this.#parts;
    const refused: SipResponse[] = [];
    let isDelivered = false;
    for (const device of devices) {
      const ids = { callId: randomUuid(), localTag: randomToken(10), sequence: 1 };
      const { essentials, flow } = transaction;
      const leg = legRequest(relay, { essentials, flow, request: { ...letter.request, uri: recipient } }, letter.sender, device, ids, []);
      layer().send(device.flow, leg, {
        onFinal: (response) => {
          if (response.status >= 300) refused.push(forOriginator(response));
          else if (!isDelivered) {
            isDelivered = true;
            void held?.over();
          }
          if (!isDelivered && refused.length === devices.length) void reach.missed(letter, recipient, bestResponse(refused), null, held);
        },
      });
    }
  }

  #warning(text: string): SipHeader {
    return { name: 'Warning', value: encodeWarning({ code: 399, agent: this.#parts.directory.domain, text }) };
  }
}

function withoutList(request: SipRequest, addressed: Addressed): SipRequest {
  const { contentType, body } = bodyForRecipients(addressed);
  const fields = request.headers.filter(({ name }) => name !== 'Content-Type' && name !== 'Require');
  return { ...request, headers: [...fields, { name: 'Content-Type', value: contentType }], body };
}

/** Of what an entry may say, the address counts: neither another method nor other headers (RFC 5365 section 7.2). */
function addressOf(text: string): string {
  const uri = trySipUri(text);
  return uri === null ? text : addressOfRecord(uri);
}
