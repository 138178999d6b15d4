/** A person with an account at this network. */
export interface HomeUser {
  /** user part of the address, unescaped */
  readonly user: string;
  readonly password: string;
  readonly displayName: string;
  /** a telephone number in the form `+49301234567` that is the user's as well; asserted beside the address */
  readonly number?: string | undefined;
}

/** People who get each message to its address (seed 004 7.2.1(8)), and who are asked to its session when one of them begins it (cpm.md section 8.2). */
export interface HomeGroup {
  /** user part of the address, unescaped */
  readonly name: string;
  /** user names; only they may write to it */
  readonly members: readonly string[];
  /** Subject of its session; absent: what the one who begins it says */
  readonly title?: string;
  /** anybody of the domain may enter its session, and nobody is asked to it (seed 004 7.4.9) */
  readonly joinIn?: boolean;
  /** nobody can be added to its session; so it is with every group that is not `joinIn` */
  readonly closed?: boolean;
  /** messages without a name are answered 433 (RFC 5079) */
  readonly refusesAnonymous?: boolean;
  /** files to it are answered 403, `122 Function not allowed` (seed 001 9.3.1) */
  readonly refusesFiles?: boolean;
}

/** Milliseconds. The defaults are those of RFC 3261 (T1 = 500 ms) and cpm.md; tests shorten them. */
export interface Timing {
  /** 64·T1: timers B, F, H and L, and the wait for a final answer after CANCEL (RFC 3261 section 17, 9.1; RFC 6026) */
  readonly transaction: number;
  /** timer C: an INVITE without Expires rings no longer after the last provisional answer (RFC 3261 section 16.6) */
  readonly ringing: number;
  /** life of a digest nonce */
  readonly nonce: number;
  /** how long a connection may stay silent before anybody registered on it */
  readonly idle: number;
  /** how long a device that has registered may take to come back to its groups before it is asked to */
  readonly comeback: number;
  /** RFC 5626 section 4.4.1: announced as Flow-Timer; twice that in silence ends a flow that took part in outbound */
  readonly flowTimer: number;
  /** registration interval limits, in seconds */
  readonly minExpires: number;
  readonly maxExpires: number;
}

export const DEFAULT_TIMING: Timing = {
  transaction: 32_000,
  ringing: 180_000,
  nonce: 300_000,
  idle: 60_000,
  comeback: 5_000,
  flowTimer: 120_000,
  minExpires: 60,
  maxExpires: 7_200,
};

/** What one peer or all of them together may hold. */
export interface Bounds {
  readonly connections: number;
  readonly bindingsPerUser: number;
  /** requests of one flow that wait for their answer */
  readonly openPerFlow: number;
  /** and the octets of their bodies */
  readonly openOctetsPerFlow: number;
  readonly sessionsPerFlow: number;
  /** all event packages together: for each device one for each group that it is in, and some */
  readonly subscriptionsPerUser: number;
  /** MSRP sessions that end here: each m-line that is anchored takes two */
  readonly mediaSessions: number;
  /** what waits on disk for those it goes to, all together */
  readonly spoolOctets: number;
  /** octets waiting to be written to a peer that does not read */
  readonly unsentOctets: number;
  /** malformed messages and refused credentials of one flow */
  readonly faultsPerFlow: number;
}

export const DEFAULT_BOUNDS: Bounds = {
  connections: 1_000,
  bindingsPerUser: 10,
  openPerFlow: 1_000,
  openOctetsPerFlow: 32 * 1_048_576,
  sessionsPerFlow: 200,
  subscriptionsPerUser: 500,
  mediaSessions: 4_096,
  spoolOctets: 8 * 1_073_741_824,
  unsentOctets: 16 * 1_048_576,
  faultsPerFlow: 20,
};

export const SERVER_NAME = 'CPM-serv/OMA2.0 Parley/0.1 (home network)';
