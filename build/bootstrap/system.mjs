import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { isRoot } from './paths.mjs';
import { run } from './run.mjs';
import { StepError, say, slowly } from './say.mjs';

const groups = {
  // What Electron links against, and what its window needs to show text.
  electron: [
    'libgtk-3-0',
    'libnss3',
    'libgbm1',
    'libasound2',
    'libcups2',
    'libatk-bridge2.0-0',
    'fonts-dejavu-core',
    'fonts-noto-color-emoji',
  ],
  // To unpack the Electron from npm and to compile the store's addon for it.
  substitute: ['unzip', 'gcc', 'g++', 'libc6-dev'],
  // A display without a screen, the second browser, the dissector the wire tests look through, a SIP core and a mail server of somebody else, and
  // certificates for them.
  tests: [
    'xvfb',
    'xauth',
    'chromium',
    'tshark',
    'openssl',
    'kamailio',
    'kamailio-outbound-modules',
    'kamailio-sqlite-modules',
    'kamailio-tls-modules',
    'kamailio-websocket-modules',
    'sip-tester',
    'iproute2',
    'linphone-cli',
    'dovecot-imapd',
    'python3',
    'python3-aiosmtpd',
    'gcc',
    'libc6-dev',
  ],
};

/**
 * On Debian: the system packages of some groups, installed as root, else named in one line to run. Elsewhere nothing.
 * @param {(keyof typeof groups)[]} needs
 */
export async function ensureSystemPackages(...needs) {
  if (process.platform !== 'linux' || !existsSync('/etc/debian_version')) return;
  const wanted = needs.flatMap((need) => groups[need]);
  const present = installed(wanted);
  const missing = wanted.filter((name) => !present.has(name) && !present.has(`${name}t64`));
  if (missing.length === 0) return;
  const install = ['install', '-y', '--no-install-recommends'];
  if (!isRoot()) {
    say(`system packages are missing; please run: sudo apt-get ${install.join(' ')} ${renamed(missing).join(' ')}`);
    return;
  }
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await slowly(`installing system packages: ${missing.join(' ')}`, async () => {
    const update = await run('apt-get', ['update', '-q'], { env, quiet: true });
    const done = await run('apt-get', [...install, '-q', ...renamed(missing)], { env, quiet: true });
    if (!done.ok)
      throw new StepError(
        `apt-get install failed; check the package sources, then run the command again.\n${update.ok ? '' : update.output}${done.output}`,
      );
  });
}

/** Debian 13 renamed libraries with a 64-bit time_t: libgtk-3-0 became libgtk-3-0t64. */
function renamed(names) {
  const known = spawnSync('apt-cache', ['pkgnames'], { encoding: 'utf8', maxBuffer: 64 << 20 }).stdout ?? '';
  const all = new Set(known.split('\n'));
  return names.map((name) => (all.has(`${name}t64`) ? `${name}t64` : name));
}

function installed(names) {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own placeholders
  const format = '${Package} ${db:Status-Status}\n';
  const query = ['-W', '-f', format, ...names, ...names.map((name) => `${name}t64`)];
  const { stdout } = spawnSync('dpkg-query', query, { encoding: 'utf8' });
  return new Set(
    (stdout ?? '')
      .split('\n')
      .filter((line) => line.endsWith(' installed'))
      .map((line) => line.split(' ')[0]),
  );
}
