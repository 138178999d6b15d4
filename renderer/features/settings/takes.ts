import * as v from 'valibot';

/** Whether the core would take it, before it is asked. */
export function takes(schema: v.GenericSchema<unknown>, typed: unknown): boolean {
  return v.is(schema, typed);
}
