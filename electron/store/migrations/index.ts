import type { Migration } from '../../sqlite/migration.ts';
import { initial } from './0001-initial.ts';
import { search } from './0002-search.ts';
import { removal } from './0003-removal.ts';
import { list } from './0004-list.ts';
import { recipients } from './0005-recipients.ts';
import { quotes } from './0006-quotes.ts';
import { contacts } from './0007-contacts.ts';
import { reports } from './0008-reports.ts';
import { prefixes } from './0009-prefixes.ts';
import { files } from './0010-files.ts';
import { deferred } from './0011-deferred.ts';
import { way } from './0012-way.ts';
import { references } from './0013-references.ts';
import { leftBy } from './0014-left-by.ts';
import { groups } from './0015-groups.ts';
import { legs } from './0016-legs.ts';
import { groupFiles } from './0017-group-files.ts';

/** In order, without gaps, from 1. */
export const MIGRATIONS: readonly Migration[] = [
  initial,
  search,
  removal,
  list,
  recipients,
  quotes,
  contacts,
  reports,
  prefixes,
  files,
  deferred,
  way,
  references,
  leftBy,
  groups,
  legs,
  groupFiles,
];
