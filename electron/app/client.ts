import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ParleyError, toCodedError } from '../../shared/base/errors.ts';
import { randomUuid } from '../../shared/base/random.ts';
import type { Handlers } from '../../shared/ipc/contract.ts';
import { proxyOf } from '../../shared/model/account.ts';
import { canonicalAddress } from '../../shared/model/address.ts';
import { type CpmService, FILE_TRANSFER, serviceOf } from '../../shared/protocol/cpm/names.ts';
import { createMsrpEngine } from '../msrp/engine.ts';
import { type Link, Notices, type ServiceContext } from '../services/context.ts';
import { ConversationService } from '../services/conversations.ts';
import { Inbox } from '../services/inbox.ts';
import { answerMessage } from '../services/incoming-messages.ts';
import { IncomingSessions } from '../services/incoming-sessions.ts';
import { OutboxService } from '../services/outbox.ts';
import { sendNotification } from '../services/receipts.ts';
import { RegistrationService } from '../services/registration.ts';
import { sendText } from '../services/standalone.ts';
import { TransferService } from '../services/transfers/transfer-service.ts';
import type { IncomingInvite, UserAgent } from '../sip/port.ts';
import { createUserAgent } from '../sip/user-agent.ts';
import { openStore } from '../store/open-store.ts';
import type { Store } from '../store/port.ts';
import { FileCandidates } from './file-candidates.ts';
import type { Client, ClientPorts } from './port.ts';
import { previewOf } from './preview.ts';

const REGISTER_EXPIRES_S = 3600;
const OFFERED_SERVICES: readonly CpmService[] = ['oma.cpm.msg', 'oma.cpm.largemsg', 'oma.cpm.session', 'oma.cpm.filetransfer'];
const OPENABLE = /^(https?|mailto|tel|sip|sips):/i;
const STOP_WITHIN_MS = 5000;

/** Builds one account's client core from what its host offers. Nothing runs before `start`. */
export function createClient(ports: ClientPorts): Client {
  let running: Promise<Running> | null = null;
  const core = async (): Promise<Running> => {
    if (!running) throw new ParleyError('store.closed', 'the client is not running');
    return running;
  };
  const notices = new Notices();
  const files = new FileCandidates(ports.account.maxFileSize);

  return {
    handlers: makeHandlers(ports, core, files),
    subscribe: (listener) => notices.on((notice) => listener(notice.event, notice.payload)),
    offerFile: (path) => files.offer(path),
    async preview(transferId) {
      const { transfers } = await core();
      const ready = await transfers.readyFile(transferId).catch(() => null);
      return ready && previewOf(ready.path);
    },
    async start() {
      running ??= startCore(ports, notices);
      await running;
    },
    async stop() {
      const stopping = running;
      running = null;
      const stopped = stopping?.then(
        (parts) => stopCore(parts),
        () => undefined,
      );
      await Promise.race([stopped, new Promise<void>((resolve) => ports.clock.after(STOP_WITHIN_MS, resolve))]);
    },
  };
}

interface Running {
  readonly store: Store;
  readonly registration: RegistrationService;
  readonly outbox: OutboxService;
  readonly transfers: TransferService;
  readonly conversations: ConversationService;
  readonly closeMsrp: () => Promise<void>;
}

async function startCore(ports: ClientPorts, notices: Notices): Promise<Running> {
  const { account, paths, clock } = ports;
  const log = ports.log ?? (() => undefined);
  await mkdir(paths.data, { recursive: true, mode: 0o700 });
  const store = await openStore({ path: join(paths.data, 'parley.db'), ...ports.store });
  await store.outboxRecover(clock.now());
  const context: ServiceContext = { account, store, clock, notices, log };
  const msrp = createMsrpEngine();
  const kick = () => outbox.kick();

  const transfers = new TransferService(
    context,
    msrp,
    { partial: join(paths.data, 'partial'), quarantine: join(paths.data, 'quarantine'), downloads: paths.downloads },
    kick,
  );
  const inbox = new Inbox(context, kick);
  const sessions = new IncomingSessions(context, msrp, inbox);
  const instanceUrn = await stableInstance(store);
  const dispatch = (invite: IncomingInvite, link: Link): Promise<void> => {
    const service = serviceOf(invite.headers);
    return service === FILE_TRANSFER ? transfers.invited(invite, link) : sessions.handle(invite, link, service ?? 'oma.cpm.session');
  };
  const registration = new RegistrationService({
    createAgent: () => {
      const agent = makeAgent(ports, instanceUrn);
      agent.events.onMessage((message) => void answerMessage(context, inbox, message));
      agent.events.onInvite((invite) => {
        const { link } = registration;
        if (link) void dispatch(invite, link);
        else invite.reject(480);
      });
      return agent;
    },
    clock,
    random: Math.random,
    log,
  });
  const outbox = new OutboxService(context, {
    link: () => registration.link,
    send: (item, link) => (item.kind === 'text' ? sendText(context, item, link) : sendNotification(context, item, link)),
    offerFile: (item, link) => transfers.offer(item, link),
  });
  const names = new Map(ports.neighbours.map(({ address, displayName }) => [canonicalAddress(address) ?? address, displayName]));
  const conversations = new ConversationService(context, names, kick);

  registration.stateChanged.on((state) => notices.tell('registration.changed', state));
  let listeningOn: string | null = null;
  registration.registered.on(({ binding }) => {
    if (listeningOn === binding.localHost) return kick();
    listeningOn = binding.localHost;
    msrp
      .listen({ host: binding.localHost, port: 0 })
      .catch((thrown) => log(`MSRP: ${toCodedError(thrown).detail}`))
      .finally(kick);
  });
  await transfers.recover();
  registration.start();
  return { store, registration, outbox, transfers, conversations, closeMsrp: () => msrp.close() };
}

async function stopCore({ store, registration, outbox, transfers, closeMsrp }: Running): Promise<void> {
  transfers.stop();
  await registration.stop();
  await outbox.stop();
  await closeMsrp();
  await store.close();
}

/** R-REG-04: one instance id per installation and account, kept. */
async function stableInstance(store: Store): Promise<string> {
  const known = await store.setting('sip.instance');
  if (known) return known;
  const made = `urn:uuid:${randomUuid()}`;
  await store.setSetting('sip.instance', made);
  return made;
}

function makeAgent(ports: ClientPorts, instanceUrn: string): UserAgent {
  const { account, version, platform } = ports;
  return createUserAgent({
    address: account.address,
    displayName: account.displayName,
    user: account.user,
    password: account.password,
    outboundProxy: proxyOf(account),
    transport: account.transport,
    instanceUrn,
    services: OFFERED_SERVICES,
    userAgent: `CPM-client/OMA2.0 Parley/${version} (${platform})`,
    expires: REGISTER_EXPIRES_S,
    tap: ports.sipTap,
  });
}

function makeHandlers(ports: ClientPorts, core: () => Promise<Running>, files: FileCandidates): Handlers {
  const { account } = ports;
  const call =
    <P, R>(act: (running: Running, params: P) => R | Promise<R>) =>
    async (params: P): Promise<R> =>
      act(await core(), params);
  const order =
    <P>(act: (running: Running, params: P) => void | Promise<void>) =>
    async (params: P): Promise<Record<string, never>> => {
      await act(await core(), params);
      return {};
    };
  return {
    'app.state': call(({ registration }) => ({
      account: { address: account.address, displayName: account.displayName },
      registration: registration.state,
      maxFileSize: account.maxFileSize,
      version: ports.version,
      platform: ports.platform,
      neighbours: [...ports.neighbours],
    })),
    'registration.retryNow': order(({ registration }) => registration.retryNow()),
    'conversations.page': call(({ conversations }, page) => conversations.page(page)),
    'conversations.open': call(({ conversations }, params) => conversations.open(params)),
    'conversations.markRead': order(({ conversations }, params) => conversations.markRead(params)),
    'conversations.saveDraft': order(({ conversations }, params) => conversations.saveDraft(params)),
    'messages.page': call(({ conversations }, page) => conversations.messages(page)),
    'messages.sendText': call(({ conversations }, params) => conversations.sendText(params)),
    'messages.retry': call(({ conversations }, { messageId }) => conversations.retry(messageId)),
    'files.choose': async () => ({ items: await files.offerAll(await ports.host.chooseFiles()) }),
    'files.send': call(({ transfers }, { conversationId, clientId, token }) => transfers.send(conversationId, clientId, files.take(token))),
    'transfers.accept': order(({ transfers }, { transferId }) => transfers.accept(transferId)),
    'transfers.decline': order(({ transfers }, { transferId }) => transfers.decline(transferId)),
    'transfers.cancel': order(({ transfers }, { transferId }) => transfers.cancel(transferId)),
    'transfers.open': order(async ({ transfers }, { transferId }) => {
      const { path } = await transfers.readyFile(transferId);
      await ports.host.openPath(path);
      transfers.opened(transferId);
    }),
    'transfers.showInFolder': order(async ({ transfers }, { transferId }) => {
      await ports.host.showInFolder((await transfers.readyFile(transferId)).path);
    }),
    'links.open': async ({ url }) => {
      if (!OPENABLE.test(url)) throw new ParleyError('request.invalid', 'this kind of link is not opened');
      await ports.host.openUrl(url);
      return {};
    },
  };
}
