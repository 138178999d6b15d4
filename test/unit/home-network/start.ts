import { afterEach } from 'vitest';
import { type HomeNetwork, type HomeNetworkOptions, startHomeNetwork } from '../../../electron/home-network/index.ts';
import { networkDatabases } from '../../harness/network-databases.ts';
import { SipPeer } from '../../harness/sip-peer.ts';

const open: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

/** A network of alice, bob and carol on loopback, gone after the test. */
export async function start(options: Partial<HomeNetworkOptions> = {}): Promise<HomeNetwork> {
  const network = await startHomeNetwork({
    host: '127.0.0.1',
    port: 0,
    domain: 'home1.example',
    users: ['alice', 'bob', 'carol'].map((user) => ({
      user,
      password: `${user}-secret`,
      displayName: user === 'alice' ? 'Alice "A"' : '',
    })),
    ...options,
  });
  open.push(network);
  return network;
}

/** A connected device of one of them, not registered. */
export async function device(network: HomeNetwork, user: string, instance?: string): Promise<SipPeer> {
  const account = network.accounts.find((one) => one.user === user);
  if (account === undefined) throw new Error(`no account ${user}`);
  const peer = await SipPeer.connect(network.address, account, instance);
  open.push(peer);
  return peer;
}

export async function registered(network: HomeNetwork, user: string, features?: string): Promise<SipPeer> {
  const peer = await device(network, user);
  const response = await peer.register(features === undefined ? {} : { features });
  if (response.status !== 200) throw new Error(`registration refused: ${response.status} ${response.reason}`);
  return peer;
}

/** What is kept goes with the network. */
export const IN_MEMORY = networkDatabases();
