import type { WriteHandle } from '../../sqlite/handles.ts';
import type { NetworkDatabaseKind } from '../databases/kind.ts';
import type { ConferenceAbout, Participant, Standing } from './state.ts';

/** What of somebody outlives the network: not which of his devices are there. */
export type KeptParticipant = Omit<Participant, 'ringing' | 'endpoints'>;

export interface KeptConference {
  readonly about: ConferenceAbout;
  readonly people: readonly KeptParticipant[];
}

export type ConferenceCalls = ReturnType<typeof conferenceCalls>;

interface AboutRow {
  readonly id: string;
  readonly uri: string;
  readonly conversation_id: string;
  readonly contribution_id: string;
  readonly subject: string | null;
  readonly creator: string;
  readonly group_name: string | null;
  readonly is_closed: number;
  readonly created_at: number;
}

interface ParticipantRow {
  readonly conference: string;
  readonly address: string;
  readonly entity: string;
  readonly display_name: string;
  readonly standing: string;
  readonly invited_by: string | null;
  readonly is_blind: number;
  readonly missed_status: number | null;
  readonly missed_reason: string | null;
  readonly since: number;
}

function conferenceCalls(handle: WriteHandle) {
  const conferences = handle.many<AboutRow>('SELECT * FROM conference ORDER BY created_at, id');
  const participants = handle.many<ParticipantRow>('SELECT * FROM participant ORDER BY conference, position');
  const insert = handle.change(`
    INSERT INTO conference VALUES (:id, :uri, :conversationId, :contributionId, :subject, :creator, :group, :isClosed, :createdAt)
    ON CONFLICT (id) DO NOTHING`);
  const put = handle.change(`
    INSERT INTO participant
    SELECT :conference, :address, ifnull(max(position), 0) + 1, :entity, :displayName, :standing, :invitedBy, :isBlind, :missedStatus, :missedReason, :since
    FROM participant WHERE conference = :conference
    ON CONFLICT (conference, address) DO UPDATE SET entity = excluded.entity, display_name = excluded.display_name, standing = excluded.standing,
      invited_by = excluded.invited_by, is_blind = excluded.is_blind, missed_status = excluded.missed_status,
      missed_reason = excluded.missed_reason, since = excluded.since`);
  const remove = handle.change('DELETE FROM conference WHERE id = :id');
  return {
    all(): KeptConference[] {
      const of = new Map<string, KeptParticipant[]>();
      for (const row of participants({})) {
        const list = of.get(row.conference) ?? [];
        of.set(row.conference, list);
        list.push(participantOf(row));
      }
      return conferences({}).map((row) => ({ about: aboutOf(row), people: of.get(row.id) ?? [] }));
    },

    /** @param people of whom something is new */
    save(about: ConferenceAbout, people: readonly KeptParticipant[]): void {
      insert({ ...about, isClosed: about.isClosed ? 1 : 0 });
      for (const { missed, isBlind, ...who } of people) {
        const reached = { missedStatus: missed?.status ?? null, missedReason: missed?.reason ?? null };
        put({ ...who, ...reached, isBlind: isBlind ? 1 : 0, conference: about.id });
      }
    },

    remove: (id: string): void => void remove({ id }),
  };
}

/** The file `conference.db`: which groups there are, and who is in them. */
export const CONFERENCE: NetworkDatabaseKind = {
  // `Pcnf`
  applicationId: 0x50636e66,
  migrations: [
    {
      version: 1,
      sql: `
CREATE TABLE conference (
  id TEXT PRIMARY KEY,
  uri TEXT NOT NULL,
  conversation_id TEXT NOT NULL,
  contribution_id TEXT NOT NULL UNIQUE,
  subject TEXT,
  creator TEXT NOT NULL,
  group_name TEXT UNIQUE,
  is_closed INTEGER NOT NULL,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE participant (
  conference TEXT NOT NULL REFERENCES conference (id) ON DELETE CASCADE,
  address TEXT NOT NULL,
  -- in the order in which they became known
  position INTEGER NOT NULL,
  entity TEXT NOT NULL,
  display_name TEXT NOT NULL,
  standing TEXT NOT NULL,
  invited_by TEXT,
  is_blind INTEGER NOT NULL,
  missed_status INTEGER,
  missed_reason TEXT,
  since INTEGER NOT NULL,
  PRIMARY KEY (conference, address)
) STRICT, WITHOUT ROWID;
`,
    },
  ],
  calls: conferenceCalls,
};

function aboutOf(row: AboutRow): ConferenceAbout {
  return {
    id: row.id,
    uri: row.uri,
    conversationId: row.conversation_id,
    contributionId: row.contribution_id,
    subject: row.subject,
    creator: row.creator,
    group: row.group_name,
    isClosed: row.is_closed !== 0,
    createdAt: row.created_at,
  };
}

function participantOf(row: ParticipantRow): KeptParticipant {
  return {
    address: row.address,
    entity: row.entity,
    displayName: row.display_name,
    standing: row.standing as Standing,
    invitedBy: row.invited_by,
    isBlind: row.is_blind !== 0,
    missed: row.missed_status === null ? null : { status: row.missed_status, reason: row.missed_reason ?? '' },
    since: row.since,
  };
}
