import { ImapFlow } from 'imapflow';
import { NO_BYTES } from '../../shared/base/bytes.ts';
import { type ErrorCode, ParleyError } from '../../shared/base/errors.ts';
import type { MailAccount, MailClient, MailFolder, MailHead } from './port.ts';

/** ms */
const CONNECT = 10_000;
const SILENCE = 60_000;
/** UIDs in one command: its line stays short */
const AT_ONCE = 200;

/** Signs in. @throws ParleyError `history.unreachable`, `history.refused` */
export async function connectMail(account: MailAccount): Promise<MailClient> {
  const { host, port, security, user, password, caCertificates } = account;
  const flow = new ImapFlow({
    host,
    port,
    secure: security === 'tls',
    doSTARTTLS: security === 'starttls',
    auth: { user, pass: password },
    logger: false,
    disableAutoIdle: true,
    connectionTimeout: CONNECT,
    greetingTimeout: CONNECT,
    socketTimeout: SILENCE,
    ...(caCertificates === undefined ? {} : { tls: { ca: caCertificates } }),
  });
  // what went wrong is told to whoever asked for something
  flow.on('error', () => undefined);
  try {
    await flow.connect();
  } catch (thrown) {
    flow.close();
    throw coded(thrown, 'history.unreachable');
  }
  return new FlowClient(flow);
}

class FlowClient implements MailClient {
  readonly #flow: ImapFlow;

  constructor(flow: ImapFlow) {
    this.#flow = flow;
  }

  get isOpen(): boolean {
    return this.#flow.usable;
  }

  folders(): Promise<readonly MailFolder[]> {
    return this.#do(async () => {
      const listed = await this.#flow.list();
      const prefix = this.#flow.namespace?.prefix || '';
      return listed
        .filter(({ flags }) => !flags.has('\\Noselect') && !flags.has('\\NonExistent'))
        .map(({ path, delimiter }) => {
          const own = path.startsWith(prefix) ? path.slice(prefix.length) : path;
          return delimiter ? own.split(delimiter) : [own];
        });
    });
  }

  ensure(folder: MailFolder): Promise<void> {
    return this.#do(async () => {
      for (let levels = 1; levels <= folder.length; levels++) {
        await this.#flow.mailboxCreate(folder.slice(0, levels)).catch((thrown) => {
          // of two who make it at once one finds it there
          if ((thrown as { serverResponseCode?: string }).serverResponseCode !== 'ALREADYEXISTS') throw thrown;
        });
      }
    });
  }

  append(folder: MailFolder, octets: Uint8Array, received: number): Promise<void> {
    return this.#do(async () => {
      const appended = await this.#flow.append(
        [...folder] as unknown as string,
        Buffer.from(octets.buffer, octets.byteOffset, octets.length),
        ['\\Seen'],
        new Date(received),
      );
      if (!appended) throw new ParleyError('history.failed', 'not appended');
    });
  }

  withHeader(folder: MailFolder, name: string, value: string): Promise<readonly number[]> {
    return this.#search(folder, { header: { [name]: value } });
  }

  withText(folder: MailFolder, text: string): Promise<readonly number[]> {
    return this.#search(folder, { text });
  }

  uids(folder: MailFolder): Promise<readonly number[]> {
    return this.#search(folder, { all: true });
  }

  uidValidity(folder: MailFolder): Promise<number> {
    return this.#in(folder, async () => {
      const { mailbox } = this.#flow;
      if (!mailbox) throw new ParleyError('request.not-found', 'no such mailbox');
      return Number(mailbox.uidValidity);
    });
  }

  heads(folder: MailFolder, uids: readonly number[]): Promise<readonly MailHead[]> {
    return this.#in(folder, async () => {
      const heads: MailHead[] = [];
      for (let at = 0; at < uids.length; at += AT_ONCE) {
        const range = uids.slice(at, at + AT_ONCE).join(',');
        for await (const { uid, size, internalDate, headers } of this.#flow.fetch(
          range,
          { uid: true, size: true, internalDate: true, headers: true },
          { uid: true },
        )) {
          heads.push({ uid, size: size ?? 0, received: new Date(internalDate ?? 0).getTime() || 0, header: headers ?? NO_BYTES });
        }
      }
      return heads;
    });
  }

  message(folder: MailFolder, uid: number, longest: number): Promise<Uint8Array> {
    return this.#in(folder, async () => {
      const found = await this.#flow.fetchOne(String(uid), { uid: true, size: true }, { uid: true });
      if (!found) throw new ParleyError('request.not-found', 'no such message');
      if ((found.size ?? 0) > longest) throw new ParleyError('history.failed', `a message of ${found.size} octets`);
      const whole = await this.#flow.fetchOne(String(uid), { uid: true, source: true }, { uid: true });
      if (whole === false || whole?.source === undefined) throw new ParleyError('request.not-found', 'no such message');
      return whole.source;
    });
  }

  async part(folder: MailFolder, uid: number, part: string): Promise<AsyncIterable<Uint8Array>> {
    const lock = await this.#do(() => this.#flow.getMailboxLock([...folder]));
    const release = (): void => lock.release();
    const { content } = await this.#do(() => this.#flow.download(String(uid), part, { uid: true })).catch((thrown) => {
      release();
      throw thrown;
    });
    if (!content) {
      release();
      throw new ParleyError('request.not-found', 'no such part');
    }
    return (async function* () {
      try {
        for await (const piece of content) yield piece as Uint8Array;
      } catch (thrown) {
        throw coded(thrown, 'history.failed');
      } finally {
        release();
      }
    })();
  }

  remove(folder: MailFolder, uids: readonly number[]): Promise<void> {
    return this.#in(folder, async () => {
      for (let at = 0; at < uids.length; at += AT_ONCE)
        await this.#flow.messageDelete(uids.slice(at, at + AT_ONCE).join(','), { uid: true });
    });
  }

  removeFolder(folder: MailFolder): Promise<void> {
    return this.#do(async () => {
      await this.#flow.mailboxClose().catch(() => undefined);
      await this.#flow.mailboxDelete([...folder]);
    });
  }

  async close(): Promise<void> {
    await this.#flow.logout().catch(() => undefined);
    this.#flow.close();
  }

  #search(folder: MailFolder, query: Parameters<ImapFlow['search']>[0]): Promise<readonly number[]> {
    return this.#in(folder, async () => {
      const found = await this.#flow.search(query, { uid: true });
      if (!found) throw new ParleyError('history.failed', 'not searched');
      return [...found].sort((one, other) => one - other);
    });
  }

  #in<T>(folder: MailFolder, run: () => Promise<T>): Promise<T> {
    return this.#do(async () => {
      const lock = await this.#flow.getMailboxLock([...folder]);
      try {
        return await run();
      } finally {
        lock.release();
      }
    });
  }

  async #do<T>(run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (thrown) {
      throw coded(thrown, this.#flow.usable ? 'history.failed' : 'history.unreachable');
    }
  }
}

interface FlowError {
  readonly message?: string;
  readonly authenticationFailed?: boolean;
  readonly serverResponseCode?: string;
  readonly mailboxMissing?: boolean;
  readonly responseText?: string;
}

function coded(thrown: unknown, otherwise: ErrorCode): ParleyError {
  if (thrown instanceof ParleyError) return thrown;
  const { message = String(thrown), authenticationFailed, serverResponseCode, mailboxMissing, responseText } = thrown as FlowError;
  const detail = (responseText ?? message).slice(0, 300);
  if (authenticationFailed === true) return new ParleyError('history.refused', detail, { cause: thrown });
  if (serverResponseCode === 'OVERQUOTA') return new ParleyError('history.full', detail, { cause: thrown });
  if (serverResponseCode === 'NONEXISTENT' || mailboxMissing === true)
    return new ParleyError('request.not-found', detail, { cause: thrown });
  return new ParleyError(otherwise, detail, { cause: thrown });
}
