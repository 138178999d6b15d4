import { ParleyError, toCodedError } from '../../../shared/base/errors.ts';
import { randomUuid } from '../../../shared/base/random.ts';
import type { Params, Result } from '../../../shared/ipc/contract.ts';
import { addressTitle, canonicalAddress } from '../../../shared/model/address.ts';
import { groupKey, listTitle } from '../../../shared/model/audience.ts';
import type { Presence, Standing } from '../../../shared/model/group.ts';
import type { MsrpEngine } from '../../msrp/port.ts';
import type { IncomingInvite } from '../../sip/port.ts';
import type { OutboxItem, StoredGroup, StoredParticipant } from '../../store/port.ts';
import { checkRecipients, groupOf } from '../audience.ts';
import type { ChatService } from '../chat/chat-service.ts';
import type { ChatSession } from '../chat/chat-session.ts';
import type { Link, ServiceContext } from '../context.ts';
import type { Inbox } from '../inbox.ts';
import type { Attempt } from '../outbox.ts';
import { GroupBook } from './group-book.ts';
import { GroupSessions } from './group-sessions.ts';
import { checkInvited, GroupInvitations } from './invitations.ts';
import { addParticipants, type ReferGroup, removeParticipants } from './participants.ts';
import type { GroupActions } from './port.ts';
import type { Replaced } from './requests.ts';
import { Rosters } from './rosters.ts';
import type { EndOfSession } from './ways.ts';

/** cpm.md section 8.5 */
const LEAVING = 'SIP;cause=200;text="Call completed"';
/** cpm.md section 8.6: for the person of a chat to be in the group before the chat ends */
const EXTENDED_WITHIN_MS = 30_000;
/** where texts go by the session of a group that is also written to by its address */
const IN_SESSION: readonly Standing[] = ['member', 'starting'];

type TextItem = Extract<OutboxItem, { kind: 'text' }>;
type NotificationItem = Extract<OutboxItem, { kind: 'notification' }>;

export interface GroupServicePorts {
  readonly link: () => Link | null;
  /** the link, as it is when a try that is under way has ended */
  readonly settled: () => Promise<Link | null>;
  readonly chat: Pick<ChatService, 'openAs' | 'openWith'>;
  readonly outboxChanged: () => void;
  /** of a conversation, by its key: nobody types there any more; a text of this person arrived there */
  readonly typing: { readonly over: (peer: string) => void; readonly arrived: (peer: string) => void };
}

/** Groups that talk in a session: what a person does with them, who invites, and what their focus tells. */
export class GroupService implements GroupActions {
  readonly #context: ServiceContext;
  readonly #ports: GroupServicePorts;
  readonly #book: GroupBook;
  readonly #sessions: GroupSessions;
  readonly #rosters: Rosters;
  readonly #invitations: GroupInvitations;
  /** chats that end once their person is in the group, by the conversation of the group */
  readonly #extending = new Map<number, { readonly peer: string; readonly finish: () => void }>();

  constructor(context: ServiceContext, msrp: MsrpEngine, inbox: Inbox, ports: GroupServicePorts) {
    this.#context = context;
    this.#ports = ports;
    const book = new GroupBook(context, (conversationId) => this.#sessions.stateOf(conversationId));
    this.#book = book;
    this.#sessions = new GroupSessions(context, msrp, inbox, {
      book,
      link: ports.link,
      replaced: (group) => this.#replaced(group),
      opened: (group, session, isNew) => this.#opened(group, session, isNew),
      ended: (conversationId, why) => this.#ended(conversationId, why),
      outboxChanged: ports.outboxChanged,
      arrived: ports.typing.arrived,
    });
    this.#rosters = new Rosters(context, {
      book,
      changed: (group, self) => this.#told(group, self),
      over: (conversationId) => this.#ended(conversationId, 'over'),
    });
    this.#invitations = new GroupInvitations(context, msrp, {
      book,
      adopt: async (group, invite, offer) => void (await this.#sessions.adopt(group, invite, offer)),
      acceptedElsewhere: (conversationId) => {
        this.join({ conversationId }).catch((thrown) => this.#log(conversationId, thrown));
      },
      replaced: (contributionId) => this.#chatOf(contributionId),
    });
    context.notices.on(({ event, payload }) => {
      if (event !== 'message.changed' || payload.transfer?.error?.code !== 'peer.no-files') return;
      const { conversationId } = payload;
      this.#refusesFiles(conversationId).catch((thrown) => this.#log(conversationId, thrown));
    });
  }

  /** A file that the group's network refused for being one says so of all of them (cpm.md section 10.8). */
  async #refusesFiles(conversationId: number): Promise<void> {
    const group = await this.#context.store.group(conversationId);
    if (group?.takesFiles) await this.#book.change(group.conversationId, { fields: { takesFiles: false } });
  }

  /** @param peer key of the conversation */
  openWith(peer: string): ChatSession | null {
    return this.#sessions.openWith(peer);
  }

  invited(invite: IncomingInvite): Promise<void> {
    return this.#invitations.invited(invite);
  }

  /** There is a link (again). */
  registered(link: Link): void {
    this.#sessions.rejoin(link).catch((thrown) => this.#context.log(`groups: ${toCodedError(thrown).detail}`));
  }

  /** Ends every session without leaving a group. */
  async stop(): Promise<void> {
    this.#invitations.stop();
    for (const { finish } of this.#extending.values()) finish();
    await Promise.all([this.#sessions.stop(), this.#rosters.stop()]);
  }

  /** @param standalone sends it to the group's own address */
  async sendText(item: TextItem, link: Link, standalone: () => Promise<Attempt>): Promise<Attempt> {
    const group = await this.#context.store.group(item.message.conversationId);
    const isPlain = item.reference === null && !item.message.anonymous;
    if (group === null || (group.address !== null && !(IN_SESSION.includes(group.standing) && isPlain))) return standalone();
    return this.#sessions.sendText(item, link);
  }

  sendNotification(item: NotificationItem, standalone: () => Promise<Attempt>): Promise<Attempt> {
    return this.#sessions.sendNotification(item, standalone);
  }

  async create({ subject, addresses, extends: extendsId }: Params<'groups.create'>): Promise<Result<'groups.create'>> {
    const { account, contacts, store } = this.#context;
    const chat = extendsId === undefined ? null : await store.conversation(extendsId);
    if (chat !== null && chat.kind !== 'person') throw new ParleyError('request.invalid', 'no conversation with one person');
    const people = [...new Set([...(chat === null ? [] : [chat.peer]), ...addresses.map((address) => this.#person(address))])];
    // before anything leaves (R-GRP-05, R-EXT-08)
    checkRecipients(account, people.length);
    const others = await Promise.all(
      people.map(async (address): Promise<StoredParticipant> => {
        const name = (await store.nameOf(address)) ?? addressTitle(address, contacts.names.get(address));
        return { entity: address, address, name, presence: 'invited', isSelf: false, roles: [] };
      }),
    );
    const self = {
      entity: account.address,
      address: account.address,
      name: account.displayName,
      presence: 'in',
      isSelf: true,
      roles: [],
    } as const;
    const contributionId = randomUuid();
    const title = subject.trim();
    const { conversationId } = await this.#book.begin({
      peer: groupKey(contributionId),
      title: title || listTitle(others.map(({ name }) => name)),
      // what goes over into a group is the same conversation (flow F09-01)
      cpmConversationId: chat?.cpmConversationId ?? randomUuid(),
      fields: { contributionId, standing: 'starting', subject: title, extendsId: chat?.id ?? null },
      participants: [self, ...others],
      event: { what: 'created', people: others.map(({ entity, name }) => ({ address: entity, name })), by: null },
    });
    const link = this.#ports.link();
    // without one the next link sees to it
    if (link) this.#sessions.enter(conversationId, link).catch((thrown) => this.#log(conversationId, thrown));
    return { conversationId };
  }

  async read(conversationId: number): Promise<Result<'groups.read'>> {
    return this.#book.view(await this.#group(conversationId));
  }

  async join({ conversationId, anonymous }: Params<'groups.join'>): Promise<void> {
    const group = await this.#group(conversationId);
    const { conversationId: id, standing, contributionId } = group;
    const ringing = this.#invitations.take(id);
    if (ringing !== null) {
      try {
        await this.#sessions.adopt(group, ringing.invite, ringing.offer);
        return;
      } catch (thrown) {
        this.#log(id, thrown);
      }
    }
    const link = this.#ports.link() ?? (await this.#ports.settled());
    if (link === null) throw new ParleyError('link.offline', 'there is no connection');
    const fields = {
      ...(anonymous === undefined ? {} : { anonymous }),
      ...(standing === 'failed' ? { standing: 'starting' as const } : {}),
      ...(contributionId === '' ? { contributionId: randomUuid() } : {}),
      error: null,
    };
    await this.#book.change(id, { fields });
    await this.#sessions.enter(id, link);
  }

  async joinAddress({ address, anonymous }: Params<'groups.joinAddress'>): Promise<Result<'groups.joinAddress'>> {
    const { account, store, clock, notices } = this.#context;
    const peer = this.#person(address);
    const title = addressTitle(peer, groupOf(account, peer)?.name);
    const row = { peer, title, kind: 'group', cpmConversationId: randomUuid(), now: clock.now() } as const;
    const conversation = await store.openConversation(row);
    if (conversation.kind !== 'group') throw new ParleyError('request.invalid', 'a person is known by that address');
    notices.changed({ conversation });
    await this.join({ conversationId: conversation.id, anonymous });
    return { conversationId: conversation.id };
  }

  async decline(conversationId: number): Promise<void> {
    const group = await this.#group(conversationId);
    checkInvited(group);
    const isHeard = this.#invitations.decline(group.conversationId);
    await this.#book.change(group.conversationId, { fields: { standing: 'declined', refusesNext: !isHeard } });
  }

  async leave(conversationId: number): Promise<void> {
    const { conversationId: id, standing } = await this.#group(conversationId);
    if (standing === 'invited') return this.decline(id);
    if (standing !== 'member' && standing !== 'starting' && standing !== 'failed') throw new ParleyError('request.invalid-state', standing);
    const isHeard = this.#sessions.openIn(id) !== null;
    // committed first: nothing enters it again
    await this.#book.change(id, {
      fields: { standing: 'left', refusesNext: standing === 'member' && !isHeard, error: null },
      events: [{ what: 'left', people: [], by: null }],
    });
    this.#sessions.drop(id, LEAVING);
    await this.#rosters.end(id);
    this.#ports.outboxChanged();
  }

  async add({ conversationId, addresses }: Params<'groups.add'>): Promise<void> {
    const people = addresses.map((address) => this.#person(address));
    await addParticipants(this.#context, await this.#referring(conversationId), people);
  }

  async remove({ conversationId, entities }: Params<'groups.remove'>): Promise<void> {
    await removeParticipants(this.#context, await this.#referring(conversationId), entities);
  }

  async #referring(conversationId: number): Promise<ReferGroup> {
    const { conversationId: id, standing } = await this.#group(conversationId);
    if (standing !== 'member') throw new ParleyError('group.not-member', standing);
    const link = this.#ports.link() ?? (await this.#ports.settled());
    if (link === null) throw new ParleyError('link.offline', 'there is no connection');
    const dialog = await this.#sessions.enter(id, link, { isAsked: false });
    const group = await this.#group(id);
    return { ...group, dialog, limit: this.#book.limitOf(group) };
  }

  async #group(conversationId: number): Promise<StoredGroup> {
    const group = await this.#context.store.group(conversationId);
    if (group === null) throw new ParleyError('request.not-found', `no group ${conversationId}`);
    return group;
  }

  #person(address: string): string {
    const { account } = this.#context;
    const person = canonicalAddress(address, account.countryCode);
    if (!person) throw new ParleyError('request.invalid', 'not an address');
    if (person === canonicalAddress(account.address, account.countryCode)) throw new ParleyError('request.invalid', 'the own address');
    return person;
  }

  #opened(group: StoredGroup, session: ChatSession, isNew: boolean): void {
    const link = this.#ports.link();
    if (link && session.state.kind === 'open') this.#rosters.begin(group, link, isNew);
    if (group.extendsId !== null) void this.#extended(group, group.extendsId).catch((thrown) => this.#log(group.conversationId, thrown));
  }

  /** The focus has spoken of who is in, and so of this person. */
  async #told({ conversationId, standing, participants }: StoredGroup, self: Presence | null): Promise<void> {
    const extending = this.#extending.get(conversationId);
    if (extending && participants.some(({ address, presence }) => address === extending.peer && presence === 'in')) extending.finish();
    if (standing === 'member' && (self === 'removed' || self === 'left')) await this.#ended(conversationId, self);
  }

  async #ended(conversationId: number, why: EndOfSession): Promise<void> {
    const { peer, standing } = await this.#group(conversationId);
    this.#ports.typing.over(peer);
    void this.#rosters.end(conversationId);
    if (why === 'idle' || standing !== 'member') return;
    await this.#book.change(conversationId, { fields: { standing: why }, events: [{ what: why, people: [], by: null }] });
    this.#sessions.drop(conversationId);
    this.#ports.outboxChanged();
  }

  async #replaced({ extendsId }: StoredGroup): Promise<Replaced | null> {
    const chat = extendsId === null ? null : await this.#context.store.conversation(extendsId);
    const session = chat && this.#ports.chat.openWith(chat.peer);
    return session && { peer: session.peer, contact: session.contact, contributionId: session.contributionId };
  }

  /** The chat with one person ends when he is in the group, or some time later (cpm.md section 8.6). */
  async #extended(group: StoredGroup, chatId: number): Promise<void> {
    const { conversationId } = group;
    const { peer } = await this.#context.store.conversation(chatId);
    await this.#book.change(conversationId, { fields: { extendsId: null } });
    await this.#invitations.noteExtended(chatId, group);
    const session = this.#ports.chat.openWith(peer);
    if (session === null) return;
    const finish = () => {
      cancel();
      this.#extending.delete(conversationId);
      session.end('released', LEAVING);
    };
    const cancel = this.#context.clock.after(EXTENDED_WITHIN_MS, finish);
    this.#extending.set(conversationId, { peer, finish });
    const { participants } = await this.#group(conversationId);
    if (participants.some(({ address, presence }) => address === peer && presence === 'in')) finish();
  }

  async #chatOf(contributionId: string): Promise<number | null> {
    const session = this.#ports.chat.openAs(contributionId);
    if (session === null) return null;
    const { store, clock } = this.#context;
    const row = { peer: session.peer, title: addressTitle(session.peer), cpmConversationId: randomUuid(), now: clock.now() };
    return (await store.openConversation(row)).id;
  }

  #log(conversationId: number, thrown: unknown): void {
    const { code, detail } = toCodedError(thrown);
    this.#context.log(`group ${conversationId}: ${code} ${detail}`);
  }
}
