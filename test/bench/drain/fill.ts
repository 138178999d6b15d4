import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { accountPaths } from '../../../electron/app/paths.ts';
import { openHandle } from '../../../electron/sqlite/handles.ts';
import { openDatabase } from '../../../electron/store/database.ts';
import { createReads } from '../../../electron/store/reads.ts';
import { createWrites } from '../../../electron/store/writes.ts';
import { randomToken, randomUuid } from '../../../shared/base/random.ts';
import { addressTitle } from '../../../shared/model/address.ts';

/** What somebody wrote while there was no network: messages to each of the peers in turn. @param userData of the headless host */
export function fillOutbox(userData: string, address: string, peers: readonly string[], messages: number): void {
  const { data } = accountPaths(userData, address, userData);
  mkdirSync(data, { recursive: true });
  const database = openDatabase({ path: join(data, 'parley.db'), nativeBinding: null });
  const handle = openHandle(database);
  const reads = createReads(handle);
  const writes = createWrites(handle, reads);
  const now = Date.now() - messages;
  database.transaction(() => {
    const ids = peers.map((peer) => writes.openConversation({ peer, title: addressTitle(peer), cpmConversationId: randomUuid(), now }).id);
    for (let n = 0; n < messages; n++) {
      writes.composeText({
        conversationId: ids[n % ids.length] as number,
        text: `message ${n}, about as long as what people write to each other while there is no network`,
        imdnId: randomToken(24),
        contributionId: randomUuid(),
        now: now + n,
      });
    }
  })();
  database.close();
}
