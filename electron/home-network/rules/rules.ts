import { DEFAULT_NETWORK_PREFERENCES, type NetworkPreferences } from '../../../shared/model/network-preferences.ts';
import type { HomeUser } from '../settings.ts';

/** What one user wants the network to do; kept by XDM (cpm.md section 16.6). */
export type Preferences = NetworkPreferences;

/** What can be sent: a MESSAGE, and what an INVITE is for. */
export const SERVICES = ['message', 'large-message', 'chat', 'file'] as const;
export type Service = (typeof SERVICES)[number];

/** What the operator says. It comes before what the user wants (R-PF-05). */
export interface ProviderPolicy {
  readonly force: Partial<Preferences>;
  /** false: what cannot be delivered is refused */
  readonly deferring: boolean;
  /** longest life of a deferred item, in seconds */
  readonly maxExpiry: number;
  /** of one user: deferred items, and their octets */
  readonly quotaItems: number;
  readonly quotaOctets: number;
  /** user names that have an account and have not subscribed to messaging (R-PF-04) */
  readonly unsubscribed: readonly string[];
  /** nobody sends these here */
  readonly blockedServices: readonly Service[];
  /** content screening (R-PF-06): words of texts, media types of content and files (`video/*`) that nobody sends here */
  readonly forbiddenWords: readonly string[];
  readonly forbiddenTypes: readonly string[];
  /** what goes to an address that is no CPM user's leaves through a gateway, where one takes it (R-PF-45) */
  readonly interworkOriginating: boolean;
}

export type Ruling = Preferences & Omit<ProviderPolicy, 'force'>;

/** What holds for a user, at once and at any time. */
export interface Rules {
  of(user: HomeUser): Ruling;
  /** @param address of the one who writes, as the network asserts it */
  isBlocked(owner: HomeUser, address: string): boolean;
}

export const DEFAULT_PREFERENCES: Preferences = DEFAULT_NETWORK_PREFERENCES;

export const DEFAULT_POLICY: ProviderPolicy = {
  force: {},
  deferring: true,
  maxExpiry: 7 * 86_400,
  quotaItems: 20_000,
  quotaOctets: 1_073_741_824,
  unsubscribed: [],
  blockedServices: [],
  forbiddenWords: [],
  forbiddenTypes: [],
  interworkOriginating: true,
};

/** Policy first, then the user's own word, then the default. */
export function rulingOf({ force, ...policy }: ProviderPolicy, wanted: Partial<Preferences>): Ruling {
  return { ...DEFAULT_PREFERENCES, ...wanted, ...force, ...policy };
}
