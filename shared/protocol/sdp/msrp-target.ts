export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** Host, without brackets, and port of an MSRP URI; null for what is none. The default port is 2855 (RFC 4975 section 6). */
export function pathTarget(uri: string): Endpoint | null {
  const target = /^msrps?:\/\/(?:[^@/]*@)?(\[[^\]/]*\]|[^:/;]*)(?::(\d{1,5}))?[/;]/i.exec(uri);
  if (target === null) return null;
  return { host: (target[1] ?? '').replace(/^\[|\]$/g, '').toLowerCase(), port: Number(target[2] ?? 2855) };
}

export function sameEndpoint(target: Endpoint, address: string, port: number): boolean {
  return target.port === port && target.host === address.toLowerCase();
}

/**
 * Whether an offer or answer without CEMA can be followed: its c- and m-line name the same place as its path. Only literal addresses are
 * compared: a name would have to be looked up first (RFC 6714 section 4.3).
 */
export function reaches(target: Endpoint, address: string | null, port: number): boolean {
  if (target.port !== port) return false;
  return address === null || !isLiteral(target.host) || !isLiteral(address) || sameEndpoint(target, address, port);
}

function isLiteral(host: string): boolean {
  return host.includes(':') || /^\d+(?:\.\d+){3}$/.test(host);
}
