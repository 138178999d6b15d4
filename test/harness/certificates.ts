import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Credentials {
  readonly key: string;
  readonly cert: string;
}

/** A certificate authority that openssl made for this test run; its certificates are worth nothing elsewhere. It leaves nothing on disk. */
export class TestAuthority {
  /** PEM of the authority */
  readonly certificate: string;
  readonly #key: string;
  #serial = 0;

  constructor(name = 'Parley test authority') {
    const { key, cert } = inFolder((openssl, read) => {
      openssl(['req', '-x509', ...NEW_KEY, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', `/CN=${name}`, '-days', '2']);
      return { key: read('ca.key'), cert: read('ca.pem') };
    });
    this.#key = key;
    this.certificate = cert;
  }

  /**
   * @param alternativeNames as openssl writes them: `DNS:example.com,URI:sip:example.com`; null for a certificate without any
   * @param days how long it is valid; negative: how long it has been over
   */
  issue(alternativeNames: string | null, { days = 2, commonName = 'server' } = {}): Credentials {
    const serial = `${++this.#serial}`;
    const extensions = alternativeNames === null ? 'keyUsage=digitalSignature' : `subjectAltName=${alternativeNames}`;
    return inFolder(
      (openssl, read) => {
        openssl(['req', ...NEW_KEY, '-keyout', 'own.key', '-out', 'own.csr', '-subj', `/CN=${commonName}`]);
        const by = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-set_serial', serial];
        openssl(['x509', '-req', '-in', 'own.csr', ...by, '-days', String(days), '-extfile', 'own.ext', '-out', 'own.pem']);
        return { key: read('own.key'), cert: read('own.pem') };
      },
      { 'ca.key': this.#key, 'ca.pem': this.certificate, 'own.ext': `${extensions}\n` },
    );
  }
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/** openssl works on files: they are there as long as the work takes. */
function inFolder(
  work: (openssl: (options: readonly string[]) => void, read: (name: string) => string) => Credentials,
  given: Readonly<Record<string, string>> = {},
): Credentials {
  const folder = mkdtempSync(join(tmpdir(), 'parley-ca-'));
  try {
    for (const [name, content] of Object.entries(given)) writeFileSync(join(folder, name), content);
    return work(
      (options) => execFileSync('openssl', options, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] }),
      (name) => readFileSync(join(folder, name), 'utf8'),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
