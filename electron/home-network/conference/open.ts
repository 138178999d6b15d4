import type { Clock } from '../../../shared/base/clock.ts';
import { trySipUri } from '../../../shared/protocol/sip/uri.ts';
import type { MsrpEngine } from '../../msrp/port.ts';
import type { NetworkDatabases } from '../databases/open.ts';
import type { Spool } from '../focus/spool.ts';
import type { NotificationFilter } from '../notification-filter.ts';
import type { ProviderPolicy } from '../rules/rules.ts';
import { Conferences } from './conferences.ts';
import type { ConferenceHost } from './host.ts';
import { ConferencePackage } from './package.ts';
import { type ConferencePolicy, DEFAULT_CONFERENCE_POLICY } from './policy.ts';
import { conferenceRecords } from './records.ts';
import { LogTextPlane } from './text/plane.ts';

interface Parts
  extends Pick<ConferenceHost, 'directory' | 'bindings' | 'dialogs' | 'relay' | 'enforcement' | 'layer' | 'mediaRefusal' | 'log'> {
  readonly msrp: MsrpEngine;
  readonly clock: Clock;
  readonly spool: Spool;
  readonly notifications: NotificationFilter;
  readonly databases: NetworkDatabases | undefined;
  readonly policy: Partial<ConferencePolicy> | undefined;
  /** how long, and how much, waits for somebody who is away */
  readonly keeping: Pick<ProviderPolicy, 'maxExpiry' | 'quotaItems' | 'quotaOctets'>;
}

/** Groups that talk in a session, with those that were kept. */
export interface Groups {
  readonly conferences: Conferences;
  readonly roster: ConferencePackage;
  /** before anybody can ask for one */
  open(): Promise<void>;
  close(): Promise<void>;
}

export function makeGroups({ msrp, clock, spool, notifications, databases, policy, keeping, ...host }: Parts): Groups {
  const { directory, log } = host;
  const nameOf = (address: string): string => {
    const uri = trySipUri(address);
    return (uri === null ? null : directory.byUri(uri))?.user ?? address;
  };
  const plane = new LogTextPlane({
    ...{ msrp, clock, spool, log, databases: databases ?? null },
    life: keeping.maxExpiry * 1000,
    quota: { items: keeping.quotaItems, octets: keeping.quotaOctets },
    screen: async (author, read) => {
      const uri = trySipUri(author);
      const user = uri === null ? null : directory.byUri(uri);
      return user === null ? null : host.enforcement.refusalInGroup(user, read);
    },
    wanted: (id) => conferences.wanted(id),
    admit: (from, author, imdn, respond) => notifications.admit(nameOf(from), nameOf(author), imdn, respond),
  });
  const records = conferenceRecords(databases);
  const conferences: Conferences = new Conferences({
    ...{ ...host, plane, records, policy: { ...DEFAULT_CONFERENCE_POLICY, ...policy } },
    mediaHost: () => msrp.address.host,
  });
  return {
    conferences,
    roster: new ConferencePackage((uri) => conferences.groups.find(uri)),
    async open() {
      await conferences.open();
      // what was said and is over since is told to who said it, also in a group that nobody enters
      if (!conferences.isEmpty) await plane.start();
    },
    async close() {
      conferences.close();
      await plane.close();
      await records.close();
    },
  };
}
