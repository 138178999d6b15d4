import type { ClientHandlers } from '../../shared/ipc/contract.ts';
import { BlockMirror } from '../services/block-mirror.ts';
import type { ServiceContext } from '../services/context.ts';
import { PreferencesService } from '../services/preferences.ts';
import { createXcapClient } from '../xcap/xcap-client.ts';

/** What the network keeps for the person, where it keeps anything. */
export interface NetworkParts {
  readonly preferences: PreferencesService;
  readonly mirror: BlockMirror;
}

export function networkParts(context: ServiceContext): NetworkParts {
  const { account } = context;
  const documents = account.xcapRoot === undefined ? null : createXcapClient({ ...account, root: account.xcapRoot });
  return { preferences: new PreferencesService(account, documents), mirror: new BlockMirror(context, documents) };
}

export function networkMethods(
  core: () => Promise<{ readonly kept: NetworkParts }>,
): Pick<ClientHandlers, 'network.preferences' | 'network.change'> {
  return {
    'network.preferences': async () => (await core()).kept.preferences.read(),
    'network.change': async (change) => (await core()).kept.preferences.change(change),
  };
}
