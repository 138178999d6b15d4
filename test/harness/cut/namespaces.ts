import { execFile, execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** our namespaces begin so; then the process that made them, so that those of one that died can be told */
const PREFIX = 'parley-';
/** where `ip netns exec` finds the resolv.conf of a namespace (ip-netns(8)) */
const CONFIGURATION = '/etc/netns';
const FIRST_HOST = 2;
let made = 0;

/** Why networks of our own cannot be made here; null when they can. */
export function namespaceHindrance(): string | null {
  if (process.platform !== 'linux') return 'network namespaces need Linux';
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  const probe = `${PREFIX}${process.pid}-probe`;
  try {
    execFileSync('ip', ['netns', 'add', probe], { stdio: 'ignore' });
    execFileSync('ip', ['netns', 'del', probe], { stdio: 'ignore' });
    return null;
  } catch {
    return 'this machine lets no network namespace be made';
  }
}

/** Removes what runs of this harness that were killed left behind. */
export async function sweepNamespaces(): Promise<void> {
  const { stdout } = await run('ip', ['netns', 'list']);
  const names = stdout.split('\n').map((line) => line.split(' ')[0] ?? '');
  const configured = existsSync(CONFIGURATION) ? readdirSync(CONFIGURATION) : [];
  for (const name of new Set([...names, ...configured])) {
    const owner = Number(new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1] ?? 0);
    if (owner > 0 && owner !== process.pid && !existsSync(`/proc/${owner}`)) await removeNamespace(name);
  }
}

async function removeNamespace(name: string): Promise<void> {
  const { stdout } = await run('ip', ['netns', 'pids', name]).catch(() => ({ stdout: '' }));
  for (const pid of stdout.split('\n').map(Number)) {
    try {
      if (pid > 1) process.kill(pid, 'SIGKILL');
    } catch {
      // it has ended by itself
    }
  }
  await run('ip', ['netns', 'del', name]).catch(() => undefined);
  await rm(`${CONFIGURATION}/${name}`, { recursive: true, force: true });
}

/**
 * A network of its own for each device, and one in the middle for the servers, joined by a cable each: a veth pair. The servers are at
 * {@link Cables.server}; a device has the second address of its subnet, its gateway the first.
 */
export class Cables {
  static readonly server = '10.77.0.1';
  readonly #id = `${PREFIX}${process.pid}-${++made}`;
  readonly #devices: readonly string[];
  /** the last octet of a device's address */
  readonly #hosts = new Map<string, number>();

  private constructor(devices: readonly string[]) {
    this.#devices = devices;
  }

  /** @param devices names of up to 8 letters */
  static async lay(devices: readonly string[]): Promise<Cables> {
    const cables = new Cables(devices);
    try {
      await cables.#lay();
      return cables;
    } catch (thrown) {
      await cables.remove();
      throw thrown;
    }
  }

  /** the command line that runs something at the servers, or on a device */
  inside(where: string): string[] {
    return ['ip', 'netns', 'exec', this.#name(where)];
  }

  /** the device sees its carrier go, as with a cable that is pulled */
  pull(device: string): Promise<void> {
    return this.#ip('core', 'link', 'set', device, 'down');
  }

  plug(device: string): Promise<void> {
    return this.#ip('core', 'link', 'set', device, 'up');
  }

  /** No more than so many Mbit/s reach the device from now on. */
  async narrow(device: string, rate: number): Promise<void> {
    const limit = ['rate', `${rate}mbit`, 'burst', '256kb', 'latency', '50ms'];
    await run('tc', ['-n', this.#name('core'), 'qdisc', 'add', 'dev', device, 'root', 'tbf', ...limit]);
  }

  /** Nothing comes through any more, either way, and nobody says so: a firewall that forgot the connection, a route that leads nowhere. */
  async blackHole(device: string): Promise<void> {
    await this.#ip('core', 'route', 'add', 'blackhole', `${this.#address(device)}/32`);
    // what comes from where no way leads back is dropped (RFC 3704 section 2.2)
    await this.#set('core', `net/ipv4/conf/${device}/rp_filter`, '1');
  }

  async endBlackHole(device: string): Promise<void> {
    await this.#ip('core', 'route', 'del', 'blackhole', `${this.#address(device)}/32`);
    await this.#set('core', `net/ipv4/conf/${device}/rp_filter`, '0');
  }

  /** another address in the same subnet, as from another DHCP lease; @returns it */
  async move(device: string): Promise<string> {
    const before = this.#address(device);
    this.#hosts.set(device, (this.#hosts.get(device) ?? FIRST_HOST) + 1);
    const after = this.#address(device);
    await this.#ip(device, 'addr', 'del', `${before}/24`, 'dev', 'eth0');
    await this.#ip(device, 'addr', 'add', `${after}/24`, 'dev', 'eth0');
    await this.#ip(device, 'route', 'replace', 'default', 'via', this.#gateway(device));
    return after;
  }

  async remove(): Promise<void> {
    for (const where of [...this.#devices, 'core']) await removeNamespace(this.#name(where));
  }

  async #lay(): Promise<void> {
    await this.#add('core');
    await this.#ip('core', 'addr', 'add', `${Cables.server}/32`, 'dev', 'lo');
    await this.#set('core', 'net/ipv4/ip_forward', '1');
    for (const device of this.#devices) {
      await this.#add(device);
      await this.#ip('core', 'link', 'add', device, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', this.#name(device));
      await this.#ip('core', 'addr', 'add', `${this.#gateway(device)}/24`, 'dev', device);
      await this.#ip('core', 'link', 'set', device, 'up');
      await this.#ip(device, 'addr', 'add', `${this.#address(device)}/24`, 'dev', 'eth0');
      await this.#ip(device, 'link', 'set', 'eth0', 'up');
      await this.#ip(device, 'route', 'add', 'default', 'via', this.#gateway(device));
    }
  }

  async #add(where: string): Promise<void> {
    await run('ip', ['netns', 'add', this.#name(where)]);
    await mkdir(`${CONFIGURATION}/${this.#name(where)}`, { recursive: true });
    await writeFile(`${CONFIGURATION}/${this.#name(where)}/resolv.conf`, `nameserver ${Cables.server}\n`);
    await this.#ip(where, 'link', 'set', 'lo', 'up');
  }

  async #ip(where: string, ...args: string[]): Promise<void> {
    await run('ip', ['-n', this.#name(where), ...args]);
  }

  async #set(where: string, path: string, value: string): Promise<void> {
    await run('ip', ['netns', 'exec', this.#name(where), 'sh', '-c', `echo ${value} > /proc/sys/${path}`]);
  }

  #name(where: string): string {
    return `${this.#id}-${where}`;
  }

  #subnet(device: string): string {
    return `10.77.${this.#devices.indexOf(device) + 1}`;
  }

  #gateway(device: string): string {
    return `${this.#subnet(device)}.1`;
  }

  #address(device: string): string {
    return `${this.#subnet(device)}.${this.#hosts.get(device) ?? FIRST_HOST}`;
  }
}
