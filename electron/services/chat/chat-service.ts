import { ParleyError, toCodedError } from '../../../shared/base/errors.ts';
import { canonicalAddress } from '../../../shared/model/address.ts';
import { CPIM_TYPE } from '../../../shared/protocol/cpim/cpim.ts';
import { CHAT_SESSION, type CpmService } from '../../../shared/protocol/cpm/names.ts';
import type { MsrpEngine } from '../../msrp/port.ts';
import type { IncomingInvite } from '../../sip/port.ts';
import type { Link, ServiceContext } from '../context.ts';
import { type Envelope, readEnvelope } from '../envelope.ts';
import type { Inbox } from '../inbox.ts';
import { Unacceptable } from '../session-body.ts';
import { NoRoom } from '../stranger-room.ts';
import { acceptChat, type ReadOffer, readInvitation, takeFirstMessage } from './accept-chat.ts';
import { ChatSession, type ChatSessionPorts } from './chat-session.ts';
import { type ChatAttempt, outcomeOfSend, outcomeOfStart } from './outcomes.ts';
import type { Peers } from './peers.ts';
import { type ChatTarget, InviteRefused, startChat, targetKey } from './start-chat.ts';

/** of one peer at the same time; a person has a few devices */
const MAX_OF_ONE_PEER = 8;
/** how long an invitation that crossed ours waits for the answer to ours */
const CROSSING_MS = 3_000;

export interface ChatServicePorts {
  readonly peers: Peers;
  /** no session is left with that peer */
  readonly onOver: (peer: string) => void;
}

interface Starting {
  readonly session: Promise<ChatSession>;
  readonly abort: AbortController;
}

/**
 * The chat sessions of an account, mine and the peers': one of them carries all texts of a conversation, whoever started it. Others are taken
 * without asking (cpm.md section 1, auto-accept), and so are large messages, which come the same way.
 *
 * When both sides invite at the same moment, one session survives without a word between them: the invitation of the address that sorts
 * first stands. Its sender lets the other one wait until his has its answer; the other side takes it and cancels its own (cpm.md section 7).
 */
export class ChatService {
  readonly #context: ServiceContext;
  readonly #ports: ChatSessionPorts;
  readonly #own: string;
  readonly #more: ChatServicePorts;
  /** chats that came about and are not over, oldest first */
  readonly #sessions = new Map<string, ChatSession[]>();
  readonly #starting = new Map<string, Starting>();
  /** of somebody else, accepted and not connected yet */
  readonly #arriving = new Map<string, Promise<ChatSession>>();
  /** all that others started, large messages among them */
  readonly #incoming = new Set<ChatSession>();
  #stopped = false;

  constructor(context: ServiceContext, msrp: MsrpEngine, inbox: Inbox, more: ChatServicePorts) {
    this.#context = context;
    this.#own = canonicalAddress(context.account.address) ?? context.account.address;
    this.#ports = { context, msrp, inbox, onOver: (session) => this.#forget(session) };
    this.#more = more;
    context.contacts.regrouped.on(() => this.#regroup());
  }

  /** The session that is there for texts to that peer (see {@link targetKey}), and to that device of his if one is named. */
  openWith(key: string, instance: string | null = null): ChatSession | null {
    const open = (this.#sessions.get(key) ?? []).filter(({ state, media }) => state.kind === 'open' && media?.takesText);
    return open.findLast((session) => instance === null || session.instance === instance) ?? null;
  }

  /** The session of that Contribution-ID: a group may take its place (cpm.md section 8.6). */
  openAs(contributionId: string): ChatSession | null {
    const all = [...this.#sessions.values()].flat();
    return all.find((session) => session.state.kind === 'open' && session.contributionId === contributionId) ?? null;
  }

  /** @throws InviteRefused; ParleyError as of {@link startChat} */
  async sessionWith(target: ChatTarget, link: Link): Promise<ChatSession> {
    if (this.#stopped) throw closing();
    const key = targetKey(target);
    const open = this.openWith(key) ?? (await this.#arriving.get(key)?.catch(() => null));
    if (open?.media?.takesText) return open;
    return (this.#starting.get(key) ?? this.#start(target, link)).session;
  }

  /** A session for what is about to be written. @returns why there is none, or null */
  async prepare(target: ChatTarget, link: Link): Promise<ChatAttempt | null> {
    try {
      await this.sessionWith(target, link);
      return null;
    } catch (thrown) {
      this.#log(target.peer, thrown);
      return outcomeOfStart(thrown instanceof InviteRefused ? thrown : toCodedError(thrown), 0);
    }
  }

  /** A whole message/cpim. A session that breaks under it is followed by another one, once. @param attempts tries before this one */
  async send(target: ChatTarget, link: Link, cpim: Uint8Array, attempts: number): Promise<ChatAttempt> {
    let outcome: ReturnType<typeof outcomeOfSend> = { kind: 'again' };
    for (let left = 2; left > 0 && outcome.kind === 'again'; left--) {
      let session: ChatSession;
      try {
        session = await this.sessionWith(target, link);
      } catch (thrown) {
        this.#log(target.peer, thrown);
        return outcomeOfStart(thrown instanceof InviteRefused ? thrown : toCodedError(thrown), attempts);
      }
      const { maxSize } = session.media ?? { maxSize: null };
      if (maxSize !== null && cpim.length > maxSize) {
        return { kind: 'standalone', why: { code: 'peer.too-large', detail: `${cpim.length} octets, max-size ${maxSize}` }, barredMs: 0 };
      }
      try {
        await session.send(CPIM_TYPE, cpim);
        return { kind: 'accepted' };
      } catch (thrown) {
        this.#log(target.peer, thrown);
        const error = this.#stopped ? closing() : toCodedError(thrown);
        outcome = outcomeOfSend(error, attempts);
        // whoever leaves a text without an answer gets no other one in the same session
        if (outcome.kind === 'again' || error.code === 'msrp.timeout') session.end('lost');
      }
    }
    if (outcome.kind !== 'again') return outcome;
    return outcomeOfStart({ code: 'msrp.lost', detail: 'the session ended twice' }, attempts);
  }

  /** Somebody invites: to a chat, or to take a large message. */
  async invited(invite: IncomingInvite, service: CpmService): Promise<void> {
    try {
      const read = readEnvelope(invite, this.#context.account);
      const envelope = { ...read, peer: this.#context.contacts.peerOf(read.peer) };
      const offered = readInvitation(invite, service, this.#ports.msrp.address.host);
      if (this.#stopped) throw closing();
      if (!this.#ports.inbox.hasRoom(envelope, 0)) throw new NoRoom(envelope.peer);
      // what the network had stored is listened to, and not answered into (cpm.md section 11.3)
      const isChat = service === CHAT_SESSION && envelope.kept === undefined;
      if (isChat && !(await this.#makesWay(envelope.peer))) {
        invite.reject(486);
        return;
      }
      await takeFirstMessage(this.#context, this.#ports.inbox, invite, envelope);
      await this.#accept(invite, service, envelope, { read: offered, isChat });
    } catch (thrown) {
      const error = toCodedError(thrown);
      this.#context.log(`INVITE ${invite.callId}: ${error.code} ${error.detail}`);
      if (error.code.startsWith('store.')) invite.reject(500, undefined, [{ name: 'Retry-After', value: '60' }]);
      else if (thrown instanceof NoRoom) invite.reject(480, undefined, thrown.headers);
      else if (thrown instanceof Unacceptable) invite.reject(thrown.status, undefined, thrown.headers);
      else invite.reject(error.code === 'link.offline' ? 480 : 488);
      await invite.end().catch(() => undefined);
    }
  }

  /** Nothing more with that peer. */
  leave(peer: string): void {
    this.#starting.get(peer)?.abort.abort(new ParleyError('peer.blocked', peer));
    for (const session of this.#sessions.get(peer) ?? []) session.end('released');
  }

  /** CANCEL or BYE for all: the app ends. Resolves when they were answered, or were not in 2 s. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const { abort } of this.#starting.values()) abort.abort(closing());
    const all = new Set([...this.#sessions.values()].flat().concat(...this.#incoming));
    for (const session of all) session.end('released');
    await Promise.all([...all].map(({ ending }) => ending));
  }

  #start(target: ChatTarget, link: Link): Starting {
    const key = targetKey(target);
    const abort = new AbortController();
    const starting: Starting = {
      abort,
      session: startChat(this.#ports, target, link, abort)
        .then((session) => this.#keep(session))
        .catch(async (thrown) => {
          // the peer's invitation crossed ours, and stands
          const other = this.#arriving.get(key);
          if (!other) throw thrown;
          return other;
        })
        .finally(() => {
          if (this.#starting.get(key) === starting) this.#starting.delete(key);
        }),
    };
    this.#starting.set(key, starting);
    starting.session.catch(() => undefined);
    return starting;
  }

  /** @returns whether an invitation of that peer is taken; ours that crossed it is given up then, or has come to nothing */
  async #makesWay(peer: string): Promise<boolean> {
    if ((this.#sessions.get(peer)?.length ?? 0) >= MAX_OF_ONE_PEER) return false;
    const ours = this.#starting.get(peer);
    if (!ours || peer < this.#own) return true;
    const { clock } = this.#context;
    return new Promise((resolve) => {
      const cancel = clock.after(CROSSING_MS, () => resolve(true));
      const settle = (isTaken: boolean) => () => {
        cancel();
        resolve(isTaken);
      };
      ours.session.then(settle(false), settle(true));
    });
  }

  async #accept(
    invite: IncomingInvite,
    service: CpmService,
    envelope: Envelope,
    { read, isChat }: { readonly read: ReadOffer; readonly isChat: boolean },
  ): Promise<void> {
    const { peer, originInstance } = envelope;
    const session = new ChatSession(this.#ports, peer, envelope, 'them');
    this.#incoming.add(session);
    const accepted = acceptChat(session, invite, read, originInstance, { service, now: this.#context.clock.now() });
    if (!isChat) return accepted;
    const arriving = accepted.then(() => this.#keep(session));
    arriving.catch(() => undefined);
    this.#arriving.set(peer, arriving);
    if (peer < this.#own) this.#starting.get(peer)?.abort.abort(new ParleyError('peer.unavailable', 'the invitation of the peer stands'));
    try {
      await arriving;
    } finally {
      if (this.#arriving.get(peer) === arriving) this.#arriving.delete(peer);
    }
  }

  /** Two were one person: what is open with either goes on as theirs, and no second session is started. */
  #regroup(): void {
    const all = [...this.#sessions.values()].flat();
    this.#sessions.clear();
    for (const session of all) {
      const before = session.peer;
      session.moveTo(this.#context.contacts.peerOf(before));
      this.#sessions.set(session.key, [...(this.#sessions.get(session.key) ?? []), session]);
      // whoever was seen to write under the address that is gone
      if (session.peer !== before) this.#more.onOver(before);
    }
  }

  #keep(session: ChatSession): ChatSession {
    if (session.state.kind === 'over') throw new ParleyError('msrp.lost', 'the session ended');
    session.moveTo(this.#context.contacts.peerOf(session.peer));
    // whatever was known before: there is a way now
    this.#more.peers.unbar(session.peer);
    const all = this.#sessions.get(session.key) ?? [];
    this.#sessions.set(session.key, [...all, session]);
    if (this.#stopped) session.end('released');
    return session;
  }

  #forget(session: ChatSession): void {
    this.#incoming.delete(session);
    const { key, peer } = session;
    const others = (this.#sessions.get(key) ?? []).filter((other) => other !== session);
    if (others.length > 0) this.#sessions.set(key, others);
    else if (this.#sessions.delete(key) && key === peer) this.#more.onOver(peer);
  }

  #log(peer: string, thrown: unknown): void {
    const { code, detail } = toCodedError(thrown);
    this.#context.log(`chat with ${peer}: ${code} ${detail}`);
  }
}

function closing(): ParleyError {
  return new ParleyError('link.offline', 'the app is closing');
}
