import * as v from 'valibot';

/** Whether this person wants to be reached: what comes is delivered, kept for later, or refused. */
export const AVAILABILITIES = ['accept', 'defer', 'refuse'] as const;
/** Deferred items are sent as soon as a device is there, or told of and fetched by the person (cpm.md section 16.2). */
export const DELIVERIES = ['push', 'pull'] as const;
/** the devices that get or hear of a deferred item */
export const DEVICE_CHOICES = ['all', 'newest'] as const;
export const EXPIRED_CHOICES = ['discard', 'store'] as const;
/** a file that nobody accepted in time */
export const UNACCEPTED_CHOICES = ['keep', 'store', 'discard'] as const;
/** whether what reaches no device may leave through a gateway (cpm.md section 16.8) */
export const INTERWORKING_CHOICES = ['off', 'undeliverable'] as const;

const list = (pattern: RegExp, length: number, most: number) =>
  v.pipe(v.array(v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(length), v.regex(pattern))), v.maxLength(most));

export const networkPreferencesSchema = v.strictObject({
  available: v.picklist(AVAILABILITIES),
  delivery: v.picklist(DELIVERIES),
  devices: v.picklist(DEVICE_CHOICES),
  expired: v.picklist(EXPIRED_CHOICES),
  unaccepted: v.picklist(UNACCEPTED_CHOICES),
  /** conversations are written to the Message Storage Server */
  recording: v.boolean(),
  interworking: v.picklist(INTERWORKING_CHOICES),
  /** a text that has one of these words is refused, whatever their case */
  unwantedWords: list(/^[^\p{Cc}]+$/u, 64, 100),
  /** so is what is of one of these media types: `video/mp4` or `video/*` */
  unwantedTypes: list(/^[a-z0-9][a-z0-9!#$&^_.+-]*\/(?:\*|[a-z0-9][a-z0-9!#$&^_.+-]*)$/, 127, 50),
});

/** What one user wants the network to do; kept by XDM (cpm.md section 16.6). */
export type NetworkPreferences = Readonly<v.InferOutput<typeof networkPreferencesSchema>>;

export const DEFAULT_NETWORK_PREFERENCES: NetworkPreferences = {
  available: 'accept',
  delivery: 'push',
  devices: 'all',
  expired: 'discard',
  unaccepted: 'keep',
  recording: false,
  interworking: 'off',
  unwantedWords: [],
  unwantedTypes: [],
};

/** Elements of the document whose name is not that of the field, and of which there may be several. */
const LISTS = { unwantedWords: 'unwanted-word', unwantedTypes: 'unwanted-type' } as const;

/** What a document says, by the names of its elements; what it leaves out has its default. `problem` is for whoever wrote it. */
export function preferencesFrom(
  elements: ReadonlyMap<string, readonly string[]>,
): Partial<NetworkPreferences> | { readonly problem: string } {
  const given: Record<string, unknown> = {};
  for (const [element, values] of elements) {
    const listed = Object.entries(LISTS).find(([, name]) => name === element)?.[0];
    const [value = ''] = values;
    if (listed !== undefined) given[listed] = values;
    else if (Object.hasOwn(LISTS, element)) return { problem: `${element} is not known` };
    else if (values.length > 1) return { problem: `${element} more than once` };
    else given[element] = element === 'recording' && /^(?:true|false)$/.test(value) ? value === 'true' : value;
  }
  const parsed = v.safeParse(v.partial(networkPreferencesSchema), given);
  if (parsed.success) return Object.fromEntries(Object.entries(parsed.output).filter(([, value]) => value !== undefined));
  const [issue] = parsed.issues;
  const field = issue === undefined ? null : v.getDotPath(issue);
  return { problem: `${field ?? 'the document'} ${issue?.expected === 'never' ? 'is not known' : 'has a value that is none'}` };
}

/** The reverse of {@link preferencesFrom}. */
export function preferenceElements(preferences: NetworkPreferences): ReadonlyMap<string, readonly string[]> {
  const named = Object.entries(preferences).map(([field, value]): [string, readonly string[]] => [
    Object.hasOwn(LISTS, field) ? LISTS[field as keyof typeof LISTS] : field,
    Array.isArray(value) ? (value as readonly string[]) : [String(value)],
  ]);
  return new Map(named.filter(([, values]) => values.length > 0));
}
