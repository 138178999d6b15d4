import { X509Certificate } from 'node:crypto';
import { ParleyError } from '../../shared/base/errors.ts';
import { readSmallFile } from './small-file.ts';

const MAX_CA_FILE = 1024 * 1024;
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;

/**
 * The certificates of a PEM file and nothing else of it: a private key that stands beside them is not kept.
 * @throws ParleyError `account.malformed`
 */
export async function readCaFile(path: string): Promise<string> {
  const certificates = (await readSmallFile(path, MAX_CA_FILE, 'caFile: ')).match(CERTIFICATE) ?? [];
  if (certificates.length === 0) throw new ParleyError('account.malformed', 'caFile: holds no certificate in PEM');
  for (const certificate of certificates) {
    try {
      new X509Certificate(certificate);
    } catch (thrown) {
      throw new ParleyError('account.malformed', 'caFile: a certificate in it cannot be read', { cause: thrown });
    }
  }
  return `${certificates.join('\n')}\n`;
}
