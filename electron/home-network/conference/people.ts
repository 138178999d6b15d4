import { randomToken } from '../../../shared/base/random.ts';
import { addressOfRecord, trySipUri } from '../../../shared/protocol/sip/uri.ts';
import type { HomeUser } from '../settings.ts';
import type { ConferenceHost } from './host.ts';
import type { Order } from './refer.ts';
import type { Replaces } from './ringing.ts';
import { belongs, type ConferenceState, type Newcomer } from './state.ts';

/** Somebody who is to be asked to a group. */
export interface Asked {
  readonly who: Newcomer;
  readonly replaces: Replaces | null;
}

/** Whom the addresses in lists and requests mean, and how a group is to know them. */
export class People {
  readonly #host: Pick<ConferenceHost, 'bindings' | 'directory'>;

  constructor(host: Pick<ConferenceHost, 'bindings' | 'directory'>) {
    this.#host = host;
  }

  addressOf(user: HomeUser): string {
    return this.#host.directory.addressOf(user);
  }

  /** Each once, those of whom this network knows nothing too. */
  newcomers(orders: readonly Order[]): Asked[] {
    const found = new Map<string, Asked>();
    for (const { uri, replaces, copy, isAnonymous } of orders) {
      const parsed = trySipUri(uri);
      const user = parsed === null ? null : (this.#host.bindings.resolve(parsed)?.user ?? null);
      const address = parsed === null ? uri : addressOfRecord(parsed);
      const who = user === null ? { address, entity: address, displayName: '', isUnknown: true } : this.newcomer(user, isAnonymous);
      found.set(who.address, { who: { ...who, isBlind: copy === 'bcc' }, replaces: replaces === null ? null : { id: replaces, uri } });
    }
    return [...found.values()];
  }

  /** @param isAnonymous the others know him by an address of that group alone */
  newcomer(user: HomeUser, isAnonymous: boolean): Newcomer {
    const address = this.#host.directory.addressOf(user);
    const entity = isAnonymous ? `sip:anonymous-${randomToken(12)}@anonymous.invalid` : address;
    return { address, entity, displayName: isAnonymous ? '' : user.displayName, isBlind: false, isUnknown: false };
  }

  /** Address of somebody who belongs to it, by his address or by whom the others know. */
  memberOf({ people }: ConferenceState, { uri }: Order): string | null {
    const parsed = trySipUri(uri);
    const byEntity = [...people.values()].find(({ entity }) => entity === (parsed === null ? uri : addressOfRecord(parsed)));
    const user = parsed === null ? null : (this.#host.bindings.resolve(parsed)?.user ?? null);
    const who = byEntity ?? (user === null ? undefined : people.get(this.#host.directory.addressOf(user)));
    // nobody learns who is behind an anonymous address by trying
    return who !== undefined && belongs(who) && (byEntity !== undefined || who.entity === who.address) ? who.address : null;
  }
}
