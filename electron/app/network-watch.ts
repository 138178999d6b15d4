import { networkInterfaces } from 'node:os';
import type { Network, NetworkEvent } from '../services/network.ts';

/** No system tells Node of a change; asking takes some 0.1 ms. */
const LOOK_MS = 2000;
/** A look that comes so much too late was slept over: timers stand still in sleep, the time of day does not. */
const SLEPT_MS = 15_000;

/** What a host is told of sleep by its system. @returns a function that ends it */
export type PowerEvents = (listener: (event: 'sleeping' | 'woke') => void) => () => void;

export interface NetworkWatchOptions {
  readonly power?: PowerEvents | undefined;
  /** addresses of the interfaces that are up */
  readonly addresses?: () => readonly string[];
  readonly now?: () => number;
}

/** Watches the addresses of this device, and the time for gaps, while anybody listens. */
export function watchNetwork({ power, addresses = systemAddresses, now = Date.now }: NetworkWatchOptions = {}): Network {
  const listeners = new Set<(event: NetworkEvent) => void>();
  let stop: (() => void) | null = null;
  const tell = (event: NetworkEvent): void => {
    for (const listener of [...listeners]) listener(event);
  };

  const start = (): (() => void) => {
    let seen = fingerprint(addresses());
    let lookedAt = now();
    const look = (): void => {
      const [before, since] = [seen, lookedAt];
      [seen, lookedAt] = [fingerprint(addresses()), now()];
      if (lookedAt - since > LOOK_MS + SLEPT_MS) tell('woke');
      else if (seen !== before) tell('changed');
    };
    const timer = setInterval(look, LOOK_MS);
    timer.unref();
    const endPower = power?.(tell);
    return () => {
      clearInterval(timer);
      endPower?.();
    };
  };

  return {
    addresses,
    watch(listener) {
      listeners.add(listener);
      stop ??= start();
      return () => {
        listeners.delete(listener);
        if (listeners.size > 0) return;
        stop?.();
        stop = null;
      };
    },
  };
}

function fingerprint(addresses: readonly string[]): string {
  return [...addresses].sort().join(' ');
}

/** Of interfaces that are up and have a carrier, which is what Node lists. */
function systemAddresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((infos = []) => infos.map(({ address }) => address));
}
