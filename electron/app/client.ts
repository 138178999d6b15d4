import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { atMost } from '../../shared/base/clock.ts';
import { ParleyError, toCodedError } from '../../shared/base/errors.ts';
import { randomUuid } from '../../shared/base/random.ts';
import { type Account, proxyOf } from '../../shared/model/account.ts';
import {
  CHAT_SESSION,
  type CpmService,
  FILE_THUMBNAIL,
  FILE_TRANSFER,
  isFocus,
  OWN_COPIES,
  serviceOf,
} from '../../shared/protocol/cpm/names.ts';
import { createMsrpEngine, type EngineOptions } from '../msrp/engine.ts';
import { Acquaintances } from '../services/acquaintances.ts';
import { Announcer } from '../services/announcer.ts';
import { createChatParts } from '../services/chat/chat-parts.ts';
import type { TextModes } from '../services/chat/text-modes.ts';
import { ContactBook, ContactService, foldAgain } from '../services/contacts.ts';
import { type Link, Notices, type ServiceContext } from '../services/context.ts';
import { ConversationService } from '../services/conversations.ts';
import { DeferredService } from '../services/deferred/deferred-service.ts';
import { senderAddresses } from '../services/envelope.ts';
import { GroupService } from '../services/groups/group-service.ts';
import { answerMessage } from '../services/incoming-messages.ts';
import { LargeMessages } from '../services/large-messages.ts';
import { type Attempt, OutboxService, type Ticket } from '../services/outbox.ts';
import { proven } from '../services/proof.ts';
import { sendNotification } from '../services/receipts.ts';
import { RegistrationService } from '../services/registration.ts';
import { RemovalService } from '../services/removal.ts';
import { SettingsService } from '../services/settings.ts';
import { sendText } from '../services/standalone.ts';
import { StrangerRoom } from '../services/stranger-room.ts';
import { TransferService } from '../services/transfers/transfer-service.ts';
import type { IncomingInvite, UserAgent, UserAgentOptions } from '../sip/port.ts';
import { createUserAgent } from '../sip/user-agent.ts';
import { openStore } from '../store/open-store.ts';
import type { Store } from '../store/port.ts';
import { agentOptions } from './agent-options.ts';
import { type ClientParts, clientMethods, SIGNED_OUT } from './client-methods.ts';
import { FileCandidates } from './file-candidates.ts';
import { pictureOf } from './file-methods.ts';
import { removeUnused } from './incoming-file.ts';
import { MovingEngine } from './moving-engine.ts';
import { networkParts } from './network-methods.ts';
import { incomingFolder } from './paths.ts';
import type { Client, ClientPorts, Desktop } from './port.ts';

const REGISTER_EXPIRES_S = 3600;
const OFFERED_SERVICES: readonly CpmService[] = [
  'oma.cpm.msg',
  'oma.cpm.largemsg',
  'oma.cpm.session',
  'oma.cpm.filetransfer',
  'oma.cpm.deferred',
];
const STOP_WITHIN_MS = 5000;
/** of that, for what is on its way */
const SETTLE_WITHIN_MS = 1500;
/** and for the answers to BYE */
const HANG_UP_WITHIN_MS = 1000;

const NO_DESKTOP: Desktop = { isFocused: () => false, show: () => undefined, withdraw: () => undefined };

/** Builds one account's client core from what its host offers. Nothing runs before `start`. */
export function createClient(ports: ClientPorts): Client {
  let running: Promise<Running> | null = null;
  const core = async (): Promise<Running> => {
    if (!running) throw new ParleyError('store.closed', 'the client is not running');
    return running;
  };
  const notices = new Notices((thrown) => ports.log?.(`a window was not told: ${toCodedError(thrown).detail}`));
  const files = new FileCandidates(ports.account.maxFileSize);

  return {
    handlers: clientMethods(ports, core, files),
    subscribe: (listener) => notices.on((notice) => listener(notice.event, notice.payload)),
    offerFile: (path) => files.offer(path),
    picture: (of) => pictureOf(of, core, files),
    async start() {
      running ??= startCore(ports, notices);
      const starting = running;
      try {
        await starting;
      } catch (thrown) {
        // what failed once may be tried again: a damaged store was set aside
        if (running === starting) running = null;
        throw thrown;
      }
    },
    async stop() {
      const stopping = running;
      running = null;
      if (!stopping) return;
      const stopped = stopping.then(
        (parts) => stopCore(parts, ports),
        () => undefined,
      );
      await atMost(STOP_WITHIN_MS, ports.clock, stopped);
    },
  };
}

interface Running extends ClientParts {
  readonly outbox: OutboxService;
  readonly groups: GroupService;
  readonly stopChat: () => Promise<void>;
  readonly closeMsrp: () => Promise<void>;
}

async function startCore(ports: ClientPorts, notices: Notices): Promise<Running> {
  const { paths } = ports;
  const log = ports.log ?? (() => undefined);
  await mkdir(paths.data, { recursive: true, mode: 0o700 });
  const store = await openStore({ path: join(paths.data, 'parley.db'), ...ports.store });
  try {
    return await startServices(ports, notices, store, log);
  } catch (thrown) {
    // the file is in use as long as its thread has it
    await store.close();
    throw thrown;
  }
}

async function startServices(ports: ClientPorts, notices: Notices, store: Store, log: (line: string) => void): Promise<Running> {
  const { account, paths, clock } = ports;
  await store.outboxRecover(clock.now());
  const settings = await SettingsService.open(store, notices);
  await foldAgain({ account, store, log });
  const book = await ContactBook.open(store, ports.neighbours);
  const context: ServiceContext = { account, store, settings, contacts: book, clock, notices, log };
  settings.changed.on(({ after }) => {
    if (after.displayReports !== 'send') store.withdrawDisplayed().catch((thrown) => log(`settings: ${toCodedError(thrown).detail}`));
  });
  const msrp = new MovingEngine(() => createMsrpEngine(msrpOptions(account)));
  const kick = () => outbox.kick();

  const acquaintances = new Acquaintances(context, ports.neighbours);
  const {
    inbox,
    chat,
    modes,
    typing,
    typingPeers,
    view,
    capabilities,
    stop: stopChat,
  } = await createChatParts(context, msrp, {
    link: () => (isListening ? registration.link : null),
    outboxChanged: kick,
    room: new StrangerRoom((address) => acquaintances.has(address), clock),
    groupSession: (peer) => groups.openWith(peer),
  });
  const groups = new GroupService(context, msrp, inbox, {
    link: () => (isListening ? registration.link : null),
    settled: async () => {
      const link = await registration.settled();
      await listening;
      return link;
    },
    chat,
    outboxChanged: kick,
    typing: { over: (peer) => typingPeers.ended(peer), arrived: (peer) => typing.arrived(peer) },
  });
  const transfers = new TransferService(
    context,
    msrp,
    {
      partial: join(paths.data, 'partial'),
      quarantine: join(paths.data, 'quarantine'),
      // as it is chosen at any moment
      get downloads() {
        return settings.current.downloadFolder || paths.downloads;
      },
      fallback: paths.downloads,
    },
    kick,
    capabilities,
    { lingerMs: ports.fileLingerMs },
  );
  const large = new LargeMessages(context, msrp, inbox);
  const deferred = new DeferredService(context, msrp, inbox);
  const instanceUrn = await stableInstance(store);
  let listening: Promise<void> = Promise.resolve();
  let isListening = false;
  const dispatch = async (invite: IncomingInvite): Promise<void> => {
    const addresses = senderAddresses(invite, account);
    // cpm.md section 15.3
    if (book.isBlocked(addresses)) return invite.reject(603, 'Decline');
    acquaintances.meet(addresses);
    await listening;
    const service = serviceOf(invite.headers) ?? CHAT_SESSION;
    if (service === FILE_TRANSFER) return transfers.invited(invite);
    return service === CHAT_SESSION && isFocus(invite.headers) ? groups.invited(invite) : chat.invited(invite, service);
  };
  const registration = new RegistrationService({
    createAgent: () => {
      const agent = makeAgent(ports, instanceUrn, {
        deviceName: () => settings.current.deviceName,
        knows: (address) => acquaintances.has(address),
      });
      agent.events.onMessage((message) => {
        acquaintances.meet(senderAddresses(message, account));
        void answerMessage(context, inbox, message);
      });
      agent.events.onInvite((invite) => {
        if (registration.link) void dispatch(invite);
        // a network pushes what waits for somebody in the same breath as its 200 to REGISTER
        else void registration.settled().then((link) => (link === null ? invite.reject(480) : dispatch(invite)));
      });
      return agent;
    },
    network: ports.network,
    leadsOut: !/^(?:127\.|::1$|localhost$)/i.test(proxyOf(account).host),
    clock,
    random: Math.random,
    log,
  });
  const outbox = new OutboxService(context, {
    link: () => registration.link,
    send: async (item, link) => {
      await listening;
      const standalone = () =>
        item.kind === 'text'
          ? sendText(context, item, link, (...message) => large.send(...message))
          : sendNotification(context, item, link);
      return proven(link, clock, sendBy(item.audience === 'group' ? groups : modes, item, link, standalone));
    },
    // an offer tells where MSRP listens
    offerFile: (item, link) => listening.then(() => transfers.offer(item, link)),
  });
  const conversations = new ConversationService(context, kick);
  const kept = networkParts(context);
  const contacts = new ContactService(context, book, {
    cancelTransfer: (id) => transfers.cancel(id),
    leave: (address) => chat.leave(address),
    outboxChanged: kick,
    blocksChanged: () => kept.mirror.update(),
  });
  const announcer = new Announcer(context, { ...(ports.host.desktop ?? NO_DESKTOP), count: ports.unreadChanged ?? (() => undefined) });
  const removal = new RemovalService(context, { cancelTransfer: (id) => transfers.cancel(id), outboxChanged: kick });

  registration.stateChanged.on((state) => notices.tell('registration.changed', state));
  registration.registered.on(({ binding }) => {
    listening = msrp.listen({ host: binding.localHost, port: 0 }).catch((thrown) => log(`MSRP: ${toCodedError(thrown).detail}`));
    void listening.then(() => {
      isListening = true;
      kick();
      if (registration.link) {
        deferred.begin(registration.link);
        groups.registered(registration.link);
      }
      view.ask();
      void kept.mirror.update();
    });
  });
  settings.changed.on(({ before, after }) => {
    if (before.deviceName !== after.deviceName) void registration.renew();
  });
  await transfers.recover();
  await deferred.recover();
  announcer.start();
  void removeUnused(incomingFolder(paths.data), () => store.filesInUse(), clock.now()).catch((thrown) =>
    log(`unused copies: ${toCodedError(thrown).detail}`),
  );
  void acquaintances.load().catch((thrown) => log(`acquaintances: ${toCodedError(thrown).detail}`));
  registration.start((await store.setting(SIGNED_OUT)) === 'true');
  const parts = {
    store,
    settings,
    registration,
    outbox,
    transfers,
    large,
    deferred,
    groups,
    view,
    stopChat,
    conversations,
    contacts,
    announcer,
    removal,
  };
  return { ...parts, kept, closeMsrp: () => msrp.close() };
}

/** @param ways how texts and notifications of such a conversation leave */
function sendBy(ways: TextModes | GroupService, item: Ticket, link: Link, standalone: () => Promise<Attempt>): Promise<Attempt> {
  return item.kind === 'text' ? ways.sendText(item, link, standalone) : ways.sendNotification(item, standalone);
}

/** One part that does not end well keeps none of the others, and above all not the store, from ending. */
async function stopCore(
  { store, registration, announcer, outbox, transfers, large, deferred, groups, kept, stopChat, closeMsrp }: Running,
  { clock, log }: ClientPorts,
): Promise<void> {
  const step = (ending: Promise<unknown>) => ending.catch((thrown) => log?.(`stop: ${toCodedError(thrown).detail}`));
  announcer.stop();
  transfers.stop();
  large.stop();
  // what says that the sessions are over still needs the flow
  await atMost(HANG_UP_WITHIN_MS, clock, step(Promise.all([stopChat(), groups.stop(), deferred.stop()])));
  await step(registration.stop());
  // an outcome that waits for room on the disk is left to the next start
  await atMost(SETTLE_WITHIN_MS, clock, step(Promise.all([outbox.stop(), transfers.idle(), kept.mirror.stop()])));
  await step(closeMsrp());
  await step(store.close());
}

/** R-REG-04: one instance id per installation and account, kept. */
async function stableInstance(store: Store): Promise<string> {
  const known = await store.setting('sip.instance');
  if (known) return known;
  const made = `urn:uuid:${randomUuid()}`;
  await store.setSetting('sip.instance', made);
  return made;
}

/** The relay knows the person by the same name and password as the SIP core. */
function msrpOptions({ msrpRelay, msrpTransport, user, password, caCertificates }: Account): EngineOptions {
  const relay = msrpRelay === undefined ? null : { uri: msrpRelay, user, password };
  return { relay, caCertificates, offersTls: msrpTransport === 'tls' };
}

function makeAgent(ports: ClientPorts, instanceUrn: string, asked: Pick<UserAgentOptions, 'deviceName' | 'knows'>): UserAgent {
  return createUserAgent({
    ...agentOptions(ports),
    ...asked,
    log: ports.log,
    instanceUrn,
    services: OFFERED_SERVICES,
    applications: [FILE_THUMBNAIL, OWN_COPIES],
    expires: REGISTER_EXPIRES_S,
    tap: ports.sipTap,
  });
}
