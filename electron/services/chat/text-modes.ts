import { randomUuid } from '../../../shared/base/random.ts';
import { canonicalAddress } from '../../../shared/model/address.ts';
import { CPIM_TYPE } from '../../../shared/protocol/cpim/cpim.ts';
import { CHAT_SESSION } from '../../../shared/protocol/cpm/names.ts';
import type { OutboxItem } from '../../store/port.ts';
import type { Link, ServiceContext } from '../context.ts';
import type { Attempt } from '../outbox.ts';
import { notificationMessage } from '../receipts.ts';
import { textCpim } from '../standalone.ts';
import type { ChatService } from './chat-service.ts';
import { modeFor } from './mode.ts';
import type { Peers } from './peers.ts';
import { type ChatTarget, targetKey } from './start-chat.ts';

type TextItem = Extract<OutboxItem, { kind: 'text' }>;
type NotificationItem = Extract<OutboxItem, { kind: 'notification' }>;

interface TextModesPorts {
  readonly chat: ChatService;
  readonly peers: Peers;
  /** whether the person looks at the conversation with that peer */
  readonly isShown: (peer: string) => boolean;
  /** a text got to the peer in a session */
  readonly arrived: (peer: string) => void;
}

/**
 * Decides for each attempt how a text or a notification leaves. Between the modes a conversation keeps its order, because one text of it is
 * under way at a time, and "once", because its imdn.Message-ID is the same in each.
 */
export class TextModes {
  readonly #context: ServiceContext;
  readonly #ports: TextModesPorts;

  constructor(context: ServiceContext, ports: TextModesPorts) {
    this.#context = context;
    this.#ports = ports;
  }

  /** @param standalone sends it in pager or large message mode */
  async sendText(item: TextItem, link: Link, standalone: () => Promise<Attempt>): Promise<Attempt> {
    const { chat, peers, arrived } = this.#ports;
    const { cpmConversationId, mode } = item;
    const peer = canonicalAddress(item.peer) ?? item.peer;
    const { anonymous, replyTo } = item.message;
    // the id of the conversation would tell who it is to whoever has it from before
    const conversation = anonymous ? randomUuid() : cpmConversationId;
    const target: ChatTarget = { peer, route: item.peer, cpmConversationId: conversation, mode, anonymous };
    // a session is with one person, under the address that the conversation has; where answers go is said of a message of its own, and the network looks for references there alone
    const isPlain = item.audience === 'person' && item.target === item.peer && replyTo === null && item.reference === null;
    if (!isPlain || this.#mode(target) === 'standalone') return standalone();
    const attempt = await chat.send(target, link, textCpim(this.#context, item, item.peer), item.attempts);
    if (attempt.kind !== 'standalone') {
      if (attempt.kind === 'accepted' && !anonymous) arrived(peer);
      return attempt;
    }
    peers.bar(peer, attempt.barredMs);
    this.#context.log(`text ${item.message.id} leaves without a session: ${attempt.why.code} ${attempt.why.detail}`);
    return standalone();
  }

  /** Starts a session where a text to that peer would leave in one now. Never rejects. */
  async prepare(target: ChatTarget, link: Link): Promise<void> {
    const { chat, peers } = this.#ports;
    if (this.#mode(target) === 'standalone') return;
    const outcome = await chat.prepare(target, link);
    if (outcome?.kind === 'standalone') peers.bar(target.peer, outcome.barredMs);
  }

  /**
   * In the session that is open with the device that sent the message; a file's goes the way of files (cpm.md section 6).
   * @param standalone sends it as a MESSAGE
   */
  async sendNotification(item: NotificationItem, standalone: () => Promise<Attempt>): Promise<Attempt> {
    const session =
      item.service === 'msg' ? this.#ports.chat.openWith(canonicalAddress(item.peer) ?? item.peer, item.originInstance) : null;
    if (!session?.media?.takesNotifications) return standalone();
    try {
      await session.send(CPIM_TYPE, notificationMessage(this.#context, item).body);
      return { kind: 'accepted' };
    } catch {
      // whatever became of it there: a second one with the same id changes nothing
      return standalone();
    }
  }

  #mode(target: ChatTarget): 'session' | 'standalone' {
    const { chat, peers, isShown } = this.#ports;
    const { peer } = target;
    return modeFor({
      preferred: target.mode ?? this.#context.settings.current.preferredMode,
      isOpen: chat.openWith(targetKey(target)) !== null,
      isBarred: peers.isBarred(peer),
      isShown: isShown(peer),
      isAble: peers.can(peer, CHAT_SESSION),
    });
  }
}
