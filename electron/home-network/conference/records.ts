import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { NetworkDatabase, type NetworkDatabases } from '../databases/open.ts';
import type { ConferenceCalls, KeptConference, KeptParticipant } from './database.ts';
import type { ConferenceAbout, ConferenceState, Participant } from './state.ts';

const NAME = 'conference';
const METHODS: Readonly<Record<keyof ConferenceCalls, true>> = { all: true, save: true, remove: true };

/** Which groups there are, beyond the end of the network. Each call resolves with its commit, in the order in which they were made. */
export interface ConferenceRecords {
  all(): Promise<readonly KeptConference[]>;
  save(about: ConferenceAbout, people: readonly KeptParticipant[]): Promise<void>;
  remove(id: string): Promise<void>;
  close(): Promise<void>;
}

/** Without a folder the groups are gone when the network ends; with one, its thread starts when there is something to read or write. */
export function conferenceRecords(databases: NetworkDatabases | undefined): ConferenceRecords {
  const folder = databases?.folder ?? null;
  if (databases === undefined || folder === null) return VOLATILE;
  const database = new NetworkDatabase<ConferenceCalls>(databases, NAME, Object.keys(METHODS) as (keyof ConferenceCalls)[]);
  const { calls } = database;
  return {
    all: async () => (existsSync(join(folder, `${NAME}.db`)) ? await calls.all() : []),
    save: (about, people) => calls.save(about, people),
    remove: (id) => calls.remove(id),
    close: () => database.close(),
  };
}

const VOLATILE: ConferenceRecords = {
  all: async () => [],
  save: async () => undefined,
  remove: async () => undefined,
  close: async () => undefined,
};

/** What is to be kept of the people of whom something is new; a session that begins or ends is no news. */
export function newsOf(before: ConferenceState | null, after: ConferenceState): KeptParticipant[] {
  const news: KeptParticipant[] = [];
  for (const who of after.people.values()) {
    const old = before?.people.get(who.address);
    if (old !== undefined && (old === who || isSame(old, who))) continue;
    const { ringing: _, endpoints: __, ...kept } = who;
    news.push(kept);
  }
  return news;
}

/** As it was when the network ended: nobody is in a session. */
export function restored({ about, people }: KeptConference): ConferenceState {
  return {
    about,
    people: new Map(people.map((who): [string, Participant] => [who.address, { ...who, ringing: null, endpoints: new Map() }])),
  };
}

function isSame(a: Participant, b: Participant): boolean {
  return (
    a.entity === b.entity &&
    a.displayName === b.displayName &&
    a.standing === b.standing &&
    a.invitedBy === b.invitedBy &&
    a.isBlind === b.isBlind &&
    a.missed?.status === b.missed?.status &&
    a.since === b.since
  );
}
