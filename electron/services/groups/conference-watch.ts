import { toCodedError } from '../../../shared/base/errors.ts';
import { awaitWhole, EMPTY_ROSTER, nextRoster, type Roster } from '../../../shared/model/states/roster.ts';
import { CONFERENCE_INFO_TYPE, decodeConferenceInfo } from '../../../shared/protocol/conference/conference-info.ts';
import { acceptContact, CHAT_SESSION } from '../../../shared/protocol/cpm/names.ts';
import { decodeContentType } from '../../../shared/protocol/mime/content-type.ts';
import type { Notification, SubscriptionRequest } from '../../sip/port.ts';
import type { Link, ServiceContext } from '../context.ts';
import { PackageWatch } from '../package-watch.ts';

/** seconds */
const SUBSCRIPTION_EXPIRES = 3600;
/** a focus whose versions never fit is asked for the whole no more often */
const ASK_EVERY_MS = 5_000;

/** The group as one session of it has it. */
export interface WatchedGroup {
  /** session identity: the Contact with `isfocus` */
  readonly identity: string;
  /** the others are not to know who this is (R-GRP-27) */
  readonly anonymous: boolean;
}

export interface ConferencePorts {
  /** after each document that counts */
  readonly changed: (roster: Roster) => Promise<void> | void;
  /** the group is no more */
  readonly over: () => void;
  /** this network does not tell who is in */
  readonly untold: () => void;
}

/**
 * Is told who is in a group (seed 004 7.3.5 200(3), cpm.md section 8.4, F07-04), for as long as it is in session there. What cannot be
 * read, is of another group or comes twice changes nothing; a version that is missing asks for the whole anew (RFC 4575 section 4.6).
 */
export class ConferenceWatch {
  readonly #context: ServiceContext;
  readonly #group: WatchedGroup;
  readonly #ports: ConferencePorts;
  readonly #watch: PackageWatch;
  #roster: Roster = EMPTY_ROSTER;
  #askedAt = Number.NEGATIVE_INFINITY;
  #cancelAsking: (() => void) | null = null;
  #isOver = false;

  constructor(context: ServiceContext, group: WatchedGroup, ports: ConferencePorts) {
    this.#context = context;
    this.#group = group;
    this.#ports = ports;
    this.#watch = new PackageWatch(context, {
      name: 'group',
      request: () => this.#request(),
      began: () => {
        this.#roster = awaitWhole(this.#roster);
      },
      told: (notification) => this.#take(notification),
      refused: ({ status, reason }) => {
        // an answer like 404 only says that nobody tells it there: the session is up
        if (reason === 'noresource') return this.#end();
        context.log(`group: the network does not tell who is in (${status ?? reason})`);
        ports.untold();
      },
    });
  }

  /** as far as it was told; empty before the first document */
  get roster(): Roster {
    return this.#roster;
  }

  /** The session is up, on that link. */
  begin(link: Link): void {
    this.#watch.begin(link);
  }

  /** The session is over. Resolves when the network has heard of it, or did not answer. */
  stop(): Promise<void> {
    this.#isOver = true;
    this.#cancelAsking?.();
    return this.#watch.stop();
  }

  async #take({ contentType, body }: Notification): Promise<void> {
    if (this.#isOver) return;
    const { type } = decodeContentType(contentType);
    if (type !== CONFERENCE_INFO_TYPE) return this.#context.log(`group: who is in, as ${type.slice(0, 100)}, is not understood`);
    const { roster, outcome } = nextRoster(this.#roster, decodeConferenceInfo(body), this.#group.identity);
    this.#roster = roster;
    switch (outcome) {
      case 'changed':
        this.#cancelAsking?.();
        this.#cancelAsking = null;
        return this.#ports.changed(roster);
      case 'over':
        return this.#end();
      case 'gap':
        return this.#askForWhole();
      case 'old':
        return;
      case 'foreign':
      case 'too-many':
        return this.#context.log(`group: who is in is not believed (${outcome})`);
    }
  }

  #askForWhole(): void {
    if (this.#cancelAsking !== null) return;
    const { clock } = this.#context;
    const ask = (): void => {
      this.#cancelAsking = null;
      this.#askedAt = clock.now();
      this.#watch.refresh();
    };
    const wait = this.#askedAt + ASK_EVERY_MS - clock.now();
    if (wait <= 0) ask();
    else this.#cancelAsking = clock.after(wait, ask);
  }

  #end(): void {
    if (this.#isOver) return;
    this.stop().catch((thrown) => this.#context.log(`group: ${toCodedError(thrown).detail}`));
    this.#ports.over();
  }

  #request(): SubscriptionRequest {
    const { identity, anonymous } = this.#group;
    return {
      target: identity,
      event: 'conference',
      accept: CONFERENCE_INFO_TYPE,
      expires: SUBSCRIPTION_EXPIRES,
      contactParameters: '',
      headers: [
        { name: 'Accept-Contact', value: acceptContact(CHAT_SESSION) },
        { name: 'P-Preferred-Identity', value: `<${this.#context.account.address}>` },
        ...(anonymous ? [{ name: 'Privacy', value: 'id' }] : []),
      ],
    };
  }
}
