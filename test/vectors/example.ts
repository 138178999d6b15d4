import { readFileSync } from 'node:fs';

export interface Example {
  readonly startLine: string;
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  readonly body: Uint8Array;
}

/** The octets of one wire example: `F11-01.sip`. */
export function exampleOctets(name: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(`examples/${name}`, import.meta.url)));
}

/** A SIP example split at its empty line, by the plainest means: it must not lean on the codec that is tested with it. */
export function sipExample(name: string): Example {
  const octets = exampleOctets(name);
  const text = Buffer.from(octets).toString('latin1');
  const end = text.indexOf('\r\n\r\n');
  const [startLine = '', ...lines] = text.slice(0, end).split('\r\n');
  const headers = lines.map((line) => {
    const colon = line.indexOf(':');
    return { name: line.slice(0, colon), value: line.slice(colon + 1).trim() };
  });
  return { startLine, headers, body: octets.subarray(end + 4) };
}

export function headerOf(example: Example, name: string): string {
  const found = example.headers.find((header) => header.name === name);
  if (found === undefined) throw new Error(`${example.startLine} has no ${name}`);
  return found.value;
}
