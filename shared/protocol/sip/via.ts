import { decodeParams, encodeParams, type Params, paramValue } from './params.ts';
import { malformed } from './text.ts';

/** One Via value (RFC 3261 section 20.42): `SIP/2.0/TCP host:port;branch=…` */
export interface Via {
  /** as on the wire: `TCP`, `TLS`, `UDP`, `WSS` … */
  readonly transport: string;
  readonly host: string;
  readonly port: number | null;
  readonly parameters: Params;
}

const VIA =
  /^SIP[ \t]*\/[ \t]*2\.0[ \t]*\/[ \t]*([A-Za-z0-9\-.!%*_+`'~]+)[ \t]+(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9\-._]+)(?:[ \t]*:[ \t]*([0-9]{1,5}))?[ \t]*(;.*)?$/is;

/** @throws ParleyError `sip.malformed` */
export function decodeVia(text: string): Via {
  const found = VIA.exec(text);
  if (found === null) throw malformed('not a Via value');
  const port = found[3] === undefined ? null : Number(found[3]);
  if (port !== null && port > 65_535) throw malformed('a port beyond 65535');
  return {
    transport: found[1] as string,
    host: found[2] as string,
    port,
    parameters: found[4] === undefined ? [] : decodeParams(found[4]),
  };
}

export function encodeVia(via: Via): string {
  return `SIP/2.0/${via.transport} ${via.host}${via.port === null ? '' : `:${via.port}`}${encodeParams(via.parameters)}`;
}

/** The branch, or null. Only one that starts with {@link BRANCH_COOKIE} is unique (RFC 3261 section 8.1.1.7). */
export function viaBranch(via: Via): string | null {
  return paramValue(via.parameters, 'branch');
}

export const BRANCH_COOKIE = 'z9hG4bK';
