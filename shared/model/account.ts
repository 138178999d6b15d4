/** One CPM account, as a person or a pilot's administrator writes it down. */
export interface Account {
  /** CPM Address: `sip:alice@example.com` */
  readonly address: string;
  readonly displayName: string;
  /** digest user name; often the part before the @, or the private identity of an IMS */
  readonly user: string;
  readonly password: string;
  /** next hop of every request: `host:port` */
  readonly outboundProxy: string;
  readonly transport: 'tcp';
  /** Max File Transfer Size in octets, 0 = no limit (cpm.md section 1) */
  readonly maxFileSize: number;
}

/** The next hop, taken apart; an IPv6 host loses its brackets. */
export function proxyOf(account: Pick<Account, 'outboundProxy'>): { host: string; port: number } {
  const colon = account.outboundProxy.lastIndexOf(':');
  const host = account.outboundProxy.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
  return { host, port: Number(account.outboundProxy.slice(colon + 1)) };
}
