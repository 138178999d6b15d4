import { isIP } from 'node:net';
import { ParleyError, toCodedError } from '../../../shared/base/errors.ts';
import type { ProxyAddress, SipTransport } from '../../../shared/model/account.ts';
import { uriHost } from '../addresses.ts';
import type { Resolver } from '../port.ts';
import { type ConnectOptions, connectWire, type Target } from './connect.ts';
import { Flow, type FlowListeners } from './flow.ts';
import { defaultPort, locate } from './locate.ts';

/** how long one address may take when others follow it, ms; the last one has the whole `connectTimeoutMs` */
const NEXT_AFTER_MS = 4_000;

export interface FlowOptions extends FlowListeners {
  /** as configured: who the server must be */
  readonly proxy: ProxyAddress;
  /** where a redirection sent us, in place of `proxy`; it changes nothing about who the server must be */
  readonly location?: ProxyAddress | undefined;
  readonly transport: SipTransport;
  /** of the account; see {@link ConnectOptions} */
  readonly domain: string;
  readonly caCertificates: string | undefined;
  /** for the resolver, and for the last address */
  readonly connectTimeoutMs: number;
  readonly resolver: Resolver;
}

/**
 * Finds the proxy and opens a flow to one after the other of its addresses that can be reached (RFC 3263 section 4.3): the next one when
 * the caller comes back for it.
 * @throws ParleyError `link.unreachable`, `link.timeout`, `link.certificate` when there was none at all; `link.lost` when `signal` was aborted
 */
export async function* openFlows(options: FlowOptions, signal: AbortSignal): AsyncGenerator<Flow, void> {
  const { proxy, transport, resolver, connectTimeoutMs, location = proxy } = options;
  const connecting: ConnectOptions = { ...options, proxyHost: proxy.host, path: proxy.path };
  const targets =
    isIP(location.host) === 0
      ? await bounded(connectTimeoutMs, `${location.host}: no answer of the name service`, signal, () =>
          locate(location, transport, resolver, Math.random),
        )
      : [{ address: location.host, port: location.port ?? defaultPort(transport) }];
  const failures: ParleyError[] = [];
  let isReached = false;
  for (const [at, target] of targets.entries()) {
    const milliseconds = at === targets.length - 1 ? connectTimeoutMs : Math.min(NEXT_AFTER_MS, connectTimeoutMs);
    try {
      const wire = await bounded(milliseconds, `${nameOf(target)}: no connection in time`, signal, (ending) =>
        connectWire(target, connecting, ending),
      );
      isReached = true;
      yield new Flow(wire, options);
    } catch (thrown) {
      const { code, detail } = toCodedError(thrown);
      failures.push(new ParleyError(code, detail));
    }
    if (signal.aborted) break;
  }
  if (!isReached) throw verdict(failures);
}

/** Trouble with a certificate tells more than a server that is down. */
function verdict(failures: readonly ParleyError[]): ParleyError {
  const last = failures.at(-1);
  const told = failures.find(({ code }) => code === 'link.certificate') ?? last;
  if (told === undefined || last === undefined) return new ParleyError('link.unreachable', 'there is no address to connect to');
  if (last.code === 'link.lost') return last;
  return new ParleyError(told.code, [...new Set(failures.map(({ detail }) => detail))].join('; '));
}

function nameOf({ address, port }: Target): string {
  return `${uriHost(address)}:${port}`;
}

/** Ends `act` after so long by `link.timeout`, or by `link.lost` when `signal` is aborted. */
async function bounded<T>(milliseconds: number, late: string, signal: AbortSignal, act: (ending: AbortSignal) => Promise<T>): Promise<T> {
  const closed = (): ParleyError => new ParleyError('link.lost', 'closed while connecting');
  if (signal.aborted) throw closed();
  const ending = new AbortController();
  const onAbort = (): void => ending.abort(closed());
  const timer = setTimeout(() => ending.abort(new ParleyError('link.timeout', late)), milliseconds);
  signal.addEventListener('abort', onAbort);
  try {
    return await Promise.race([act(ending.signal), rejection(ending.signal)]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}

function rejection(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
}
