import { canonicalAddress } from '../../../shared/model/address.ts';
import { preferencesFrom } from '../../../shared/model/network-preferences.ts';
import { decodePreferences, PREFERENCES_AUID } from '../../../shared/protocol/preferences/preferences.ts';
import type { NetworkDatabases } from '../databases/open.ts';
import type { DigestAuthenticator } from '../digest-auth.ts';
import type { Directory } from '../directory.ts';
import { type Preferences, type ProviderPolicy, type Rules, type Ruling, rulingOf } from '../rules/rules.ts';
import type { HomeUser } from '../settings.ts';
import { blockedUris } from './block-list.ts';
import { Documents } from './documents.ts';
import { storedDocuments } from './stored-documents.ts';
import { PREFERENCES, RESOURCE_LISTS } from './usages.ts';
import { ROOT_PATH, startXdmServer, userOf } from './xdm-server.ts';

const USAGES = [RESOURCE_LISTS, PREFERENCES];

export interface XdmOptions {
  readonly host: string;
  /** 0 takes any free one */
  readonly port: number;
  readonly policy: ProviderPolicy;
  readonly directory: Directory;
  readonly digest: DigestAuthenticator;
  readonly databases: NetworkDatabases | undefined;
  readonly log: (line: string) => void;
}

/** What holds for each user, from the documents that its owner keeps here and the operator's policy. */
export interface Xdm {
  readonly root: string;
  readonly rules: Rules;
  close(): Promise<void>;
}

interface Known {
  readonly ruling: Ruling;
  /** canonical */
  readonly blocked: ReadonlySet<string>;
}

/**
 * Opens the documents and serves them by XCAP. A document that cannot be read (of a newer version, say) counts as none.
 * Rejects when the address cannot be taken, or the database not be opened.
 */
export async function openXdm({ host, port, policy, directory, digest, databases, log }: XdmOptions): Promise<Xdm> {
  const known = new Map<string, Known>();
  const documents = await Documents.open(storedDocuments(databases), (user) => known.delete(user));
  const knownOf = (user: HomeUser): Known => {
    let found = known.get(user.user);
    if (found === undefined) {
      found = { ruling: rulingOf(policy, preferencesOf(documents, user, log)), blocked: blockedBy(documents, user, directory, log) };
      known.set(user.user, found);
    }
    return found;
  };
  const rules: Rules = {
    of: (user) => knownOf(user).ruling,
    isBlocked: (owner, address) => knownOf(owner).blocked.has(canonicalAddress(address) ?? address),
  };
  try {
    const server = await startXdmServer({ documents, digest, directory, usages: USAGES, log }, host, port);
    return {
      root: server.root,
      rules,
      async close() {
        await server.close();
        await documents.close();
      },
    };
  } catch (thrown) {
    await documents.close();
    throw thrown;
  }
}

function preferencesOf(documents: Documents, { user }: HomeUser, log: (line: string) => void): Partial<Preferences> {
  const text = documents.read({ user, auid: PREFERENCES_AUID, name: 'index' });
  if (text === null) return {};
  try {
    const read = preferencesFrom(decodePreferences(text));
    if (!('problem' in read)) return read;
    log(`preferences of ${user}: ${read.problem}`);
  } catch (thrown) {
    log(`preferences of ${user}: ${String(thrown)}`);
  }
  return {};
}

function blockedBy(documents: Documents, owner: HomeUser, directory: Directory, log: (line: string) => void): ReadonlySet<string> {
  const read = (name: string): string | null => documents.read({ user: owner.user, auid: RESOURCE_LISTS.auid, name });
  try {
    const uris = blockedUris(read, (xui) => userOf(directory, xui) === owner, ROOT_PATH);
    return new Set([...uris].map((uri) => canonicalAddress(uri) ?? uri));
  } catch (thrown) {
    log(`block list of ${owner.user}: ${String(thrown)}`);
    return new Set();
  }
}
