/** What the host notices about the way out of this device. */
export interface Network {
  /** all addresses of this device as they are now, those of loopback too */
  addresses(): readonly string[];
  /** @returns a function that ends it */
  watch(listener: (event: NetworkEvent) => void): () => void;
}

/** `changed`: addresses came or went; `sleeping`: the device is about to sleep; `woke`: it has slept */
export type NetworkEvent = 'changed' | 'sleeping' | 'woke';

const LOOPBACK = /^(?:127\.|::1$)/;

/** True where all that is left leads to this device itself. */
export function isAlone(network: Network): boolean {
  return network.addresses().every((address) => LOOPBACK.test(address) || /^fe80:/i.test(address));
}

/** @param host as a socket names its end, perhaps with a zone */
export function hasAddress(network: Network, host: string): boolean {
  return LOOPBACK.test(host) || network.addresses().includes(host.replace(/%.*$/, ''));
}
