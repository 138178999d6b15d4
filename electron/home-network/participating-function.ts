import { ParleyError } from '../../shared/base/errors.ts';
import { CHAT_SESSION, serviceOf } from '../../shared/protocol/cpm/names.ts';
import type { Imdn } from '../../shared/protocol/imdn/imdn.ts';
import { header, headers, type SipRequest } from '../../shared/protocol/sip/message.ts';
import { decodeNameAddr } from '../../shared/protocol/sip/name-addr.ts';
import { decodeSipUri, uriScheme } from '../../shared/protocol/sip/uri.ts';
import type { SipEssentials } from '../../shared/protocol/sip/validate.ts';
import { decodeVia, viaBranch } from '../../shared/protocol/sip/via.ts';
import type { Binding, Bindings } from './bindings.ts';
import { matchingBindings, newestOfEachInstance } from './caller-preferences.ts';
import type { Conferences } from './conference/conferences.ts';
import { pullIn } from './deferral/pull-session.ts';
import type { DeferralService } from './deferral/service.ts';
import { isUnavailable } from './deferral/triggers.ts';
import type { Dialogs } from './dialogs.ts';
import type { DigestAuthenticator } from './digest-auth.ts';
import type { Directory } from './directory.ts';
import type { Distribution } from './distribution.ts';
import type { Flow } from './flow.ts';
import { forkOnce } from './fork.ts';
import type { Interworking } from './interworking/interworking.ts';
import { type NotificationFilter, notificationIn } from './notification-filter.ts';
import type { OwnCopies } from './own-copies.ts';
import type { References } from './references/references.ts';
import type { Registrar } from './registrar.ts';
import { type RelayHeaders, unpassable } from './relay-headers.ts';
import type { Retrieval } from './retrieval/retrieval.ts';
import type { Enforcement } from './rules/enforcement.ts';
import type { ServerTransaction } from './server-transaction.ts';
import { Session, type SessionHost } from './session.ts';
import { type HomeUser, SERVER_NAME } from './settings.ts';
import type { Subscriptions } from './subscriptions/subscriptions.ts';
import type { TransactionLayer } from './transactions.ts';

const METHODS = ['REGISTER', 'INVITE', 'ACK', 'CANCEL', 'BYE', 'MESSAGE', 'OPTIONS', 'UPDATE', 'INFO', 'REFER', 'NOTIFY', 'SUBSCRIBE'];
/** known, but of no use outside of a dialog here */
const IN_DIALOG_ONLY = new Set(['BYE', 'UPDATE', 'INFO', 'NOTIFY', 'REFER', 'PRACK']);

interface Parts {
  readonly directory: Directory;
  readonly bindings: Bindings;
  readonly digest: DigestAuthenticator;
  readonly registrar: Registrar;
  readonly relay: RelayHeaders;
  readonly dialogs: Dialogs;
  readonly media: Pick<SessionHost, 'mediaPath' | 'mediaRefusal'>;
  readonly conferences: Conferences;
  readonly distribution: Distribution;
  readonly subscriptions: Subscriptions;
  readonly enforcement: Enforcement;
  readonly interworking: Interworking;
  readonly notifications: NotificationFilter;
  /** null: what cannot be delivered is refused */
  readonly deferral: DeferralService | null;
  readonly retrieval: Retrieval;
  /** null: there is no message store to refer to */
  readonly references: References | null;
  readonly ownCopies: OwnCopies;
  readonly layer: () => TransactionLayer;
}

/** Decides what becomes of each request: the order of RFC 3261 section 16.3, then who sent it, then whom it means (cpm.md section 16.1). */
export class ParticipatingFunction {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  onRequest(transaction: ServerTransaction): void {
    try {
      this.#decide(transaction);
    } catch (thrown) {
      if (thrown instanceof ParleyError && thrown.code === 'sip.malformed') {
        transaction.flow.fault('malformed requests');
        transaction.respond(400, { reason: `Bad Request (${thrown.detail})` });
      } else {
        transaction.respond(500);
        throw thrown;
      }
    }
  }

  onAck(flow: Flow, ack: SipRequest, essentials: SipEssentials): void {
    this.#parts.dialogs.acknowledged(flow, ack, essentials);
  }

  #decide(transaction: ServerTransaction): void {
    const { request, essentials } = transaction;
    const { layer, dialogs, registrar } = this.#parts;
    const { method } = request;
    const scheme = uriScheme(request.uri);
    if (scheme !== 'sip' && scheme !== 'sips' && !(method === 'MESSAGE' && this.#parts.interworking.leadsTo(request.uri))) {
      transaction.respond(416);
      return;
    }
    if (method === 'CANCEL') {
      this.#cancel(transaction);
      return;
    }
    if (essentials.maxForwards === 0 && method !== 'REGISTER') {
      transaction.respond(483);
      return;
    }
    if (headers(request, 'Via').some((value) => layer().isOwnBranch(viaBranch(decodeVia(value)) ?? ''))) {
      transaction.respond(482);
      return;
    }
    if (method === 'REGISTER') {
      registrar.register(transaction);
      return;
    }
    if (essentials.toTag !== null) {
      dialogs.request(transaction);
      return;
    }
    if (!METHODS.includes(method) && method !== 'PRACK') {
      transaction.respond(method === 'PUBLISH' ? 405 : 501, { headers: [{ name: 'Allow', value: METHODS.join(', ') }] });
      return;
    }
    if (IN_DIALOG_ONLY.has(method) && !(method === 'REFER' && this.#parts.conferences.groups.isFocus(request.uri))) {
      transaction.respond(481);
      return;
    }
    const refused = unpassable(request);
    if (refused.length > 0) {
      transaction.respond(420, { headers: [{ name: 'Unsupported', value: refused.join(', ') }] });
      return;
    }

    const sender = this.#sender(transaction);
    if (sender === null) return;
    this.#deliver(transaction, sender);
  }

  #deliver(transaction: ServerTransaction, sender: HomeUser): void {
    const { request } = transaction;
    const { references } = this.#parts;
    if (references?.resolve(transaction, sender, () => this.#deliver(transaction, sender))) return;
    if (this.#parts.interworking.originating(transaction, sender)) return;
    const {
      bindings,
      conferences,
      directory,
      distribution,
      enforcement,
      layer,
      notifications,
      ownCopies,
      relay,
      retrieval,
      subscriptions,
    } = this.#parts;
    const uri = decodeSipUri(request.uri);
    if (request.method === 'OPTIONS' && uri.user === null && directory.isOurs(uri)) {
      transaction.respond(200, {
        headers: [
          { name: 'Allow', value: METHODS.join(', ') },
          { name: 'Allow-Events', value: subscriptions.events },
          { name: 'Supported', value: 'path, gruu, outbound' },
          { name: 'Server', value: SERVER_NAME },
        ],
      });
      return;
    }
    if (enforcement.refuses(transaction, sender) || references?.carry(transaction, sender)) return;
    if (request.method === 'SUBSCRIBE') {
      subscriptions.subscribe(transaction, sender);
      return;
    }
    if (retrieval.take(transaction, sender)) return;
    const imdn = notificationIn(request);
    const target = bindings.resolve(uri);
    if (target?.user !== sender) ownCopies.watch(transaction, sender, imdn);
    if (conferences.take(transaction, sender) || distribution.take(transaction, sender)) return;
    if (target === null) {
      transaction.respond(404);
      return;
    }
    const author = target.user.user;
    // a GRUU in the Request-URI, or else what was seen of the message when it was sent
    const instance = target.instance ?? (imdn === null ? null : notifications.originOf(author, imdn));
    const own: Binding[] = bindings.of(target.user).filter((binding) => instance === null || binding.instance === instance);
    const devices = newestOfEachInstance(matchingBindings(request, own));
    if (request.method === 'MESSAGE') {
      this.#message(transaction, sender, { user: target.user, instance, imdn }, devices);
    } else if (request.method === 'INVITE') {
      this.#invite(transaction, sender, { user: target.user, instance }, devices);
    } else if (devices.length === 0) {
      transaction.respond(480);
    } else {
      forkOnce(layer(), relay, transaction, sender, devices);
    }
  }

  #invite(
    transaction: ServerTransaction,
    sender: HomeUser,
    to: { readonly user: HomeUser; readonly instance: string | null },
    devices: readonly Binding[],
  ): void {
    const { deferral } = this.#parts;
    if (deferral === null || pullIn(transaction.request) === null) {
      this.#ask(transaction, sender, to, devices);
      return;
    }
    // what its author has sent may wait here
    void deferral.pulled(transaction, sender, to.user).then((isServed) => {
      if (!isServed && !transaction.isAnswered) this.#ask(transaction, sender, to, devices);
    });
  }

  #ask(
    transaction: ServerTransaction,
    sender: HomeUser,
    { user, instance }: { readonly user: HomeUser; readonly instance: string | null },
    devices: readonly Binding[],
  ): void {
    const { deferral, dialogs, layer, media, relay } = this.#parts;
    const { request } = transaction;
    const mayWait = deferral?.mayTake(user, request) ?? false;
    const keep = (isTried: boolean): void =>
      deferral?.session(transaction, { owner: user.user, recipient: request.uri, instance, sender }, isTried);
    // what either says in a chat would come before texts that are still on their way; said without one it waits behind them
    const overtakes = !mayWait && serviceOf(request.headers) === CHAT_SESSION && (deferral?.isFirst(user) || deferral?.isOnItsWay(sender));
    if ((devices.length === 0 && !mayWait) || overtakes) transaction.respond(480);
    else if (!dialogs.admits(transaction)) return;
    else if (mayWait && (devices.length === 0 || deferral?.isFirst(user))) keep(false);
    else {
      new Session({ layer: layer(), relay, dialogs, ...media }, transaction, sender, devices, (refusal) => {
        if (!mayWait || !isUnavailable(refusal.status, header(refusal, 'Retry-After'))) return false;
        keep(this.#isEveryOneOf(devices, user));
        return true;
      });
    }
  }

  #message(
    transaction: ServerTransaction,
    sender: HomeUser,
    { user, instance, imdn }: { readonly user: HomeUser; readonly instance: string | null; readonly imdn: Imdn | null },
    devices: readonly Binding[],
  ): void {
    const { request } = transaction;
    const { deferral, interworking, layer, notifications, relay } = this.#parts;
    const admitted = imdn === null ? undefined : notifications.admit(sender.user, user.user, imdn, (status) => transaction.respond(status));
    if (admitted === null) return;
    const answered = (status: number): void => {
      admitted?.(status);
      if (imdn !== null && status < 300) deferral?.reported(sender, user, imdn);
    };
    if (imdn === null) notifications.sent(sender.user, request);
    if (imdn === null && devices.length === 0 && interworking.terminating(transaction, sender, user, answered)) return;
    const letter = { owner: user.user, recipient: request.uri, instance, sender, isNotification: imdn !== null };
    const keep = (isTried: boolean): void => void deferral?.message(transaction, letter, isTried).then(answered);
    if (deferral?.mayKeep(user) && (devices.length === 0 || (imdn === null && deferral.isFirst(user)))) {
      keep(false);
    } else if (devices.length === 0) {
      transaction.respond(480);
      answered(480);
    } else {
      forkOnce(layer(), relay, transaction, sender, devices, answered, (refusal) => {
        if (!deferral?.mayKeep(user) || !isUnavailable(refusal.status, header(refusal, 'Retry-After'))) return false;
        keep(this.#isEveryOneOf(devices, user));
        return true;
      });
    }
  }

  /** Nothing but those that were asked: one that has come meanwhile, on another connection, has not been. */
  #isEveryOneOf(asked: readonly Binding[], user: HomeUser): boolean {
    return this.#parts.bindings.of(user).every((binding) => asked.some(({ flow }) => flow === binding.flow));
  }

  #cancel(transaction: ServerTransaction): void {
    const invite = this.#parts.layer().cancelled(transaction);
    if (invite === null) {
      transaction.respond(481);
      return;
    }
    // RFC 3261 section 9.2: the tag of the answer to the INVITE
    transaction.respond(200, { toTag: invite.toTag });
    invite.onCancel?.(transaction.request);
  }

  /** The user behind a request: registered on this flow, or proven by digest. Answers the request itself when there is none. */
  #sender(transaction: ServerTransaction): HomeUser | null {
    const { bindings, digest, directory } = this.#parts;
    const { request, flow, essentials } = transaction;
    const preferred = headers(request, 'P-Preferred-Identity').map((value) => directory.byAddress(decodeNameAddr(value)));
    const own = [...new Set(bindings.onFlow(flow).map((binding) => binding.user))];
    let sender =
      own.find((user) => preferred.includes(user)) ?? own.find((user) => directory.byAddress(essentials.from) === user) ?? own[0] ?? null;
    if (sender === null) {
      const verdict = digest.verify(request, 'Proxy-Authorization');
      if (verdict.kind !== 'proven') {
        if (verdict.kind === 'refused') flow.fault('credentials refused too often');
        const challenges = digest.challenges(verdict.kind === 'stale');
        transaction.respond(407, { headers: challenges.map((value) => ({ name: 'Proxy-Authenticate', value })) });
        return null;
      }
      sender = verdict.user;
    }
    const user = sender;
    // RFC 3325 section 5: a preferred identity that is not one of his is refused
    if (preferred.some((other) => other !== user) || directory.isForeignClaim(header(request, 'From') ?? '', user)) {
      transaction.respond(403, { reason: 'Not Your Identity' });
      return null;
    }
    return user;
  }
}
