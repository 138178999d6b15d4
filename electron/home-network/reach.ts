import type { LeftBy } from '../../shared/protocol/imdn/imdn.ts';
import type { Part } from '../../shared/protocol/multipart/multipart.ts';
import { header, type SipHeader, type SipRequest, type SipResponse } from '../../shared/protocol/sip/message.ts';
import { trySipUri } from '../../shared/protocol/sip/uri.ts';
import type { Binding, Bindings } from './bindings.ts';
import { matchingBindings, newestOfEachInstance } from './caller-preferences.ts';
import type { Held } from './deferral/holds.ts';
import type { DeferralService } from './deferral/service.ts';
import { isUnavailable } from './deferral/triggers.ts';
import type { Directory } from './directory.ts';
import { failureNotice, interworkedNotice } from './failure-notice.ts';
import type { Taken } from './focus/collection.ts';
import { isPrivate } from './relay-headers.ts';
import type { Enforcement } from './rules/enforcement.ts';
import type { HomeUser } from './settings.ts';
import type { TransactionLayer } from './transactions.ts';

/** What went to a list or a group, as far as it says what its sender wants to hear. */
export interface Letter {
  readonly request: SipRequest;
  /** of its body, where that has several */
  readonly parts: readonly Part[];
  readonly sender: HomeUser;
  /** the address that it was sent to, which speaks of those who have not got it: of a list server, or of the group */
  readonly service: string;
  /** what the sender knows a recipient by; absent: his address */
  readonly nameOf?: (recipient: string) => string;
}

type Target = NonNullable<ReturnType<Bindings['resolve']>>;

/** Where each of several recipients is reached, and what the sender hears of those who are not. */
export class Reach {
  readonly #bindings: Bindings;
  readonly #directory: Directory;
  readonly #enforcement: Enforcement;
  readonly #deferral: DeferralService | null;
  readonly #layer: () => TransactionLayer;
  readonly #interwork: (letter: Letter, recipient: string, user: HomeUser | null) => Promise<boolean>;

  constructor(parts: {
    readonly bindings: Bindings;
    readonly directory: Directory;
    readonly enforcement: Enforcement;
    readonly deferral: DeferralService | null;
    readonly layer: () => TransactionLayer;
    readonly interwork: (letter: Letter, recipient: string, user: HomeUser | null) => Promise<boolean>;
  }) {
    this.#bindings = parts.bindings;
    this.#directory = parts.directory;
    this.#enforcement = parts.enforcement;
    this.#deferral = parts.deferral;
    this.#layer = parts.layer;
    this.#interwork = parts.interwork;
  }

  /** The recipient does not want it: it goes to no device of his, and is not kept for him either. */
  isRefused(request: SipRequest, recipient: string, sender: HomeUser): boolean {
    return this.#enforcement.refusalBy(recipient, request, sender) !== null;
  }

  /** The devices of that recipient which the request may go to. @throws ParleyError `sip.malformed` for preferences that cannot be read */
  devices(request: SipRequest, recipient: string, sender: HomeUser): readonly Binding[] {
    if (this.isRefused(request, recipient, sender)) return [];
    const uri = trySipUri(recipient);
    const target = uri === null ? null : this.#bindings.resolve(uri);
    if (target === null || (request.method === 'MESSAGE' && this.#deferral?.isFirst(target.user))) return [];
    const own = this.#bindings.of(target.user).filter(({ instance }) => target.instance === null || instance === target.instance);
    return newestOfEachInstance(matchingBindings(request, own));
  }

  /**
   * Before its sender hears that it was taken, for a recipient whose devices are asked after that (decision 33).
   * @returns `known`: it waits for him already, from an earlier try; null: nothing is kept of what does not get there
   */
  async hold({ request, sender }: Letter, recipient: string, content: Taken | null = null): Promise<Held | 'known' | null> {
    const uri = trySipUri(recipient);
    const target = uri === null ? null : this.#bindings.resolve(uri);
    if (target === null || !this.#deferral?.mayKeep(target.user) || this.#enforcement.refusalBy(recipient, request, sender) !== null)
      return null;
    return this.#deferral.hold(this.#waiting(request, sender, recipient, target), content);
  }

  #waiting(request: SipRequest, sender: HomeUser, recipient: string, { user, instance }: Target) {
    return { request, sender, author: this.#directory.addressOf(sender), owner: user.user, recipient, instance };
  }

  /**
   * That recipient has not got it: it leaves by another service, it waits for him, or its sender hears so. Resolves with the commit of either.
   * @param refusal the best one of his devices; null: there is none
   * @param content of an INVITE, as it was taken from its sender
   * @param held where it is kept already
   */
  async missed(
    letter: Letter,
    recipient: string,
    refusal: SipResponse | null,
    content: Taken | null = null,
    held: Held | null = null,
  ): Promise<void> {
    const { request, sender } = letter;
    const uri = trySipUri(recipient);
    const target = uri === null ? null : this.#bindings.resolve(uri);
    const isAway = refusal === null || isUnavailable(refusal.status, header(refusal, 'Retry-After'));
    const refused = this.#enforcement.refusalBy(recipient, request, sender);
    // who is blocked does not hear of it
    if (refused === 'blocked') return held?.over();
    if (refusal === null && !this.isRefused(request, recipient, sender) && (await this.#interwork(letter, recipient, target?.user ?? null)))
      return held?.over();
    const mayWait = target !== null && isAway && refused === null;
    if (mayWait && this.#deferral?.mayKeep(target.user)) {
      if (held !== null) return held.waits();
      const waiting = this.#waiting(request, sender, recipient, target);
      if (await this.#deferral.keepEither(waiting, content, refusal !== null)) return;
    }
    await held?.over();
    await this.failed(letter, recipient);
  }

  /** That recipient does not get it. A message without its sender's name has nobody to be told. */
  async failed({ request, parts, sender, service, nameOf = (address) => address }: Letter, recipient: string): Promise<void> {
    if (isPrivate(request)) return;
    const address = this.#directory.addressOf(sender);
    await this.#tell(sender, service, failureNotice(request, parts, service, address, nameOf(recipient), Date.now()));
  }

  /** Another service has it for that recipient. */
  async interworked({ request, parts, sender, service }: Letter, recipient: string, leftBy: LeftBy): Promise<void> {
    if (isPrivate(request)) return;
    const address = this.#directory.addressOf(sender);
    await this.#tell(sender, service, interworkedNotice(request, parts, service, address, recipient, Date.now(), leftBy));
  }

  async #tell(sender: HomeUser, from: string, notice: SipRequest | null): Promise<void> {
    if (notice === null || (await this.#deferral?.tell(sender, from, notice))) return;
    for (const device of newestOfEachInstance(this.#bindings.of(sender))) {
      const path: SipHeader[] = device.path.map((value) => ({ name: 'Route', value }));
      const request = { ...notice, uri: device.contact.uri, headers: [...path, ...notice.headers] };
      this.#layer().send(device.flow, request, { onFinal: () => undefined });
    }
  }
}
