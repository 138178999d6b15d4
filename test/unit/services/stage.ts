import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { IncomingHead, MessageSink, MsrpEngine, SessionHandlers } from '../../../electron/msrp/port.ts';
import { type Link, Notices, type ServiceContext } from '../../../electron/services/context.ts';
import type { IconTakers } from '../../../electron/services/transfers/icons.ts';
import { TransferService } from '../../../electron/services/transfers/transfer-service.ts';
import type { DialogEnd, FinalAnswer, IncomingInvite, IncomingReoffer, OutgoingInvite } from '../../../electron/sip/port.ts';
import type { Store } from '../../../electron/store/port.ts';
import { fromUtf8, utf8 } from '../../../shared/base/bytes.ts';
import { Emitter } from '../../../shared/base/emitter.ts';
import { ParleyError } from '../../../shared/base/errors.ts';
import { DEFAULT_SETTINGS } from '../../../shared/model/settings.ts';
import { ManualClock, settle } from '../../harness/manual-clock.ts';
import { openInThread } from '../store/fixture.ts';

type Before = (method: string, argument: unknown) => void;

/** What files are sent and received with, where a test decides what comes when; the store is the real one, in memory. */
export function stage(folder: string, takers?: IconTakers) {
  const { store: calls } = openInThread();
  const clock = new ManualClock();
  const log: string[] = [];
  let before: Before = () => undefined;
  const store = new Proxy({} as Store, {
    get:
      (_, method: string) =>
      async (argument: unknown, ...more: unknown[]) => {
        before(method, argument);
        return (calls as unknown as Record<string, (...args: unknown[]) => unknown>)[method]?.(argument, ...more);
      },
  });
  const folders = { partial: join(folder, 'partial'), quarantine: join(folder, 'quarantine'), downloads: join(folder, 'downloads') };
  mkdirSync(folder, { recursive: true });
  let connect: (handlers: SessionHandlers) => Promise<void> | void = () => undefined;
  const closed: ('lost' | 'wished')[] = [];
  let sending: (message: { signal?: AbortSignal }) => Promise<void> = async () => undefined;
  const msrp = {
    address: { host: '127.0.0.1', port: 2855 },
    createSession: (handlers: SessionHandlers) => ({
      announce: async () => ({
        protocol: 'TCP/MSRP',
        address: '127.0.0.1',
        port: 2855,
        path: ['msrp://127.0.0.1:2855/0123456789abcdefghij;tcp'],
      }),
      connect: async () => connect(handlers),
      send: (message: { signal?: AbortSignal }) => sending(message),
      close: async (isLost = false) => void closed.push(isLost ? 'lost' : 'wished'),
    }),
  } as unknown as MsrpEngine;
  const invites: { target: string; body: Uint8Array }[] = [];
  const reoffered = new Emitter<IncomingReoffer>();
  let answer: (body: Uint8Array, target: string) => Promise<FinalAnswer> = () => new Promise(() => undefined);
  const link = {
    binding: { localHost: '127.0.0.1' },
    agent: {
      invite: (request: { target: string; body: Uint8Array }): OutgoingInvite => {
        invites.push(request);
        return {
          answer: answer(request.body, request.target),
          end: async () => undefined,
          onEnded: () => () => undefined,
          onProgress: () => () => undefined,
          reoffer: () => new Promise(() => undefined),
          onReoffer: (listener) => reoffered.on(listener),
          refer: () => unused(),
        };
      },
    },
  } as unknown as Link;
  const context = {
    account: { address: 'sip:alice@example.com', maxFileSize: 0 },
    store,
    // every file is asked about
    settings: { current: { ...DEFAULT_SETTINGS, autoAcceptUpTo: 0 }, changed: new Emitter() },
    contacts: {
      names: new Map([['sip:bob@example.com', 'Bob']]),
      isBlocked: () => false,
      peerOf: (address: string) => address,
      heard: async () => undefined,
      regrouped: new Emitter(),
    },
    clock,
    notices: new Notices(),
    log: (line: string) => log.push(line),
  } as unknown as ServiceContext;
  const service = new TransferService(context, msrp, folders, () => undefined, takers);
  return {
    calls,
    clock,
    context,
    msrp,
    link,
    log,
    folders,
    invites,
    closed,
    service,
    before: (hook: Before) => {
      before = hook;
    },
    onConnect: (script: typeof connect) => {
      connect = script;
    },
    answers: (script: typeof answer) => {
      answer = script;
    },
    onSend: (script: typeof sending) => {
      sending = script;
    },
    /** A re-INVITE in the dialogs that we started. */
    reoffer: (description: string) => {
      const said: string[] = [];
      reoffered.emit(incomingReoffer(description, said, said));
      return said;
    },
    transfer: (id = 1) => calls.transfer(id),
    /** What this person waits for is over, or hangs. */
    settled: async () => {
      for (let round = 0; round < 40; round++) await settle();
    },
  };
}

export const HEAD: IncomingHead = {
  messageId: 'm1',
  contentType: 'text/plain',
  total: 5,
  successReport: false,
  failureReport: 'yes',
  headers: [],
};

/** The sink that the service gives for the file. */
export function sinkOf(handlers: SessionHandlers): MessageSink {
  const sink = handlers.onMessage(HEAD);
  if ('refuse' in sink) throw new Error(`refused with ${sink.refuse}`);
  return sink;
}

/** An INVITE as the agent hands it over, and what the other side can still do to it. */
export function incomingInvite(contentType: string, body: Uint8Array, headers: IncomingInvite['headers'] = []) {
  const cancelled = new Emitter<{ readonly elsewhere: boolean }>();
  const ended = new Emitter<DialogEnd>();
  const reoffered = new Emitter<IncomingReoffer>();
  const said: string[] = [];
  const answers: string[] = [];
  let state: 'offered' | 'up' | 'over' = 'offered';
  const invite: IncomingInvite = {
    from: 'sip:bob@example.com',
    originator: 'sip:bob@example.com',
    originatorName: 'Bob',
    callId: 'c1',
    cseq: 1,
    headers,
    contentType,
    body,
    ring: () => void said.push('180'),
    accept: async (answer) => {
      if (state !== 'offered') throw new ParleyError('request.invalid-state', 'the invitation is not open any more');
      state = 'up';
      said.push('200');
      answers.push(fromUtf8(answer.body));
      return { contentType: '', body: new Uint8Array() };
    },
    reject: (status) => {
      if (state !== 'offered') return;
      state = 'over';
      said.push(String(status));
    },
    end: async () => {
      if (state === 'offered') said.push('480');
      if (state === 'up') said.push('BYE');
      state = 'over';
    },
    onCancelled: (listener) => cancelled.on(listener),
    onEnded: (listener) => ended.on(listener),
    reoffer: async (offer) => {
      said.push('re-INVITE');
      answers.push(fromUtf8(offer.body));
      return { status: 200, reason: 'OK', headers: [], contentType: null, body: new Uint8Array() };
    },
    onReoffer: (listener) => reoffered.on(listener),
    refer: () => unused(),
  };
  return {
    invite,
    said,
    /** session descriptions that left */
    answers,
    /** a re-INVITE; what it was answered is in `said` */
    reoffer: (description: string) => {
      reoffered.emit(incomingReoffer(description, said, answers));
    },
    cancel: () => {
      state = 'over';
      cancelled.emit({ elsewhere: false });
    },
    bye: () => {
      state = 'over';
      ended.emit({ by: 'remote', error: null });
    },
  };
}

/** A re-INVITE. @param said statuses of what it is answered @param answers descriptions that leave with a 200, before it is among the statuses */
export function incomingReoffer(description: string, said: string[], answers: string[]): IncomingReoffer {
  const settled = new AbortController();
  const once = (word: string) => {
    if (settled.signal.aborted) return;
    said.push(word);
    settled.abort();
  };
  return {
    contentType: 'application/sdp',
    body: utf8(description),
    headers: [],
    settled: settled.signal,
    ring: () => void said.push('180'),
    accept: (answer) => {
      if (!settled.signal.aborted) answers.push(fromUtf8(answer.body));
      once('200');
    },
    reject: (status) => once(String(status)),
  };
}

/** Nobody is added to the session of a file. */
function unused(): never {
  throw new ParleyError('request.invalid-state', 'no REFER belongs here');
}
