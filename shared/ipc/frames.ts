import * as v from 'valibot';
import { type CodedError, ERROR_CODES } from '../base/errors.ts';

/**
 * The JSON texts the contract travels in, whatever carries them:
 *
 *     page → core   { id, method, params }
 *     core → page   { id, result } | { id, error } | { event, payload } | { events: [{ event, payload }, …] }
 *
 * `id` is the caller's, opaque to the core. An error with `id: null` answers a text in which no id could be read.
 */
export interface CallFrame {
  readonly id: string;
  readonly method: string;
  readonly params: unknown;
}

export type AnswerFrame =
  | { readonly kind: 'result'; readonly id: string; readonly result: unknown }
  | { readonly kind: 'error'; readonly id: string | null; readonly error: CodedError }
  | { readonly kind: 'events'; readonly events: readonly { readonly event: string; readonly payload: unknown }[] };

/** UTF-16 code units of one text; a page of the longest texts fits, with every character escaped */
export interface FrameLimits {
  readonly maxCall: number;
  readonly maxAnswer: number;
}

export const FRAME_LIMITS: FrameLimits = { maxCall: 1024 * 1024, maxAnswer: 128 * 1024 * 1024 };

/** longest `detail` of an error that crosses */
export const MAX_DETAIL = 4096;

const callId = v.pipe(v.string(), v.minLength(1), v.maxLength(64));
const codedError = v.object({ code: v.picklist(ERROR_CODES), detail: v.pipe(v.string(), v.maxLength(MAX_DETAIL)) });

const anyCall = v.strictObject({ id: callId, method: v.pipe(v.string(), v.maxLength(64)), params: v.unknown() });
const anyResult = v.strictObject({ id: callId, result: v.unknown() });
const anyError = v.strictObject({ id: v.nullable(callId), error: codedError });
const anyEvent = v.strictObject({ event: v.pipe(v.string(), v.maxLength(64)), payload: v.unknown() });
const severalEvents = v.strictObject({ events: v.array(anyEvent) });

/** @returns the call, or what is wrong with the text, with the id of the caller where one can be read */
export function decodeCall(text: string, maxCall: number): CallFrame | { readonly malformed: string; readonly id: string | null } {
  const parsed = parse(text, maxCall);
  if ('malformed' in parsed) return { malformed: parsed.malformed, id: null };
  const call = v.safeParse(anyCall, parsed.value);
  if (call.success) return call.output;
  const withId = v.safeParse(v.object({ id: callId }), parsed.value);
  return { malformed: 'not a call', id: withId.success ? withId.output.id : null };
}

export function decodeAnswer(text: string, maxAnswer: number): AnswerFrame | { readonly malformed: string } {
  const parsed = parse(text, maxAnswer);
  if ('malformed' in parsed) return parsed;
  const result = v.safeParse(anyResult, parsed.value);
  if (result.success) return { kind: 'result', ...result.output };
  const error = v.safeParse(anyError, parsed.value);
  if (error.success) return { kind: 'error', ...error.output };
  const event = v.safeParse(anyEvent, parsed.value);
  if (event.success) return { kind: 'events', events: [event.output] };
  const events = v.safeParse(severalEvents, parsed.value);
  if (events.success) return { kind: 'events', ...events.output };
  return { malformed: 'neither an answer nor an event' };
}

function parse(text: unknown, max: number): { value: unknown } | { malformed: string } {
  if (typeof text !== 'string') return { malformed: 'not a text' };
  if (text.length > max) return { malformed: `longer than ${max} characters` };
  try {
    return { value: JSON.parse(text) };
  } catch {
    return { malformed: 'not JSON' };
  }
}
