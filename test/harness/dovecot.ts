import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, chown, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { accepts, freePort } from './ports.ts';

const PROGRAM = ['/usr/sbin/dovecot', '/usr/local/sbin/dovecot'].find((path) => existsSync(path));
/** Dovecot never reads mail as root */
const NOBODY = 65_534;
const START_MS = 15_000;
const STOP_MS = 5_000;

/** Why no Dovecot can run here; null when one can. */
export const dovecotMissing: string | null = PROGRAM === undefined ? 'dovecot-imapd is not installed' : null;

/** A Dovecot of its own with Maildirs in a temporary folder, on a free port of loopback. Its levels stand apart by a full stop, as Maildir++ has them. */
export class Dovecot {
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #folder: string;

  private constructor(port: number, child: ChildProcess, folder: string) {
    this.port = port;
    this.#child = child;
    this.#folder = folder;
  }

  /** @throws Error with its log when it does not listen in time */
  static async start(people: readonly { readonly user: string; readonly password: string }[]): Promise<Dovecot> {
    const folder = await mkdtemp(join(tmpdir(), 'parley-dovecot-'));
    const port = await freePort('127.0.0.1');
    const { uid, gid, username } = userInfo();
    const owner = uid === 0 ? { uid: NOBODY, gid: NOBODY } : { uid, gid };
    const mail = join(folder, 'mail');
    await chmod(folder, 0o755);
    await mkdir(mail);
    if (uid === 0) await chown(mail, owner.uid, owner.gid);
    await writeFile(join(folder, 'users'), people.map(({ user, password }) => `${user}:{PLAIN}${password}::::::\n`).join(''), {
      mode: 0o644,
    });
    const own = uid === 0 ? '' : `default_internal_user = ${username}\ndefault_login_user = ${username}\ndefault_internal_group = ${gid}\n`;
    const text = `protocols = imap
listen = 127.0.0.1
base_dir = ${folder}/run
state_dir = ${folder}/state
log_path = ${folder}/log
ssl = no
disable_plaintext_auth = no
${own}first_valid_uid = 1
mail_location = maildir:${mail}/%u
namespace inbox {
  inbox = yes
}
passdb {
  driver = passwd-file
  args = username_format=%u ${folder}/users
}
userdb {
  driver = static
  args = uid=${owner.uid} gid=${owner.gid} home=${mail}/%u allow_all_users=yes
}
service imap-login {
  chroot =
  inet_listener imap {
    port = ${port}
  }
  inet_listener imaps {
    port = 0
  }
}
service anvil {
  chroot =
}
`;
    await writeFile(join(folder, 'dovecot.conf'), text);
    const child = spawn(PROGRAM as string, ['-F', '-c', join(folder, 'dovecot.conf')], { stdio: 'ignore' });
    const server = new Dovecot(port, child, folder);
    for (const from = Date.now(); !(await accepts('127.0.0.1', port)); ) {
      if (child.exitCode === null && Date.now() - from < START_MS) {
        await new Promise((resolve) => setTimeout(resolve, 50));
        continue;
      }
      const log = await readFile(join(folder, 'log'), 'utf8').catch(() => 'no log');
      await server.stop();
      throw new Error(`dovecot does not listen: ${log}`);
    }
    return server;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null) {
      const ended = new Promise((resolve) => this.#child.once('exit', resolve));
      this.#child.kill('SIGTERM');
      const late = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS);
      await ended;
      clearTimeout(late);
    }
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
