/** How the client reaches its SIP core: TCP, TLS (RFC 3261 section 26), or secure WebSocket (RFC 7118). */
export const SIP_TRANSPORTS = ['tcp', 'tls', 'wss'] as const;
export type SipTransport = (typeof SIP_TRANSPORTS)[number];

/** How MSRP is offered to others: TCP, or TLS between the clients, known by the fingerprints of their certificates (RFC 4975 section 14.4). */
export const MSRP_TRANSPORTS = ['tcp', 'tls'] as const;
export type MsrpTransport = (typeof MSRP_TRANSPORTS)[number];

/** One CPM account, as a person or a pilot's administrator writes it down. */
export interface Account {
  /** CPM Address: `sip:alice@example.com` */
  readonly address: string;
  readonly displayName: string;
  /** digest user name; often the part before the @, or the private identity of an IMS */
  readonly user: string;
  readonly password: string;
  /** next hop of every request: `host:port`, or `host` alone, which is looked up by RFC 3263; for `wss` a path may follow */
  readonly outboundProxy: string;
  readonly transport: SipTransport;
  /** certificates in PEM that are trusted in place of the public authorities; for `tls`, `wss` and the relay */
  readonly caCertificates?: string;
  /** E.164 country code, digits only, that national numbers belong to; without it they are no addresses */
  readonly countryCode?: string | undefined;
  /** `msrps://host:port;tcp`: the MSRP relay that acts for this account (RFC 4976) */
  readonly msrpRelay?: string;
  /** `tcp` when left out; a relay is always spoken to over TLS, and what others offer is taken either way */
  readonly msrpTransport?: MsrpTransport;
  /** Max File Transfer Size in octets, 0 = no limit (cpm.md section 1) */
  readonly maxFileSize: number;
  /** SIP URI of the function that takes messages to ad-hoc lists of recipients (Controlling Function URI); see {@link listServerOf} */
  readonly listServer?: string;
  /** SIP URI of the function that invites several people at once; see {@link conferenceFactoryOf} */
  readonly conferenceFactory?: string;
  /** XCAP root URI (RFC 4825 section 6.1): where the network keeps this account's preferences and block list */
  readonly xcapRoot?: string;
  /** where the account's Message Storage Server listens (IMAP, with the user and password of the account); null: it has none */
  readonly messageStore?: { readonly host: string; readonly port: number } | null;
  /** most recipients of one message; {@link DEFAULT_MAX_RECIPIENTS} when left out */
  readonly maxRecipients?: number;
  /** groups that the network keeps and this account may write to */
  readonly groups?: readonly GroupAddress[];
}

/** A pre-defined group (seed 004 7.2.1(8)). */
export interface GroupAddress {
  readonly address: string;
  readonly name: string;
}

/** cpm.md section 1 */
export const DEFAULT_MAX_RECIPIENTS = 10;
/** more than any account allows at once */
export const MAX_RECIPIENTS = 100;
/** groups that an account file can name */
export const MAX_GROUPS = 100;

/** Where a message to several people is sent: what was provisioned, else `pager-exploder` at home (cpm.md section 1). */
export function listServerOf({ listServer, address }: Pick<Account, 'listServer' | 'address'>): string {
  return listServer ?? `sip:pager-exploder@${address.slice(address.lastIndexOf('@') + 1)}`;
}

/** Where an INVITE to several people is sent: what was provisioned, else `conference-factory` at home (cpm.md section 1). */
export function conferenceFactoryOf({ conferenceFactory, address }: Pick<Account, 'conferenceFactory' | 'address'>): string {
  return conferenceFactory ?? `sip:conference-factory@${address.slice(address.lastIndexOf('@') + 1)}`;
}

export interface ProxyAddress {
  /** a name, or an address without brackets */
  readonly host: string;
  /** null: to be found by RFC 3263 */
  readonly port: number | null;
  /** of the WebSocket URI */
  readonly path?: string;
}

/** The next hop, taken apart; an IPv6 host loses its brackets. */
export function proxyOf(account: Pick<Account, 'outboundProxy'>): ProxyAddress {
  const [, bracketed, plain = '', port, path] = /^(?:\[([^\]]*)\]|([^:/]*))(?::([0-9]+))?(\/.*)?$/.exec(account.outboundProxy) ?? [];
  return { host: bracketed ?? plain, port: port === undefined ? null : Number(port), ...(path === undefined ? {} : { path }) };
}
