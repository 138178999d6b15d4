import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { randomToken } from '../../shared/base/random.ts';
import type { Message } from '../../shared/model/message.ts';
import { Kamailio, kamailioMissing } from '../harness/kamailio.ts';
import { KamailioPeople } from '../harness/kamailio-people.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import type { Person } from '../harness/two-people.ts';

const title = `a list on Kamailio, which has no server for lists${kamailioMissing === null ? '' : ` (skipped: ${kamailioMissing})`}`;
/** a domain that is not this core's: 404 */
const NO_LISTS = { conferenceFactory: 'sip:conference-factory@elsewhere.example' };

describe.skipIf(kamailioMissing !== null)(title, () => {
  const folder = temporaryFolder();
  let core: Kamailio;
  let people: KamailioPeople;
  let alice: Person;
  let bob: Person;
  let carol: Person;

  beforeAll(async () => {
    core = await Kamailio.start({ digest: 'SHA-256' });
    people = new KamailioPeople(core, folder);
    alice = await people.join('alice', NO_LISTS);
    [bob, carol] = [await people.join('bob'), await people.join('carol')];
    for (const reader of [bob, carol]) await reader.call['settings.change']({ autoAcceptUpTo: 0 });
  }, 60_000);
  afterAll(async () => {
    await people?.close();
    await core?.stop();
  });

  const fits = (name: string, state: string) => (message: Message) => message.transfer?.name === name && message.transfer.state === state;
  const accept = async (reader: Person, { transfer }: Message) => {
    await reader.call['transfers.accept']({ transferId: transfer?.id as number });
    return reader.seesMessage(fits('ridge.bin', 'done'), 30_000);
  };
  const mine = async (conversationId: number) => (await alice.history(conversationId)).at(-1) as Message;

  test('R-FT-02: a file goes to each of them by himself, over a restart and past who declines, and again to him alone', async () => {
    const content = randomBytes(3 << 20);
    const path = join(folder, 'ridge.bin');
    await writeFile(path, content);
    const { id } = await alice.call['conversations.openList']({ addresses: [bob.address, carol.address] });
    const { token } = await alice.client.offerFile(path);
    await alice.call['files.send']({ conversationId: id, clientId: randomToken(24), token });
    const [first, second] = await Promise.all([bob, carol].map((reader) => reader.seesMessage(fits('ridge.bin', 'offered'), 30_000)));
    const taken = await accept(bob, first as Message);
    expect(content.equals(await readFile(bob.saved(taken)))).toBe(true);
    await alice.seesMessage(({ reach, transfer }) => reach?.delivered === 1 && transfer?.legs?.done === 1, 30_000);

    // she has not answered when it is started again: she finds the same card, and he hears nothing more of it
    await people.leave(alice);
    await carol.seesMessage(({ id: card, transfer }) => card === second?.id && transfer?.state === 'cancelled', 30_000);
    alice = await people.join('alice', NO_LISTS);
    await expect.poll(async () => (await carol.call['messages.read']({ messageId: second?.id as number })).transfer?.state).toBe('offered');
    await carol.call['transfers.decline']({ transferId: second?.transfer?.id as number });
    const declined = await alice.seesMessage(({ transfer }) => transfer?.state === 'done', 30_000);
    expect(declined).toMatchObject({ failedTo: [{ address: carol.address }], transfer: { legs: { total: 2, done: 1 } } });

    await alice.call['messages.retry']({ messageId: declined.id, recipient: carol.address });
    const again = await carol.seesMessage((message) => fits('ridge.bin', 'offered')(message) && message.id !== second?.id, 30_000);
    expect(content.equals(await readFile(carol.saved(await accept(carol, again))))).toBe(true);
    await expect.poll(() => mine(id)).toMatchObject({ status: 'delivered', reach: { delivered: 2, failed: 0 }, failedTo: [] });
    expect((await bob.history(taken.conversationId)).filter(({ transfer }) => transfer !== null)).toHaveLength(1);
  }, 120_000);
});
