import { ParleyError, toCodedError } from '../../../shared/base/errors.ts';
import type { GroupSession, Standing } from '../../../shared/model/group.ts';
import { CPIM_TYPE } from '../../../shared/protocol/cpim/cpim.ts';
import { CHAT_SESSION, contactOf, isFocus } from '../../../shared/protocol/cpm/names.ts';
import { decodeSdp, type SessionDescription } from '../../../shared/protocol/sdp/sdp.ts';
import { header } from '../../../shared/protocol/sip/message.ts';
import type { MsrpEngine } from '../../msrp/port.ts';
import type { Header, IncomingInvite } from '../../sip/port.ts';
import type { OutboxItem, StoredGroup } from '../../store/port.ts';
import { acceptChat, type ReadOffer } from '../chat/accept-chat.ts';
import { ChatSession, type ChatSessionPorts } from '../chat/chat-session.ts';
import { callChat } from '../chat/start-chat.ts';
import type { Link, ServiceContext } from '../context.ts';
import { cpmId } from '../envelope.ts';
import type { Inbox } from '../inbox.ts';
import type { Attempt } from '../outbox.ts';
import { notificationMessage } from '../receipts.ts';
import { textCpim } from '../standalone.ts';
import type { GroupBook } from './group-book.ts';
import { type Asked, attemptFromRefusal, attemptFromSend, type GroupRefusal, GroupRefused, refusalFrom } from './outcomes.ts';
import { factoryRequest, joinRequest, type Replaced } from './requests.ts';
import { type EndOfSession, endOf, envelopeOf, isClosed, isTimeout, outside, waysTo } from './ways.ts';

/** the network answers by itself, and asks the others afterwards */
const ANSWER_WITHIN_MS = 32_000;
/** groups that are entered again beside each other when the network is there again */
const AT_ONCE = 4;
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 60_000;
/** of whom the group does not say who it is */
const NAMELESS = /\.invalid$/i;

type TextItem = Extract<OutboxItem, { kind: 'text' }>;
type NotificationItem = Extract<OutboxItem, { kind: 'notification' }>;

export interface GroupSessionsPorts {
  readonly book: GroupBook;
  readonly link: () => Link | null;
  /** the chat with one person that goes over into that group, while there is one */
  readonly replaced: (group: StoredGroup) => Promise<Replaced | null>;
  /** @param isNew this person was not in it before */
  readonly opened: (group: StoredGroup, session: ChatSession, isNew: boolean) => void;
  readonly ended: (conversationId: number, why: EndOfSession) => Promise<void>;
  readonly outboxChanged: () => void;
  /** what this person writes next is said again to be written: a text that arrives ends it at the others */
  readonly arrived: (peer: string) => void;
}

interface Live {
  session: ChatSession | null;
  entering: { readonly abort: AbortController; readonly session: Promise<ChatSession> } | null;
  failures: number;
  cancelRetry: () => void;
  /** what the end of the last session meant is in the store */
  settled: Promise<void>;
}

interface Entering {
  /** false: where the group is gone it is not made again */
  readonly restarts?: boolean;
  /** false: only by whoever belongs to it already */
  readonly isAsked?: boolean;
}

const BELONGING: readonly Standing[] = ['starting', 'failed', 'member'];

/** The sessions of the groups of an account: at most one each. One that is lost is entered again for as long as this person is in the group. */
export class GroupSessions {
  readonly #context: ServiceContext;
  readonly #ports: GroupSessionsPorts;
  readonly #chatPorts: ChatSessionPorts;
  readonly #live = new Map<number, Live>();
  #stopped = false;

  constructor(context: ServiceContext, msrp: MsrpEngine, inbox: Inbox, ports: GroupSessionsPorts) {
    this.#context = context;
    this.#ports = ports;
    this.#chatPorts = { context, msrp, inbox, onOver: (session) => this.#forget(session) };
  }

  stateOf(conversationId: number): GroupSession {
    const live = this.#live.get(conversationId);
    if (openOf(live)) return 'open';
    return live?.entering ? 'joining' : 'none';
  }

  openIn(conversationId: number): ChatSession | null {
    return openOf(this.#live.get(conversationId));
  }

  /** @param peer key of the conversation */
  openWith(peer: string): ChatSession | null {
    return [...this.#live.values()].map(openOf).find((session) => session?.peer === peer) ?? null;
  }

  /**
   * The session, which is entered where it is not; by the factory where the group is gone and may be made again.
   * @throws GroupRefused; ParleyError `link.offline`, `request.not-found`, or the reason of the abort
   */
  enter(conversationId: number, link: Link, how: Entering = {}): Promise<ChatSession> {
    const live = this.#of(conversationId);
    const open = openOf(live);
    if (open) return Promise.resolve(open);
    if (live.entering) return live.entering.session;
    const abort = new AbortController();
    if (this.#stopped) abort.abort(closing());
    return this.#track(conversationId, abort, this.#enter(conversationId, link, abort, how));
  }

  /** 200 to an invitation; a session that was there before is let go of. @throws ParleyError; none came about then */
  adopt(group: StoredGroup, invite: IncomingInvite, read: ReadOffer): Promise<ChatSession> {
    const live = this.#of(group.conversationId);
    if (live.entering) throw new ParleyError('request.invalid-state', 'the group is being entered');
    const before = live.session;
    const session = new ChatSession(this.#chatPorts, group.peer, envelopeOf(group, group.identity ?? ''), 'them');
    const accepted = async () => {
      await acceptChat(session, invite, read, null, { service: CHAT_SESSION, now: this.#context.clock.now(), isGroup: true });
      const opened = await this.#opened(group, session, invite.headers, read === 'own' ? null : read.offer);
      before?.end('released');
      return opened;
    };
    return this.#track(group.conversationId, new AbortController(), accepted());
  }

  /** This person is not in it any more. @param reason of the BYE */
  drop(conversationId: number, reason?: string): void {
    const live = this.#live.get(conversationId);
    if (live === undefined) return;
    this.#live.delete(conversationId);
    live.cancelRetry();
    live.entering?.abort.abort(new ParleyError('group.not-member', 'left'));
    live.session?.end('released', reason);
  }

  /** There is a link (again): whatever this person is in is entered, a few at a time. Never rejects. */
  async rejoin(link: Link): Promise<void> {
    const waiting = (await this.#context.store.openGroups()).filter(({ conversationId }) => !this.openIn(conversationId));
    const work = async (): Promise<void> => {
      for (let group = waiting.shift(); group !== undefined; group = waiting.shift()) {
        if (this.#ports.link()?.agent !== link.agent) return;
        await this.#try(group.conversationId, link, group.standing === 'starting');
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  }

  /** In the session, which is entered first; one that breaks under it is followed by another one, once. */
  async sendText(item: TextItem, link: Link): Promise<Attempt> {
    const { conversationId } = item.message;
    for (let left = 2; left > 0; left--) {
      let session: ChatSession;
      try {
        session = await this.enter(conversationId, link, { isAsked: false });
      } catch (thrown) {
        return attemptFromRefusal(thrown, item.attempts);
      }
      const cpim = textCpim(this.#context, { ...item, reference: null }, session.to);
      const { maxSize } = session.media ?? { maxSize: null };
      if (maxSize !== null && cpim.length > maxSize)
        return { kind: 'failed', error: { code: 'peer.too-large', detail: `${cpim.length} octets, max-size ${maxSize}` } };
      try {
        await session.send(CPIM_TYPE, cpim);
        this.#ports.arrived(session.peer);
        return { kind: 'accepted' };
      } catch (thrown) {
        const error = this.#stopped ? closing() : toCodedError(thrown);
        this.#context.log(`group ${conversationId}: ${error.code} ${error.detail}`);
        const attempt = attemptFromSend(error, item.attempts);
        if (attempt === 'again' || error.code === 'msrp.timeout') session.end('lost');
        if (attempt !== 'again') return attempt;
      }
    }
    return attemptFromRefusal(new ParleyError('msrp.lost', 'the session ended twice'), item.attempts);
  }

  /** To the author by way of the group (F07-14). @param standalone sends it as a MESSAGE */
  async sendNotification(item: NotificationItem, standalone: () => Promise<Attempt>): Promise<Attempt> {
    const live = this.#live.get(item.conversationId);
    const session = openOf(live) ?? (await live?.entering?.session.catch(() => null)) ?? null;
    const isNameless = NAMELESS.test(item.peer);
    if (session !== null) {
      try {
        await session.send(CPIM_TYPE, notificationMessage(this.#context, item).body);
        return { kind: 'accepted' };
      } catch (thrown) {
        if (!isNameless) return standalone();
        this.#context.log(`notification in group ${item.conversationId}: ${toCodedError(thrown).detail}`);
      }
    }
    if (!isNameless) return standalone();
    // only the group knows who that is
    const isIn = (await this.#context.store.group(item.conversationId))?.standing === 'member';
    if (!isIn) return { kind: 'failed', error: { code: 'group.not-member', detail: 'its author has no address' } };
    return { kind: 'postponed', error: { code: 'peer.unavailable', detail: 'no session' }, whenOnline: false, retryAfterMs: null };
  }

  /** BYE for all, without leaving any: the app ends. Resolves when they were answered, or were not in 2 s. */
  async stop(): Promise<void> {
    this.#stopped = true;
    const sessions = [...this.#live.values()].flatMap(({ session, entering, cancelRetry }) => {
      cancelRetry();
      entering?.abort.abort(closing());
      return session ?? [];
    });
    for (const session of sessions) session.end('released');
    await Promise.all(sessions.map(({ ending }) => ending));
  }

  #of(conversationId: number): Live {
    const known = this.#live.get(conversationId);
    if (known) return known;
    const live: Live = { session: null, entering: null, failures: 0, cancelRetry: () => undefined, settled: Promise.resolve() };
    this.#live.set(conversationId, live);
    return live;
  }

  #track(conversationId: number, abort: AbortController, session: Promise<ChatSession>): Promise<ChatSession> {
    const live = this.#of(conversationId);
    live.cancelRetry();
    const entering = {
      abort,
      session: session.finally(() => {
        if (live.entering === entering) live.entering = null;
        this.#tell(conversationId);
        this.#ports.outboxChanged();
      }),
    };
    live.entering = entering;
    entering.session.catch(() => undefined);
    this.#tell(conversationId);
    return entering.session;
  }

  async #enter(
    conversationId: number,
    link: Link,
    abort: AbortController,
    { restarts = true, isAsked = true }: Entering,
  ): Promise<ChatSession> {
    // the end of the one before says whether there is a way back
    const live = this.#of(conversationId);
    await live.session?.over;
    await live.settled;
    const group = await this.#context.store.group(conversationId);
    if (group === null) throw new ParleyError('request.not-found', `no group ${conversationId}`);
    if (!isAsked && !BELONGING.includes(group.standing)) throw outside(group);
    let refusal: GroupRefusal | null = null;
    for (const { asked, target } of waysTo(group, restarts)) {
      try {
        return await this.#call(group, asked, target, link, abort);
      } catch (thrown) {
        if (abort.signal.aborted && !isTimeout(abort.signal.reason)) throw abort.signal.reason;
        refusal = refusalFrom(thrown, asked, group);
        this.#context.log(`group ${conversationId}, ${asked}: ${refusal.error.code} ${refusal.error.detail}`);
        if (refusal.meaning !== 'gone') break;
      }
    }
    refusal ??= { meaning: 'gone', error: { code: 'group.over', detail: 'nobody knows where it is' } };
    await this.#refused(group, refusal, restarts);
    throw new GroupRefused(refusal);
  }

  async #call(group: StoredGroup, asked: Asked, target: string, link: Link, abort: AbortController): Promise<ChatSession> {
    const session = new ChatSession(this.#chatPorts, group.peer, envelopeOf(group, target), 'us');
    const replaced = asked === 'factory' ? await this.#ports.replaced(group) : null;
    const answer = await callChat(this.#context, session, link, abort, {
      isGroup: true,
      answerWithin: ANSWER_WITHIN_MS,
      request: (sdp) =>
        asked === 'factory' ? factoryRequest(this.#context, group, sdp, replaced) : joinRequest(this.#context, group, target, sdp),
    });
    return this.#opened(group, session, answer.headers, decodeSdp(answer.body));
  }

  /** What the network says of the group is kept, above all where it is reached (R-GRP-11, R-GRP-20, R-GRP-32). */
  async #opened(
    group: StoredGroup,
    session: ChatSession,
    headers: readonly Header[],
    description: SessionDescription | null,
  ): Promise<ChatSession> {
    const { conversationId } = group;
    const live = this.#of(conversationId);
    const identity = (isFocus(headers) ? contactOf(headers) : null) ?? session.to;
    session.placeIn({ conversationId, identity });
    if (session.state.kind === 'over') throw new ParleyError('msrp.lost', 'the session ended');
    live.session = session;
    live.failures = 0;
    const ids = group.address === null ? {} : { contributionId: cpmId(headers, 'contribution-id') ?? group.contributionId };
    const subject = header({ headers }, 'Subject')?.trim().slice(0, 1000) || group.subject;
    const isNew = group.standing !== 'member' && group.standing !== 'starting' && group.standing !== 'failed';
    const changed = await this.#ports.book.change(conversationId, {
      fields: { ...ids, identity, subject, standing: 'member', error: null, refusesNext: false, closed: isClosed(description) },
      cpmConversationId: cpmId(headers, 'conversation-id') ?? undefined,
      title: subject,
      events: isNew ? [{ what: 'joined', people: [], by: null }] : [],
    });
    this.#ports.opened(changed, session, isNew);
    return session;
  }

  async #refused({ conversationId, address, standing }: StoredGroup, { meaning, error }: GroupRefusal, restarts: boolean): Promise<void> {
    const { book } = this.#ports;
    const wasIn = standing === 'member';
    switch (meaning) {
      case 'out':
        await book.change(conversationId, {
          fields: { standing: 'removed', error },
          events: wasIn ? [{ what: 'removed', people: [], by: null }] : [],
        });
        return;
      case 'over':
        await book.change(conversationId, {
          fields: { standing: 'over', error },
          events: wasIn ? [{ what: 'over', people: [], by: null }] : [],
        });
        return;
      case 'gone':
        // whoever has something to say makes it again
        if (restarts || address !== null) await book.change(conversationId, { fields: { standing: 'over', error } });
        return;
      case 'refused':
      case 'later': {
        const isLink = ['link.offline', 'link.lost', 'link.unreachable'].includes(error.code);
        if (meaning === 'later' && isLink) return;
        await book.change(conversationId, { fields: { standing: standing === 'starting' ? 'failed' : standing, error } });
      }
    }
  }

  #forget(session: ChatSession): void {
    const entry = [...this.#live].find(([, live]) => live.session === session);
    if (entry === undefined) return;
    const [conversationId, live] = entry;
    live.session = null;
    live.settled = this.#over(conversationId, live, session).catch((thrown) =>
      this.#context.log(`group ${conversationId}: ${toCodedError(thrown).detail}`),
    );
  }

  async #over(conversationId: number, live: Live, session: ChatSession): Promise<void> {
    const { state } = session;
    this.#tell(conversationId);
    if (this.#stopped || state.kind !== 'over' || state.why === 'released') return;
    const why = state.why === 'hung-up' ? endOf(session.endReason) : 'lost';
    if (why !== 'lost') await this.#ports.ended(conversationId, why);
    else this.#again(conversationId, live);
  }

  #again(conversationId: number, live: Live): void {
    const { clock } = this.#context;
    const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(live.failures, 10)) * (0.5 + Math.random() / 2);
    live.failures += 1;
    live.cancelRetry();
    live.cancelRetry = clock.after(wait, () => {
      const link = this.#ports.link();
      // without one the next link sees to it
      if (link) void this.#try(conversationId, link, false);
    });
  }

  async #try(conversationId: number, link: Link, restarts: boolean): Promise<void> {
    try {
      const group = await this.#context.store.group(conversationId);
      if (group?.standing === 'member' || group?.standing === 'starting')
        await this.enter(conversationId, link, { restarts, isAsked: false });
    } catch (thrown) {
      const live = this.#live.get(conversationId);
      if (thrown instanceof GroupRefused && thrown.meaning === 'later' && live && !this.#stopped) this.#again(conversationId, live);
    }
  }

  #tell(conversationId: number): void {
    if (this.#stopped) return;
    this.#ports.book.tell(conversationId).catch((thrown) => this.#context.log(`group ${conversationId}: ${toCodedError(thrown).detail}`));
  }
}

function openOf(live: Live | undefined): ChatSession | null {
  return live?.session?.isUsable ? live.session : null;
}

function closing(): ParleyError {
  return new ParleyError('link.offline', 'the app is closing');
}
