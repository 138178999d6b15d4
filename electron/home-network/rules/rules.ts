import type { HomeUser } from '../settings.ts';

/** What one user wants the network to do; kept by XDM (cpm.md section 16.6). */
export interface Preferences {
  /** willingness: what comes is delivered, kept for later, or refused */
  readonly available: 'accept' | 'defer' | 'refuse';
  /** deferred items: sent as soon as a device is there, or told of and fetched by the person (cpm.md section 16.2) */
  readonly delivery: 'push' | 'pull';
  /** the devices that get or hear of a deferred item */
  readonly devices: 'all' | 'newest';
  readonly expired: 'discard' | 'store';
  /** a file that nobody accepted in time */
  readonly unaccepted: 'keep' | 'store' | 'discard';
  /** conversations are written to the Message Storage Server */
  readonly recording: boolean;
  /** whether what reaches no device may leave through a gateway (cpm.md section 16.8) */
  readonly interworking: 'off' | 'undeliverable';
}

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
}

export type Ruling = Preferences & Omit<ProviderPolicy, 'force'>;

/** What holds for a user, at once and at any time. */
export interface Rules {
  of(user: HomeUser): Ruling;
  /** @param address of the one who writes, as the network asserts it */
  isBlocked(owner: HomeUser, address: string): boolean;
}

export const DEFAULT_PREFERENCES: Preferences = {
  available: 'accept',
  delivery: 'push',
  devices: 'all',
  expired: 'discard',
  unaccepted: 'keep',
  recording: false,
  interworking: 'off',
};

export const DEFAULT_POLICY: ProviderPolicy = {
  force: {},
  deferring: true,
  maxExpiry: 7 * 86_400,
  quotaItems: 20_000,
  quotaOctets: 1_073_741_824,
};

/** Policy first, then the user's own word, then the default. */
export function rulingOf({ force, ...policy }: ProviderPolicy, wanted: Partial<Preferences>): Ruling {
  return { ...DEFAULT_PREFERENCES, ...wanted, ...force, ...policy };
}
