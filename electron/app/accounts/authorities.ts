import { X509Certificate } from 'node:crypto';
import { ParleyError } from '../../../shared/base/errors.ts';

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;

export interface Authorities {
  /** the certificates and nothing else: a private key that stands beside them is not kept */
  readonly pem: string;
  /** whom each is for, in words */
  readonly names: readonly string[];
}

/** @throws ParleyError `account.malformed` */
export function authoritiesIn(text: string): Authorities {
  const certificates = text.match(CERTIFICATE) ?? [];
  if (certificates.length === 0) throw new ParleyError('account.malformed', 'caFile: holds no certificate in PEM');
  const names = certificates.map((certificate) => {
    try {
      return nameOf(new X509Certificate(certificate));
    } catch (thrown) {
      throw new ParleyError('account.malformed', 'caFile: a certificate in it cannot be read', { cause: thrown });
    }
  });
  return { pem: `${certificates.join('\n')}\n`, names };
}

/** Its common name, else its organisation, else all that it says about itself, on one line. */
function nameOf({ subject }: X509Certificate): string {
  const line = /^(?:CN|O)=(.+)$/m.exec(subject)?.[1] ?? subject.replace(/\s+/g, ' ');
  return line.replace(/\p{Cc}/gu, '').slice(0, 200);
}
