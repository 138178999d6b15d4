import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectMail } from '../../electron/imap/client.ts';
import { fromUtf8 } from '../../shared/base/bytes.ts';
import { randomToken } from '../../shared/base/random.ts';
import { decodeStoredObject } from '../../shared/protocol/cpm-objects/stored-object.ts';
import { networkDatabases } from '../harness/network-databases.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { type TwoPeople, twoPeople } from '../harness/two-people.ts';

const folder = temporaryFolder();
let people: TwoPeople;
beforeAll(async () => {
  const network = {
    databases: networkDatabases(join(folder, 'network')),
    policy: { force: { recording: true } },
    media: { msrp: 'anchor' },
  } as const;
  people = await twoPeople(folder, { network });
});
afterAll(() => people?.close());

test('R-PF-49: what is said while somebody has lost the link in the middle of a chat is in the folder of that conversation too', async () => {
  const { alice, bob } = people;
  await alice.call['settings.change']({ preferredMode: 'session' });
  const { id } = await alice.conversationWith(bob);
  const say = async (text: string, status: 'delivered' | 'sent'): Promise<void> => {
    const { imdnId } = await alice.call['messages.sendText']({ conversationId: id, clientId: randomToken(24), text });
    await alice.seesMessage((message) => message.imdnId === imdnId && message.status === status, 30_000);
  };
  await say('in the chat', 'delivered');
  // without a word
  await bob.client.stop();
  await say('in the gap', 'sent');
  await say('and one more', 'sent');
  await people.network.history?.settled();

  const { messageStore, user, password } = people.accountOf('bob');
  const mail = await connectMail({ host: '127.0.0.1', port: messageStore?.port ?? 0, security: 'plain', user, password });
  const found: { readonly conversation: string; readonly text: string }[] = [];
  for (const path of await mail.folders()) {
    for (const uid of await mail.uids(path)) {
      const object = decodeStoredObject(await mail.message(path, uid, 1 << 20));
      if (object.kind === 'message') found.push({ conversation: path[0] ?? '', text: fromUtf8(object.content) });
    }
  }
  await mail.close();
  const [first, ...others] = ['in the chat', 'in the gap', 'and one more'].map((text) => found.find((each) => each.text.includes(text)));
  expect(first).toBeDefined();
  expect(others.map((each) => each?.conversation)).toEqual([first?.conversation, first?.conversation]);
}, 90_000);
