/** What is wrong with an address as a person writes it; null when it can be tried. The core decides in the end. */
export type AddressProblem = 'missing' | 'invalid' | 'self';

const NAME_AT_HOST = /^[^\s@<>"]{1,128}@[^\s@<>"/]{1,128}$/u;
const PHONE = /^\+?[0-9][0-9().\- ]{1,30}$/;

/** `bob@example.com` as `sip:bob@example.com`, `+49 (30) 12 34` as `tel:+49301234`; an address with a scheme as it is. */
export function normalAddress(text: string): string {
  const trimmed = text.trim();
  if (/^(sips?|tel|im):/i.test(trimmed)) return trimmed;
  if (PHONE.test(trimmed)) return `tel:${trimmed.replace(/[^+0-9]/g, '')}`;
  return `sip:${trimmed}`;
}

export function addressProblem(text: string, own: string): AddressProblem | null {
  const trimmed = text.trim();
  if (trimmed === '') return 'missing';
  const address = normalAddress(trimmed);
  if (address.toLowerCase() === own.toLowerCase()) return 'self';
  const [, scheme = '', rest = ''] = /^([a-z]+):(.*)$/i.exec(address) ?? [];
  const fits = scheme.toLowerCase() === 'tel' ? PHONE.test(rest.split(';')[0] ?? '') : NAME_AT_HOST.test(rest.split(';')[0] ?? '');
  return fits ? null : 'invalid';
}

/** `sip:bob@example.com` as `bob@example.com`, for reading */
export function plainAddress(address: string): string {
  return address.replace(/^(sips?|tel|im):/i, '');
}
