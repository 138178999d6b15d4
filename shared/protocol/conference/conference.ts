/** What the focus tells of a conference (RFC 4575). Nothing in it is to be trusted but to be shown: it is what the network says. */
export interface ConferenceInfo {
  /** URI of the conference, as written */
  readonly entity: string;
  /** `full` is all there is, `partial` what changed since the version before, `deleted` that the conference is over */
  readonly state: PartState;
  /** 32 bits; a partial document has one more than the one before in the same subscription (section 5.2) */
  readonly version: number;
  /** null, here and below: not said */
  readonly subject: string | null;
  readonly maximumUserCount: number | null;
  /** users who are in; may exceed those that are listed */
  readonly userCount: number | null;
  readonly active: boolean | null;
  readonly users: ConferenceUsers | null;
}

/** What a part of a document does to what was known of it (section 4.6): takes its place, changes what it names, removes it. */
export type PartState = 'full' | 'partial' | 'deleted';

export interface ConferenceUsers {
  readonly state: PartState;
  /** each entity once */
  readonly list: readonly ConferenceUser[];
}

export interface ConferenceUser {
  /** URI, the key of the user byte for byte; of somebody anonymous one that only the focus knows (`….invalid`) */
  readonly entity: string;
  readonly state: PartState;
  readonly displayText: string | null;
  /** `yourown="true"`: the subscriber himself (not in the RFC, met in the field) */
  readonly isOwn: boolean;
  readonly roles: readonly string[];
  /** his devices */
  readonly endpoints: readonly ConferenceEndpoint[];
}

export interface ConferenceEndpoint {
  /** URI, the key of the device; null where the focus gave none */
  readonly entity: string | null;
  readonly state: PartState;
  readonly status: EndpointStatus | null;
  readonly joiningMethod: JoiningMethod | null;
  readonly disconnectionMethod: DisconnectionMethod | null;
  /** of disconnection-info, as written: `Reason: SIP;cause=603;text="Decline"` */
  readonly disconnectionReason: string | null;
}

export const ENDPOINT_STATUSES = [
  'pending',
  'dialing-out',
  'dialing-in',
  'alerting',
  'on-hold',
  'connected',
  'muted-via-focus',
  'disconnecting',
  'disconnected',
] as const;
export type EndpointStatus = (typeof ENDPOINT_STATUSES)[number];

export const JOINING_METHODS = ['dialed-in', 'dialed-out', 'focus-owner'] as const;
export type JoiningMethod = (typeof JOINING_METHODS)[number];

export const DISCONNECTION_METHODS = ['departed', 'booted', 'failed', 'busy'] as const;
export type DisconnectionMethod = (typeof DISCONNECTION_METHODS)[number];
