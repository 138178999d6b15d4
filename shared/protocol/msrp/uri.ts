import { ParleyError } from '../../base/errors.ts';

/** An MSRP URI (RFC 4975 section 6), taken apart. */
export interface MsrpUri {
  /** `msrp` or `msrps` (TLS) */
  readonly scheme: 'msrp' | 'msrps';
  /** without brackets when an IPv6 address; percent-encoding of the authority is taken off; lower case */
  readonly host: string;
  readonly port: number | null;
  /** compared with its case; null: the URI of a relay */
  readonly sessionId: string | null;
  /** lower case, mostly `tcp` */
  readonly transport: string;
}

const MSRP_URI =
  /^(msrps?):\/\/(?:[^@/;]*@)?(\[[0-9A-Fa-f:.]+\]|[^:/;@[\]]+)(?::([0-9]{1,5}))?(?:\/([A-Za-z0-9\-._~+=/]+))?;([A-Za-z0-9]+)((?:;[^;\s]+)*)$/i;

/** @throws ParleyError `msrp.malformed` */
export function decodeMsrpUri(text: string): MsrpUri {
  const match = text.length > 2048 ? null : MSRP_URI.exec(text);
  const port = match?.[3] === undefined ? null : Number(match[3]);
  if (match === null || (port !== null && port > 65_535)) throw new ParleyError('msrp.malformed', 'MSRP URI');
  return {
    scheme: (match[1] as string).toLowerCase() as MsrpUri['scheme'],
    host: normalHost(match[2] as string),
    port,
    sessionId: match[4] ?? null,
    transport: (match[5] as string).toLowerCase(),
  };
}

export function encodeMsrpUri(uri: MsrpUri): string {
  const host = uri.host.includes(':') ? `[${uri.host}]` : uri.host;
  const port = uri.port === null ? '' : `:${uri.port}`;
  return `${uri.scheme}://${host}${port}${uri.sessionId === null ? '' : `/${uri.sessionId}`};${uri.transport}`;
}

/** RFC 4975 section 6.1: no case but in the session id, addresses by number, an explicit port never equals an absent one. */
export function sameMsrpUri(a: MsrpUri, b: MsrpUri): boolean {
  return a.scheme === b.scheme && a.host === b.host && a.port === b.port && a.sessionId === b.sessionId && a.transport === b.transport;
}

function normalHost(host: string): string {
  if (host.startsWith('[')) return expandIpv6(host.slice(1, -1).toLowerCase());
  const plain = host.replace(/%([0-9A-Fa-f]{2})/g, (whole, hex: string) => {
    const character = String.fromCharCode(Number.parseInt(hex, 16));
    return /[A-Za-z0-9\-._~]/.test(character) ? character : whole;
  });
  return plain.toLowerCase();
}

/** One spelling an address: eight groups without leading zeros, so that `::1` equals `0:0:0:0:0:0:0:1`. */
function expandIpv6(text: string): string {
  const dotted = /^(.*:)([0-9]{1,3})\.([0-9]{1,3})\.([0-9]{1,3})\.([0-9]{1,3})$/.exec(text);
  const [, prefix, a, b, c, d] = dotted ?? [];
  const plain =
    dotted === null ? text : `${prefix}${(Number(a) * 256 + Number(b)).toString(16)}:${(Number(c) * 256 + Number(d)).toString(16)}`;
  const halves = plain.split('::');
  const groups = (half: string | undefined): string[] => (half === undefined || half === '' ? [] : half.split(':'));
  const left = groups(halves[0]);
  const right = groups(halves[1]);
  const missing = 8 - left.length - right.length;
  if (halves.length > 2 || (halves.length === 1 ? missing !== 0 : missing < 1)) throw new ParleyError('msrp.malformed', 'IPv6 address');
  const all = [...left, ...Array.from({ length: missing }, () => '0'), ...right];
  if (!all.every((group) => /^[0-9a-f]{1,4}$/.test(group))) throw new ParleyError('msrp.malformed', 'IPv6 address');
  return all.map((group) => Number.parseInt(group, 16).toString(16)).join(':');
}
