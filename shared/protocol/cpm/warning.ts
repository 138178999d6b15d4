import { type HeaderField, headerValues, splitHeader, unquoted } from './header-scan.ts';

/** One value of a Warning header (RFC 3261 section 20.43): `399 home2.example "133 Size exceeded"`. */
export interface Warning {
  readonly code: number;
  readonly agent: string;
  readonly text: string;
}

/** Some peers write `403 SIP "…"`; what is no warning at all is left out. */
export function readWarnings(headers: readonly HeaderField[]): Warning[] {
  const warnings: Warning[] = [];
  for (const value of headerValues(headers, 'Warning').flatMap((line) => splitHeader(line, ','))) {
    const match = /^(\d{3}) +(\S+) +(".*")$/s.exec(value);
    if (match !== null) warnings.push({ code: Number(match[1]), agent: match[2] ?? '', text: unquoted(match[3] ?? '') });
  }
  return warnings;
}

export function warningTexts(headers: readonly HeaderField[]): string[] {
  return readWarnings(headers).map((warning) => warning.text);
}

/** Value of a Warning header. */
export function encodeWarning(warning: Warning): string {
  return `${warning.code} ${warning.agent} "${warning.text.replace(/[\r\n]+/g, ' ').replace(/["\\]/g, '\\$&')}"`;
}
