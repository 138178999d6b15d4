/**
 * Telephone numbers as people and switches of one country write them (ITU-T E.164, E.123; national prefixes of ITU Operational Bulletin 994).
 * Only what is certain is made a global number: a short code, or a number without its area, stays what it is.
 */

/** E.164 section 6.2.1: with the country code 15 digits at most */
const LONGEST = 15;
/** Fewer digits are a service or an extension, not somebody's number. */
const SHORTEST_NATIONAL = 7;
const SEPARATORS = /[-.()\s/]/g;

const TWO_DIGIT_CODES = /^(?:2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58])/;

/** in front of an international number, where it is not 00 */
const INTERNATIONAL_PREFIX: Readonly<Record<string, string>> = {
  '1': '011',
  '7': '810',
  '61': '0011',
  '65': '001',
  '66': '001',
  '81': '010',
  '82': '001',
  '852': '001',
  '886': '002',
};

/** in front of a national number, where it is not 0; '' where a national number is dialled as it is */
const NATIONAL_PREFIX: Readonly<Record<string, string>> = {
  '1': '1',
  '7': '8',
  '36': '06',
  // these keep what looks like one: a number that begins with 0 is a landline's
  ...Object.fromEntries(['39', '378', '379'].map((code) => [code, ''])),
  ...Object.fromEntries(
    ['30', '34', '45', '47', '48', '52', '65', '350', '351', '352', '354', '356', '357', '371', '372', '376', '377', '420', '852'].map(
      (code) => [code, ''],
    ),
  ),
};

/** digits of every national number of these plans */
const NATIONAL_LENGTH: Readonly<Record<string, number>> = {
  '1': 10,
  '7': 10,
  '30': 10,
  '34': 9,
  '45': 8,
  '47': 8,
  '48': 9,
  '351': 9,
  '420': 9,
};

/** Whether these digits are a country code by their form: those of E.164 are free of prefixes. */
export function isCountryCode(digits: string): boolean {
  if (/^[17]$/.test(digits) || (digits.length === 2 && TWO_DIGIT_CODES.test(digits))) return true;
  return /^[2-689]\d\d$/.test(digits) && !TWO_DIGIT_CODES.test(digits);
}

/** `+` and digits: without what stands between them for the eye; null for what is no global number */
export function globalNumber(text: string): string | null {
  const digits = text.replace(SEPARATORS, '');
  return /^\+\d{3,32}$/.test(digits) ? digits : null;
}

/**
 * What somebody in a country means by a number: `030 1234567` in 49 is `+49301234567`, and so is `0049 30 1234567`.
 * @param countryCode digits without `+`
 * @returns null where it is not certain
 */
export function numberIn(countryCode: string, text: string): string | null {
  const global = globalNumber(text);
  if (global !== null) return global;
  const digits = text.replace(SEPARATORS, '');
  if (!/^\d{1,32}$/.test(digits)) return null;
  const international = INTERNATIONAL_PREFIX[countryCode] ?? '00';
  if (digits.startsWith(international)) return plausible(digits.slice(international.length));
  const prefix = NATIONAL_PREFIX[countryCode] ?? '0';
  const length = NATIONAL_LENGTH[countryCode];
  // of one length: with and without the prefix it is the same number
  if (length !== undefined && digits.length === length) return plausible(countryCode + digits);
  if (!digits.startsWith(prefix)) return null;
  const national = digits.slice(prefix.length);
  if (national.length < SHORTEST_NATIONAL || (length !== undefined && national.length !== length)) return null;
  // 00 again is another country's international prefix, or a mistake
  return prefix === '0' && national.startsWith('0') ? null : plausible(countryCode + national);
}

function plausible(digits: string): string | null {
  return /^[1-9]\d+$/.test(digits) && digits.length > SHORTEST_NATIONAL && digits.length <= LONGEST ? `+${digits}` : null;
}
