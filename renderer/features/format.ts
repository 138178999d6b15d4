/** Numbers, sizes and times as this person's system writes them. A `locale` is given in tests only. */

const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const;
const cache = new Map<string, Intl.NumberFormat>();

function unitFormat(unit: string, digits: number, locale?: string, display: 'short' | 'narrow' | 'long' = 'short'): Intl.NumberFormat {
  const key = `${locale ?? ''} ${unit} ${digits} ${display}`;
  let format = cache.get(key);
  if (format === undefined) {
    format = new Intl.NumberFormat(locale, {
      style: 'unit',
      unit,
      unitDisplay: display,
      minimumFractionDigits: digits,
      maximumFractionDigits: digits,
    });
    cache.set(key, format);
  }
  return format;
}

/** decimal units, as file managers show them */
function power(octets: number): number {
  let at = 0;
  while (at < UNITS.length - 1 && octets >= 999.95 * 1000 ** at) at += 1;
  return at;
}

/**
 * `64.0 MB`, `312 kB`, `17 byte`
 * @param digits after the point, where not as many as are usual
 */
export function formatSize(octets: number, locale?: string, digits?: number): string {
  return inUnit(octets, power(octets), locale, digits);
}

function inUnit(octets: number, at: number, locale?: string, digits = at >= 2 ? 1 : 0): string {
  return unitFormat(UNITS[at] ?? 'byte', digits, locale, at === 0 ? 'long' : 'short').format(octets / 1000 ** at);
}

/** Both in the unit of the whole, the first without its unit: `12.4` and `64.0 MB`. */
export function formatAmount(done: number, all: number, locale?: string): { done: string; all: string } {
  const at = power(all);
  const digits = at >= 2 ? 1 : 0;
  const plain = new Intl.NumberFormat(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return { done: plain.format(done / 1000 ** at), all: inUnit(all, at, locale) };
}

/** octets per second without the `/s`: `38 MB`, `1.4 MB` */
export function formatRate(octetsPerSecond: number, locale?: string): string {
  const at = Math.max(1, power(octetsPerSecond));
  return inUnit(octetsPerSecond, at, locale, octetsPerSecond / 1000 ** at < 10 ? 1 : 0);
}

/** `2 s`, `5 min`, `1 h 20 min`; never less than a second */
export function formatDuration(seconds: number, locale?: string): string {
  const whole = Math.max(1, Math.round(seconds));
  if (whole < 60)
    return unitFormat('second', 0, locale, 'narrow')
      .format(whole)
      .replace(/(\d)([a-z])/i, '$1 $2');
  const minutes = Math.round(whole / 60);
  if (minutes < 60) return unitFormat('minute', 0, locale).format(minutes);
  const hours = unitFormat('hour', 0, locale, 'narrow')
    .format(Math.floor(minutes / 60))
    .replace(/(\d)([a-z])/i, '$1 $2');
  return minutes % 60 === 0 ? hours : `${hours} ${unitFormat('minute', 0, locale).format(minutes % 60)}`;
}

const clockTime = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const fullTime = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'medium' });
const dayInYear = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' });
const dayAnyYear = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'long', year: 'numeric' });
const weekday = new Intl.DateTimeFormat(undefined, { weekday: 'short' });
const shortDay = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });
const shortDate = new Intl.DateTimeFormat(undefined, { day: '2-digit', month: '2-digit', year: '2-digit' });

export function formatTime(time: number): string {
  return clockTime.format(time);
}

export function formatFullTime(time: number): string {
  return fullTime.format(time);
}

/** Local midnight before `time`; two times are of one day when theirs are equal. */
export function dayOf(time: number): number {
  const day = new Date(time);
  day.setHours(0, 0, 0, 0);
  return day.getTime();
}

/** days from `time` to `now` by the calendar, not by 24 hours */
function daysAgo(time: number, now: number): number {
  return Math.round((dayOf(now) - dayOf(time)) / 86_400_000);
}

export function formatDay(time: number, now: number, names: { today: string; yesterday: string }): string {
  const ago = daysAgo(time, now);
  if (ago === 0) return names.today;
  if (ago === 1) return names.yesterday;
  return (ago > 0 && ago < 300 ? dayInYear : dayAnyYear).format(time);
}

/** For a row of the conversation list: a time today, a weekday this week, a date before. */
export function formatListTime(time: number, now: number): string {
  const ago = daysAgo(time, now);
  if (ago <= 0) return clockTime.format(time);
  if (ago < 7) return weekday.format(time);
  return (ago < 300 ? shortDay : shortDate).format(time);
}

/** Within a sentence: the clock of today, with the day before it of any other: `22:10`, `19 Nov 22:10`. */
export function formatMoment(time: number, now: number): string {
  const ago = daysAgo(time, now);
  if (ago <= 0) return clockTime.format(time);
  return `${(ago < 300 ? shortDay : shortDate).format(time)} ${clockTime.format(time)}`;
}

/** The start of a text that is longer than `length` UTF-16 code units, never ending within a character. */
export function startOf(text: string, length: number): string {
  if (text.length <= length) return text;
  return `${text.slice(0, length).replace(/[\uD800-\uDBFF]$/, '')}…`;
}
