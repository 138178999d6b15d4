import { toCodedError } from '../../../shared/base/errors.ts';
import { canonicalAddress } from '../../../shared/model/address.ts';
import { kindOfKey, type Member } from '../../../shared/model/audience.ts';
import { companyTitle, type GroupEvent, type Participant, type Presence } from '../../../shared/model/group.ts';
import { participantsOf, presenceChanges, type Roster } from '../../../shared/model/states/roster.ts';
import type { GroupLine, StoredGroup } from '../../store/port.ts';
import type { Link, ServiceContext } from '../context.ts';
import { ConferenceWatch } from './conference-watch.ts';
import type { GroupBook } from './group-book.ts';

/** What became of somebody, as a line. */
const LINES: Record<Presence, GroupEvent['what']> = {
  in: 'joined',
  invited: 'invited',
  left: 'left',
  removed: 'removed',
  declined: 'declined',
  'not-reached': 'not-reached',
};

export interface RosterPorts {
  readonly book: GroupBook;
  /** after each state that was told; `self`: what it says of this person */
  readonly changed: (group: StoredGroup, self: Presence | null) => Promise<void>;
  readonly over: (conversationId: number) => Promise<void>;
}

/** Who is in the groups that this person is in session with, kept in the store as it is told, with a line for what becomes of somebody. */
export class Rosters {
  readonly #context: ServiceContext;
  readonly #ports: RosterPorts;
  readonly #watches = new Map<number, ConferenceWatch>();

  constructor(context: ServiceContext, ports: RosterPorts) {
    this.#context = context;
    this.#ports = ports;
  }

  /** @param isNew this person was not in it before: who is there is no news */
  begin({ conversationId, identity, anonymous }: StoredGroup, link: Link, isNew: boolean): void {
    void this.end(conversationId);
    if (identity === null) return;
    let isNews = !isNew;
    const watch: ConferenceWatch = new ConferenceWatch(
      this.#context,
      { identity, anonymous },
      {
        changed: async (roster) => {
          if (this.#watches.get(conversationId) !== watch) return;
          const tellsNews = isNews;
          isNews = true;
          await this.#take(conversationId, roster, tellsNews);
        },
        over: () => {
          if (this.#watches.get(conversationId) === watch) this.#run(conversationId, this.#ports.over(conversationId));
        },
        untold: () => undefined,
      },
    );
    this.#watches.set(conversationId, watch);
    watch.begin(link);
  }

  /** Resolves when the network has heard of it, or did not answer. */
  async end(conversationId: number): Promise<void> {
    const watch = this.#watches.get(conversationId);
    this.#watches.delete(conversationId);
    await watch?.stop();
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#watches.keys()].map((conversationId) => this.end(conversationId)));
  }

  async #take(conversationId: number, roster: Roster, isNews: boolean): Promise<void> {
    const { account, contacts, store } = this.#context;
    const before = await store.group(conversationId);
    if (before === null) return;
    const own = canonicalAddress(account.address, account.countryCode);
    const participants = participantsOf(roster, {
      isSelf: (address) => address === own,
      isBlocked: (address) => contacts.isBlocked([address]),
      nameOf: (address) => contacts.names.get(address) ?? null,
      countryCode: account.countryCode,
    });
    const subject = roster.subject ?? before.subject;
    const group = await this.#ports.book.change(conversationId, {
      fields: { subject, limit: roster.maximumUserCount },
      title: titleOf(before, subject, participants),
      participants,
      events: isNews ? linesOf(before.participants, participants) : [],
    });
    await this.#ports.changed(group, participants.find(({ isSelf }) => isSelf)?.presence ?? null);
  }

  #run(conversationId: number, work: Promise<void>): void {
    work.catch((thrown) => this.#context.log(`group ${conversationId}: ${toCodedError(thrown).detail}`));
  }
}

/** What it is called from now on; undefined, or '' where there is nothing to call it by: as before. One that has an address has a name of its own. */
function titleOf(before: Pick<StoredGroup, 'peer' | 'subject'>, subject: string, participants: readonly Participant[]): string | undefined {
  if (subject === '' && kindOfKey(before.peer) === 'group') return companyTitle(participants);
  return subject === before.subject ? undefined : subject;
}

/** One for each sort of thing that happened. */
function linesOf(before: readonly Participant[], after: readonly Participant[]): GroupLine[] {
  const people = new Map<GroupEvent['what'], Member[]>();
  for (const { participant, presence } of presenceChanges(before, after)) {
    const what = LINES[presence];
    people.set(what, [...(people.get(what) ?? []), { address: participant.address ?? participant.entity, name: participant.name }]);
  }
  return [...people].map(([what, who]) => ({ what, people: who, by: null }));
}
