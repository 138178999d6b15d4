import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { type Clock, systemClock } from '../../shared/base/clock.ts';
import { ParleyError } from '../../shared/base/errors.ts';
import { decodeSip, encodeSip } from '../../shared/protocol/sip/codec.ts';
import type { SipMessage, SipResponse } from '../../shared/protocol/sip/message.ts';
import { salvageRequest } from '../../shared/protocol/sip/salvage.ts';
import { essentials } from '../../shared/protocol/sip/validate.ts';
import { createMsrpEngine } from '../msrp/engine.ts';
import { Bindings } from './bindings.ts';
import { makeGroups } from './conference/open.ts';
import type { ConferencePolicy } from './conference/policy.ts';
import type { NetworkDatabases } from './databases/open.ts';
import type { Deferral } from './deferral/port.ts';
import { DeferralService } from './deferral/service.ts';
import { Dialogs } from './dialogs.ts';
import { DigestAuthenticator, type OfferedAlgorithm } from './digest-auth.ts';
import { Directory } from './directory.ts';
import { Distribution } from './distribution.ts';
import { CLOSED_BY_PEER, Flow } from './flow.ts';
import { Focus } from './focus/focus.ts';
import type { FocusHost } from './focus/focus-host.ts';
import { Spool } from './focus/spool.ts';
import { guarded, guardedClock, internal } from './guarded.ts';
import { type History, type HistoryServer, openHistory } from './history/open.ts';
import type { Gateway } from './interworking/gateway.ts';
import { Interworking } from './interworking/interworking.ts';
import { logLine } from './log.ts';
import { refusalOfMalformed } from './malformed.ts';
import { AnchoredPath } from './media/anchored-path.ts';
import { DEFAULT_MEDIA, endToEnd, type MediaPolicy, mediaRefusal, PATIENCE } from './media/policy.ts';
import { type MessageStoreServer, startMessageStore } from './message-store/server.ts';
import { NotificationFilter } from './notification-filter.ts';
import { OwnCopies } from './own-copies.ts';
import { ParticipatingFunction } from './participating-function.ts';
import { Reach } from './reach.ts';
import { References } from './references/references.ts';
import { Registrar } from './registrar.ts';
import { RelayHeaders } from './relay-headers.ts';
import { DeferredList } from './retrieval/deferred-list.ts';
import { NOTHING_DEFERRED } from './retrieval/nothing-deferred.ts';
import { intoStore, letterOf } from './retrieval/outlets.ts';
import { Retrieval } from './retrieval/retrieval.ts';
import type { Outlets } from './retrieval/retrieval-host.ts';
import { Enforcement } from './rules/enforcement.ts';
import { DEFAULT_POLICY, type ProviderPolicy } from './rules/rules.ts';
import type { ServerTransaction } from './server-transaction.ts';
import type { SessionHost } from './session.ts';
import { type Bounds, DEFAULT_BOUNDS, DEFAULT_TIMING, type HomeGroup, type HomeUser, type Timing } from './settings.ts';
import { Subscriptions } from './subscriptions/subscriptions.ts';
import { TransactionLayer } from './transactions.ts';
import { openXdm } from './xdm/xdm.ts';

export type { MediaPolicy } from './media/policy.ts';
export type { ProviderPolicy } from './rules/rules.ts';
export type { Bounds, HomeUser, Timing } from './settings.ts';

export interface HomeNetworkOptions {
  /** address to listen on */
  readonly host: string;
  /** 0 takes any free one */
  readonly port: number;
  readonly domain: string;
  readonly users: readonly HomeUser[];
  readonly groups?: readonly HomeGroup[];
  /** one readable line a request */
  readonly log?: (line: string) => void;
  /** what digest challenges offer, in this order; for devices that know the first challenge only */
  readonly digest?: readonly OfferedAlgorithm[];
  readonly clock?: Clock;
  readonly timing?: Partial<Timing>;
  readonly bounds?: Partial<Bounds>;
  readonly media?: Partial<MediaPolicy>;
  /** what the operator says; it comes before what the users want */
  readonly policy?: Partial<ProviderPolicy>;
  /** to a service that is not CPM */
  readonly gateway?: Gateway;
  /** of the documents' server; any free one when left out */
  readonly xcapPort?: number;
  /** an operator's own mail server in place of the embedded Message Storage Server */
  readonly historyServer?: HistoryServer;
  /** of the Message Storage Server; any free one when left out */
  readonly messageStorePort?: number;
  /**
   * what is kept between starts; without, everything is gone when the network closes, nothing is deferred, and there is no Message Storage
   * Server
   */
  readonly databases?: NetworkDatabases;
  /** of groups that talk in a session */
  readonly conferences?: Partial<ConferencePolicy>;
  /** what waits for its recipients; without, nothing does */
  readonly deferral?: Deferral;
}

/** What a client needs to sign in. */
export interface HomeAccount {
  /** `sip:alice@domain` */
  readonly address: string;
  /** digest user name */
  readonly user: string;
  readonly password: string;
  readonly displayName: string;
  /** `host:port` */
  readonly outboundProxy: string;
  readonly transport: 'tcp';
  /** where the account's documents are: preferences and block list, by XCAP */
  readonly xcapRoot: string;
  /** the account's Message Storage Server: IMAP with its user name and password */
  readonly messageStore: { readonly host: string; readonly port: number } | null;
}

export interface HomeNetwork {
  readonly address: { readonly host: string; readonly port: number };
  readonly domain: string;
  readonly accounts: readonly HomeAccount[];
  readonly groups: readonly { readonly address: string; readonly name: string }[];
  /** what is recorded of conversations; null without databases */
  readonly history: Pick<History, 'store' | 'settled'> | null;
  /** closes every connection and stops listening */
  close(): Promise<void>;
}

/** whose mailboxes the network writes to: the name and password of their owner */
const OWN_ACCOUNT = { security: 'plain', user: '{user}', password: '{password}' } as const;

/** How often silent connections are looked for, in ms. */
const SWEEP = 5_000;

/**
 * Starts the embedded network: registrar and participating function for its users over TCP, state in memory.
 * Rejects with the error of `listen` when the address cannot be taken.
 */
export async function startHomeNetwork(options: HomeNetworkOptions): Promise<HomeNetwork> {
  const log = options.log ?? (() => undefined);
  const safely = guarded(log);
  const clock = guardedClock(options.clock ?? systemClock, safely);
  const timing: Timing = { ...DEFAULT_TIMING, ...options.timing };
  const bounds: Bounds = { ...DEFAULT_BOUNDS, ...options.bounds };
  const now = (): number => clock.now();

  const policy: MediaPolicy = { ...DEFAULT_MEDIA, ...options.media };
  const msrp = createMsrpEngine({ clock, limits: { ...PATIENCE, maxSessions: bounds.mediaSessions, maxConnections: bounds.connections } });
  const host = options.host.includes(':') ? `[${options.host}]` : options.host;
  const directory = new Directory(options.domain, [host], options.users, options.groups);
  const bindings = new Bindings(directory, now);
  const digest = new DigestAuthenticator(directory, now, timing.nonce, options.digest);
  const xdm = await openXdm({
    ...{ host: options.host, port: options.xcapPort ?? 0, policy: { ...DEFAULT_POLICY, ...options.policy } },
    ...{ directory, digest, databases: options.databases, log },
  });
  const server = createServer({ noDelay: true });
  // who connects while this starts is heard when it has
  const early: Socket[] = [];
  const wait = (socket: Socket): void => void early.push(socket);
  server.on('connection', wait);
  let messageStore: MessageStoreServer | null = null;
  let history: History | null = null;
  try {
    await listen(server, options.host, options.port);
    await msrp.listen({ host: options.host, port: 0 });
    const { databases, messageStorePort = 0, historyServer } = options;
    if (databases !== undefined) {
      if (historyServer === undefined)
        messageStore = await startMessageStore({ host: options.host, port: messageStorePort, directory, databases, now });
      const at = historyServer ?? { ...(messageStore as MessageStoreServer).address, ...OWN_ACCOUNT };
      const isAnchored = policy.msrp === 'anchor';
      history = await openHistory({ directory, bindings, rules: xdm.rules, databases, server: at, isAnchored, clock, log });
    }
  } catch (thrown) {
    server.close();
    for (const socket of early) socket.destroy();
    await Promise.all([msrp.close(), xdm.close(), messageStore?.close()]);
    throw thrown;
  }
  const { port } = server.address() as AddressInfo;
  const sentBy = `${host}:${port}`;
  const ownUri = (user: string): string => `sip:${user === '' ? '' : `${encodeURIComponent(user)}@`}${sentBy};transport=tcp`;

  const relay = new RelayHeaders(directory, bindings, ownUri);
  const dialogs = new Dialogs(bindings, bounds);
  const media: Pick<SessionHost, 'mediaPath' | 'mediaRefusal'> = {
    mediaPath: (broken, { request, sender, recipient }) =>
      policy.msrp === 'anchor'
        ? new AnchoredPath(
            msrp,
            clock,
            policy,
            broken,
            (from, type) => history?.witness.hear(request, sender, recipient, from, type) ?? null,
          )
        : endToEnd(policy),
    mediaRefusal: (thrown) => mediaRefusal(thrown, directory.domain),
  };
  const { rules } = xdm;
  const notifications = new NotificationFilter();
  const { databases } = options;
  const keeping =
    databases === undefined
      ? null
      : new DeferralService({
          directory,
          bindings,
          relay,
          rules,
          clock,
          notifications,
          layer: () => layer,
          focus: () => focusHost,
          intoStore: async (item) => void (await outlets.store(item)),
          leavesBy: options.gateway?.service ?? 'other',
          databases,
          log,
        });
  await keeping?.open();
  const registered = (user: HomeUser): void => {
    keeping?.registered(user);
    subscriptions.registered(user);
    conferences.registered(user);
  };
  const registrar = new Registrar({ directory, bindings, digest, timing, bounds, now, ownUri, registered });
  const enforcement = new Enforcement(directory, bindings, rules);
  const interworking: Interworking = new Interworking({
    gateway: options.gateway ?? null,
    directory,
    rules,
    enforcement,
    reach: () => reach,
    now,
    log,
  });
  const reach = new Reach({
    ...{ bindings, directory, enforcement, deferral: keeping, layer: () => layer },
    interwork: (letter, recipient, user) => interworking.oneOf(letter, recipient, user),
  });
  const spool = new Spool(bounds.spoolOctets, keeping?.files.folder);
  const focusHost: FocusHost = { ...media, layer: () => layer, relay, dialogs, msrp, spool, policy, ownUri };
  const focus = new Focus(focusHost, reach);
  const groups = makeGroups({
    ...{ directory, bindings, dialogs, relay, enforcement, notifications, spool, msrp, clock, databases, log, layer: () => layer },
    ...{ mediaRefusal: media.mediaRefusal, policy: options.conferences, keeping: { ...DEFAULT_POLICY, ...options.policy } },
  });
  const { conferences } = groups;
  const distribution = new Distribution({ directory, relay, reach, focus, conferences, layer: () => layer });
  const deferral = options.deferral ?? keeping ?? NOTHING_DEFERRED;
  const deferredList = new DeferredList({ directory, deferral, rules: xdm.rules });
  const outlets: Outlets = {
    store: intoStore(directory, deferral, history?.store ?? null),
    interwork: (item) => interworking.item(item, async () => letterOf(item, deferral)),
  };
  const retrieval = new Retrieval({
    ...media,
    directory,
    bindings,
    dialogs,
    layer: () => layer,
    msrp,
    deferral,
    outlets,
    list: deferredList,
    ownUri,
  });
  const subscriptions = new Subscriptions({ bindings, dialogs, layer: () => layer, ownUri, bounds }, [deferredList, groups.roster]);
  const network = new ParticipatingFunction({
    directory,
    bindings,
    digest,
    registrar,
    relay,
    dialogs,
    media,
    conferences,
    distribution,
    subscriptions,
    enforcement,
    interworking,
    notifications,
    deferral: keeping,
    retrieval,
    references: history && new References({ ...history, directory, bindings, notifications, reach, focus: focusHost, clock, log }),
    ownCopies: new OwnCopies({ bindings, relay, layer: () => layer }),
    layer: () => layer,
  });
  const layer: TransactionLayer = new TransactionLayer(clock, timing, bounds, () => sentBy, {
    onRequest: (transaction) => {
      history?.witness.asked(transaction);
      network.onRequest(transaction);
    },
    onAck: (flow, ack, fields) => network.onAck(flow, ack, fields),
    onAnswered: (transaction: ServerTransaction, response: SipResponse) => {
      history?.witness.answered(transaction, response.status);
      log(logLine(new Date(now()), transaction.request, transaction.essentials, response, performance.now() - transaction.startedAt));
    },
  });

  await groups.open();
  const flows = new Set<Flow>();
  const isUnused = (flow: Flow): boolean => bindings.onFlow(flow).length === 0 && !dialogs.isOn(flow);
  const connected = (socket: Socket): void => {
    // a connection on which nobody registered makes room, the oldest first
    if (flows.size >= bounds.connections) [...flows].find((each) => isUnused(each))?.close('too many connections');
    if (flows.size >= bounds.connections) {
      socket.destroy();
      return;
    }
    const flow = new Flow(socket, bounds, now);
    flows.add(flow);
    const note = (what: string): void =>
      log(`${new Date(now()).toTimeString().slice(0, 8)} ${flow.remote.host}:${flow.remote.port} ${what}`);
    flow.onMessage.on((octets) => receive(layer, flow, octets, note));
    flow.onClosed.on((reason) => {
      if (reason !== CLOSED_BY_PEER) note(`connection ended: ${reason}`);
      flows.delete(flow);
      safely(() => {
        bindings.removeFlow(flow);
        dialogs.flowClosed(flow);
        layer.flowClosed(flow);
      });
    });
  };
  server.off('connection', wait).on('connection', connected);
  for (const socket of early) connected(socket);

  const sweep = setInterval(() => {
    for (const flow of flows) {
      const own = bindings.onFlow(flow);
      const silence = now() - flow.lastHeard;
      // a device that announced keep-alives and sends none is gone; one that did not may be silent while it is registered
      const limit = isUnused(flow)
        ? timing.idle
        : own.every(({ isOutbound }) => isOutbound)
          ? 2 * timing.flowTimer
          : Number.POSITIVE_INFINITY;
      if (silence > limit) flow.close('silent for too long');
    }
  }, SWEEP);
  sweep.unref();

  return {
    address: { host: options.host, port },
    domain: directory.domain,
    accounts: directory.users.map((user) => ({
      address: directory.addressOf(user),
      user: user.user,
      password: user.password,
      displayName: user.displayName,
      outboundProxy: sentBy,
      transport: 'tcp',
      xcapRoot: xdm.root,
      messageStore: messageStore?.address ?? null,
    })),
    groups: directory.groups.map(({ name }) => ({ address: directory.addressOf({ user: name }), name })),
    history,
    async close() {
      clearInterval(sweep);
      subscriptions.close();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const flow of [...flows]) flow.close('the network closes');
      layer.close();
      await Promise.all([closed, msrp.close(), xdm.close(), keeping?.close(), groups.close()]);
      // what was taken on is written as long as there is somewhere to write it
      await history?.close();
      await messageStore?.close();
    },
  };
}

function receive(layer: TransactionLayer, flow: Flow, octets: Uint8Array, note: (what: string) => void): void {
  let message: SipMessage | null = null;
  try {
    message = decodeSip(octets);
    const fields = essentials(message);
    if (message.kind === 'response') layer.response(flow, message, fields);
    else layer.request(flow, message, fields);
  } catch (thrown) {
    const request = message === null ? (salvageRequest(octets)?.request ?? null) : message;
    const refusal = request?.kind === 'request' ? refusalOfMalformed(request, thrown) : null;
    if (refusal !== null) flow.send(encodeSip(refusal));
    note(thrown instanceof ParleyError ? `sent a message that cannot be read: ${thrown.detail}` : internal(thrown));
    flow.fault('malformed messages');
  }
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
