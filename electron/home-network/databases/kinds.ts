import { CONFERENCE } from '../conference/database.ts';
import { CONFERENCE_LOG } from '../conference/text/database.ts';
import { DEFERRAL } from '../deferral/database.ts';
import { HISTORY } from '../history/queue-database.ts';
import { MESSAGE_STORE } from '../message-store/storage/database.ts';
import { XDM } from '../xdm/schema.ts';
import type { NetworkDatabaseKind } from './kind.ts';

/** By the name of the file in the network's folder, without `.db`. */
export const KINDS: Readonly<Record<string, NetworkDatabaseKind>> = {
  conference: CONFERENCE,
  'conference-log': CONFERENCE_LOG,
  deferral: DEFERRAL,
  history: HISTORY,
  'message-store': MESSAGE_STORE,
  xdm: XDM,
};
