import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalAddress, numberRoute } from '../../../shared/model/address.ts';

/** somebody, and how others may write the address */
type Somebody =
  | { readonly kind: 'sip'; readonly user: string; readonly host: string; readonly port: number | null }
  | { readonly kind: 'number'; readonly national: string; readonly extension: string | null };

const COUNTRY = '49';

const user = fc.string({ unit: fc.constantFrom(...'abcXYZ019-_.!~*()&=+$,;?/'), minLength: 1, maxLength: 12 });
const host = fc.constantFrom('home.example', 'home2.example', 'a.home.example', 'localhost', '192.0.2.7', '[2001:db8::7]');
const port = fc.constantFrom(null, 5070, 5080);
const digits = (minLength: number, maxLength: number) => fc.string({ unit: fc.constantFrom(...'0123456789'), minLength, maxLength });
const number = fc.tuple(fc.constantFrom(...'123456789'), digits(7, 10)).map(([first, rest]) => first + rest);

const somebody: fc.Arbitrary<Somebody> = fc.oneof(
  // a user of digits behind + is a number, and drawn below
  fc.record({ kind: fc.constant('sip' as const), user: user.filter((text) => !text.startsWith('+')), host, port }),
  fc.record({ kind: fc.constant('number' as const), national: number, extension: fc.option(digits(1, 4)) }),
);

const parameters = fc.subarray([';transport=tcp', ';gr=urn:uuid:1', ';x=y', ';lr', ';method=MESSAGE']).map((all) => all.join(''));
const dress = fc.constantFrom(
  (uri: string) => uri,
  (uri: string) => ` <${uri}> `,
  (uri: string) => `"Bob \\"<sip:eve@evil.example>" <${uri}>;tag=1`,
);

const flip = (text: string, chosen: readonly boolean[]): string =>
  [...text].map((character, at) => (chosen[at % chosen.length] ? character.toUpperCase() : character)).join('');
const escaped = (text: string, chosen: readonly boolean[]): string =>
  [...text]
    .map((character, at) => {
      if (!chosen[at % chosen.length] || /[;?&=+$,/]/.test(character)) return character;
      const hex = character.charCodeAt(0).toString(16);
      return `%${at % 2 === 0 ? hex : hex.toUpperCase()}`;
    })
    .join('');
const separate = (text: string, chosen: readonly boolean[]): string =>
  [...text].map((digit, at) => (chosen[at % chosen.length] ? `${digit}${'-.()'[at % 4]}` : digit)).join('');

/** One way to write that address. */
function spelling(who: Somebody): fc.Arbitrary<string> {
  const bits = fc.array(fc.boolean(), { minLength: 1, maxLength: 9 });
  const rest = fc.record({ bits, more: bits, parameters, dress, scheme: fc.constantFrom('sip:', 'sips:', 'SIP:', 'Sips:') });
  if (who.kind === 'sip') {
    return rest.map((how) => {
      const explicit = who.port ?? (how.bits[0] ? 5060 : how.more[0] ? 5061 : null);
      const dot = /[a-z]$/.test(who.host) && how.more.at(-1) ? '.' : '';
      const at = `${flip(who.host, how.more)}${dot}${explicit === null ? '' : `:${explicit}`}`;
      return how.dress(`${how.scheme}${escaped(who.user, how.bits)}@${at}${how.parameters}`);
    });
  }
  const line = who.extension === null ? '' : `;ext=${who.extension}`;
  return fc.tuple(rest, fc.constantFrom('tel', 'national', 'prefix', 'phone', 'national phone', 'user')).map(([how, form]) => {
    const { national } = who;
    const global = separate(`${COUNTRY}${national}`, how.bits);
    const local = separate(`0${national}`, how.bits);
    // a user part that says nothing of its kind is a number only in its plain form, and a person beside it without an extension
    const sip = (text: string, phone: string) => `${how.scheme}${text}${line}@${flip('home.example', how.more)}${phone}${how.parameters}`;
    switch (form) {
      case 'tel':
        return how.dress(`tel:+${global}${line};verstat=No-TN-Validation`);
      case 'national':
        return how.dress(`TEL:${local}${line}`);
      case 'prefix':
        return how.dress(`tel:00${global}${line}`);
      case 'phone':
        return how.dress(sip(`+${global}`, ';user=phone'));
      case 'national phone':
        return how.dress(sip(local, ';USER=Phone'));
      default:
        return how.dress(line === '' ? sip(`+${COUNTRY}${national}`, '') : `tel:+${global}${line}`);
    }
  });
}

const fold = (text: string) => canonicalAddress(text, COUNTRY);

describe('folding of addresses', () => {
  it('gives every spelling of one address the same form, and that form itself', () => {
    const two = somebody.chain((who) => fc.tuple(spelling(who), spelling(who)));
    fc.assert(
      fc.property(two, ([one, other]) => {
        const folded = fold(one);
        expect(folded).not.toBeNull();
        expect(fold(other)).toBe(folded);
        expect(fold(folded ?? '')).toBe(folded);
        // also where the country is not known, and for the route of a number
        expect(canonicalAddress(folded ?? '')).toBe(folded);
        const route = numberRoute(one, COUNTRY);
        if (route !== null) expect(fold(route)).toBe(folded);
      }),
      { numRuns: 5000 },
    );
  });

  it('never gives two people one form', () => {
    const same = (a: Somebody, b: Somebody) => JSON.stringify(a) === JSON.stringify(b);
    const two = fc.tuple(somebody, somebody).filter(([a, b]) => !same(a, b));
    const near = somebody.chain((who) =>
      fc.tuple(
        fc.constant(who),
        fc.constantFrom<Somebody>(
          ...(who.kind === 'sip'
            ? [
                { ...who, user: `${who.user}x` },
                { ...who, user: flip(who.user, [true]) },
                { ...who, host: `x.${who.host.replace(/^\[.*/, 'example')}` },
                { ...who, port: who.port === 5070 ? 5080 : 5070 },
              ]
            : [
                { ...who, national: `${who.national}1` },
                { ...who, national: who.national.slice(0, -1) + ((Number(who.national.at(-1)) + 1) % 10) },
                { ...who, extension: who.extension === null ? '1' : null },
              ]),
        ),
      ),
    );
    const spelled = fc
      .oneof(
        two,
        near.filter(([a, b]) => !same(a, b)),
      )
      .chain(([a, b]) => fc.tuple(spelling(a), spelling(b)));
    fc.assert(
      fc.property(spelled, ([one, other]) => {
        expect(fold(one)).not.toBe(fold(other));
      }),
      { numRuns: 5000 },
    );
  });
});
