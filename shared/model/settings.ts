import * as v from 'valibot';

/** What a person is told of when the system shows a notification. */
export const NOTIFICATION_LEVELS = ['content', 'sender', 'nothing'] as const;
/** How a text leaves when both the peer and its size allow a choice. */
export const MESSAGE_MODES = ['automatic', 'session', 'standalone'] as const;
/** What becomes of a request for a display notification: sent; answered with `forbidden` (RFC 5438 section 7.2.1.2); or passed over in silence. */
export const DISPLAY_REPORTS = ['send', 'refuse', 'silent'] as const;

const ADDRESS = /^(?:(?:sips?:)?[^\s@<>"]{1,128}@[^\s@<>"]{1,128}|(?:tel:)?\+?[0-9()./ -]{3,40})?$/;

const line = (max: number) => v.pipe(v.string(), v.trim(), v.maxLength(max), v.regex(/^[^\p{Cc}]*$/u));

/** One schema a setting: what the page may ask for, and what of a stored text is believed. */
export const settingsSchema = v.strictObject({
  /** display-name of the Contact in REGISTER (R-REG-08), empty for none */
  deviceName: line(64),
  /** where replies are to go (Reply-To, R-PM-04), empty for the own address */
  replyTo: v.pipe(line(256), v.regex(ADDRESS)),
  preferredMode: v.picklist(MESSAGE_MODES),
  displayReports: v.picklist(DISPLAY_REPORTS),
  /** others see that this person is typing (RFC 3994) */
  typing: v.boolean(),
  notifications: v.picklist(NOTIFICATION_LEVELS),
  /** the first message of somebody whom this person never wrote to waits as a request */
  requests: v.boolean(),
  /** files that come in up to this many octets are accepted without a question, 0 for none; of people who are known only */
  autoAcceptUpTo: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(Number.MAX_SAFE_INTEGER)),
  /** what waits in the network is fetched without a question up to this many octets each, 0 for nothing */
  autoFetchUpTo: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(Number.MAX_SAFE_INTEGER)),
  /** absolute; empty for the host's. No page names a path: see {@link pageSettingsSchema} */
  downloadFolder: v.pipe(v.string(), v.maxLength(4096)),
});

/** What a page may ask for by itself: a folder is picked in the host's dialog. */
export const pageSettingsSchema = v.omit(settingsSchema, ['downloadFolder']);

/** What the person decided for one account. */
export type Settings = v.InferOutput<typeof settingsSchema>;
export type PageSettings = v.InferOutput<typeof pageSettingsSchema>;
export type SettingsChange = { readonly [K in keyof Settings]?: Settings[K] | undefined };

export const DEFAULT_SETTINGS: Settings = {
  deviceName: '',
  replyTo: '',
  preferredMode: 'automatic',
  displayReports: 'send',
  typing: true,
  notifications: 'content',
  requests: true,
  autoAcceptUpTo: 1_000_000,
  autoFetchUpTo: 0,
  downloadFolder: '',
};

/** What is not given stays. */
export function changeSettings(before: Settings, change: SettingsChange): Settings {
  const given = Object.entries(change).filter(([, value]) => value !== undefined);
  return { ...before, ...Object.fromEntries(given) };
}

/** What was stored, whatever it is: a field that is missing, or of a newer or damaged version, takes its default. */
export function readSettings(stored: unknown): Settings {
  const given = typeof stored === 'object' && stored !== null ? (stored as Record<string, unknown>) : {};
  const believed = Object.entries(settingsSchema.entries)
    .filter(([key, schema]) => Object.hasOwn(given, key) && v.is(schema, given[key]))
    .map(([key]) => [key, given[key]]);
  return { ...DEFAULT_SETTINGS, ...Object.fromEntries(believed) };
}
