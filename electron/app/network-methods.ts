import type { ClientHandlers } from '../../shared/ipc/contract.ts';
import { connectMail } from '../imap/client.ts';
import { BlockMirror } from '../services/block-mirror.ts';
import type { ServiceContext } from '../services/context.ts';
import { HistoryService } from '../services/history/history-service.ts';
import { PreferencesService } from '../services/preferences.ts';
import { createXcapClient } from '../xcap/xcap-client.ts';

/** What the network keeps for the person, where it keeps anything. */
export interface NetworkParts {
  readonly preferences: PreferencesService;
  readonly mirror: BlockMirror;
  readonly history: HistoryService;
}

export function networkParts(context: ServiceContext): NetworkParts {
  const { account } = context;
  const documents = account.xcapRoot === undefined ? null : createXcapClient({ ...account, root: account.xcapRoot });
  return {
    preferences: new PreferencesService(account, documents),
    mirror: new BlockMirror(context, documents),
    history: historyOf(context),
  };
}

export function networkMethods(
  core: () => Promise<{ readonly kept: NetworkParts }>,
): Pick<ClientHandlers, `network.${'preferences' | 'change'}` | `history.${'people' | 'items' | 'fetch' | 'remove'}`> {
  return {
    'network.preferences': async () => (await core()).kept.preferences.read(),
    'network.change': async (change) => (await core()).kept.preferences.change(change),
    'history.people': async () => ({ items: await (await core()).kept.history.people() }),
    'history.items': async (wanted) => (await core()).kept.history.items(wanted),
    'history.fetch': async ({ peer }) => (await core()).kept.history.fetch(peer),
    'history.remove': async ({ peer, ids }) => ({ removed: await (await core()).kept.history.remove(peer, ids) }),
  };
}

/** The account's own name and password open its message store too; there is no TLS, so that is on this machine. */
function historyOf(context: ServiceContext): HistoryService {
  const { user, password, messageStore } = context.account;
  if (!messageStore) return new HistoryService(context, null);
  const connect = () => connectMail({ ...messageStore, security: 'plain', user, password });
  return new HistoryService(context, { ...messageStore, user, connect });
}
