import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Credentials {
  readonly key: string;
  readonly cert: string;
}

const folders: string[] = [];
process.once('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A certificate authority that openssl made for this test run; its certificates are worth nothing elsewhere. */
export class TestAuthority {
  /** PEM of the authority */
  readonly certificate: string;
  readonly #folder: string;
  #serial = 0;

  constructor(name = 'Parley test authority') {
    this.#folder = mkdtempSync(join(tmpdir(), 'parley-ca-'));
    folders.push(this.#folder);
    this.#openssl(['req', '-x509', ...NEW_KEY, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', `/CN=${name}`, '-days', '2']);
    this.certificate = this.#read('ca.pem');
  }

  /**
   * @param alternativeNames as openssl writes them: `DNS:example.com,URI:sip:example.com`; null for a certificate without any
   * @param days how long it is valid; negative: how long it has been over
   */
  issue(alternativeNames: string | null, { days = 2, commonName = 'server' } = {}): Credentials {
    const id = `${++this.#serial}`;
    const extensions = alternativeNames === null ? 'keyUsage=digitalSignature' : `subjectAltName=${alternativeNames}`;
    writeFileSync(join(this.#folder, `${id}.ext`), `${extensions}\n`);
    this.#openssl(['req', ...NEW_KEY, '-keyout', `${id}.key`, '-out', `${id}.csr`, '-subj', `/CN=${commonName}`]);
    const by = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-set_serial', id];
    this.#openssl(['x509', '-req', '-in', `${id}.csr`, ...by, '-days', String(days), '-extfile', `${id}.ext`, '-out', `${id}.pem`]);
    return { key: this.#read(`${id}.key`), cert: this.#read(`${id}.pem`) };
  }

  #openssl(options: readonly string[]): void {
    execFileSync('openssl', options, { cwd: this.#folder, stdio: ['ignore', 'ignore', 'pipe'] });
  }

  #read(name: string): string {
    return readFileSync(join(this.#folder, name), 'utf8');
  }
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
