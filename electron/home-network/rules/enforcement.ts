import { FILE_TRANSFER, LARGE_MESSAGE, serviceOf } from '../../../shared/protocol/cpm/names.ts';
import { encodeWarning } from '../../../shared/protocol/cpm/warning.ts';
import type { SipHeader, SipRequest } from '../../../shared/protocol/sip/message.ts';
import { trySipUri } from '../../../shared/protocol/sip/uri.ts';
import type { Bindings } from '../bindings.ts';
import type { Directory } from '../directory.ts';
import { notificationIn } from '../notification-filter.ts';
import type { ServerTransaction } from '../server-transaction.ts';
import type { HomeUser } from '../settings.ts';
import { type Content, contentOf, contentOfCpim } from './content.ts';
import type { Rules, Ruling, Service } from './rules.ts';
import { isScreened } from './screening.ts';

/** What somebody sends, as far as rules speak of it. */
export interface Sending {
  /** null: a notification, or a question of what devices can do */
  readonly service: Service | null;
  readonly content: Content;
}

export type Refusal =
  /** of the sender's: he has not subscribed; nobody sends this here; the operator forbids the content (R-PF-01, 04, 06) */
  | 'not-subscribed'
  | 'service'
  | 'forbidden-content'
  /** of the recipient's: he has blocked the sender, wants nothing now, or not this content */
  | 'blocked'
  | 'unwilling'
  | 'unwanted-content';

/** What the sender's own network says. Policy knows no exception, so the recipient is not asked after it (R-PF-05). */
export function refusalOfSender(user: string, ruling: Ruling, sending: Sending): Refusal | null {
  if (ruling.unsubscribed.includes(user)) return 'not-subscribed';
  if (ruling.blockedServices.some((service) => service === sending.service)) return 'service';
  return screens(sending, ruling.forbiddenWords, ruling.forbiddenTypes) ? 'forbidden-content' : null;
}

/** What the recipient's network says; `defer` is no refusal, it is decided where items are deferred. */
export function refusalOfRecipient(isBlocked: boolean, ruling: Ruling, sending: Sending): Refusal | null {
  if (isBlocked) return 'blocked';
  if (ruling.available === 'refuse' && sending.service !== null) return 'unwilling';
  return screens(sending, ruling.unwantedWords, ruling.unwantedTypes) ? 'unwanted-content' : null;
}

const NOTHING: Content = { texts: [], types: [] };

/** Most requests are held against nothing, and are not read for that. */
function screens(sending: Sending, words: readonly string[], types: readonly string[]): boolean {
  return words.length + types.length > 0 && sending.service !== null && isScreened(sending.content, words, types);
}

/** Answers (cpm.md sections 15.1, 15.2). A person who wants nothing now has declined. */
const ANSWERS: Readonly<Record<Exclude<Refusal, 'blocked'>, { readonly status: number; readonly warning: string | null }>> = {
  'not-subscribed': { status: 403, warning: '127 Service not authorised' },
  service: { status: 403, warning: '122 Function not allowed' },
  'forbidden-content': { status: 403, warning: 'Content not allowed' },
  unwilling: { status: 603, warning: null },
  'unwanted-content': { status: 403, warning: 'Content not allowed' },
};

/** As the devices of who has blocked him do (cpm.md section 16.6): whoever is blocked does not hear of it, be anybody there or not. */
const answerToBlocked = (method: string): number => (method === 'MESSAGE' ? 200 : method === 'INVITE' ? 603 : 480);

/** Holds each request against the policy and against what its recipient wants, before anybody is asked. */
export class Enforcement {
  readonly #directory: Directory;
  readonly #bindings: Bindings;
  readonly #rules: Rules;

  constructor(directory: Directory, bindings: Bindings, rules: Rules) {
    this.#directory = directory;
    this.#bindings = bindings;
    this.#rules = rules;
  }

  /** @returns whether it was refused, and answered */
  refuses(transaction: ServerTransaction, sender: HomeUser): boolean {
    const { request } = transaction;
    const sending = sendingIn(request);
    const refusal = refusalOfSender(sender.user, this.#rules.of(sender), sending) ?? this.#recipientOf(request.uri, sender, sending);
    if (refusal === null) return false;
    if (refusal === 'blocked') {
      transaction.respond(answerToBlocked(request.method));
      return true;
    }
    const { status, warning } = ANSWERS[refusal];
    transaction.respond(status, { headers: warning === null ? [] : [this.#warning(warning)] });
    return true;
  }

  /** By one of several recipients, where the sender was answered already. */
  refusalBy(recipient: string, request: SipRequest, sender: HomeUser): Refusal | null {
    return this.#recipientOf(recipient, sender, sendingIn(request));
  }

  /**
   * Of what is said in a group, whose order is one for all: the sender's side alone (R-PF-06).
   * @param read the whole message/cpim, read only where there is something to hold it against
   * @returns status and comment of the MSRP answer (RFC 4975 section 7.2)
   */
  async refusalInGroup(sender: HomeUser, read: () => Promise<Uint8Array>): Promise<string | null> {
    const ruling = this.#rules.of(sender);
    const isScreened = ruling.forbiddenWords.length + ruling.forbiddenTypes.length > 0;
    const content = isScreened ? contentOfCpim(await read()) : NOTHING;
    const refusal = refusalOfSender(sender.user, ruling, { service: 'chat', content });
    if (refusal === null || refusal === 'blocked') return null;
    const { status, warning } = ANSWERS[refusal];
    return `${status} ${warning ?? ''}`.trim();
  }

  #recipientOf(uri: string, sender: HomeUser, sending: Sending): Refusal | null {
    const parsed = trySipUri(uri);
    const recipient = parsed === null ? null : (this.#bindings.resolve(parsed)?.user ?? null);
    if (recipient === null || recipient === sender) return null;
    const known = [this.#directory.addressOf(sender), ...(sender.number === undefined ? [] : [`tel:${sender.number}`])];
    return refusalOfRecipient(
      known.some((address) => this.#rules.isBlocked(recipient, address)),
      this.#rules.of(recipient),
      sending,
    );
  }

  #warning(text: string): SipHeader {
    return { name: 'Warning', value: encodeWarning({ code: 399, agent: this.#directory.domain, text }) };
  }
}

function sendingIn(request: SipRequest): Sending {
  return {
    get service() {
      return serviceIn(request);
    },
    get content() {
      return contentOf(request);
    },
  };
}

function serviceIn(request: SipRequest): Service | null {
  if (request.method === 'MESSAGE') return notificationIn(request) === null ? 'message' : null;
  if (request.method !== 'INVITE') return null;
  const service = serviceOf(request.headers);
  return service === FILE_TRANSFER ? 'file' : service === LARGE_MESSAGE ? 'large-message' : 'chat';
}
