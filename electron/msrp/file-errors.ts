import type { ErrorCode } from '../../shared/base/errors.ts';
import { ParleyError } from '../../shared/base/errors.ts';

const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** An error of a write as a person would sort it. */
export function writeError(thrown: unknown): ParleyError {
  const code = systemCode(thrown);
  return coded(FULL.has(code) ? 'file.disk-full' : 'file.unwritable', thrown);
}

/** An error of open, stat or read as a person would sort it. */
export function readError(thrown: unknown): ParleyError {
  const code = systemCode(thrown);
  if (code === 'ENOENT' || code === 'ENOTDIR') return coded('file.missing', thrown);
  return coded(code === 'EISDIR' ? 'file.is-folder' : 'file.unreadable', thrown);
}

export function systemCode(thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : '';
}

function coded(code: ErrorCode, thrown: unknown): ParleyError {
  if (thrown instanceof ParleyError) return thrown;
  return new ParleyError(code, thrown instanceof Error ? thrown.message : String(thrown), { cause: thrown });
}
