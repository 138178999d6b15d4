import type { MsrpEngine } from '../../msrp/port.ts';
import type { Link, ServiceContext } from '../context.ts';
import { Inbox } from '../inbox.ts';
import type { StrangerRoom } from '../stranger-room.ts';
import { Capabilities } from './capabilities.ts';
import { ChatService } from './chat-service.ts';
import type { ChatSession } from './chat-session.ts';
import { ConversationView } from './conversation-view.ts';
import { Peers } from './peers.ts';
import { TextModes } from './text-modes.ts';
import { Typing } from './typing.ts';
import { TypingPeers } from './typing-peers.ts';

export interface ChatParts {
  readonly inbox: Inbox;
  readonly chat: ChatService;
  readonly modes: TextModes;
  readonly typing: Typing;
  readonly typingPeers: TypingPeers;
  readonly view: ConversationView;
  readonly capabilities: Capabilities;
  /** ends every session, and every timer of these parts */
  readonly stop: () => Promise<void>;
}

/** All that is needed for chat sessions of one account, put together. @param link the link that is there now, once MSRP listens on it */
export async function createChatParts(
  context: ServiceContext,
  msrp: MsrpEngine,
  ports: {
    readonly link: () => Link | null;
    readonly outboxChanged: () => void;
    readonly room: StrangerRoom;
    /** the session of the group whose conversation has that key */
    readonly groupSession: (peer: string) => ChatSession | null;
  },
): Promise<ChatParts> {
  const peers = new Peers(context);
  await peers.load();
  const typingPeers = new TypingPeers(context);
  const inbox = new Inbox(context, ports.outboxChanged, typingPeers, ports.room);
  const chat = new ChatService(context, msrp, inbox, { peers, onOver: (peer) => typingPeers.ended(peer) });
  const modes = new TextModes(context, {
    chat,
    peers,
    isShown: (peer) => view.isShown(peer),
    arrived: (peer) => typing.arrived(peer),
  });
  const typing = new Typing(context, {
    peers,
    openWith: (peer) => ports.groupSession(peer) ?? chat.openWith(peer),
    prepare: async (target) => {
      const link = ports.link();
      if (link && !target.isGroup) await modes.prepare(target, link);
    },
  });
  const capabilities = new Capabilities(context, peers);
  const view = new ConversationView(context, { capabilities, typing, link: ports.link });
  const stop = () => {
    typing.stop();
    typingPeers.stop();
    return chat.stop();
  };
  return { inbox, chat, modes, typing, typingPeers, view, capabilities, stop };
}
