import type { CodedError } from '../../shared/base/errors.ts';

/** `method` is one of the database's calls, or `close`, which is the last. */
export interface Request {
  readonly id: number;
  readonly method: string;
  readonly args: readonly unknown[];
}

/** `id` 0 is about the opening. */
export type Answer =
  | { readonly id: number; readonly ok: true; readonly value: unknown }
  | { readonly id: number; readonly ok: false; readonly error: CodedError };
