import { ParleyError } from '../../../shared/base/errors.ts';

/** A password as it lies on the disk. */
export interface Sealed {
  /** what protects it: the system's keyring, or no more than the access rights of the file it stands in */
  readonly by: 'keyring' | 'file';
  readonly text: string;
}

/** Keeps passwords from whoever reads the disk, as far as this host can. */
export interface Secrets {
  readonly kind: Sealed['by'];
  seal(secret: string): Sealed;
  /** @throws ParleyError `account.secret` where it was sealed by another host or another keyring */
  open(sealed: Sealed): string;
}

/** For a host without a keyring: the file, of mode 0600, is all that protects them. */
export const fileSecrets: Secrets = {
  kind: 'file',
  seal: (secret) => ({ by: 'file', text: secret }),
  open({ by, text }) {
    if (by === 'file') return text;
    throw new ParleyError('account.secret', 'the password was kept in a keyring, and this host has none');
  },
};
