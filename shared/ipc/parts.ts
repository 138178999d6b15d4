import * as v from 'valibot';
import { ERROR_CODES } from '../base/errors.ts';

/** Schemas that several parts of the contract have in common. */

export const time = v.pipe(v.number(), v.minValue(0));
export const octets = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(Number.MAX_SAFE_INTEGER));
export const nothing = v.strictObject({});

export const codedError = v.object({ code: v.picklist(ERROR_CODES), detail: v.string() });

export const registration = v.variant('kind', [
  v.object({ kind: v.literal('offline') }),
  v.object({ kind: v.literal('connecting'), since: time }),
  v.object({ kind: v.literal('registered'), since: time, expiresAt: time }),
  v.object({ kind: v.literal('waiting'), since: time, error: codedError, nextTryAt: time, failures: v.number() }),
  v.object({ kind: v.literal('refused'), since: time, error: codedError }),
  v.object({ kind: v.literal('signed-out'), since: time }),
]);
