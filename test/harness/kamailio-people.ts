import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ClientPorts } from '../../electron/app/port.ts';
import { systemClock } from '../../shared/base/clock.ts';
import { randomToken } from '../../shared/base/random.ts';
import type { Account } from '../../shared/model/account.ts';
import { Kamailio } from './kamailio.ts';
import { Person } from './two-people.ts';

export type KamailioUser = 'alice' | 'bob' | 'carol';

/** Whole client cores on a Kamailio, one data folder a name. */
export class KamailioPeople {
  readonly core: Kamailio;
  readonly #folder: string;
  readonly #account: Partial<Account>;
  readonly #people: Person[] = [];

  /** @param account what all of them have in common */
  constructor(core: Kamailio, folder: string, account: Partial<Account> = {}) {
    this.core = core;
    this.#folder = folder;
    this.#account = account;
  }

  /** Resolves once registered. Started again after {@link leave}, it finds what it had. */
  async join(user: KamailioUser, extra: Partial<Account> = {}, ports: Partial<ClientPorts> = {}): Promise<Person> {
    const transport = extra.transport ?? this.#account.transport ?? 'tcp';
    const host = this.core.host === '::1' ? '[::1]' : this.core.host;
    const data = join(this.#folder, user);
    mkdirSync(data, { recursive: true });
    const person = new Person({
      account: {
        address: `sip:${user}@${Kamailio.domain}`,
        displayName: user,
        user,
        password: `${user}pw`,
        outboundProxy: `${host}:${this.core.portOf(transport)}`,
        transport,
        caCertificates: this.core.authority.certificate,
        maxFileSize: 0,
        ...this.#account,
        ...extra,
      },
      paths: { data, downloads: join(data, 'Downloads') },
      store: { worker: new URL('../../electron/store/worker.ts', import.meta.url), nativeBinding: null },
      version: '0.1.0',
      platform: 'linux',
      neighbours: [],
      clock: systemClock,
      ...ports,
    });
    this.#people.push(person);
    await person.client.start();
    // whoever writes is let in
    await person.call['settings.change']({ requests: false });
    await person.online();
    return person;
  }

  async leave(person: Person): Promise<void> {
    this.#people.splice(this.#people.indexOf(person), 1);
    await person.client.stop();
  }

  async close(): Promise<void> {
    await Promise.all(this.#people.splice(0).map((person) => person.client.stop()));
  }
}

/** Writes a text; resolves with its imdn.Message-ID. */
export async function write(from: Person, to: Pick<Person, 'address'>, text: string): Promise<string> {
  const { id } = await from.call['conversations.open']({ address: to.address });
  const { imdnId } = await from.call['messages.sendText']({ conversationId: id, clientId: randomToken(24), text });
  return imdnId;
}

/** Offers a file; resolves with its imdn.Message-ID. */
export async function offer(from: Person, to: Pick<Person, 'address'>, path: string): Promise<string> {
  const { id } = await from.call['conversations.open']({ address: to.address });
  const { token } = await from.client.offerFile(path);
  const { imdnId } = await from.call['files.send']({ conversationId: id, clientId: randomToken(24), token });
  return imdnId;
}
