import { CONFERENCE_INFO_TYPE } from '../../../shared/protocol/conference/conference-info.ts';
import type { SipUri } from '../../../shared/protocol/sip/uri.ts';
import type { HomeUser } from '../settings.ts';
import type { Asked, EventPackage, Feed, Listener } from '../subscriptions/event-package.ts';

/** A group as it is watched. */
export interface Watched {
  /** @returns 403 for somebody who does not belong to it */
  watch(subscriber: HomeUser, listener: Listener): Feed | 403;
}

/** The package `conference` (RFC 4575, cpm.md section 8.4): who is in a group, for those who belong to it. */
export class ConferencePackage implements EventPackage {
  readonly name = 'conference';
  readonly types = [CONFERENCE_INFO_TYPE];
  readonly defaultExpires = 3_600;
  readonly maxExpires = 86_400;
  readonly pace = 500;
  readonly #find: (uri: SipUri) => Watched | null;

  constructor(find: (uri: SipUri) => Watched | null) {
    this.#find = find;
  }

  open({ subscriber, uri }: Asked, listener: Listener): Feed | number {
    return this.#find(uri)?.watch(subscriber, listener) ?? 404;
  }
}
