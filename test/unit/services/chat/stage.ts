import { join } from 'node:path';
import type { MsrpSession, OutgoingMessage, SessionHandlers } from '../../../../electron/msrp/port.ts';
import { ChatService } from '../../../../electron/services/chat/chat-service.ts';
import { Peers } from '../../../../electron/services/chat/peers.ts';
import type { ChatTarget } from '../../../../electron/services/chat/start-chat.ts';
import type { Link, ServiceContext } from '../../../../electron/services/context.ts';
import type { Envelope } from '../../../../electron/services/envelope.ts';
import type { Inbox } from '../../../../electron/services/inbox.ts';
import type { DialogEnd, FinalAnswer, IncomingInvite, IncomingReoffer, OutgoingRequest } from '../../../../electron/sip/port.ts';
import { fromUtf8, NO_BYTES, utf8 } from '../../../../shared/base/bytes.ts';
import { Emitter } from '../../../../shared/base/emitter.ts';
import { ParleyError } from '../../../../shared/base/errors.ts';
import { sipExample } from '../../../vectors/example.ts';
import { incomingInvite, stage } from '../stage.ts';

const OK = sipExample('F05-04.sip');
export const ALICE = 'sip:alice@home1.example';
export const BOB = 'sip:bob@home2.example';
export const TARGET: ChatTarget = { peer: BOB, cpmConversationId: '4ae47b2b-9417-4a5d-acf5-8c4737244f97' };
export const CPIM = utf8('the octets of a message/cpim');

/** One MSRP session that the service made. */
export interface FakeSession {
  readonly handlers: SessionHandlers;
  readonly events: string[];
  connected: Parameters<MsrpSession['connect']>[0] | null;
}

/** One INVITE that it sent. */
export interface FakeInvite {
  readonly request: OutgoingRequest;
  readonly answer: (answer: FinalAnswer) => void;
  readonly fail: (thrown: ParleyError) => void;
  readonly ended: Emitter<DialogEnd>;
  readonly reoffered: Emitter<IncomingReoffer>;
  /** how often `end` was called */
  ends: number;
}

/** @param body of the answer instead of that of F05-04 */
export function ok(body = fromUtf8(OK.body), headers = OK.headers): FinalAnswer {
  return { status: 200, reason: 'OK', headers, contentType: 'application/sdp', body: utf8(body) };
}

export function refusal(status: number, headers: FinalAnswer['headers'] = []): FinalAnswer {
  return { status, reason: 'No', headers, contentType: null, body: NO_BYTES };
}

/** Chat sessions of Alice, where a test is Bob, MSRP and the network. */
export function chatStage(folder: string) {
  const { clock, context: base, log } = stage(join(folder, String(Math.random())));
  const context = { ...base, account: { ...base.account, address: ALICE } } as ServiceContext;
  const sessions: FakeSession[] = [];
  const invites: FakeInvite[] = [];
  const taken: { envelope: Envelope; type: string; body: string }[] = [];
  const over: string[] = [];
  let sending: (message: OutgoingMessage, session: FakeSession) => Promise<void> = async () => undefined;
  let connecting: (session: FakeSession) => Promise<void> = async () => undefined;
  let automatic: ((invite: FakeInvite) => void) | null = null;
  let taking: () => Promise<void> = async () => undefined;
  const msrp = {
    address: { host: '192.0.2.10', port: 30012 },
    createSession: (handlers: SessionHandlers): MsrpSession => {
      const session: FakeSession = { handlers, events: [], connected: null };
      sessions.push(session);
      const path = [`msrp://192.0.2.10:30012/session${sessions.length};tcp`];
      return {
        localUri: path[0] as string,
        announce: async () => ({ protocol: 'TCP/MSRP', address: '192.0.2.10', port: 30012, path }),
        connect: async (options) => {
          session.connected = options;
          const given = new Promise<never>((_, reject) => {
            options.signal?.addEventListener('abort', () => reject(new ParleyError('msrp.lost', 'given up')), { once: true });
          });
          await Promise.race([connecting(session), given]);
        },
        send: async (message) => {
          session.events.push(`SEND ${message.contentType}`);
          return sending(message, session);
        },
        close: async () => void session.events.push('closed'),
      };
    },
  };
  const link = {
    binding: { localHost: '192.0.2.10' },
    agent: {
      invite: (request: OutgoingRequest) => {
        let settle: Pick<FakeInvite, 'answer' | 'fail'> = { answer: () => undefined, fail: () => undefined };
        const answer = new Promise<FinalAnswer>((resolve, reject) => {
          settle = { answer: resolve, fail: reject };
        });
        answer.catch(() => undefined);
        const invite: FakeInvite = { request, ...settle, ended: new Emitter(), reoffered: new Emitter(), ends: 0 };
        invites.push(invite);
        if (automatic) automatic(invite);
        return {
          answer,
          end: async () => {
            invite.ends += 1;
          },
          onEnded: (listener: (end: DialogEnd) => void) => invite.ended.on(listener),
          onProgress: () => () => undefined,
          onReoffer: (listener: (reoffer: IncomingReoffer) => void) => invite.reoffered.on(listener),
        };
      },
    },
  } as unknown as Link;
  const inbox = {
    hasRoom: () => true,
    take: async (envelope: Envelope, type: string, body: Uint8Array) => {
      await taking();
      taken.push({ envelope, type, body: fromUtf8(body) });
    },
  } as unknown as Inbox;
  const peers = new Peers(context);
  const service = new ChatService(context, msrp as never, inbox, { peers, onOver: (peer) => over.push(peer) });
  return {
    clock,
    context,
    log,
    link,
    peers,
    service,
    sessions,
    invites,
    taken,
    over,
    /** each INVITE gets that answer at once */
    answers: (answer: FinalAnswer) => {
      automatic = (invite) => invite.answer(answer);
    },
    asks: () => {
      automatic = null;
    },
    sends: (script: typeof sending) => {
      sending = script;
    },
    connects: (script: typeof connecting) => {
      connecting = script;
    },
    takes: (script: typeof taking) => {
      taking = script;
    },
    send: (attempts = 0) => service.send(TARGET, link, CPIM, attempts),
  };
}

/** An invitation of Bob's, with the offer of F05-01. */
export function bobInvites(
  options: {
    readonly more?: IncomingInvite['headers'];
    readonly body?: Uint8Array;
    readonly contentType?: string;
    readonly from?: string;
  } = {},
) {
  const { more = [], body = sipExample('F05-01.sip').body, contentType = 'application/sdp', from = BOB } = options;
  const call = incomingInvite(contentType, body, more);
  return { ...call, invite: { ...call.invite, from, originator: from } };
}
