import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { randomToken } from '../../shared/base/random.ts';
import { networkDatabases } from '../harness/network-databases.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { Capture, captureHindrance, type Dissection } from '../harness/tshark.ts';
import { type TwoPeople, twoPeople } from '../harness/two-people.ts';

const hindrance = captureHindrance();

describe.skipIf(hindrance !== null)('what the network records of a chat as tshark sees it on the way to the message store', () => {
  const folder = temporaryFolder();
  let people: TwoPeople;
  let wire: Dissection;
  let port: number;

  beforeAll(async () => {
    const capture = await Capture.start(join(folder, 'wire.pcapng'));
    const network = {
      databases: networkDatabases(join(folder, 'network')),
      policy: { force: { recording: true } },
      media: { msrp: 'anchor' },
    } as const;
    people = await twoPeople(folder, { network });
    port = people.accountOf('alice').messageStore?.port ?? 0;
    const { alice, bob } = people;
    await alice.call['settings.change']({ preferredMode: 'session' });
    const { id } = await alice.conversationWith(bob);
    const { imdnId } = await alice.call['messages.sendText']({ conversationId: id, clientId: randomToken(24), text: 'at the summit hut' });
    await alice.seesMessage((message) => message.imdnId === imdnId && message.status === 'delivered', 30_000);
    await people.network.history?.settled();
    await people.close();
    wire = (await capture.stop()).treatAs('imap', [port]);
  }, 90_000);
  afterAll(() => people?.close());

  /** what went to the store with such octets in it, by the stream that it went in: each of the two has his own */
  const kept = async (octets: string): Promise<string[]> => {
    const rows = await wire.fields(`tcp.dstport==${port} && imap && tcp contains "${octets}"`, 'tcp.stream');
    return [...new Set(rows.map(([stream]) => stream as string))];
  };

  test('R-PF-48: the session, what was said in it and its notifications are appended to the folders of both', async () => {
    const appended = await wire.fields(`tcp.dstport==${port} && imap.request.command=="APPEND"`, 'tcp.stream');
    // three objects or more for each
    expect(appended.length).toBeGreaterThanOrEqual(6);
    for (const octets of ['X-CPM-Session', 'at the summit hut', '<delivered/>']) expect(await kept(octets)).toHaveLength(2);
  });
});
