import { app, safeStorage } from 'electron';
import { ParleyError, toCodedError } from '../../shared/base/errors.ts';
import { fileSecrets, type Secrets } from '../app/accounts/secrets.ts';

/** The system's keyring; where there is none, the file. On Linux "basic_text" means a key that every program knows. */
export async function systemSecrets(): Promise<Secrets> {
  await app.whenReady();
  const real = process.platform !== 'linux' || safeStorage.getSelectedStorageBackend() !== 'basic_text';
  if (!safeStorage.isEncryptionAvailable() || !real) return fileSecrets;
  return {
    kind: 'keyring',
    seal: (secret) => ({ by: 'keyring', text: safeStorage.encryptString(secret).toString('base64') }),
    open({ by, text }) {
      if (by === 'file') return text;
      try {
        return safeStorage.decryptString(Buffer.from(text, 'base64'));
      } catch (thrown) {
        throw new ParleyError('account.secret', `the keyring does not open it: ${toCodedError(thrown).detail}`, { cause: thrown });
      }
    },
  };
}
