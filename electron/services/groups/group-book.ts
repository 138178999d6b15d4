import { DEFAULT_MAX_RECIPIENTS } from '../../../shared/model/account.ts';
import type { Group, GroupSession } from '../../../shared/model/group.ts';
import type { GroupChanged, Store, StoredGroup } from '../../store/port.ts';
import type { ServiceContext } from '../context.ts';
import { persist } from '../persist.ts';

type Change = Omit<Parameters<Store['changeGroup']>[0], 'conversationId' | 'now'>;

/** Groups as the store has them, and what a page is told when they change. */
export class GroupBook {
  readonly #context: ServiceContext;
  readonly #sessionOf: (conversationId: number) => GroupSession;

  constructor(context: ServiceContext, sessionOf: (conversationId: number) => GroupSession) {
    this.#context = context;
    this.#sessionOf = sessionOf;
  }

  async begin(row: Omit<Parameters<Store['beginGroup']>[0], 'now'>): Promise<StoredGroup> {
    const { store, clock } = this.#context;
    return this.#told(await store.beginGroup({ ...row, now: clock.now() }));
  }

  /** Committed when it resolves. @throws ParleyError `store.*` */
  async change(conversationId: number, change: Change): Promise<StoredGroup> {
    const { store, clock } = this.#context;
    return this.#told(await persist(this.#context, () => store.changeGroup({ conversationId, ...change, now: clock.now() })));
  }

  /** What does not stand in the store has changed. */
  async tell(conversationId: number): Promise<void> {
    const group = await this.#context.store.group(conversationId);
    if (group !== null) this.#context.notices.tell('group.changed', this.view(group));
  }

  view({ conversationId, standing, subject, invitedBy, address, participants, limit, closed, takesFiles, error }: StoredGroup): Group {
    const session = this.#sessionOf(conversationId);
    return {
      ...{ conversationId, standing, session, subject, invitedBy, address, participants, closed, takesFiles, error },
      limit: this.limitOf({ limit }),
    };
  }

  /** What the network says of that group counts where it is less (cpm.md section 8.5). */
  limitOf({ limit }: Pick<StoredGroup, 'limit'>): number {
    const provisioned = this.#context.account.maxRecipients ?? DEFAULT_MAX_RECIPIENTS;
    return limit === null ? provisioned : Math.min(limit, provisioned);
  }

  #told({ group, conversation, messages }: GroupChanged): StoredGroup {
    const { notices } = this.#context;
    for (const message of messages) notices.changed({ message });
    notices.changed({ conversation });
    notices.tell('group.changed', this.view(group));
    return group;
  }
}
