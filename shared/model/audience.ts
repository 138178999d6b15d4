/**
 * Whom a conversation is with: one person, several people at once, a group that the network keeps, or somebody who does not say who it is.
 * In a list or group one message goes to all, and each of them answers in the conversation of his own.
 */
export const CONVERSATION_KINDS = ['person', 'list', 'group', 'anonymous'] as const;
export type ConversationKind = (typeof CONVERSATION_KINDS)[number];

/** Somebody a message to several goes to. */
export interface Member {
  /** canonical address */
  readonly address: string;
  readonly name: string;
}

const LIST = 'list:';
const ANONYMOUS = 'anonymous:';
const GROUP = 'group:';

/** What a conversation with a set of people is kept under: the same for the same people, and no address. @param addresses canonical */
export function listKey(addresses: readonly string[]): string {
  return LIST + [...new Set(addresses)].sort().join(' ');
}

/**
 * What messages without a name are kept under, never in the conversation of anybody: those that cannot be answered together, the others by
 * the address that answers go to, which may be anybody's.
 */
export function anonymousKey(replyTo: string | null): string {
  return ANONYMOUS + (replyTo ?? '');
}

/**
 * What a group that was made for its people is kept under: where it is reached may change, its Contribution-ID stays (cpm.md section 8.5). One
 * that the network has by a name is kept under its address.
 */
export function groupKey(contributionId: string): string {
  return GROUP + contributionId;
}

/** The kind that a key of {@link listKey}, {@link anonymousKey} or {@link groupKey} stands for; null for an address, of a person or a group. */
export function kindOfKey(key: string): 'list' | 'anonymous' | 'group' | null {
  if (key.startsWith(LIST)) return 'list';
  if (key.startsWith(GROUP)) return 'group';
  return key.startsWith(ANONYMOUS) ? 'anonymous' : null;
}

/** `Bob and Carol`, `Bob, Carol and Dave`, `Bob, Carol and 2 others` */
export function listTitle(names: readonly string[]): string {
  const [first = '', second, third] = names;
  if (second === undefined) return first;
  if (third === undefined) return `${first} and ${second}`;
  return names.length === 3 ? `${first}, ${second} and ${third}` : `${first}, ${second} and ${names.length - 2} others`;
}
