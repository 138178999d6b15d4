/** The end of an exhaustive switch: the compiler proves it is never reached, and hostile input that reaches it throws. */
export function assertNever(value: never): never {
  throw new TypeError(`unexpected value: ${String(value)}`);
}
