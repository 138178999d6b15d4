import filenamify from 'filenamify';

const MAX_OCTETS = 200;

/**
 * A name from outside (an upload, a pasted file) as one that is safe in any folder of any platform: no path, no control or direction
 * characters, no reserved name, at most 200 octets of UTF-8, the extension kept.
 */
export function safeFileName(name: string, fallback = 'file'): string {
  const last = name.slice(0, 4096).split(/[\\/]/).at(-1) ?? '';
  let limit = MAX_OCTETS;
  let safe = filenamify(last, { replacement: '_', maxLength: limit });
  while (Buffer.byteLength(safe) > MAX_OCTETS && limit > 1) {
    limit = Math.floor(limit * 0.8);
    safe = filenamify(last, { replacement: '_', maxLength: limit });
  }
  // A leading dot would hide the file from its owner.
  safe = safe.replace(/^[.\s]+/, '');
  return /[^_.\s]/.test(safe) && Buffer.byteLength(safe) <= MAX_OCTETS ? safe : fallback;
}
